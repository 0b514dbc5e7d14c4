"""Hints between the scheduler and the hosts, over Redis. The receiver of a hint looks into the database.

Nothing here waits for Redis on the caller's thread, and nothing fails when Redis is away. Then no hints are sent, and
both sides still look into the database regularly.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import redis

from engine.config import Config
from engine.hints import redis_client
from engine.hints.redis_client import ERRORS, Subscription, prefix, run_again

log = logging.getLogger("interlock.hints")

TIMEOUT_SECONDS = 1.0
PAUSE_SECONDS = 0.5
"""After a call that failed, calls are dropped for this long."""
RECEIVE_SECONDS = 5.0


def report_channel(config: Config) -> str:
    """Return the channel on which hosts announce reports that they have written."""
    return prefix(config) + "reports"


def host_channel(config: Config, host: int) -> str:
    """Return the channel on which the scheduler announces requests to a host."""
    return f"{prefix(config)}host:{host}"


def connect(config: Config) -> redis.Redis:
    """Return a client for hints between the scheduler and the hosts."""
    return redis_client.connect(config, "executor", TIMEOUT_SECONDS)


class PublisherThread:
    """A thread that makes calls which may have to wait for Redis, in order.

    A call that fails is dropped; of several failures in a row the first is logged.
    """

    def __init__(self, name: str) -> None:
        self._calls: deque[Callable[[], object]] = deque()
        self._ready = threading.Semaphore(0)
        self._closed = False
        self._paused_until = 0.0
        self._failed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[[], object]) -> None:
        """Have the thread make this call soon, unless Redis is away."""
        self._calls.append(call)
        self._ready.release()

    def close(self, seconds: float = TIMEOUT_SECONDS) -> None:
        """End the thread when all calls are made; wait for that up to `seconds`."""
        self._closed = True
        self._ready.release()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            self._ready.acquire()
            if not self._calls:
                if self._closed:
                    return
                continue
            call = self._calls.popleft()
            if time.monotonic() < self._paused_until:
                continue
            try:
                call()
                self._failed = False
            except Exception as error:
                self._paused_until = time.monotonic() + PAUSE_SECONDS
                if not self._failed:
                    self._failed = True
                    log.warning("redis_away: %s: %s", type(error).__name__, error)


class ChannelListener:
    """A thread that calls `on_hint` for each hint on a channel, and after each connection."""

    def __init__(self, config: Config, channel: str, on_hint: Callable[[], None]) -> None:
        self.config, self.channel, self.on_hint = config, channel, on_hint
        self._closed = threading.Event()
        arguments = (self._listen, self._closed, self._on_error)
        threading.Thread(target=run_again, args=arguments, name="hints", daemon=True).start()

    def close(self) -> None:
        """End the thread soon."""
        self._closed.set()

    def _on_error(self, error: Exception) -> None:
        # The publisher logs that Redis is away.
        if not isinstance(error, ERRORS):
            log.error("hints_failed", exc_info=error)

    def _listen(self) -> None:
        connection = connect(self.config)
        try:
            subscription = Subscription(connection, self.channel)
            self.on_hint()
            while not self._closed.is_set():
                if subscription.receive(RECEIVE_SECONDS) is not None:
                    self.on_hint()
        finally:
            connection.close()


class HostHints:
    """A host's end: notifies the scheduler of reports, and calls `on_hint` when the scheduler has requests."""

    def __init__(self, config: Config, on_hint: Callable[[], None]) -> None:
        self.config, self.on_hint = config, on_hint
        self._redis = connect(config)
        self._publisher = PublisherThread("host hints")
        self._listener: ChannelListener | None = None

    def listen(self, host: int) -> None:
        """Listen to the channel of this host, and to no other."""
        if self._listener is not None:
            self._listener.close()
        self._listener = ChannelListener(self.config, host_channel(self.config, host), self.on_hint)

    def publish(self) -> None:
        """Have the scheduler read reports."""
        self._publisher.submit(lambda: self._redis.publish(report_channel(self.config), b"1"))

    def close(self) -> None:
        self._publisher.close()
        if self._listener is not None:
            self._listener.close()
