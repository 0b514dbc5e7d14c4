"""The worker process of `up`, where nodes run on workers of Celery: the one that this host needs by itself."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import TYPE_CHECKING, Final

from celery.signals import setup_logging

if TYPE_CHECKING:
    from dashboard.up.child import Parent

ORPHAN_SECONDS: Final = 3.0
"""To give back what runs when the parent is gone."""
NAME: Final = "up@%h"
"""Another than that of a worker which somebody starts beside it."""


def keep_logging(**given: object) -> None:
    """Leave the log as it is: Celery asks for a receiver of this signal before it makes its own."""


def run(parent: Parent) -> int:
    """Import everything, wait for the word of the parent, and run nodes until a signal; the exit code. Loads no Django.

    The first SIGTERM lets running nodes end for up to 10 s, a second one (or the parent's end) gives them back.
    """
    from engine.celery import app
    from engine.host import bootstep

    def orphaned() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        deadline = time.monotonic() + ORPHAN_SECONDS
        while time.monotonic() < deadline:
            # Celery comes to the drain, whose grace this ends, when it has stopped to take messages.
            if bootstep.host is not None:
                bootstep.host.hurry()
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)

    parent.gone = orphaned
    setup_logging.connect(keep_logging)
    logging.getLogger().setLevel(logging.INFO)
    parent.wait()
    return int(app.worker_main(["--quiet", "worker", "-Q", "default", "-n", NAME]) or 0)
