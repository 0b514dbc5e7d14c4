"""Which work is known to be short, so that it may be sent ahead. Pure."""

from __future__ import annotations

from engine.executors.base import Work

SHORT_SECONDS = 0.05
STREAK = 4
"""Short attempts of one kind in a row after which the next ones are believed to be short too."""
KINDS_MAX = 4096


class Forecast:
    """Remembers how long attempts took, by node and by the code that runs a node type."""

    __slots__ = ("_nodes", "_types")

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str], bool] = {}
        """(workflow, node) -> whether its last attempt was short and printed nothing."""
        self._types: dict[str, int] = {}
        """Entry -> short attempts since the last that was not."""

    def is_short(self, work: Work) -> bool:
        """Whether `work` is believed to take less than 50 ms: by the author's or learned figure, else by the past."""
        if work.expected is not None and work.expected >= SHORT_SECONDS:
            return False
        envelope = work.envelope
        known = self._nodes.get(_node(work))
        if known is not None:
            return known
        return work.expected is not None or self._types.get(envelope.get("entry", ""), 0) >= STREAK

    def note(self, work: Work, seconds: float, printed: bool) -> None:
        """An attempt ended. One that prints counts as long: its output must not meet that of the next one."""
        short = seconds < SHORT_SECONDS and not printed
        nodes = self._nodes
        if len(nodes) >= KINDS_MAX:
            nodes.clear()
        nodes[_node(work)] = short
        entry = work.envelope.get("entry", "")
        self._types[entry] = self._types.get(entry, 0) + 1 if short else 0


def _node(work: Work) -> tuple[str, str]:
    envelope = work.envelope
    return str(envelope["run"]["workflow"]) if "run" in envelope else "", str(envelope.get("node", ""))
