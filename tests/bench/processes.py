"""Schedulers and workers in their own processes, which can be killed and started again."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.inspect import procfs

START_SECONDS = 30.0


class ServiceProcess:
    """A command whose log shows when it is ready."""

    ready: Sequence[bytes]
    """Texts of which the log then contains one."""

    def __init__(self, log: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.log, self.command, self.environment = log, command, environment
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start the process, also again, and wait until it is ready. Raises RuntimeError."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command, env=dict(self.environment), stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while not any(text in self.log.read_bytes() for text in self.ready):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"It did not start: {self.command}\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def children(self) -> list[int]:
        return procfs.children(self.process.pid)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


class Worker(ServiceProcess):
    """`celery -A <app> worker`."""

    ready = (b" ready.",)

    def __init__(self, log: Path, app: str, environment: Mapping[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", "celery", "-A", app, "worker", "--without-mingle", "--without-gossip"]
        super().__init__(log, [*command, "-l", "info", *arguments], environment)


class Scheduler(ServiceProcess):
    """`manage.py scheduler`: ready if it leads or stands by."""

    ready = (b"scheduler_leads", b"scheduler_stands_by")

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        super().__init__(log, [sys.executable, "-m", "django", "scheduler"], environment)
