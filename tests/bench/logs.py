"""A run with 1,000,000 log lines: opening it, going to its ends, searching it."""

import secrets
from typing import Any

from tests.bench import probe, workflows
from tests.bench.page_bench import PageBench
from tests.bench.stats import case

NODES, LINES = 10, 100_000
"""An attempt keeps its first and last 50,000 lines, so none is dropped."""
LINE = "[data-logs] .line"


def measure(bench: PageBench) -> list[dict[str, Any]]:
    once = f"unheard-of-{secrets.token_hex(4)}"
    run = bench.start(bench.publish(workflows.printing_nodes(NODES, LINES - 1, once)))
    bench.ended(run)
    opened, home, end, first, last, rare = [], [], [], [], [], []
    for number in range(bench.options.repeat):
        with bench.visitor(probe.REACTION) as visitor:
            page = visitor.page
            page.goto(visitor.at(f"/runs/{run}/"), wait_until="commit")
            opened.append(page.evaluate("(selector) => window.benchOpened(selector)", LINE) / 1000)
            page.wait_for_load_state()
            newest = (page.locator(f"{LINE} .msg").last.text_content() or "").strip()
            log = page.locator("[data-logs]")
            log.focus()
            home.append(_key(page, "Home", "row 0 of"))
            end.append(_key(page, "End", newest))
            # At the end the page goes to the last match, which is known after all lines were searched.
            last.append(_search(page, f"row {8152 + number} of"))
            page.locator("[data-log-search]").fill("")
            log.focus()
            page.keyboard.press("Home")
            page.locator(LINE, has_text="row 0 of").first.wait_for()
            first.append(_search(page, f"row {4711 + number} of"))
            rare.append(_search(page, once))
    of = f"{NODES * LINES:,} log lines"
    return [
        case(f"logs: open {of}", "s", opened),
        case(f"logs: to the beginning of {of}", "ms", home),
        case(f"logs: to the end of {of}", "ms", end),
        case("logs: first hit of a search in view", "ms", first),
        case("logs: last hit of a search in view", "ms", last),
        case("logs: a word that occurs once in view", "ms", rare),
    ]


def _key(page: Any, key: str, text: str) -> float:
    probe.react(page, "keydown", LINE, text)
    page.keyboard.press(key)
    return probe.reaction(page)


def _search(page: Any, text: str) -> float:
    """Return the ms from the last letter to the frame with a match in view, including the page's debounce."""
    field = page.locator("[data-log-search]")
    probe.react(page, "input", f"{LINE} mark", text)
    field.fill(text)
    return probe.reaction(page)
