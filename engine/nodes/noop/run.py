"""Does nothing; its output is null."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.worker.task import Task

INSTANT = True
"""It runs no code of an author and writes no files, so an attempt needs no folder and no clean-up."""


def run(task: Task) -> None:
    return None
