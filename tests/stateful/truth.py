"""What happened outside the scheduler, and a simulated installation that records it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.executors.base import Work
from engine.scheduler.core.changes import Changes
from engine.scheduler.loop import Scheduler
from engine.scheduler.rows import Rows
from tests.support.fake_executor import Clock, FakeExecutor
from tests.support.simulation import MemoryStore, Simulation


@dataclass(slots=True)
class Fact:
    """Something that happened outside the scheduler."""

    kind: str
    """sent; begun; ended; back: returned before it began; died: with its scheduler; unread: it had ended, but its
    scheduler died before that was committed; crash: a scheduler is killed; pool: `node` has `slots` from now on; over:
    the run's row has its end; action: `state` is done next."""
    run: int = 0
    node: str = ""
    claim: str = ""
    state: str = ""
    """How it ended."""
    ports: tuple[str, ...] = ()
    """The ports that it took when it succeeded."""
    slots: int | None = None


@dataclass
class Truth:
    """All facts, in order, and what follows from them."""

    facts: list[Fact] = field(default_factory=list)
    held: dict[str, Fact] = field(default_factory=dict)
    """{claim: its sending}, until it has ended or been returned."""
    live: dict[str, Fact] = field(default_factory=dict)
    """{claim: its start}, while it runs."""
    started: dict[str, Fact] = field(default_factory=dict)
    ends: dict[str, Fact] = field(default_factory=dict)
    """{claim: its end}, while a scheduler may read it."""
    works: list[Work] = field(default_factory=list)
    """All that was sent."""

    def add(self, fact: Fact) -> None:
        self.facts.append(fact)
        if fact.kind == "sent":
            self.held[fact.claim] = fact
        elif fact.kind == "started":
            self.live[fact.claim] = self.started[fact.claim] = fact
        elif fact.claim:
            self.held.pop(fact.claim, None)
            self.live.pop(fact.claim, None)
            if fact.kind == "ended":
                self.ends[fact.claim] = fact


class RecordingExecutor(FakeExecutor):
    """A fake executor that records what happens to it."""

    def __init__(
        self, clock: Clock, processes: int = 2, ahead: int = 0, found: Mapping[str, float] | None = None
    ) -> None:
        super().__init__(clock, processes, ahead, found)
        self.truth = Truth()

    def note(self, kind: str, work: Work, state: str = "", ports: Iterable[str] = ()) -> None:
        self.truth.add(Fact(kind, int(work.run), work.node, work.claim, state, tuple(ports)))

    def send(self, works: Iterable[Work]) -> None:
        works = list(works)
        super().send(works)
        for work in works:
            self.note("sent", work)
            self.truth.works.append(work)

    def begin(self, claim: str | None = None) -> str:
        claim = super().begin(claim)
        self.note("started", self.running[claim])
        return claim

    def finish(self, claim: str, state: str, ports: tuple[str, ...] = ("out",)) -> None:
        """A running work ends. Its output is its claim."""
        self.note("ended", self.running[claim], state, ports)
        self.end(claim, state, output=claim, ports=ports)

    def kill(self, claim: str, state: str, error: Any = None) -> None:
        if claim in self.sent:
            self.note("back", self.sent[claim])
        super().kill(claim, state, error)

    def recall(self) -> None:
        before = dict(self.sent)
        super().recall()
        for claim, work in before.items():
            if claim not in self.sent:
                self.note("back", work)

    def die(self) -> None:
        """The processes end with the scheduler; reports that it has not read are lost."""
        for work in self.running.values():
            self.note("died", work)
        for work in self.sent.values():
            self.note("back", work)
        self.running.clear()
        self.sent.clear()


class RecordingStore(MemoryStore):
    """Records when a commit has taken effect, before anything can act on it."""

    applied: Callable[[], None] = staticmethod(lambda: None)

    def _apply(self, rows: Rows, changes: Changes) -> None:
        super()._apply(rows, changes)
        self.applied()


class Installation(Simulation):
    executors = RecordingExecutor
    executor: RecordingExecutor
    stores = RecordingStore
    store: RecordingStore
    budget = 0
    """Rows that a tick may write; 0: as many as the scheduler allows itself."""

    def _scheduler(self) -> Scheduler:
        scheduler = super()._scheduler()
        if self.budget:
            scheduler.budget = self.budget
            scheduler._adapt_budget = lambda size, seconds: None  # type: ignore[method-assign]
        return scheduler
