"""Runs started with the engine's own action, with the scheduler in its own process as under `up`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from engine.actions import runs
from engine.models import Run
from engine.reads import queries
from engine.states import RUN_TERMINAL

START_SECONDS = 30.0
END_SECONDS = 300.0
LOOK_SECONDS = 0.02
"""Rarely enough to leave the cores to the product; times come from the rows of the runs."""


class SchedulerProcess:
    """`manage.py scheduler` with the environment of this process."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        command = [sys.executable, "-m", "django", "scheduler"]
        self.process = subprocess.Popen(command, env={**environment, "DJANGO_SETTINGS_MODULE": "dashboard.settings"})
        end = time.monotonic() + START_SECONDS
        while not queries.scheduler_alive():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("The scheduler did not start.")
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def measure(document: Mapping[str, Any], workflow: str) -> float:
    """Return the seconds from the run's creation to its end. Raises RuntimeError if it does not succeed."""
    run = runs.start(runs.store_definition(document), workflow=workflow, by="bench")
    end = time.monotonic() + END_SECONDS
    while True:
        time.sleep(LOOK_SECONDS)
        found = Run.objects.filter(pk=run.pk).values("state", "created_at", "finished_at", "counts").get()
        if found["state"] in RUN_TERMINAL:
            break
        if time.monotonic() > end:
            raise RuntimeError(f"The run did not end within {END_SECONDS:g} s: {found['counts']}.")
    if found["state"] != "succeeded":
        raise RuntimeError(f"The run ended {found['state']}: {found['counts']}.")
    finished = found["finished_at"]
    assert finished is not None
    seconds: float = (finished - found["created_at"]).total_seconds()
    return seconds
