"""Workers of the scaled form: `celery -A engine worker` in separate processes."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from engine.supervisor.cleanup import mark_prefix
from tests.support.product import ROOT, processes_with
from tests.support.wait import wait_until

START_SECONDS = 60.0


class Worker:
    """One worker, ready when constructed; `environment` is that of the whole installation. Its name is `<name>@test`;
    `inside` precedes its command. Without `wait` it is only started. `source`: where its code is."""

    def __init__(
        self,
        log: Path,
        environment: Mapping[str, str],
        name: str = "one",
        queues: str = "default",
        inside: Sequence[str] = (),
        wait: bool = True,
        source: Path = ROOT,
    ) -> None:
        self.source = source
        self.log, self.name = log, f"{name}@test"
        self.environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environment}
        self.home = Path(environment["INTERLOCK_HOME"]) / "hosts" / self.name
        self.command = [
            *inside, sys.executable, "-m", "celery", "-A", "engine", "worker", "-Q", queues, "-n", self.name,
            "--without-mingle", "--without-gossip", "-l", "info",
        ]  # fmt: skip
        self.process: subprocess.Popen[bytes]
        self._ready_before = 0
        if wait:
            self.start()
        else:
            self.begin()

    def start(self) -> None:
        """Start it (again) and wait until it takes work."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start it (again)."""
        self._ready_before = self._ready_lines()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.source, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def is_ready(self) -> bool:
        """Return whether it is alive and takes work."""
        return self.process.poll() is None and self._ready_lines() > self._ready_before

    def wait(self) -> None:
        """Wait until it takes work."""
        wait_until(lambda: self.is_ready() or self.process.poll() is not None, START_SECONDS)
        assert self.process.poll() is None, f"the worker did not start:\n{self.log.read_text()[-4000:]}"

    def _ready_lines(self) -> int:
        return self.log.read_text().count(f"{self.name} ready.") if self.log.exists() else 0

    def node_processes(self) -> list[int]:
        """Return processes with its mark: node processes and what they started."""
        return processes_with(mark_prefix(self.home))

    def kill(self) -> None:
        """Kill the worker's main process with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout: float = 40) -> int:
        """Send SIGTERM, and return the exit code."""
        self.process.terminate()
        return self.process.wait(timeout)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the worker, but not its node processes."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def end(self) -> None:
        """Leave nothing of it."""
        if self.process.poll() is None:
            self.kill()
        for pid in self.node_processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def worker(log: Path, environment: Mapping[str, str], name: str = "one", queues: str = "default") -> Iterator[Worker]:
    """Yield a started worker, and end it at the end."""
    started = Worker(log, environment, name, queues)
    try:
        yield started
    finally:
        started.end()
