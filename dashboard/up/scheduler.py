"""The scheduler process of `up`."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from types import FrameType
from typing import TYPE_CHECKING, Final

from django.conf import settings

from engine.errors import LostLeadership
from engine.executors.factory import executor_of
from engine.scheduler.loop import Scheduler

if TYPE_CHECKING:
    from dashboard.up.child import Parent

log = logging.getLogger("interlock.scheduler")

DRAIN_SECONDS: Final = 9.0
"""For running nodes to end; what is left of ten is for the end of those that do not."""
ORPHAN_SECONDS: Final = 3.0
"""For the trees of running nodes to be ended when the parent is gone."""
LED_BY_ANOTHER: Final = 75
"""Exit code when another scheduler has taken over (EX_TEMPFAIL)."""


def run(parent: Parent) -> int:
    """Import everything, wait for the word of the parent, and lead until a signal; the exit code.

    The first SIGTERM drains, a second one (or the parent's end) ends running nodes at once: they go back to ready.
    """
    stop, hurry = threading.Event(), threading.Event()
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            hurry.set()
        stop.set()

    def orphaned() -> None:
        hurry.set()
        stop.set()
        try:
            writer.send(b"x")
        except OSError:
            pass
        threading.Event().wait(ORPHAN_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    def drain_wakes() -> None:
        try:
            while reader.recv(1024):
                pass
        except BlockingIOError:
            pass

    parent.gone = orphaned
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    config = settings.INTERLOCK
    executor = executor_of(config)
    # A signal must end the wait for news, which Python would otherwise resume after the handler.
    executor.watch(reader, drain_wakes)
    scheduler = Scheduler(config, executor)
    parent.wait()
    if os.getppid() != parent.pid:
        hurry.set()
        stop.set()
    try:
        scheduler.run_forever(stop, drain_seconds=DRAIN_SECONDS, hurry=hurry)
    except LostLeadership as error:
        log.warning("%s", error)
        return LED_BY_ANOTHER
    return 0
