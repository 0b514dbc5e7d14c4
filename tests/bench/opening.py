"""The time from navigating to a run until its nodes are drawn with their states."""

from collections.abc import Callable
from typing import Any, Final

from tests.bench import probe, workflows
from tests.bench.page_bench import PageBench
from tests.bench.stats import case

SHAPES: Final[tuple[tuple[str, Callable[[], workflows.Document]], ...]] = (
    ("open: 1,000 nodes", lambda: workflows.layers(1000, 3)),
    ("open: 10,000 nodes", lambda: workflows.layers(10_000, 3)),
    ("open: 10,000 nodes, 50,000 edges", lambda: workflows.layers(10_000, 5)),
    ("open: fan-out of 5,000", lambda: workflows.fan(workflows.FAN_OUT)),
)


def measure(bench: PageBench) -> list[dict[str, Any]]:
    """Measure first visits with an empty cache; the floor is a first visit to a page of one word."""
    found = []
    for name, document in SHAPES:
        if not bench.options.includes(name):
            continue
        bench.options.progress(name)
        run = bench.start(bench.publish(document()))
        bench.ended(run)
        seconds, floors = [], []
        for _ in range(bench.options.repeat):
            floors.append(_floor(bench))
            with bench.visitor(probe.FRAMES) as visitor:
                visitor.page.goto(visitor.at(f"/runs/{run}/"), wait_until="commit")
                visitor.until(probe.drawn())
                seconds.append(visitor.page.evaluate("window.benchSeen.first") / 1000)
        found.append(case(name, "s", seconds, floors))
    return found


def _floor(bench: PageBench) -> float:
    """Return the seconds until an answer of one word is shown in a new browser."""
    with bench.visitor() as visitor:
        visitor.page.goto(visitor.at("/healthz"))
        return float(visitor.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")) / 1000
