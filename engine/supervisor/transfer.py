"""Between a supervisor and an object store: what an attempt reads is here before it is sent, what it made is in the
store before its end is told.

Node processes know files only, and get no credentials. Threads of this process fetch and put; the supervisor waits for
none of them.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import IO, Any

from engine.artifacts.cached import StoredArtifacts
from engine.artifacts.s3 import ArtifactStoreError
from engine.executors.base import Ended, Executor, NodeProcessInfo, Report, Returned, Started, Work
from engine.inspect import procfs
from engine.supervisor.attempt_errors import lost
from engine.supervisor.supervisor import Supervisor
from engine.supervisor.waker import Waker

log = logging.getLogger("interlock.supervisor")

THREADS = 4
STOP_SECONDS = 1.0
"""What is computed may still be put for so long after the grace of a stop: whoever stops us waits little longer."""


class ArtifactTransfer:
    """See `engine.executors.base.Executor`. A supervisor whose attempts read and write artifacts of an object store."""

    remote = None

    def __init__(self, supervisor: Supervisor, artifacts: StoredArtifacts) -> None:
        self.supervisor = supervisor
        self.artifacts = artifacts
        self._fetching: dict[str, Work] = {}
        self._fetched: deque[Work] = deque()
        self._putting: dict[str, Ended] = {}
        self._held: dict[str, list[IO[bytes]]] = {}
        """Copies that an attempt reads, open and so kept from being deleted: by its claim."""
        self._read: dict[str, set[str]] = {}
        """Their names."""
        self._reports: list[Report] = []
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._done: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._waker = Waker()

    # What is passed on.

    def start(self) -> Mapping[str, float]:
        self.supervisor.watch(self._waker, self._waker.drain)
        for number in range(THREADS):
            threading.Thread(target=self._work, name=f"shipping {number}", daemon=True).start()
        return self.supervisor.start()

    def watch(self, fileobj: Any, callback: Callable[[], None]) -> None:
        self.supervisor.watch(fileobj, callback)

    def unwatch(self, fileobj: Any) -> None:
        self.supervisor.unwatch(fileobj)

    def node_processes(self) -> list[NodeProcessInfo]:
        return self.supervisor.node_processes()

    def is_short(self, work: Work) -> bool:
        return self.supervisor.is_short(work)

    def take_stacks(self, claim: str) -> None:
        self.supervisor.take_stacks(claim)

    # What is on its way has its place already.

    def _coming(self) -> int:
        return len(self._fetching) + len(self._fetched)

    def has_room(self, work: Work) -> bool:
        coming = self._coming()
        return self.supervisor.has_room(work) and (not coming or self.supervisor.idle_credit() > coming)

    def idle_credit(self) -> int:
        return max(0, self.supervisor.idle_credit() - self._coming())

    def prefetch_credit(self) -> int:
        return max(0, self.supervisor.prefetch_credit() - self._coming())

    def send(self, works: Iterable[Work]) -> None:
        now: list[Work] = []
        for work in works:
            names = _reads(work)
            if not names:
                now.append(work)
                continue
            self._read[work.claim] = names
            held = self._held[work.claim] = []
            missing = []
            for name in sorted(names):
                copy = self.artifacts.open_copy(name)
                if copy is None:
                    missing.append(name)
                else:
                    held.append(copy)
            if missing:
                self._fetching[work.claim] = work
                self._begin(self._fetch, work, missing)
            else:
                now.append(work)
        if now:
            self.supervisor.send(now)

    def recall(self) -> None:
        self._give_back([*self._fetching, *(work.claim for work in self._fetched)])
        self.supervisor.recall()

    def _give_back(self, claims: list[str]) -> None:
        for claim in claims:
            self._fetching.pop(claim, None)
            self._let_go(claim)
        self._fetched = deque(work for work in self._fetched if work.claim not in claims)
        if claims:
            self._reports.append(Returned(claims))

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        if claim in self._fetching or any(work.claim == claim for work in self._fetched):
            self._give_back([claim])
        elif claim in self._putting:
            ended = self._putting.pop(claim)
            ended.state, ended.output, ended.error = state, None, dict(error) if error else None
            ended.receipt = {"processes": 0, "slots": None, "seconds": 0.0}
            self._tell(ended)
        else:
            self.supervisor.kill(claim, state, error)

    def poll(self, timeout: float) -> Sequence[Report]:
        self._take_done()
        while self._fetched and self.supervisor.has_room(self._fetched[0]):
            self.supervisor.send([self._fetched.popleft()])
        self._hear(self.supervisor.poll(0.0 if self._reports else timeout))
        self._take_done()
        reports, self._reports = self._reports, []
        return reports

    def stop(self, grace: float) -> Sequence[Report]:
        end = time.monotonic() + grace + STOP_SECONDS
        self._give_back([*self._fetching, *(work.claim for work in self._fetched)])
        self._hear(self.supervisor.stop(grace))
        while self._putting and (left := end - time.monotonic()) > 0:
            try:
                self._done.get(timeout=left)()
            except Empty:
                break
        for claim in list(self._putting):
            ended = self._putting.pop(claim)
            ended.state, ended.output, ended.interrupted = "lost", None, True
            ended.error = lost("The product stopped before the output was in the object store.")
            self._tell(ended)
        reports, self._reports = self._reports, []
        return reports

    def _hear(self, reports: Iterable[Report]) -> None:
        for report in reports:
            if isinstance(report, Returned):
                for claim in report.claims:
                    self._let_go(claim)
            elif isinstance(report, Ended):
                name = (report.output or {}).get("artifact")
                if report.state == "succeeded" and name:
                    self._putting[report.claim] = report
                    self._begin(self._put, report, str(name), name in self._read.get(report.claim, ()))
                    continue
                self._let_go(report.claim)
            self._reports.append(report)

    def _tell(self, ended: Ended) -> None:
        self._let_go(ended.claim)
        self._reports.append(ended)

    def _let_go(self, claim: str) -> None:
        self._read.pop(claim, None)
        for copy in self._held.pop(claim, ()):
            copy.close()

    # On threads of their own; what they say is done by the supervisor's.

    def _begin(self, action: Callable[..., Callable[[], None]], *given: Any) -> None:
        self._tasks.put(lambda: self._finish(action(*given)))

    def _work(self) -> None:
        while True:
            self._tasks.get()()

    def _finish(self, then: Callable[[], None]) -> None:
        self._done.put(then)
        self._waker.wake()

    def _take_done(self) -> None:
        while not self._done.empty():
            self._done.get()()

    def _fetch(self, work: Work, names: list[str]) -> Callable[[], None]:
        copies: list[IO[bytes]] = []
        try:
            for name in names:
                copies.append(self.artifacts.open(name))  # noqa: PERF401 - those before one that fails are closed
        except Exception as error:
            for copy in copies:
                copy.close()
            told = _error(error, "An input could not be fetched.")
            return lambda: self._not_fetched(work, told)
        return lambda: self._is_fetched(work, copies)

    def _is_fetched(self, work: Work, copies: list[IO[bytes]]) -> None:
        if self._fetching.get(work.claim) is not work:
            for copy in copies:
                copy.close()
            return
        del self._fetching[work.claim]
        self._held[work.claim] += copies
        self._fetched.append(work)

    def _not_fetched(self, work: Work, error: dict[str, Any]) -> None:
        if self._fetching.get(work.claim) is not work:
            return
        del self._fetching[work.claim]
        now, pid = time.time(), os.getpid()
        self._reports.append(Started(work.claim, pid, str(procfs.start_of(pid)), self.supervisor.worker, now))
        self._tell(Ended(work.claim, "failed", now, 0.0, error=error))

    def _put(self, ended: Ended, name: str, was_read: bool) -> Callable[[], None]:
        told: dict[str, Any] | None = None
        try:
            # An input that is handed on is in the store already.
            (self.artifacts.keep if was_read else self.artifacts.upload)(name)
        except Exception as error:
            told = _error(error, "The output could not be stored.")
        return lambda: self._is_put(ended, told)

    def _is_put(self, ended: Ended, error: dict[str, Any] | None) -> None:
        if self._putting.get(ended.claim) is not ended:
            # It was killed meanwhile.
            return
        del self._putting[ended.claim]
        if error is not None:
            ended.state, ended.output, ended.error = "failed", None, error
        self._tell(ended)


def with_artifact_store(supervisor: Supervisor) -> Supervisor | ArtifactTransfer:
    """The supervisor, with an object store behind it where its configuration has one."""
    config = supervisor.config
    if not config.artifact_store:
        return supervisor
    from engine.artifacts import artifacts_of

    artifacts = artifacts_of(config)
    assert isinstance(artifacts, StoredArtifacts)
    return ArtifactTransfer(supervisor, artifacts)


def _reads(work: Work) -> set[str]:
    """Names of the artifacts that an attempt reads."""
    # On a host the envelope comes as text.
    envelope = work.envelope if "inputs" in work.envelope else json.loads(f"{{{work.shared}}}")
    inputs = (envelope.get("inputs") or {}).values()
    return {given["path"] for given in inputs if "path" in given} | set((envelope.get("reads") or {}).values())


def _error(error: Exception, what: str) -> dict[str, Any]:
    if isinstance(error, (ArtifactStoreError, FileNotFoundError)):
        kind = type(error).__name__ if isinstance(error, ArtifactStoreError) else "ArtifactGone"
        log.warning("artifact_store: %s", error)
    else:
        kind = "ArtifactStoreError"
        log.error("artifact_store", exc_info=error)
    return {"class": kind, "message": f"{what} {error}", "line": None, "traceback": None}


def _conforms(executor: ArtifactTransfer) -> Executor:
    """Lets the type checker compare it with the seam."""
    return executor
