"""The log of a run in the browser: followed, read while lines come, searched, filtered, copied, and a million lines."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.product import ROOT
from tests.support.wait import wait_until

PRINT_AND_SLEEP = """
import time, pathlib
def main(inputs, ctx):
    stop = pathlib.Path({stop!r})
    for n in range(400):
        ctx.log(f"first {{n}}")
    print("\\x1b[31mred\\x1b[0m \\u202e <b>bold</b> " + "wide " * 3000 + "end")
    ctx.log("careful", level="warning")
    n = 0
    while not stop.exists():
        ctx.log(f"tick {{n}}")
        n += 1
        time.sleep(0.01)
"""
MILLION = """
import os, sys
sys.path.insert(0, {root!r})
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
import django
django.setup()
from engine.models import LogBatch, Run
from engine.text import dump
run, seq = Run.objects.get(pk={run}), 0
for part in range(25):
    rows = []
    for batch in range(200):
        first = seq + 100
        body = [["2026-11-24T08:00:00.%06dZ" % n, "info", "entry %d of node" % (first - 100 + n)] for n in range(200)]
        if first == 700_100:
            body[50][2] += " Einzigartig"
        node = "n%d" % (batch % 12)
        rows.append(LogBatch(run=run, node=node, attempt=1, first_seq=first, last_seq=first + 199, body=dump(body)))
        seq += 200
    LogBatch.objects.bulk_create(rows)
Run.objects.filter(pk=run.pk).update(seq=seq + 100)
"""


def first_shown(page: Page) -> str:
    """The line at the upper edge."""
    text: str = page.evaluate(
        "() => { const top = document.querySelector('[data-logs]').getBoundingClientRect().top;"
        " return [...document.querySelectorAll('[data-logs] .line')]"
        ".find((row) => row.getBoundingClientRect().top >= top).querySelector('.msg').textContent; }"
    )
    return text


def test_a_log_is_followed_read_searched_filtered_and_copied_while_it_grows(person, tmp_path):
    stop = tmp_path / "stop"
    product = person.product
    code = PRINT_AND_SLEEP.format(stop=str(stop))
    product.publish("grows", [{"id": "talks", "type": "python", "config": {"code": code}}], [])
    run = product.api("POST", "workflows/grows/runs/", {})["id"]
    person.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = person.go(f"/runs/{run}/")
    logs, follow = page.locator("[data-logs]"), page.locator("[data-log-follow]")
    try:
        expect(logs).to_contain_text(re.compile(r"tick \d{2,}"))
        expect(follow).to_have_attribute("aria-pressed", "true")

        # Read at the beginning: nothing moves, new lines are counted.
        logs.focus()
        page.keyboard.press("Home")
        expect(logs).to_contain_text("first 0")
        expect(follow).to_have_attribute("aria-pressed", "false")
        logs.hover()
        page.mouse.wheel(0, 300)
        # All the way: lines below are in the page before they are in view.
        wait_until(lambda: page.evaluate("document.querySelector('[data-logs]').scrollTop") == 300)
        expect(logs).to_contain_text("first 25")
        new = page.locator("[data-log-new]")
        expect(new).to_contain_text("new line")
        read, before = first_shown(page), new.text_content()
        expect(new).not_to_have_text(before or "")
        assert first_shown(page) == read

        # A search goes to its hit, over colours, and shows only hits when asked.
        search = page.locator("[data-log-search]")
        search.fill("FIRST 39")
        expect(page.locator("[data-log-found]")).to_have_text("1 / 11")
        expect(page.locator(".line.hit mark")).to_have_text("first 39")
        search.press("Enter")
        expect(page.locator("[data-log-found]")).to_have_text("2 / 11")
        expect(page.locator(".line.hit")).to_contain_text("first 390")
        search.press("Shift+Enter")
        search.press("Shift+Enter")
        expect(page.locator("[data-log-found]")).to_have_text("11 / 11")
        page.locator("[data-log-only]").click()
        expect(page.locator("[data-logs] .line")).to_have_count(11)
        search.fill("red")
        expect(page.locator("[data-logs] .line")).to_have_count(1)
        # Text stays text, colours are colours, and what would turn the text round is written out.
        expect(page.locator(".line mark.ansi-1")).to_have_text("red")
        expect(page.locator(".line .ctl")).to_have_text("\\u202e")
        expect(page.locator(".line .msg")).to_contain_text("<b>bold</b>")
        search.fill("")
        page.locator("[data-log-level]").select_option("warning")
        expect(page.locator("[data-logs] .line")).to_have_count(1)
        expect(page.locator(".line.warning")).to_contain_text("careful")
        page.locator("[data-log-level]").select_option("")

        # Lines are marked by keyboard or mouse and copied as text.
        logs.focus()
        page.keyboard.press("Home")
        expect(logs).to_contain_text("first 0")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Control+c")
        expect(page.locator("[data-toasts]")).to_contain_text("3 lines copied.")
        copied = page.evaluate("navigator.clipboard.readText()").splitlines()
        assert [line.split(" ", 3)[0][-1] for line in copied] == ["Z"] * 3
        assert [line.split("talks ")[1] for line in copied] == ["first 0", "first 1", "first 2"]
        rows = page.locator("[data-logs] .line")
        rows.filter(has_text=re.compile(r"first 3$")).hover()
        page.mouse.down()
        rows.filter(has_text=re.compile(r"first 6$")).hover()
        page.mouse.up()
        expect(page.locator(".line.marked")).to_have_count(4)

        page.keyboard.press(".")
        expect(follow).to_have_attribute("aria-pressed", "true")
        expect(new).to_be_hidden()
    finally:
        stop.touch()
    product.ended(run)
    with page.expect_download() as download:
        page.locator("[data-log-download]").click()
    text = download.value.path().read_text()
    expect(page.locator("[data-log-count]")).to_have_text(f"{text.count(chr(10)):,}")
    assert download.value.suggested_filename == f"run-{run}.log"


@pytest.mark.long
def test_a_log_of_a_million_lines_opens_at_its_end_and_any_line_is_reached(person):
    product = person.product
    product.publish("million", [{"id": f"n{number}", "type": "noop"} for number in range(12)], [])
    run = product.api("POST", "workflows/million/runs/", {})["id"]
    product.ended(run)
    script = MILLION.format(root=str(ROOT), run=run)
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=product.environment, check=True, timeout=120)
    page = person.go(f"/runs/{run}/")
    logs = page.locator("[data-logs]")
    expect(logs).to_contain_text("entry 999999 of")
    expect(page.locator("[data-log-count]")).to_have_text("1,000,000")
    assert page.locator("[data-logs] .line").count() < 120
    logs.focus()
    page.keyboard.press("Home")
    expect(logs).to_contain_text("entry 0 of")
    page.evaluate(
        "document.querySelector('[data-logs]').scrollTop = document.querySelector('[data-logs]').scrollHeight / 2"
    )
    expect(logs).to_contain_text(re.compile(r"entry (499|500)\d\d\d of"))
    page.keyboard.press("End")
    expect(logs).to_contain_text("entry 999999 of")
    search = page.locator("[data-log-search]")
    search.fill("EINZIGARTIG")
    expect(page.locator(".line.hit")).to_contain_text("entry 700050 of node Einzigartig")
    expect(page.locator("[data-log-found]")).to_have_text("1 / 1")
    # What was read stays in view when the filter goes.
    page.locator("[data-log-only]").click()
    expect(page.locator("[data-logs] .line")).to_have_count(1)
    page.locator("[data-log-only]").click()
    expect(logs).to_contain_text("entry 700050 of node Einzigartig")
    expect(logs).to_contain_text("entry 700051 of")


def resident(pids: list[int]) -> dict[int, float]:
    """MiB in memory of each process that is there."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            found[pid] = pages * os.sysconf("SC_PAGE_SIZE") / 1048576
    return found


# Gaps between the frames of some seconds, sorted, in ms.
FRAMES = """(ms) => new Promise((done) => {
  const gaps = [], end = performance.now() + ms;
  let last = performance.now();
  const step = () => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(step);
    else done(gaps.sort((a, b) => a - b));
  };
  requestAnimationFrame(step);
})"""


@pytest.mark.long
def test_the_page_stays_fast_and_small_while_a_node_prints_without_end(person):
    product = person.product
    flood = "while :; do yes | head -c 1G; done"
    product.publish("flood", [{"id": "flood", "type": "shell", "config": {"command": flood}}], [])
    before = resident(product.tree())
    run = product.api("POST", "workflows/flood/runs/", {})["id"]
    page = person.go(f"/runs/{run}/")
    logs = page.locator("[data-logs]")
    expect(page.locator("[data-log-count]")).to_have_text("50,000", timeout=30_000)
    peak, late = 0.0, []
    for _ in range(4):
        gaps = page.evaluate(FRAMES, 1000)
        late.append(gaps[len(gaps) * 9 // 10])
        for pid, size in resident(product.tree()).items():
            peak = max(peak, size - before.get(pid, 0.0))
    assert peak < 120, f"a process has grown by {peak:.0f} MiB"
    # A busy host is late in one second or another, a slow page in each of them.
    assert min(late) < 200, late
    logs.focus()
    page.keyboard.press("Home")
    expect(page.locator("[data-log-follow]")).to_have_attribute("aria-pressed", "false")
    product.api("POST", f"runs/{run}/cancel/")
    expect(page.locator("[data-run-state]")).to_have_text("Cancelled", timeout=30_000)
    expect(page.locator("[data-log-count]")).to_have_text("100,001")
    # The line that says what was dropped stands between the first and the last lines.
    page.locator("[data-log-level]").select_option("warning")
    expect(page.locator(".line.dropped")).to_contain_text(
        "were dropped here: an attempt keeps its first and last 50,000"
    )
