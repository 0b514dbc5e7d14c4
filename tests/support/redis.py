"""A test's own Redis server, to be killed, stopped, filled and started again."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import redis

from tests.support.product import free_port
from tests.support.wait import wait_until

DATABASE = 3
"""The number that the product uses."""


class Server:
    """`redis-server` on a free port of the loopback, and of `address`, without files. `inside` precedes its command:
    then the loopback is another one."""

    def __init__(self, folder: Path, *arguments: str, address: str = "127.0.0.1", inside: Sequence[str] = ()) -> None:
        self.folder, self.arguments, self.address, self.inside = folder, arguments, address, inside
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.address}:{self.port}/{DATABASE}"

    def client(self, **more: Any) -> redis.Redis:
        host = self.address if self.inside else "127.0.0.1"
        return redis.Redis(host, self.port, socket_timeout=5, **more)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*self.inside, "redis-server", "--port", str(self.port), "--bind", *{"127.0.0.1", self.address},
             "--save", "", "--appendonly", "no", "--dir", str(self.folder), "--daemonize", "no",
             "--protected-mode", "no", *self.arguments],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            with self.client() as asking:
                return bool(asking.ping())
        except redis.AuthenticationError:
            return True
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """It accepts connections and answers nothing."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def server(folder: Path, *arguments: str, address: str = "127.0.0.1", inside: Sequence[str] = ()) -> Iterator[Server]:
    """Yield a started server, and end it at the end; `arguments` are those of redis-server."""
    started = Server(folder, *arguments, address=address, inside=inside)
    started.start()
    try:
        yield started
    finally:
        started.kill()
