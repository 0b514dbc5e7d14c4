"""Runs one attempt: from its envelope to the frame that reports its end."""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module

from engine import faults
from engine.worker import results
from engine.worker.errors import describe
from engine.worker.frames import FrameWriter, pack, to_json
from engine.worker.scratch import ScratchFolder
from engine.worker.streams import flush_streams, wait_until_read
from engine.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from engine.worker.baseline import Baseline
    from engine.worker.lease import Lease
    from engine.worker.progress import ProgressReporter
    from engine.worker.soft_limit import SoftLimit
    from engine.worker.start_notes import StartNotes
    from engine.worker.streams import LogForwarder
    from engine.worker.usage import UsageMeter

_modules: dict[str, ModuleType] = {}


def module_of(entry: str) -> ModuleType:
    """Return the module that runs a node type."""
    module = _modules.get(entry)
    if module is None or sys.modules.get(entry) is not module:
        module = _modules[entry] = import_module(entry)
    return module


def is_instant(envelope: dict[str, Any]) -> bool:
    """Return whether the attempt runs no author's code and ends at once, so that its frames can be batched."""
    entry: str = envelope["entry"]
    return entry.startswith("engine.nodes.") and getattr(module_of(entry), "INSTANT", False) is True


class AttemptRunner:
    """Runs attempts in this process, one at a time."""

    def __init__(
        self,
        out: FrameWriter,
        limit: SoftLimit,
        progress: ProgressReporter,
        logs: LogForwarder,
        baseline: Baseline,
        usage: UsageMeter,
        folder: ScratchFolder,
        notes: StartNotes,
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
        self.notes = notes
        self.lease = lease
        self.pid = os.getpid()

    def run_instant(self, envelope: dict[str, Any]) -> bytes:
        """Run an instant attempt; return the frame that reports its start and its end."""
        began = time.monotonic()
        at = time.time()
        try:
            task = Task(envelope, self.out, self.progress)
            _evaluate(task)
            output = results.store(module_of(envelope["entry"]).run(task), task)
        except BaseException as error:
            return _failed(envelope["claim"], time.monotonic() - began, describe(error), began=at)
        return _done(envelope["claim"], time.monotonic() - began, output, began=at)

    def run(self, envelope: dict[str, Any]) -> bool:
        """Run an attempt and send its frames, the last one together with what is sent next.

        Return whether this process may run another attempt.
        """
        claim: str = envelope["claim"]
        self.logs.claim = claim
        if self.lease is not None:
            self.lease.wait()
        cpu_before = self.usage.start()
        began = time.monotonic()
        faults.point("node.before_started")
        self.notes.write(claim)
        self.out.send(pack(b'{"k":"started","c":%b,"at":%.6f}' % (to_json(claim), time.time())))
        faults.point("node.after_started")
        output, error = self._execute(envelope, began)
        if os.getpid() != self.pid:
            # A child that the author's code has forked: it must not send frames or run attempts.
            flush_streams()
            os._exit(1 if error else 0)
        faults.point("node.computed")
        seconds = time.monotonic() - began
        usage = self.usage.since(cpu_before, seconds)
        is_clean = self._clean_up(envelope)
        if is_clean:
            wait_until_read()
        if error is None:
            self.out.hold(_done(claim, seconds, output, usage, is_clean))
        else:
            self.out.hold(_failed(claim, seconds, error, usage, is_clean))
        return is_clean

    def _execute(self, envelope: dict[str, Any], began: float) -> tuple[bytes, dict[str, Any] | None]:
        """Return the stored output, or the error. The soft limit may be raised anywhere in here, once."""
        output = results.NULL
        task = None
        try:
            try:
                self._prepare(envelope)
                self.limit.arm(envelope.get("soft_timeout"), began)
                task = Task(envelope, self.out, self.progress)
                _evaluate(task)
                output = results.store(module_of(envelope["entry"]).run(task), task)
                self.limit.disarm()
                return output, None
            except BaseException as error:
                dropped = self.limit.dropped_error()
                self.limit.disarm()
                cause = dropped.with_traceback(error.__traceback__) if dropped else error
                return output, describe(cause, task.filename if task else None)
        except BaseException as error:
            # The limit was raised after the author's code had ended.
            self.limit.disarm()
            return output, describe(error)

    def _prepare(self, envelope: dict[str, Any]) -> None:
        """Enter the scratch folder and set the environment."""
        self.folder.enter()
        envelope["scratch"] = self.folder.path
        run = envelope["run"]
        environment = {
            # Temporary files are deleted with the folder, however the attempt ends.
            "TMPDIR": self.folder.path,
            **envelope["env"],
            "HOME": self.folder.path,
            "INTERLOCK_RUN": str(run["id"]),
            "INTERLOCK_NODE": envelope["node"],
            "INTERLOCK_ATTEMPT": str(envelope["attempt"]),
        }
        if self.mark is not None:
            # Child processes inherit it, so that a kill finds those that have left the process group.
            environment["INTERLOCK_MARK"] = self.mark
        set_environment(environment)

    def _clean_up(self, envelope: dict[str, Any]) -> bool:
        """Remove what the attempt has left in this process; return whether nothing is left. Never raises."""
        is_clean = True
        try:
            self.progress.finish()
            self.logs.reset()
            if forget := getattr(_modules.get(envelope["entry"]), "forget", None):
                forget(envelope["node"])
            # A limit that was raised in the middle of an import, for example, may leave half a module.
            is_clean = flush_streams() and not self.limit.is_raised
            if "duckdb" in sys.modules:
                self._clean_up_duckdb(envelope)
            is_clean = not self.baseline.restore() and is_clean
            is_clean = self.folder.leave() and is_clean
        except BaseException:
            is_clean = False
        return is_clean

    def _clean_up_duckdb(self, envelope: dict[str, Any]) -> None:
        from engine.worker import duck, table

        table.close_default(even_if_unused=_may_use_duckdb(envelope))
        self.baseline.resident += duck.take_import_bytes()


def _may_use_duckdb(envelope: dict[str, Any]) -> bool:
    """Return whether the author's code may have used DuckDB's default connection directly."""
    entry: str = envelope["entry"]
    may_use = getattr(_modules.get(entry), "may_use_duckdb", None)
    return bool(may_use(envelope["config"])) if may_use else not entry.startswith("engine.nodes.")


def set_environment(environment: dict[str, str]) -> None:
    """Make `environment` the whole environment of this process."""
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if len(os.environ) != len(environment):
        for name in [name for name in os.environ if name not in environment]:
            del os.environ[name]


def _evaluate(task: Task) -> None:
    """Evaluate the expressions in the task's config that its node type does not bind itself."""
    if not task.envelope.get("expressions"):
        return
    from engine.worker import evaluate

    evaluate.render(task, getattr(module_of(task.envelope["entry"]), "BINDS", frozenset()))


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
    return _end(b"failed", claim, seconds, b'"error":' + to_json(error), usage, clean, began)


def _end(
    kind: bytes, claim: str, seconds: float, outcome: bytes, usage: bytes, clean: bool, began: float | None
) -> bytes:
    """Return the last frame of an attempt; `began` is given for an instant one, whose start was not reported."""
    return pack(
        b'{"k":"%b","c":%b,"at":%.6f,"seconds":%.6f,%b,"usage":%b,"clean":%b%b}'
        % (
            kind,
            to_json(claim),
            time.time(),
            seconds,
            outcome,
            usage,
            b"true" if clean else b"false",
            b"" if began is None else b',"began":%.6f' % began,
        )
    )
