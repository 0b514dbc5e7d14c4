"""Stacks of running attempts as the scheduler keeps them: cut to a size, told in the log, asked for once. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from engine import policy as policies
from engine.executors.base import Stacks
from engine.scheduler.rows import dump

STACK_BYTES_MAX = 256 * 1024
"""Of one stack's body; deeper frames, more threads and more children than fit are left out, and counted."""
FRESH_SECONDS = 1.0
"""Stacks that are younger are handed out again."""
ANSWER_SECONDS = 2.0
"""How long an executor may take to answer before it is asked again."""
TEXT_MAX = 1000
"""Characters of one text in a body: a line of source, a command."""
ITEMS_MAX = 2000
"""Entries of one list in a body."""
DEPTH_MAX = 12


def stack_text(body: Mapping[str, Any]) -> str:
    """The body as JSON of at most STACK_BYTES_MAX bytes. What had to go is counted in it: {"cut": {"frames": n,
    "threads": n, "children": n}}. Values that JSON has not (it comes from a process that runs people's code) go too."""
    kept: dict[str, Any] = _plain(body, 0)
    cut = {"frames": 0, "threads": 0, "children": 0}
    for frames, threads, children in ((200, 200, 200), (60, 100, 100), (30, 50, 50), (15, 30, 20), (5, 20, 5)):
        _cut(kept, cut, frames, threads, children)
        if any(cut.values()):
            kept["cut"] = {name: number for name, number in cut.items() if number}
        text = dump(kept)
        if len(text.encode()) <= STACK_BYTES_MAX:
            return text
    # Not the shape of a stack: nothing of it can be chosen.
    return dump({"samples": [], "children": [], "cut": {"bytes": len(text.encode())}})


def _cut(body: dict[str, Any], cut: dict[str, int], frames: int, threads: int, children: int) -> None:
    """Leave out what is beyond these numbers: outer frames (innermost come first), and threads without a line of the
    author's own before others."""
    for sample in _objects(body.get("samples")):
        found = _objects(sample.get("threads"))
        if len(found) > threads:
            # Sorting keeps the order of equals: what stood first stays first.
            sample["threads"] = sorted(found, key=lambda thread: not _is_author(thread))[:threads]
            cut["threads"] += len(found) - threads
        for thread in _objects(sample.get("threads")):
            stack = thread.get("frames")
            if isinstance(stack, list) and len(stack) > frames:
                cut["frames"] += len(stack) - frames
                thread["frames"] = stack[:frames]
    others = body.get("children")
    if isinstance(others, list) and len(others) > children:
        cut["children"] += len(others) - children
        body["children"] = others[:children]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _is_author(thread: Mapping[str, Any]) -> bool:
    return any(frame.get("author") for frame in _objects(thread.get("frames")))


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= TEXT_MAX else value[:TEXT_MAX] + "\u2026"
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= DEPTH_MAX:
        return None
    if isinstance(value, Mapping):
        return {str(key)[:TEXT_MAX]: _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, depth + 1) for inner in value[:ITEMS_MAX]]
    return str(value)[:TEXT_MAX]


def log_line(report: Stacks, expected: float | None, expected_from: str) -> str:
    """The line that the node's log gets when stacks were taken by themselves; empty: none."""
    if report.why == "quiet":
        return (
            f"Counts as quiet: for {policies.QUIET_SECONDS:g} s it wrote no line, reported no progress and used "
            "neither CPU nor I/O; stacks are kept."
        )
    if report.why != "stuck":
        return ""
    limit = policies.stuck_after(expected, expected_from)
    if expected is None or limit is None:
        return "Counts as stuck; stacks are kept."
    usual = f"its usual {expected:.1f} s" if expected_from == "learned" else f"its expected {expected:g} s"
    if limit > policies.STUCK_TIMES * expected:
        return f"Counts as stuck: {limit:g} s have passed, more than twice {usual}; stacks are kept."
    return f"Counts as stuck: twice {usual} have passed; stacks are kept."


class Asked:
    """When attempts' stacks were last asked for and taken, so that several askers share one sampling."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at: dict[str, tuple[float, bool]] = {}
        """claim -> (monotonic time, whether it is that of the taking)."""

    def ask(self, claim: str, mono: float, take: Callable[[str], None]) -> None:
        """Call `take`, unless there are stacks of this attempt that are fresh, or that are still to come."""
        found = self.at.get(claim)
        if found is not None and mono - found[0] < (FRESH_SECONDS if found[1] else ANSWER_SECONDS):
            return
        self.at[claim] = (mono, False)
        take(claim)

    def taken(self, claim: str, mono: float) -> None:
        """Stacks came that were taken at this time."""
        self.at[claim] = (mono, True)

    def ended(self, claim: str) -> None:
        self.at.pop(claim, None)
