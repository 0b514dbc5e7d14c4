"""Hints between the scheduler and the hosts, over Redis: who hears one looks into the database.

Nothing here waits for Redis on the caller's thread, and nothing fails when it is away: then hints are not sent, and
everybody looks by himself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import redis

from engine.config import Config
from engine.hints.redis import ERRORS, Ear, client, keep_at, prefix

log = logging.getLogger("interlock.hints")

TIMEOUT_SECONDS = 1.0
REST_SECONDS = 0.5
"""Between two tries to reach Redis."""
LISTEN_SECONDS = 5.0


def scheduler_channel(config: Config) -> str:
    """The channel on which hosts say that there are reports."""
    return prefix(config) + "reports"


def host_channel(config: Config, host: int) -> str:
    """The channel on which the scheduler says that there are wishes."""
    return f"{prefix(config)}host:{host}"


def connect(config: Config) -> redis.Redis:
    return client(config, "executor", TIMEOUT_SECONDS)


class Courier:
    """A thread that does what may have to wait for Redis, in order; what fails is dropped, and said once."""

    def __init__(self, name: str) -> None:
        self._orders: deque[Callable[[], object]] = deque()
        self._ready = threading.Semaphore(0)
        self._over = False
        self._away_until = 0.0
        self._said = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, order: Callable[[], object]) -> None:
        """Call `order` soon, unless Redis is away."""
        self._orders.append(order)
        self._ready.release()

    def close(self, seconds: float = TIMEOUT_SECONDS) -> None:
        """End the thread when all orders are done."""
        self._over = True
        self._ready.release()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            self._ready.acquire()
            if not self._orders:
                if self._over:
                    return
                continue
            order = self._orders.popleft()
            if time.monotonic() < self._away_until:
                continue
            try:
                order()
                self._said = False
            except Exception as error:
                self._away_until = time.monotonic() + REST_SECONDS
                if not self._said:
                    self._said = True
                    log.warning("redis_away: %s: %s", type(error).__name__, error)


class Listener:
    """A thread that calls `heard` for each hint on a channel, and after each (re)connection."""

    def __init__(self, config: Config, channel: str, heard: Callable[[], None]) -> None:
        self.config, self.channel, self.heard = config, channel, heard
        self._over = threading.Event()
        arguments = (self._listen, self._over, self._failed)
        threading.Thread(target=keep_at, args=arguments, name="hints", daemon=True).start()

    def close(self) -> None:
        self._over.set()

    def _failed(self, error: Exception) -> None:
        # Of a Redis that is away the courier speaks.
        if not isinstance(error, ERRORS):
            log.error("hints_failed", exc_info=error)

    def _listen(self) -> None:
        connection = connect(self.config)
        try:
            ear = Ear(connection, self.channel)
            self.heard()
            while not self._over.is_set():
                if ear.hear(LISTEN_SECONDS) is not None:
                    self.heard()
        finally:
            connection.close()
