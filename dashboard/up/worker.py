"""The worker process of `up`, for nodes that run on Celery workers."""

import logging
import os
import signal
import time
from typing import Final

from celery.signals import setup_logging

from dashboard.up.parent_link import ParentLink

ORPHAN_SECONDS: Final = 3.0
"""How long handing back the running work may take when the parent is gone."""
NAME: Final = "up@%h"
"""Differs from the name of a worker that somebody starts beside it."""


def keep_logging(**given: object) -> None:
    """Keep the logging configuration: Celery configures its own only if this signal has no receiver."""


def run(parent: ParentLink) -> int:
    """Import everything, wait for the parent, and run nodes until a signal. Return the exit code. Loads no Django.

    The first SIGTERM lets running nodes finish for up to 10 s; a second one, or the end of the parent, hands them back.
    """
    from engine.celery import app
    from engine.host import bootstep

    def orphaned() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        deadline = time.monotonic() + ORPHAN_SECONDS
        while time.monotonic() < deadline:
            # Celery begins to drain some time after the signal. From then on, let running nodes not finish.
            if bootstep.host is not None:
                bootstep.host.end_grace()
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)

    parent.on_parent_exit = orphaned
    setup_logging.connect(keep_logging)
    logging.getLogger().setLevel(logging.INFO)
    parent.wait()
    return int(app.worker_main(["--quiet", "worker", "-Q", "default", "-n", NAME]) or 0)
