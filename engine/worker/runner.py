"""One attempt: from its envelope to the frame that tells its end."""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module

from engine import faults
from engine.worker import frames, results
from engine.worker.errors import describe
from engine.worker.scratch import Folder
from engine.worker.streams import flush_streams, wait_until_read
from engine.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from engine.worker.baseline import Baseline
    from engine.worker.lease import Lease
    from engine.worker.progress import Progress
    from engine.worker.soft_limit import SoftLimit
    from engine.worker.start_note import StartNote
    from engine.worker.streams import Logging
    from engine.worker.usage import Usage

_entries: dict[str, ModuleType] = {}


def entry(name: str) -> ModuleType:
    """The module that runs a node type."""
    module = _entries.get(name)
    if module is None or sys.modules.get(name) is not module:
        module = _entries[name] = import_module(name)
    return module


def is_instant(envelope: dict[str, Any]) -> bool:
    """Whether the attempt runs nothing of an author's and is over at once, so that its frames may wait for others'."""
    name: str = envelope["entry"]
    return name.startswith("engine.nodes.") and getattr(entry(name), "INSTANT", False) is True


class AttemptRunner:
    """Runs attempts in this process, one at a time."""

    def __init__(
        self,
        out: frames.Frames,
        limit: SoftLimit,
        progress: Progress,
        logs: Logging,
        baseline: Baseline,
        usage: Usage,
        folder: Folder,
        note: StartNote,
        lease: Lease | None = None,
        mark: str | None = None,
    ) -> None:
        self.out = out
        self.limit = limit
        self.progress = progress
        self.logs = logs
        self.baseline = baseline
        self.mark = mark
        self.usage = usage
        self.folder = folder
        self.note = note
        self.lease = lease
        self.pid = os.getpid()

    def run_instant(self, envelope: dict[str, Any]) -> bytes:
        """Run an attempt of a node type that is INSTANT; the frame that tells its start and its end."""
        began = time.monotonic()
        at = time.time()
        try:
            task = Task(envelope, self.out, self.progress)
            _evaluate(task)
            output = results.store(entry(envelope["entry"]).run(task), task)
        except BaseException as error:
            return _failed(envelope["claim"], time.monotonic() - began, describe(error), began=at)
        return _done(envelope["claim"], time.monotonic() - began, output, began=at)

    def run(self, envelope: dict[str, Any]) -> bool:
        """Run an attempt and send its frames, the last with what is sent next; whether this process may run another
        one."""
        claim: str = envelope["claim"]
        self.logs.claim = claim
        if self.lease is not None:
            self.lease.wait()
        used = self.usage.begin()
        began = time.monotonic()
        faults.point("node.before_started")
        self.note.write(claim)
        self.out.send(_started(claim, time.time()))
        faults.point("node.after_started")
        output, error = self._work(envelope, began)
        if os.getpid() != self.pid:
            # A child that the author's code forked has come out of it: it must not speak or run in our name.
            flush_streams()
            os._exit(1 if error else 0)
        faults.point("node.computed")
        seconds = time.monotonic() - began
        usage = self.usage.since(used, seconds)
        clean = self._leave(envelope)
        if clean:
            wait_until_read()
        if error is None:
            self.out.hold(_done(claim, seconds, output, usage, clean))
        else:
            self.out.hold(_failed(claim, seconds, error, usage, clean))
        return clean

    def _work(self, envelope: dict[str, Any], began: float) -> tuple[bytes, dict[str, Any] | None]:
        """Output in its stored form, or the error. The soft limit may go off anywhere in here, once."""
        output = results.NOTHING
        task = None
        try:
            try:
                self._enter(envelope)
                self.limit.arm(envelope.get("soft_timeout"), began)
                task = Task(envelope, self.out, self.progress)
                _evaluate(task)
                output = results.store(entry(envelope["entry"]).run(task), task)
                self.limit.disarm()
                return output, None
            except BaseException as error:
                dropped = self.limit.dropped()
                self.limit.disarm()
                told = dropped.with_traceback(error.__traceback__) if dropped else error
                return output, describe(told, task.filename if task else None)
        except BaseException as error:
            # The limit, between the end of the author's code and its own.
            self.limit.disarm()
            return output, describe(error)

    def _enter(self, envelope: dict[str, Any]) -> None:
        self.folder.enter()
        envelope["scratch"] = self.folder.path
        run = envelope["run"]
        wanted = {
            # What is made there goes with the attempt, however it ends; elsewhere it would stay for ever.
            "TMPDIR": self.folder.path,
            **envelope["env"],
            "HOME": self.folder.path,
            "INTERLOCK_RUN": str(run["id"]),
            "INTERLOCK_NODE": envelope["node"],
            "INTERLOCK_ATTEMPT": str(envelope["attempt"]),
        }
        if self.mark is not None:
            # Children carry it, so that a kill finds those that have left the process group.
            wanted["INTERLOCK_MARK"] = self.mark
        set_environment(wanted)

    def _leave(self, envelope: dict[str, Any]) -> bool:
        """Clean up after an attempt; whether nothing of it is left in this process. Never raises."""
        clean = True
        try:
            self.progress.finish()
            self.logs.reset()
            if forget := getattr(_entries.get(envelope["entry"]), "forget", None):
                forget(envelope["node"])
            # Told in the middle of an import, say, a process may hold half of something.
            clean = flush_streams() and not self.limit.told
            if "duckdb" in sys.modules:
                self._leave_duckdb(envelope)
            clean = not self.baseline.restore() and clean
            clean = self.folder.leave() and clean
        except BaseException:
            clean = False
        return clean

    def _leave_duckdb(self, envelope: dict[str, Any]) -> None:
        from engine.worker import duck, tables

        tables.forget_default(_may_use_duckdb(envelope))
        self.baseline.resident += duck.taken_bytes()


def _may_use_duckdb(envelope: dict[str, Any]) -> bool:
    """Whether code of the author's may have used DuckDB's default connection by itself."""
    name = envelope["entry"]
    own = getattr(_entries.get(name), "may_use_duckdb", None)
    return bool(own(envelope["config"])) if own else not name.startswith("engine.nodes.")


def set_environment(wanted: dict[str, str]) -> None:
    """Make `wanted` the whole environment of this process."""
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if len(os.environ) != len(wanted):
        for name in [name for name in os.environ if name not in wanted]:
            del os.environ[name]


def _evaluate(task: Task) -> None:
    """Evaluate the expressions in the task's config that its node type does not bind itself."""
    paths = task.envelope.get("expressions")
    if not paths:
        return
    from engine.worker import evaluate

    evaluate.render(task, getattr(entry(task.envelope["entry"]), "BINDS", frozenset()))


def _started(claim: str, at: float) -> bytes:
    return frames.pack(b'{"k":"started","c":%b,"at":%.6f}' % (frames.text(claim), at))


def _done(
    claim: str, seconds: float, output: bytes, usage: bytes = b"null", clean: bool = True, began: float | None = None
) -> bytes:
    return _end(b"done", claim, seconds, b'"output":' + output, usage, clean, began)


def _failed(
    claim: str,
    seconds: float,
    error: dict[str, Any],
    usage: bytes = b"null",
    clean: bool = True,
    began: float | None = None,
) -> bytes:
    return _end(b"failed", claim, seconds, b'"error":' + frames.text(error), usage, clean, began)


def _end(
    kind: bytes, claim: str, seconds: float, outcome: bytes, usage: bytes, clean: bool, began: float | None
) -> bytes:
    """`began`: of an instant attempt, which was not told as started."""
    return frames.pack(
        b'{"k":"%b","c":%b,"at":%.6f,"seconds":%.6f,%b,"usage":%b,"clean":%b%b}'
        % (
            kind,
            frames.text(claim),
            time.time(),
            seconds,
            outcome,
            usage,
            b"true" if clean else b"false",
            b"" if began is None else b',"began":%.6f' % began,
        )
    )
