"""A node process: takes envelopes one after the other, runs them, tells what came of it, ends with its parent.

It loads no Django and opens no database. Everything that costs time is imported before the first frame,
`ready`, or only by the node types that need it.
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
from engine.worker.envelope import Inbox
from engine.worker.lease import Lease
from engine.worker.progress import Progress
from engine.worker.runner import AttemptRunner, is_instant
from engine.worker.scratch import Folder
from engine.worker.soft_limit import SoftLimit
from engine.worker.start_note import NOTE_SUFFIX, StartNote
from engine.worker.usage import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
OOM_SCORE_ADJ = 800
"""When memory runs out, the kernel takes node processes first."""

BATCH_SECONDS = 0.001
BATCH_BYTES = 32 * 1024
"""Frames of instant attempts wait for those of the next ones that are there already, but no longer than this."""


def main(argv: list[str]) -> None:
    """Serve the supervisor until it closes its end."""
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
        # Under faulthandler's handler lies "ignore", not "end the process": it shows when the author's code takes
        # the handler away, and for a moment when it is put back.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        faulthandler.register(signal.SIGUSR2, file=stack, all_threads=True)

    streams.open_streams()
    out = frames.Frames(send)
    limit = SoftLimit()
    limit.install()
    progress = Progress(out)
    logs = streams.Logging(out)
    inbox = Inbox(receive, out.flush)
    usage = Usage()
    note = StartNote(options["--folder"] + NOTE_SUFFIX)
    lease = Lease(int(options["--lease"])) if "--lease" in options else None
    if ask is not None:
        stack_server.start(ask)
    own = [0, 1, 2, receive, send, *(one for one in (ask, stack) if one is not None)]
    baseline = Baseline(own, stack)
    os.register_at_fork(after_in_child=lambda: _close(receive, send, ask, stack))
    gc.collect()
    gc.freeze()
    out.send(frames.pack(b'{"k":"ready"}'))
    folder = Folder(options["--folder"])
    serve(
        inbox,
        out,
        AttemptRunner(out, limit, progress, logs, baseline, usage, folder, note, lease, options.get("--mark")),
    )


def serve(inbox: Inbox, out: frames.Frames, attempts: AttemptRunner) -> None:
    """Run what comes in until the supervisor is gone, or until an attempt leaves something behind."""
    envelope = inbox.next()
    while envelope is not None:
        if _instant(envelope):
            envelope = _serve_instants(envelope, inbox, out, attempts)
        elif attempts.run(envelope):
            envelope = inbox.next_now()
        else:
            # Kept alive, for the supervisor ends what is left with this process; but it takes no more work.
            inbox.wait_for_end()
            return
        if envelope is None:
            envelope = inbox.next()


def _serve_instants(
    envelope: dict[str, Any], inbox: Inbox, out: frames.Frames, attempts: AttemptRunner
) -> dict[str, Any] | None:
    """Run instant attempts as long as they are there, their frames in one write; the envelope that is not one."""
    waiting = bytearray()
    until = time.monotonic() + BATCH_SECONDS
    following: dict[str, Any] | None = envelope
    while following is not None and _instant(following):
        waiting += attempts.run_instant(following)
        following = inbox.next_now()
        if len(waiting) > BATCH_BYTES or time.monotonic() > until:
            out.send(bytes(waiting))
            waiting.clear()
            until = time.monotonic() + BATCH_SECONDS
    if waiting:
        out.send(bytes(waiting))
    return following


def _instant(envelope: dict[str, Any]) -> bool:
    try:
        return is_instant(envelope)
    except Exception:
        return False


def bind_to_parent(libc: ctypes.CDLL, parent: int) -> None:
    """Die when the parent does, adopt orphans of children, and be the first that the kernel takes."""
    if sys.platform != "linux":
        return
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # It ended before the kernel knew that we want to follow it.
        os._exit(1)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(OOM_SCORE_ADJ))
    except OSError:
        pass


def enter_groups(doors: str) -> None:
    """Enter the control groups that the supervisor has made for this process; `doors`: their files, between colons."""
    for door in doors.split(":"):
        try:
            with open(door, "wb", buffering=0) as file:
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
