"""Nodes that print more than is stored, and what must be stored of it."""

import json
import re
from collections.abc import Iterable, Sequence

from tests.faults.checks import hold
from tests.faults.rig import Rig

FLOOD = """
import os

def main(inputs, ctx):
    text = b"x" * {size}
    line = 1
    while line <= {lines}:
        end = min(line + {together}, {lines} + 1)
        data = b"".join(b"%d %s\\n" % (number, text) for number in range(line, end))
        while data:
            data = data[os.write(1, data):]
        line = end
    return line - 1
"""
DROPPED = re.compile(
    r"([0-9,]+) lines \([0-9,.]+ MiB\) were dropped here: "
    r"an attempt keeps its first and last 50,000 lines, at most 64 MiB\."
)
LINES_KEPT, BYTES_KEPT = 100_000, 64 << 20


def flooding(size: int, mib: int) -> tuple[str, int]:
    """Return (code, number of lines) of a node that prints so many MiB. Its lines begin with their number and have
    `size` bytes more."""
    lines = (mib << 20) // size
    return FLOOD.format(size=size, lines=lines, together=max(1, 65536 // size)), lines


def messages(rig: Rig, run: str, node: str) -> list[str]:
    """Return what the database has of a node's log."""
    with rig.database() as db:
        bodies = db.execute(
            f"SELECT body FROM engine_logbatch WHERE run_id = {int(run)} AND node = '{node}' ORDER BY first_seq"
        )
        return [message for (body,) in bodies for _, _, message in json.loads(body)]


def i10_cuts(node: str, printed: int, messages: Sequence[str]) -> None:
    """Of the lines 1 to `printed`, which begin with their number, the first and the last are stored in order, and one
    line between them gives the number of those left out."""

    def problems() -> Iterable[str]:
        notes = [at for at, message in enumerate(messages) if DROPPED.fullmatch(message)]
        if len(notes) > 1:
            yield f"{len(notes)} lines of node {node} tell of dropped ones"
        told = 0
        for at in notes:
            found = DROPPED.fullmatch(messages[at])
            assert found is not None
            told += int(found[1].replace(",", ""))
        cut = notes[0] if notes else len(messages)
        first, last = list(messages[:cut]), list(messages[cut + 1 :])
        expected = [*range(1, len(first) + 1), *range(printed - len(last) + 1, printed + 1)]
        if [int(message.split(" ", 1)[0]) for message in first + last] != expected:
            yield f"what is kept of node {node} is neither its beginning nor its end"
        missing = printed - len(first) - len(last)
        if told != missing:
            yield f"{missing} lines of node {node} are not there, {told} are said to be dropped"
        if len(first) + len(last) > LINES_KEPT or sum(len(one.encode()) for one in first + last) > BYTES_KEPT:
            yield f"{len(first) + len(last)} lines of node {node} are kept"

    hold("I10", problems())
