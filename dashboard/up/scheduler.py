"""The scheduler process of `up`."""

import logging
import os
import signal
import socket
import threading
from types import FrameType
from typing import Final

from django.conf import settings

from dashboard.up.parent_link import ParentLink
from engine.errors import LostLeadership
from engine.executors.factory import executor_of
from engine.scheduler.loop import Scheduler

log = logging.getLogger("interlock.scheduler")

DRAIN_SECONDS: Final = 9.0
"""How long running nodes may take to finish. The rest of the ten seconds is for killing those that do not."""
ORPHAN_SECONDS: Final = 3.0
"""How long killing the process trees of running nodes may take when the parent is gone."""
LOST_LEADERSHIP: Final = 75
"""Exit code if another scheduler has taken over (EX_TEMPFAIL)."""


def run(parent: ParentLink) -> int:
    """Import everything, wait for the parent, and lead until a signal. Return the exit code.

    The first SIGTERM drains; a second one, or the end of the parent, stops running nodes at once: they go back to
    ready.
    """
    stop, at_once = threading.Event(), threading.Event()
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            at_once.set()
        stop.set()

    def orphaned() -> None:
        at_once.set()
        stop.set()
        try:
            writer.send(b"x")
        except OSError:
            pass
        threading.Event().wait(ORPHAN_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    def drain_reader() -> None:
        try:
            while reader.recv(1024):
                pass
        except BlockingIOError:
            pass

    parent.on_parent_exit = orphaned
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    config = settings.INTERLOCK
    executor = executor_of(config)
    # A signal must end the wait for news; otherwise Python would resume it after the handler.
    executor.watch(reader, drain_reader)
    scheduler = Scheduler(config, executor)
    parent.wait()
    if os.getppid() != parent.pid:
        at_once.set()
        stop.set()
    try:
        scheduler.run_forever(stop, drain_seconds=DRAIN_SECONDS, force=at_once)
    except LostLeadership as error:
        log.warning("%s", error)
        return LOST_LEADERSHIP
    return 0
