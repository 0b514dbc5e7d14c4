"""What a million runs are made from: mostly small ones, in every end state, of workflows with very different shares."""

from __future__ import annotations

from typing import Any

from tests.bench.documents import chains, five
from tests.bench.past import Kind, Over, Way
from tests.bench.workflows import PRINTS, Document, layers, python

OVER = Over(days=90, people=(None,) * 17 + ("ann", "ben", "cron"))
"""One run in twenty is by each of the last three, the others by whoever started what is copied."""

WORKS = """\
import time
def main(inputs, ctx):
    how = ctx.run["inputs"]["how"]
    for number in range(4):
        print(f"{ctx.node} {how}: row {number} of the day's flights")
    if how == "fails":
        raise ValueError("the service answered 503")
    if how == "hangs":
        time.sleep(60)
    # Long enough to be measured while it runs.
    time.sleep(1.2 if how == "works" else 0)
    return {"rows": 4}
"""
_FAILS, _HANGS = {"how": "fails"}, {"how": "hangs"}
_NO_SUCCESS = (
    Way("failed", 0.05, _FAILS),
    Way("timed_out", 0.005, _HANGS),
    Way("cancelled", 0.015, _HANGS, cancelled=True),
    Way("succeeded", 0.005, draft=True),
)


def kinds(runs: int) -> list[Kind]:
    """About so many runs, nearly five times as many node runs."""
    report = chains(10, 5, "python")
    for node in report["nodes"]:
        node["config"] = {"code": PRINTS.format(lines=5, last="return 1")}
    return [
        Kind("daily", _small(5), _part(runs, 0.5), 6, ways=_NO_SUCCESS),
        Kind("hourly", chains(1, 3, "noop"), _part(runs, 0.35), 12),
        Kind("flaky", five("noop"), _part(runs, 0.08), 3, _small(5, "fails")),
        Kind("weekly", _small(4), _part(runs, 0.0637), 2, ways=_NO_SUCCESS),
        Kind("wide", chains(10, 10, "noop"), _part(runs, 0.004), 3),
        Kind("report", report, _part(runs, 0.002), 3),
        Kind("monthly", _small(3), _part(runs, 0.0002), 1),
        Kind("batch", layers(1000, 2), _part(runs, 0.0001), 1),
    ]


def _part(runs: int, share: float) -> int:
    return max(1, round(runs * share))


def _small(nodes: int, how: str = "works") -> Document:
    """A chain whose first node works, fails or hangs, as an input says."""
    made: list[dict[str, Any]] = [python("n0", WORKS)]
    made += [python(f"n{number}", PRINTS.format(lines=2, last="return 1")) for number in range(1, nodes)]
    return {
        "schema": "interlock/1",
        "nodes": made,
        "edges": [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(nodes - 1)],
        "inputs": {"type": "object", "properties": {"how": {"type": "string", "default": how}}},
        "settings": {"timeout": 10},
    }
