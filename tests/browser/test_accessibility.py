"""axe-core finds nothing wrong on the pages of a run, in light and dark, wide and narrow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import somebody
from tests.support.hangs import SLEEP
from tests.support.wait import wait_until

AXE = Path(__file__).resolve().parents[2] / "static/node_modules/axe-core/axe.min.js"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    # A skip of a CI run is a failure there: it builds the front end before.
    pytest.mark.skipif(not AXE.exists() and "CI" not in os.environ, reason="axe-core is not installed: make frontend"),
]

FAILS = "def main(inputs, ctx):\n    print('reading')\n    return inputs['nothing']\n"
FOUND = """async (look) => {
  const found = await axe.run(document, { resultTypes: ['violations'], ...look });
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}"""
DRAWERS = ("logs", "timeline", "nodes", "inputs", "events")
TABS = ("why", "output", "attempts", "config", "history")


CONTRAST = "color-contrast"


def violations(page: Page, dark: bool = False, width: int = 1440) -> list[str]:
    """What breaks a rule. In the dark only colours are others, and on a narrow page everything else."""
    page.evaluate(AXE.read_text())
    look = {"runOnly": [CONTRAST]} if dark else {"rules": {CONTRAST: {"enabled": width > 640}}}
    return list(page.evaluate(FOUND, look))


@pytest.fixture(scope="module")
def addresses(product) -> Iterator[list[str]]:
    """Pages of a run that is stuck and of one that failed, in every part that they have."""
    stuck = {
        "id": "slow",
        "type": "python",
        "config": {"code": SLEEP.format(number=900)},
        "policy": {"expected_duration": 0.5},
    }
    product.publish("axe-stuck", [stuck, {"id": "after", "type": "noop"}], [{"source": "slow", "target": "after"}])
    product.publish("axe-failed", [{"id": "bad", "type": "python", "config": {"code": FAILS}}], [])
    hangs = product.api("POST", "workflows/axe-stuck/runs/", {})["id"]
    failed = product.api("POST", "workflows/axe-failed/runs/", {})["id"]
    assert product.ended(failed, 60)["state"] == "failed"
    wait_until(lambda: product.api("GET", f"runs/{hangs}/diagnostics/")["suggestions"], 30)
    node = f"/runs/{hangs}/nodes/slow/"
    yield [
        "/",
        f"/runs/{hangs}/",
        *(f"{node}?tab={tab}" for tab in TABS),
        *(f"{node}?drawer={drawer}" for drawer in DRAWERS),
        *(f"/runs/{failed}/nodes/bad/?tab={tab}" for tab in TABS),
    ]
    # It holds one of the two node processes that the other tests need.
    product.api("POST", f"runs/{hangs}/cancel/", {})


@pytest.mark.parametrize(
    ("width", "dark"), [(1440, False), (1440, True), (360, False)], ids=["light", "dark", "narrow"]
)
def test_axe_finds_nothing_on_the_pages_of_a_run(chromium, product, tmp_path, addresses, dark, width):
    with somebody(chromium, product, tmp_path / "shots", width=width, dark=dark) as person:
        person.sign_in()
        found = {}
        for address in addresses:
            page = person.go(address)
            expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
            if "/runs/" in address:
                page.wait_for_selector("[data-canvas][data-drawn]")
            if wrong := violations(page, dark, width):
                found[address] = wrong
        assert found == {}
