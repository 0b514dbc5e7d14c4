"""A scheduler is killed at any statement of its ticks: a trace function raises an exception that nothing catches.

A statement is a line of engine/scheduler. An uncommitted write leaves nothing, a committed one everything. Memory, node
processes and their reports are gone.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import engine.scheduler
from engine.errors import LostLeadership
from tests.stateful.world import Dice, Traits, World
from tests.support.broken import Broken

FOLDER = str(Path(engine.scheduler.__file__).parent)

Statement = tuple[str, int]
"""File and line."""


class Killed(BaseException):
    """The process is killed. No `except` of the product may catch it."""


class Killer:
    """Follows the statements, and kills the scheduler at one of them."""

    def __init__(self) -> None:
        self.left = 0
        """Statements until the kill; 0: no kill is planned."""
        self.at: Statement | None = None
        """The only statement that counts; None: each does."""
        self.passed: list[Statement] | None = None
        """Records every statement if it is a list."""
        self.kills: list[Statement] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Trace the scheduler's tick in this block. Raises Killed."""
        if not self.left and self.passed is None:
            yield
            return
        before = sys.gettrace()
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(before)

    def _call(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(FOLDER) else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event != "line":
            return self._line
        here = frame.f_code.co_filename, frame.f_lineno
        if self.passed is not None:
            self.passed.append(here)
        elif self.left and (self.at is None or self.at == here):
            self.left -= 1
            if not self.left:
                self.kills.append(here)
                raise Killed
        return self._line


class KilledWorld(World):
    """A life whose schedulers are killed during a tick, also the first tick after a kill, and replaced while they are
    only stopped."""

    def __init__(self, dice: Dice, traits: Traits) -> None:
        super().__init__(dice, traits)
        self.killer = Killer()
        self.takeovers = 0
        # With a small one, what follows from a report is spread over ticks, with kills in between.
        self.sim.budget = dice.pick((0, 0, 2, 5))
        super().crash()
        self.crashes = 0

    def tick(self) -> None:
        try:
            with self.killer.watching():
                super().tick()
        except Killed:
            self.crash()

    def crash(self) -> None:
        while True:
            try:
                with self.killer.watching():
                    super().crash()
            except Killed:
                continue
            return

    def kill(self) -> None:
        """Kill the scheduler within this tick or one of the next."""
        self.killer.left = 1 + self.dice.roll(256) * (1 + self.dice.roll(8))

    def takeover(self) -> None:
        """Another scheduler leads, which ends the node processes of the old one. That was only stopped, gets reports
        and continues. Whatever it writes must be refused, and it must send nothing."""
        self.takeovers += 1
        old = self.sim.scheduler
        self.begin()
        self.end()
        self.crash()
        self.tick()
        store, facts = self.sim.store, len(self.truth.facts)
        commits, fail = store.commits, store.fail
        store.fail = ""
        try:
            for _ in range(3):
                old.tick(0)
        except LostLeadership:
            pass
        store.fail = fail
        if store.commits != commits or any(fact.kind == "sent" for fact in self.truth.facts[facts:]):
            raise Broken("I4: a scheduler that leads no more has written or sent")
