"""Stacks of running attempts: cut to a size for storage, mentioned in the node's log, requested once. Pure."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from engine import policy as policies
from engine.text import stored_json

STACK_BYTES_MAX = 256 * 1024
"""Of the body of one stack; what does not fit (outer frames, further threads and children) is left out and counted."""
ANSWER_SECONDS = 2.0
"""How long an executor may take to answer before it is asked again."""
TEXT_MAX = 1000
"""Characters of one text in a body: a line of source, a command."""
ITEMS_MAX = 2000
"""Entries of one list in a body."""
DEPTH_MAX = 12


def stack_text(body: Mapping[str, Any]) -> str:
    """Return the body as JSON of at most STACK_BYTES_MAX bytes.

    What had to be left out is counted in it: {"cut": {"frames": n, "threads": n, "children": n}}. Values that JSON does
    not have are left out as well, because the body comes from a process that runs people's code.
    """
    shortened: dict[str, Any] = _plain(body, 0)
    cut = {"frames": 0, "threads": 0, "children": 0}
    for frames, threads, children in ((200, 200, 200), (60, 100, 100), (30, 50, 50), (15, 30, 20), (5, 20, 5)):
        _cut(shortened, cut, frames, threads, children)
        if any(cut.values()):
            shortened["cut"] = {name: number for name, number in cut.items() if number}
        text = stored_json(shortened)
        if len(text.encode()) <= STACK_BYTES_MAX:
            return text
    # It does not have the shape of a stack, so no part of it can be chosen.
    return stored_json({"samples": [], "children": [], "cut": {"bytes": len(text.encode())}})


def _cut(body: dict[str, Any], cut: dict[str, int], frames: int, threads: int, children: int) -> None:
    """Leave out what exceeds these numbers: outer frames (the innermost come first), and threads without a frame of the
    author's before others."""
    for sample in _objects(body.get("samples")):
        found = _objects(sample.get("threads"))
        if len(found) > threads:
            # The sort is stable: among equals the first stay.
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


def log_line(why: str, expected: float | None, expected_from: str, quiet: str | None = None) -> str:
    """Return the line for the node's log about stacks that were taken automatically; empty: none. `quiet`: how it is
    quiet, from the body of the stacks."""
    if why == "quiet" and quiet in ("computing", "idling"):
        meanwhile = "although it computed all the time" if quiet == "computing" else "and hardly any CPU and I/O"
        return (
            f"{policies.MARKED_QUIET}: for {policies.SILENT_SECONDS:g} s no line and no progress, {meanwhile}. "
            "Stack traces saved."
        )
    if why == "quiet":
        return (
            f"{policies.MARKED_QUIET}: for {policies.QUIET_SECONDS:g} s no line, no progress, no CPU and no I/O. "
            "Stack traces saved."
        )
    if why != "stuck":
        return ""
    limit = policies.stuck_after(expected, expected_from)
    if expected is None or limit is None:
        return f"{policies.MARKED_STUCK}. Stack traces saved."
    expectation = f"usually {expected:.1f} s" if expected_from == "learned" else f"expected {expected:g} s"
    return f"{policies.MARKED_STUCK} after {limit:g} s ({expectation}). Stack traces saved."


class StackRequests:
    """When stacks of attempts were last requested and taken, so that several people share one sampling."""

    __slots__ = ("_by_claim",)

    def __init__(self) -> None:
        self._by_claim: dict[str, tuple[float, bool]] = {}
        """claim -> (monotonic time, whether that is when the stacks were taken)."""

    def request(self, claim: str, mono: float, take: Callable[[str], None]) -> None:
        """Call `take`, unless fresh stacks of this attempt exist or are still to come."""
        found = self._by_claim.get(claim)
        if found is not None:
            at, taken = found
            if mono - at < (policies.STACK_FRESH_SECONDS if taken else ANSWER_SECONDS):
                return
        self._by_claim[claim] = (mono, False)
        take(claim)

    def answered(self, claim: str, mono: float) -> None:
        """Note stacks that were taken at this time."""
        self._by_claim[claim] = (mono, True)

    def forget(self, claim: str) -> None:
        """Drop what is known of an attempt that has ended."""
        self._by_claim.pop(claim, None)
