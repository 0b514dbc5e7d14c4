"""The main program of a node process: receives envelopes, runs attempts one at a time, and ends with its parent.

What takes time to import is imported before the first frame, `ready`, or only by the node types that need it.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import resource
import signal
import sys
import time

from engine.worker import frames, stack_server, streams
from engine.worker.baseline import Baseline
from engine.worker.envelope import EnvelopeReceiver
from engine.worker.lease import Lease
from engine.worker.progress import ProgressReporter
from engine.worker.runner import AttemptRunner, is_instant
from engine.worker.scratch import ScratchFolder
from engine.worker.soft_limit import SoftLimit
from engine.worker.start_notes import NOTE_SUFFIX, StartNotes
from engine.worker.usage import UsageMeter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
OOM_SCORE_ADJ = 800
"""When memory runs out, the kernel kills node processes first."""

BATCH_SECONDS = 0.001
BATCH_BYTES = 32 * 1024
"""Limits of one batch of instant attempts, whose frames are written together."""


def main(argv: list[str]) -> None:
    """Run attempts until the supervisor closes its end."""
    options = dict(zip(argv[::2], argv[1::2], strict=True))
    receive, send = int(options["--in"]), int(options["--out"])
    ask = int(options["--ask"]) if "--ask" in options else None
    stack = int(options["--stack"]) if "--stack" in options else None
    libc = ctypes.CDLL(None, use_errno=True)
    bind_to_parent(libc, int(options["--parent"]))
    enter_groups(options.get("--groups", ""))
    for descriptor in (receive, send, ask, stack):
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    faulthandler.enable(file=2, all_threads=True)
    if stack is not None:
        # While faulthandler's handler is removed, by the author's code or for a moment after an attempt, the signal is
        # ignored and does not end the process.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        faulthandler.register(signal.SIGUSR2, file=stack, all_threads=True)

    streams.open_streams()
    out = frames.FrameWriter(send)
    out.before_log = streams.OutputOrder().wait
    limit = SoftLimit()
    limit.install()
    progress = ProgressReporter(out)
    logs = streams.LogForwarder(out)
    envelopes = EnvelopeReceiver(receive, out.flush)
    usage = UsageMeter()
    notes = StartNotes(options["--folder"] + NOTE_SUFFIX)
    lease = Lease(int(options["--lease"])) if "--lease" in options else None
    if ask is not None:
        stack_server.start(ask)
    own = [0, 1, 2, receive, send, *(one for one in (ask, stack) if one is not None)]
    baseline = Baseline(own, stack)
    os.register_at_fork(after_in_child=lambda: _close(receive, send, ask, stack))
    gc.collect()
    gc.freeze()
    out.send(frames.pack(b'{"k":"ready"}'))
    folder = ScratchFolder(options["--folder"])
    mark = options.get("--mark")
    runner = AttemptRunner(out, limit, progress, logs, baseline, usage, folder, notes, lease, mark)
    serve(envelopes, out, runner)


def serve(envelopes: EnvelopeReceiver, out: frames.FrameWriter, runner: AttemptRunner) -> None:
    """Run attempts until the supervisor has ended, or until an attempt cannot be cleaned up."""
    envelope = envelopes.wait()
    while envelope is not None:
        if _is_instant(envelope):
            envelope = _run_instants(envelope, envelopes, out, runner)
        elif runner.run(envelope):
            envelope = envelopes.poll()
        else:
            # Stay alive until the supervisor ends this process together with what the attempt has left.
            envelopes.wait_for_end()
            return
        if envelope is None:
            envelope = envelopes.wait()


def _run_instants(
    envelope: dict[str, Any], envelopes: EnvelopeReceiver, out: frames.FrameWriter, runner: AttemptRunner
) -> dict[str, Any] | None:
    """Run instant attempts while more have come, and write their frames in batches; return the next other envelope."""
    batch = bytearray()
    until = time.monotonic() + BATCH_SECONDS
    following: dict[str, Any] | None = envelope
    while following is not None and _is_instant(following):
        batch += runner.run_instant(following)
        following = envelopes.poll()
        if len(batch) > BATCH_BYTES or time.monotonic() > until:
            out.send(bytes(batch))
            batch.clear()
            until = time.monotonic() + BATCH_SECONDS
    if batch:
        out.send(bytes(batch))
    return following


def _is_instant(envelope: dict[str, Any]) -> bool:
    try:
        return is_instant(envelope)
    except Exception:
        return False


def bind_to_parent(libc: ctypes.CDLL, parent: int) -> None:
    """Die with the parent, adopt orphans of children, and be killed first when memory runs out."""
    if sys.platform != "linux":
        return
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # The parent ended before the kernel knew that this process is to die with it.
        os._exit(1)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(OOM_SCORE_ADJ))
    except OSError:
        pass


def enter_groups(files: str) -> None:
    """Enter the control groups that the supervisor has created; `files` are their entry files, separated by colons."""
    for path in files.split(":"):
        try:
            with open(path, "wb", buffering=0) as file:
                file.write(b"0")
        except OSError:
            pass


def _close(*descriptors: int | None) -> None:
    for descriptor in descriptors:
        if descriptor is not None:
            try:
                os.close(descriptor)
            except OSError:
                pass
