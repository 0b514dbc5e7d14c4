"""`bench paint`: the first paint of each page, layout shifts, and how much it loads."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.bench import probe, workflows
from tests.bench.browser import HEIGHT, PATIENCE_MS, WIDTH, chromium
from tests.bench.http import Product
from tests.bench.page_bench import PageBench
from tests.bench.parts import Options

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, StorageState

PAINT_MS, SHIFT, PLAIN_KB, ISLAND_KB = 300, 0.02, 60, 450
"""The targets."""
QUIET_SECONDS: Final = 0.7
"""A page counts as loaded after this time without requests."""
SEEN_ENDED_SECONDS: Final = 1.5
"""Pages show the end of a run within this time."""

SHIFTS = """
(() => {
  window.benchShifts = [];
  const named = ({ node }) => node?.className || node?.nodeName || "?";
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) {
      // What follows a click or a key at once is its answer.
      if (!one.hadRecentInput) window.benchShifts.push([one.value, one.sources.map(named).join(", ")]);
    }
  }).observe({ type: "layout-shift", buffered: true });
})();
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
LOADED = """
() => performance.getEntriesByType("resource").map((one) => [new URL(one.name).pathname, one.encodedBodySize])
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A page."""

    name: str
    path: str
    ready: str = ""
    """Expression that is true when the page is complete."""
    signed_in: bool = True
    island: bool = False
    press: str = ""
    """Selector of an element that is clicked before bytes are counted."""


FLOOR: Final = Place("floor", "/healthz", signed_in=False)
"""A page of one word."""


def _places(slug: str, run: str, failed: str) -> list[Place]:
    workflow = f"/workflows/{slug}/"
    drawn = "document.querySelector('[data-edit-canvas]')?.dataset.drawn !== undefined"
    return [
        Place("sign-in", "/sign-in/", signed_in=False),
        Place("overview", "/"),
        Place("workflows", "/workflows/"),
        Place("new workflow", "/workflows/new/"),
        Place("workflow: runs", workflow),
        Place("workflow: versions", f"{workflow}versions/"),
        Place("workflow: definition", f"{workflow}definition/"),
        Place("workflow: settings", f"{workflow}settings/"),
        Place("workflow: run", f"{workflow}run/"),
        Place("runs", "/runs/"),
        Place("run", f"/runs/{run}/", probe.drawn(), island=True),
        Place("run that failed", f"/runs/{failed}/nodes/breaks/", probe.drawn(), island=True),
        Place("editor", f"{workflow}edit/", drawn, island=True),
        Place("editor: a node of code", f"{workflow}edit/", drawn, island=True, press="[data-card]"),
        Place("text editor", f"{workflow}edit/text/"),
        Place("resources", "/resources/"),
        Place("audit", "/audit/"),
        Place("users", "/users/"),
        Place("account", "/account/"),
        Place("not found", "/nowhere/"),
    ]


@dataclass
class _Data:
    """Some data for the pages to show."""

    slug: str
    run: str
    failed: str
    live: str


BREAKS = "def main(inputs, ctx):\n    raise ValueError('no number: 1.204,50')\n"


def _prepare(bench: PageBench) -> _Data:
    slug = bench.publish(workflows.gated_chains(12, 4, workflows.PRINT_AND_SLEEP.format(lines=5, seconds=0.05), "/"))
    document = workflows.gated_chains(12, 4, workflows.PRINT_AND_SLEEP.format(lines=9, seconds=0.05), "/")
    bench.product.call("POST", f"/api/v1/workflows/{slug}/versions/", {"definition": document, "message": "Talk more"})
    runs = [bench.start(slug) for _ in range(5)]
    for run in runs:
        bench.ended(run)
    live = bench.publish(
        workflows.gated_chains(12, 4, workflows.PRINT_AND_SLEEP.format(lines=5, seconds=0.05), str(bench.file("gate")))
    )
    broken = bench.start(bench.publish(_broken()))
    bench.wait(broken, lambda now: now["finished_at"] is not None)
    return _Data(slug, runs[-1], broken, live)


def _broken() -> workflows.Document:
    document = workflows.gated_chains(3, 1, workflows.SLEEP.format(seconds=0.05), "/")
    document["nodes"].append(workflows.python("breaks", BREAKS))
    return document


def measure(options: Options) -> dict[str, Any]:
    """Return the report. Raises tests.bench.parts.Missing."""
    with chromium() as browser:
        product = Product(options.folder / "paint")
        try:
            bench = PageBench(options, product, browser, 0)
            data = _prepare(bench)
            with bench.visitor() as visitor:
                state = visitor.context.storage_state()
            found = []
            for place in _places(data.slug, data.run, data.failed):
                if options.includes(place.name):
                    options.progress(place.name)
                    found.append(_page(bench, place, state, data))
        finally:
            product.stop()
        return {"pages": found, "browser": browser.version}


def _page(bench: PageBench, place: Place, state: StorageState, data: _Data) -> dict[str, Any]:
    first, later, floors = [], [], []
    loaded: dict[str, int] = {}
    for _ in range(bench.options.repeat):
        with _visit(bench, FLOOR, state) as page:
            floors.append(_open(bench, page, FLOOR))
        with _visit(bench, place, state) as page:
            first.append(_open(bench, page, place))
            loaded = _loaded(page)
            later.append(_open(bench, page, place))
    with _visit(bench, place, state) as page:
        _open(bench, page, place)
        opened = _shifts(page)
        if place.signed_in:
            _live(bench, page, place, data)
        shifts = _shifts(page)
    return {
        "name": place.name,
        "island": place.island,
        "first_ms": statistics.median(first),
        "later_ms": statistics.median(later),
        "floor_ms": statistics.median(floors),
        "all": {"first_ms": first, "later_ms": later, "floor_ms": floors},
        "shift": sum(value for value, _ in shifts),
        "shift_opening": sum(value for value, _ in opened),
        "moved": sorted({what for _, what in shifts if what}),
        **loaded,
    }


@contextmanager
def _visit(bench: PageBench, place: Place, state: StorageState) -> Iterator[Page]:
    """Open a tab of a browser with an empty cache."""
    context: BrowserContext = bench.browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, storage_state=state if place.signed_in else None
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(SHIFTS)
    try:
        yield context.new_page()
    finally:
        context.close()


def _open(bench: PageBench, page: Page, place: Place) -> float:
    """Return the milliseconds to the first contentful paint, after the page has loaded everything."""
    page.goto(f"http://127.0.0.1:{bench.product.port}{place.path}", wait_until="load")
    _until(page, f"({PAINTED}) > 0")
    if place.ready:
        _until(page, place.ready)
    if place.press:
        page.locator(place.press).first.click()
        _until(page, "document.querySelector('.cm-content') !== null")
        page.locator(".cm-content").first.click()
    _settle(page)
    return float(page.evaluate(PAINTED))


def _until(page: Page, condition: str) -> None:
    end = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(condition):
        if time.monotonic() > end:
            raise RuntimeError(f"This does not hold in {page.url}: {condition}")
        page.wait_for_timeout(20)


def _settle(page: Page) -> None:
    """Wait until nothing new is loaded for a while."""
    known, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        count = page.evaluate("performance.getEntriesByType('resource').length")
        if count != known:
            known, since = count, time.monotonic()
        page.wait_for_timeout(50)


def _loaded(page: Page) -> dict[str, int]:
    """Return the encoded bytes by kind, without headers."""
    sizes = {"script_bytes": 0, "worker_bytes": 0, "style_bytes": 0, "font_bytes": 0}
    kinds = {".js": "script_bytes", ".css": "style_bytes", ".woff2": "font_bytes"}
    for path, size in dict(page.evaluate(LOADED)).items():
        kind = kinds.get(path[path.rfind(".") :], "")
        if kind:
            sizes["worker_bytes" if "worker" in path else kind] += size
    return sizes


def _shifts(page: Page) -> list[tuple[float, str]]:
    return [(float(value), str(what)) for value, what in page.evaluate("window.benchShifts")]


def _live(bench: PageBench, page: Page, place: Place, data: _Data) -> None:
    """Start and end a run while the page is open, then make the server unreachable for a while."""
    gate = bench.file("gate")
    gate.unlink(missing_ok=True)
    run = bench.start(data.live)
    if place.name == "run":
        page.goto(f"http://127.0.0.1:{bench.product.port}/runs/{run}/", wait_until="load")
        _until(page, probe.drawn())
    bench.wait(run, lambda now: now["counts"].get("running", 0) > 0)
    page.wait_for_timeout(SEEN_ENDED_SECONDS * 1000)
    gate.touch()
    bench.ended(run)
    page.wait_for_timeout(SEEN_ENDED_SECONDS * 1000)
    if page.evaluate("document.querySelector('[data-live]') === null"):
        return
    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    _until(page, "!document.querySelector('[data-offline-notice]').hidden")
    page.context.set_offline(False)
    _until(page, "document.querySelector('[data-offline-notice]').hidden")
    _settle(page)


def lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    output = [
        f"Chromium {report['browser']}, {machine['cores']} cores; medians of {report['repeat']}. First: with an empty "
        "cache; floor: so of a page of one word; shift: of all that moves by itself while the page opens, a run begins "
        "and ends and the server is out of reach; kB as they came.",
        f"Targets: paint within {PAINT_MS} ms, shift at most {SHIFT}, scripts {PLAIN_KB} kB, where graphs are drawn "
        f"{ISLAND_KB} kB beside the layout's worker. `!` marks what misses it.",
        f"{'page':26}{'first':>9}{'later':>9}{'floor':>9}{'shift':>9}{'scripts':>10}{'worker':>9}{'styles':>9}{'fonts':>9}",
    ]
    for page in report["pages"]:
        scripts = ISLAND_KB if page["island"] else PLAIN_KB
        cells = [
            _cell(page["first_ms"], " ms", PAINT_MS, 9),
            _cell(page["later_ms"], " ms", PAINT_MS, 9),
            _cell(page["floor_ms"], " ms", None, 9),
            _cell(page["shift"], "", SHIFT, 9),
            _cell(page["script_bytes"] / 1000, " kB", scripts, 10),
            *(_cell(page[f"{kind}_bytes"] / 1000, " kB", None, 9) for kind in ("worker", "style", "font")),
        ]
        output.append(f"{page['name']:26}{''.join(cells)}")
        if page["shift"] > SHIFT:
            output.append(f"    moved: {'; '.join(page['moved'])}")
    return output


def _cell(value: float, unit: str, asked: float | None, width: int) -> str:
    digits = 3 if unit == "" else 0
    late = "!" if asked is not None and value > asked else ""
    return f"{late}{value:.{digits}f}{unit}".rjust(width)
