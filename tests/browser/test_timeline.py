"""The timeline of a run in the browser: bars come and grow while it runs, keys choose, zoom and words."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import box_of
from tests.support.wait import wait_until

WAITS = """
import pathlib, time
def main(inputs, ctx):
    while not pathlib.Path({stop!r}).exists():
        time.sleep(0.02)
"""
FAILS = "def main(inputs, ctx):\n    raise ValueError('bad')\n"
# Whether the pixels of the canvas hold the colour of a token, or nearly.
PAINTED = """(token) => {
  const probe = document.createElement('span');
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  const canvas = document.querySelector('.tl-canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 0; i < data.length; i += 4)
    if ([0, 1, 2].every((n) => Math.abs(data[i + n] - wanted[n]) < 3)) return true;
  return false;
}"""


@pytest.mark.smoke
def test_bars_appear_while_the_run_continues_and_are_described_in_words(person, tmp_path):
    stop, product = tmp_path / "stop", person.product
    person.expected += ["willReadFrequently"]
    nodes = [
        {"id": "waits", "type": "python", "name": "Waits <b>", "config": {"code": WAITS.format(stop=str(stop))}},
        {
            "id": "fails",
            "type": "python",
            "config": {"code": FAILS},
            "policy": {"retries": 1, "retry_delay": 0.2, "retry_backoff": "fixed"},
        },
        {"id": "after", "type": "noop"},
    ]
    product.publish("bars", nodes, [{"source": "waits", "target": "after"}], on_failure="continue")
    run = product.api("POST", "workflows/bars/runs/", {})["id"]
    page = person.go(f"/runs/{run}/?drawer=timeline")
    timeline, list_, at = page.locator("[data-timeline]"), page.locator(".tl-scroll"), page.locator("#timeline-at")
    try:
        expect(timeline).to_have_attribute("data-bars", "2", timeout=30_000)
        expect(page.locator("[data-run-state]")).to_have_text("Running")
        list_.focus()
        page.keyboard.press("End")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowDown")
        expect(page).to_have_url(re.compile(r"/nodes/(waits|fails)/"))
        while "/nodes/fails/" not in page.url:
            page.keyboard.press("ArrowUp")
            expect(page).to_have_url(re.compile("/nodes/fails/"))
        words = re.compile(r"fails\. Attempt 1: .*ran .*failed\. Attempt 2: .*ran .*failed\.")
        expect(at).to_have_attribute("aria-label", words, timeout=30_000)
        assert page.evaluate(PAINTED, "--failed")
        # The other one may have waited for a process.
        wait_until(lambda: page.evaluate(PAINTED, "--running"))
        assert not page.evaluate(PAINTED, "--succeeded")
        page.keyboard.press("+")
        expect(timeline).to_have_attribute("data-zoomed", "true")
        page.keyboard.press("0")
        expect(timeline).to_have_attribute("data-zoomed", "false")
        tools = page.locator("[data-tools-of=timeline]")
        tools.get_by_role("button", name="Zoom in").click()
        expect(timeline).to_have_attribute("data-zoomed", "true")
        tools.get_by_role("button", name="Show all").click()
        expect(timeline).to_have_attribute("data-zoomed", "false")
        # Nothing covers the bars.
        bar, list_box = box_of(tools), box_of(list_)
        assert bar["y"] + bar["height"] <= list_box["y"]
    finally:
        stop.touch()
    product.ended(run)
    expect(timeline).to_have_attribute("data-bars", "3")
    list_.hover(position={"x": 60, "y": 40})
    tip = page.locator(".tl-tip")
    expect(tip).to_contain_text(re.compile("ran .* from"))
    list_.focus()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    expect(page).to_have_url(re.compile("/nodes/after/"))
    expect(at).to_have_attribute("aria-label", re.compile(r"after\. .*succeeded\."))
    assert page.evaluate(PAINTED, "--succeeded")
