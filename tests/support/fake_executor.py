"""An executor whose processes are the test: what was sent waits until the test decides its outcome."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.executors.base import Ended, NodeProcessInfo, RemoteExecutor, Report, Returned, Started, Work


class Clock:
    """Wall and monotonic time that only `advance` moves."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now
        self.mono = 1000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.mono

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.mono += seconds


class FakeExecutor:
    """See engine.executors.base.Executor. `processes` works run at once; `ahead` more may be prefetched behind short
    ones."""

    remote: RemoteExecutor | None = None

    def __init__(
        self, clock: Clock, processes: int = 2, ahead: int = 0, found: Mapping[str, float] | None = None
    ) -> None:
        """`found`: the notes of an earlier executor's processes."""
        self.clock = clock
        self.found = found or {}
        self.notes: dict[str, float] = {}
        """{claim: time} of what each process has started last."""
        self.processes = processes
        self.ahead = ahead
        self.sent: dict[str, Work] = {}
        """Not started, in order."""
        self.running: dict[str, Work] = {}
        self.killing: dict[str, str] = {}
        """{claim: the state in which it will end}."""
        self.stacks_asked: list[str] = []
        self.history: list[Work] = []
        self.reports: list[Report] = []
        self.most_running = 0
        self.stopped = False

    # What the test does.

    def begin(self, claim: str | None = None) -> str:
        """The first (or this) sent work starts."""
        claim = claim or next(iter(self.sent))
        work = self.sent.pop(claim)
        self.running[claim] = work
        over = [noted for noted in self.notes if noted not in self.running]
        if len(self.notes) >= self.processes and over:
            del self.notes[over[0]]
        self.notes[claim] = self.clock.now
        self.most_running = max(self.most_running, len(self.running))
        self.reports.append(Started(claim, 100, "1", "local/1", self.clock.now))
        return claim

    def end(
        self,
        claim: str | None = None,
        state: str = "succeeded",
        *,
        error: str = "ValueError",
        seconds: float = 0.01,
        output: Any = None,
        ports: Iterable[str] = ("out",),
        interrupted: bool = False,
    ) -> str:
        """A running work ends."""
        claim = claim or next(iter(self.running))
        self.running.pop(claim, None)
        receipt = {"processes": 1, "slots": None, "seconds": 0.01} if self.killing.pop(claim, None) else None
        failed = None if state == "succeeded" else {"class": error, "message": "m", "line": None, "traceback": None}
        stored = {"kind": "json", "value": output, "bytes": 4, "ports": list(ports)} if state == "succeeded" else None
        self.reports.append(
            Ended(claim, state, self.clock.now, seconds, output=stored, error=failed, receipt=receipt,
                  interrupted=interrupted)
        )  # fmt: skip
        return claim

    def run_all(self, outcome: Callable[[Work], str] = lambda work: "succeeded") -> int:
        """Everything that was sent starts and ends. Return the number."""
        claims = list(self.sent)
        for claim in claims:
            self.begin(claim)
        for claim in list(self.running):
            self.end(claim, self.killing.get(claim) or outcome(self.running[claim]))
        return len(claims)

    def node(self, claim: str) -> str:
        return self.work(claim).node

    def work(self, claim: str) -> Work:
        return next(work for work in self.history if work.claim == claim)

    @property
    def nodes(self) -> list[str]:
        """Return the ids of the nodes whose work waits, in the order in which they were sent."""
        return [work.node for work in self.sent.values()]

    # The executor's interface.

    def start(self) -> Mapping[str, float]:
        return self.found

    def _room(self) -> int:
        return self.processes + self.ahead - len(self.sent) - len(self.running)

    def has_room(self, work: Work) -> bool:
        return self._room() > 0

    def idle_credit(self) -> int:
        return max(0, self.processes - len(self.sent) - len(self.running))

    def is_short(self, work: Work) -> bool:
        return self.ahead > 0

    def prefetch_credit(self) -> int:
        return max(0, self._room())

    def send(self, works: Iterable[Work]) -> None:
        for work in works:
            assert work.claim
            assert work.claim not in self.sent
            assert work.claim not in self.running
            self.history.append(work)
            self.sent[work.claim] = work

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        if claim in self.sent:
            del self.sent[claim]
            self.reports.append(Returned([claim]))
        elif claim in self.running:
            self.killing[claim] = state

    def take_stacks(self, claim: str) -> None:
        if claim in self.running:
            self.stacks_asked.append(claim)

    def recall(self) -> None:
        claims = list(self.sent)[max(0, self.processes - len(self.running)) :] if self.ahead else []
        for claim in claims:
            del self.sent[claim]
        if claims:
            self.reports.append(Returned(claims))

    def poll(self, timeout: float) -> list[Report]:
        reports, self.reports = self.reports, []
        return reports

    def watch(self, fileobj: Any, callback: Callable[[], None]) -> None: ...

    def unwatch(self, fileobj: Any) -> None: ...

    def stop(self, grace: float) -> list[Report]:
        self.stopped = True
        claims = list(self.sent)
        self.sent.clear()
        if claims:
            self.reports.append(Returned(claims))
        for claim in list(self.running):
            self.end(claim, self.killing.get(claim, "cancelled"), interrupted=claim not in self.killing)
        return self.poll(0)

    def node_processes(self) -> list[NodeProcessInfo]:
        return []
