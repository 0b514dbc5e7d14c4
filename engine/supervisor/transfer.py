"""Moves artifacts between this host and an object store: inputs before an attempt is sent, outputs before its end.

Node processes know only files and get no credentials. Threads of this process fetch and store; the supervisor waits for
none of them.
"""

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import IO, Any

from engine.artifacts.cached import CachedArtifacts
from engine.artifacts.s3 import ArtifactStoreError
from engine.executors.base import Ended, NodeProcessInfo, Report, Returned, Started, Work
from engine.inspect import procfs
from engine.supervisor.attempt_errors import worker_lost
from engine.supervisor.supervisor import Supervisor
from engine.supervisor.waker import Waker

log = logging.getLogger("interlock.supervisor")

THREADS = 4
STOP_SECONDS = 1.0
"""How long outputs may still be stored after the grace period of a stop. Those who stop the product wait only a little
longer."""


class ArtifactTransfer:
    """An executor around a supervisor whose attempts read and write artifacts of an object store."""

    remote = None

    def __init__(self, supervisor: Supervisor, artifacts: CachedArtifacts) -> None:
        self.supervisor = supervisor
        self.artifacts = artifacts
        self._fetching: dict[str, Work] = {}
        """Work whose inputs are being fetched, by claim."""
        self._fetched: deque[Work] = deque()
        """Work whose inputs are here and that has not been sent."""
        self._storing: dict[str, Ended] = {}
        """Ends whose outputs are being stored, by claim."""
        self._inputs: dict[str, set[str]] = {}
        """Claim -> names of the artifacts that the attempt reads."""
        self._open_inputs: dict[str, list[IO[bytes]]] = {}
        """Claim -> local copies of them, open so that they are not evicted."""
        self._reports: list[Report] = []
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        """What the threads are to do."""
        self._results: SimpleQueue[Callable[[], None]] = SimpleQueue()
        """What the supervisor's thread does after a task."""
        self._waker = Waker()

    def start(self) -> Mapping[str, float]:
        self.supervisor.watch(self._waker, self._waker.drain)
        for number in range(THREADS):
            threading.Thread(target=self._run_tasks, name=f"artifact transfer {number}", daemon=True).start()
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

    # Work that is being fetched takes up credit already.

    def _unsent_count(self) -> int:
        return len(self._fetching) + len(self._fetched)

    def has_room(self, work: Work) -> bool:
        unsent = self._unsent_count()
        return self.supervisor.has_room(work) and (not unsent or self.supervisor.idle_credit() > unsent)

    def idle_credit(self) -> int:
        return max(0, self.supervisor.idle_credit() - self._unsent_count())

    def prefetch_credit(self) -> int:
        return max(0, self.supervisor.prefetch_credit() - self._unsent_count())

    def send(self, works: Iterable[Work]) -> None:
        complete: list[Work] = []
        for work in works:
            names = _inputs_of(work)
            if not names:
                complete.append(work)
                continue
            self._inputs[work.claim] = names
            copies = self._open_inputs[work.claim] = []
            missing = []
            for name in sorted(names):
                copy = self.artifacts.open_copy(name)
                if copy is None:
                    missing.append(name)
                else:
                    copies.append(copy)
            if missing:
                self._fetching[work.claim] = work
                self._start_task(self._fetch, work, missing)
            else:
                complete.append(work)
        if complete:
            self.supervisor.send(complete)

    def recall(self) -> None:
        self._return_unsent()
        self.supervisor.recall()

    def _return_unsent(self) -> None:
        self._return([*self._fetching, *(work.claim for work in self._fetched)])

    def _return(self, claims: Collection[str]) -> None:
        for claim in claims:
            self._fetching.pop(claim, None)
            self._close_inputs(claim)
        self._fetched = deque(work for work in self._fetched if work.claim not in claims)
        if claims:
            self._reports.append(Returned(list(claims)))

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        if claim in self._fetching or any(work.claim == claim for work in self._fetched):
            self._return([claim])
        elif claim in self._storing:
            ended = self._storing.pop(claim)
            ended.state, ended.output, ended.error = state, None, dict(error) if error else None
            ended.receipt = {"processes": 0, "slots": None, "seconds": 0.0}
            self._report_end(ended)
        else:
            self.supervisor.kill(claim, state, error)

    def poll(self, timeout: float) -> Sequence[Report]:
        self._handle_results()
        while self._fetched and self.supervisor.has_room(self._fetched[0]):
            self.supervisor.send([self._fetched.popleft()])
        self._handle_reports(self.supervisor.poll(0.0 if self._reports else timeout))
        self._handle_results()
        reports, self._reports = self._reports, []
        return reports

    def stop(self, grace: float) -> Sequence[Report]:
        end = time.monotonic() + grace + STOP_SECONDS
        self._return_unsent()
        self._handle_reports(self.supervisor.stop(grace))
        while self._storing and (left := end - time.monotonic()) > 0:
            try:
                self._results.get(timeout=left)()
            except Empty:
                break
        for claim in list(self._storing):
            ended = self._storing.pop(claim)
            ended.state, ended.output, ended.interrupted = "lost", None, True
            ended.error = worker_lost("The product stopped before the output was in the object store.")
            self._report_end(ended)
        reports, self._reports = self._reports, []
        return reports

    def _handle_reports(self, reports: Iterable[Report]) -> None:
        """Pass the supervisor's reports on, but a success only after its output is stored."""
        for report in reports:
            if isinstance(report, Returned):
                for claim in report.claims:
                    self._close_inputs(claim)
            elif isinstance(report, Ended):
                name = (report.output or {}).get("artifact")
                if report.state == "succeeded" and name:
                    self._storing[report.claim] = report
                    was_input = name in self._inputs.get(report.claim, ())
                    self._start_task(self._store, report, str(name), was_input)
                    continue
                self._close_inputs(report.claim)
            self._reports.append(report)

    def _report_end(self, ended: Ended) -> None:
        self._close_inputs(ended.claim)
        self._reports.append(ended)

    def _close_inputs(self, claim: str) -> None:
        self._inputs.pop(claim, None)
        for copy in self._open_inputs.pop(claim, ()):
            copy.close()

    # Tasks run on threads. Each returns a function that the supervisor's thread calls afterwards.

    def _start_task(self, task: Callable[..., Callable[[], None]], *arguments: Any) -> None:
        self._tasks.put(lambda: self._add_result(task(*arguments)))

    def _run_tasks(self) -> None:
        while True:
            self._tasks.get()()

    def _add_result(self, result: Callable[[], None]) -> None:
        self._results.put(result)
        self._waker.wake()

    def _handle_results(self) -> None:
        while not self._results.empty():
            self._results.get()()

    def _fetch(self, work: Work, names: list[str]) -> Callable[[], None]:
        copies: list[IO[bytes]] = []
        try:
            for name in names:
                copies.append(self.artifacts.open(name))  # noqa: PERF401 - if one fails, those before it are closed
        except Exception as failure:
            for copy in copies:
                copy.close()
            error = _describe(failure, "An input could not be fetched.")
            return lambda: self._on_fetch_failed(work, error)
        return lambda: self._on_fetched(work, copies)

    def _on_fetched(self, work: Work, copies: list[IO[bytes]]) -> None:
        if self._fetching.get(work.claim) is not work:
            # It was returned meanwhile.
            for copy in copies:
                copy.close()
            return
        del self._fetching[work.claim]
        self._open_inputs[work.claim] += copies
        self._fetched.append(work)

    def _on_fetch_failed(self, work: Work, error: dict[str, Any]) -> None:
        if self._fetching.get(work.claim) is not work:
            return
        del self._fetching[work.claim]
        now, pid = time.time(), os.getpid()
        self._reports.append(Started(work.claim, pid, str(procfs.start_of(pid)), self.supervisor.worker, now))
        self._report_end(Ended(work.claim, "failed", now, 0.0, error=error))

    def _store(self, ended: Ended, name: str, was_input: bool) -> Callable[[], None]:
        error: dict[str, Any] | None = None
        try:
            # An input that is returned as the output is in the store already.
            (self.artifacts.renew if was_input else self.artifacts.upload)(name)
        except Exception as failure:
            error = _describe(failure, "The output could not be stored.")
        return lambda: self._on_stored(ended, error)

    def _on_stored(self, ended: Ended, error: dict[str, Any] | None) -> None:
        if self._storing.get(ended.claim) is not ended:
            # It was killed meanwhile.
            return
        del self._storing[ended.claim]
        if error is not None:
            ended.state, ended.output, ended.error = "failed", None, error
        self._report_end(ended)


def with_artifact_store(supervisor: Supervisor) -> Supervisor | ArtifactTransfer:
    """Return the supervisor, behind an ArtifactTransfer if its configuration names an object store."""
    config = supervisor.config
    if not config.artifact_store:
        return supervisor
    from engine.artifacts import artifacts_of

    artifacts = artifacts_of(config)
    assert isinstance(artifacts, CachedArtifacts)
    return ArtifactTransfer(supervisor, artifacts)


def _inputs_of(work: Work) -> set[str]:
    """Return the names of the artifacts that an attempt reads."""
    # On a host the envelope comes as text.
    envelope = work.envelope if "inputs" in work.envelope else json.loads(f"{{{work.shared}}}")
    inputs = (envelope.get("inputs") or {}).values()
    return {given["path"] for given in inputs if "path" in given} | set((envelope.get("reads") or {}).values())


def _describe(failure: Exception, what: str) -> dict[str, Any]:
    if isinstance(failure, (ArtifactStoreError, FileNotFoundError)):
        kind = type(failure).__name__ if isinstance(failure, ArtifactStoreError) else "ArtifactGone"
        log.warning("artifact_store: %s", failure)
    else:
        kind = "ArtifactStoreError"
        log.error("artifact_store", exc_info=failure)
    return {"class": kind, "message": f"{what} {failure}", "line": None, "traceback": None}
