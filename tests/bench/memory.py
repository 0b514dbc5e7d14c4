"""Memory of the tab during a busy run of several minutes."""

import time
from typing import Any

from tests.bench import probe, workflows
from tests.bench.browser import Memory, renderers
from tests.bench.page_bench import PageBench

NODES_A_SECOND = 20
LINES_A_NODE = 5
PROCESSES = 2
NODES_MAX = 10_000
LOOK_SECONDS = 10.0


def measure(bench: PageBench) -> list[dict[str, Any]]:
    """Measure the heap after a collection and the memory of the renderers until the end of the run."""
    seconds = bench.options.minutes * 60
    count = max(workflows.LAYER, min(NODES_MAX, int(seconds * NODES_A_SECOND)))
    code = workflows.PRINT_AND_SLEEP.format(lines=LINES_A_NODE, seconds=PROCESSES * seconds / count)
    run = bench.start(bench.publish(workflows.layers(count, 3, code)))
    rows: list[tuple[float, float, float, float]] = []
    with bench.visitor() as visitor:
        visitor.page.goto(visitor.at(f"/runs/{run}/"))
        visitor.until(probe.drawn())
        memory = Memory(visitor.page)
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds and bench.run(run)["finished_at"] is None:
            rows.append((passed / 60, memory.heap() / 1e6, renderers(bench.process) / 1e6, memory.nodes()))
            time.sleep(LOOK_SECONDS)
        ended = bench.run(run)
        rows.append((passed / 60, memory.heap() / 1e6, renderers(bench.process) / 1e6, memory.nodes()))
    if ended["finished_at"] is None:
        bench.cancel(run)
    half = [row for row in rows if row[0] >= rows[-1][0] / 2]
    return [
        {
            "name": f"memory: {rows[-1][0]:.1f} min, {count:,} nodes, {count * LINES_A_NODE:,} lines",
            "unit": "MB",
            "value": rows[-1][1],
            "all": [row[1] for row in rows],
            "heap_begin": rows[0][1],
            "heap_middle": half[0][1],
            "growth_a_minute": slope([(row[0], row[1]) for row in half]),
            "renderers_begin": rows[0][2],
            "renderers_middle": half[0][2],
            "renderers_end": rows[-1][2],
            "dom_nodes_begin": rows[0][3],
            "dom_nodes_end": rows[-1][3],
            "ended_nodes": sum(n for state, n in ended["counts"].items() if state == "succeeded"),
        }
    ]


def slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the regression line; 0 for fewer than two points."""
    n = len(points)
    if n < 2:
        return 0.0
    x, y = sum(point[0] for point in points) / n, sum(point[1] for point in points) / n
    wide = sum((point[0] - x) ** 2 for point in points)
    return sum((point[0] - x) * (point[1] - y) for point in points) / wide if wide else 0.0
