"""The workflows of a million runs: mostly small ones, in every final state, with very different shares."""

from typing import Any

from tests.bench.documents import chains, five
from tests.bench.long_history import Distribution, Outcome, WorkflowKind
from tests.bench.workflows import PRINT_LINES, Document, layers, python

DISTRIBUTION = Distribution(days=90, people=(None,) * 17 + ("ann", "ben", "cron"))
"""One run in twenty is by each of the last three users, the others by the user of the copied run."""

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
    # Long enough to be sampled.
    time.sleep(1.2 if how == "works" else 0)
    return {"rows": 4}
"""
_FAILS, _HANGS = {"how": "fails"}, {"how": "hangs"}
_NO_SUCCESS = (
    Outcome("failed", 0.05, _FAILS),
    Outcome("timed_out", 0.005, _HANGS),
    Outcome("cancelled", 0.015, _HANGS, cancelled=True),
    Outcome("succeeded", 0.005, draft=True),
)


def kinds(runs: int) -> list[WorkflowKind]:
    """Return workflows with about `runs` runs, and nearly five times as many node runs."""
    report = chains(10, 5, "python")
    for node in report["nodes"]:
        node["config"] = {"code": PRINT_LINES.format(lines=5, last="return 1")}
    return [
        WorkflowKind("daily", _small(5), _part(runs, 0.5), 6, outcomes=_NO_SUCCESS),
        WorkflowKind("hourly", chains(1, 3, "noop"), _part(runs, 0.35), 12),
        WorkflowKind("flaky", five("noop"), _part(runs, 0.08), 3, _small(5, "fails")),
        WorkflowKind("weekly", _small(4), _part(runs, 0.0637), 2, outcomes=_NO_SUCCESS),
        WorkflowKind("wide", chains(10, 10, "noop"), _part(runs, 0.004), 3),
        WorkflowKind("report", report, _part(runs, 0.002), 3),
        WorkflowKind("monthly", _small(3), _part(runs, 0.0002), 1),
        WorkflowKind("batch", layers(1000, 2), _part(runs, 0.0001), 1),
    ]


def _part(runs: int, share: float) -> int:
    return max(1, round(runs * share))


def _small(nodes: int, how: str = "works") -> Document:
    """Return a chain whose first node works, fails or hangs, depending on an input."""
    made: list[dict[str, Any]] = [python("n0", WORKS)]
    made += [python(f"n{number}", PRINT_LINES.format(lines=2, last="return 1")) for number in range(1, nodes)]
    return {
        "schema": "interlock/1",
        "nodes": made,
        "edges": [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(nodes - 1)],
        "inputs": {"type": "object", "properties": {"how": {"type": "string", "default": how}}},
        "settings": {"timeout": 10},
    }
