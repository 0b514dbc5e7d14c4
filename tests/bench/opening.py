"""From the start of the navigation to a run until its nodes are drawn with their states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.bench import probe, workflows
from tests.bench.figures import case
from tests.bench.stand import Stand

SHAPES: Final[tuple[tuple[str, Callable[[], workflows.Document]], ...]] = (
    ("open: 1,000 nodes", lambda: workflows.layers(1000, 3)),
    ("open: 10,000 nodes", lambda: workflows.layers(10_000, 3)),
    ("open: 10,000 nodes, 50,000 edges", lambda: workflows.layers(10_000, 5)),
    ("open: fan-out of 5,000", lambda: workflows.fan(workflows.FAN_OUT)),
)


def measure(stand: Stand) -> list[dict[str, Any]]:
    """First visits, with an empty cache; floor: a first visit to a page that shows next to nothing."""
    found = []
    for name, document in SHAPES:
        if not stand.wish.wants(name):
            continue
        stand.wish.say(name)
        run = stand.start(stand.publish(document()))
        stand.ended(run)
        seconds, floors = [], []
        for _ in range(stand.wish.repeat):
            floors.append(_floor(stand))
            with stand.visitor(probe.FRAMES) as visitor:
                visitor.page.goto(visitor.at(f"/runs/{run}/"), wait_until="commit")
                visitor.until(probe.drawn())
                seconds.append(visitor.page.evaluate("window.benchSeen.first") / 1000)
        found.append(case(name, "s", seconds, floors))
    return found


def _floor(stand: Stand) -> float:
    """Seconds until an answer of one word is shown in a browser of its own."""
    with stand.visitor() as visitor:
        visitor.page.goto(visitor.at("/healthz"))
        return float(visitor.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")) / 1000
