"""Does nothing: its output is null, it only orders."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.worker.task import Task

INSTANT = True
"""Runs nothing of the author's and touches nothing: an attempt needs no folder and leaves nothing to look for."""


def run(task: Task) -> None:
    return None
