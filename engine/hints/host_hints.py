"""Hints between the scheduler and the hosts, over Redis. The receiver of a hint looks into the database.

Nothing here waits for Redis on the caller's thread, and nothing fails when Redis is away. Then no hints are sent, and
both sides look into the database more often.
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
SILENT_SECONDS = 0.25
"""After this long without a hint a listener pings Redis, which counts as away when it does not answer for as long. What
is sent ahead keeps the hosts at work meanwhile."""


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
    """A thread that calls `on_hint` for each hint on a channel.

    It calls `on_away` when Redis goes away or does not answer (True), and when it answers again and after the first
    connection (False): hints may have been lost before that.
    """

    def __init__(
        self, config: Config, channel: str, on_hint: Callable[[], None], on_away: Callable[[bool], None]
    ) -> None:
        self.config, self.channel, self.on_hint, self.on_away = config, channel, on_hint, on_away
        self._is_away: bool | None = None
        """What `on_away` was called with last."""
        self._closed = threading.Event()
        arguments = (self._listen, self._closed, self._on_error)
        threading.Thread(target=run_again, args=arguments, name="hints", daemon=True).start()

    def close(self) -> None:
        """End the thread soon."""
        self._closed.set()

    def _on_error(self, error: Exception) -> None:
        self._set_away(True)
        # The publisher logs that Redis is away.
        if not isinstance(error, ERRORS):
            log.error("hints_failed", exc_info=error)

    def _set_away(self, is_away: bool) -> None:
        if is_away != self._is_away and not self._closed.is_set():
            self._is_away = is_away
            self.on_away(is_away)

    def _listen(self) -> None:
        connection = connect(self.config)
        try:
            subscription = Subscription(connection, self.channel, SILENT_SECONDS)
            self._set_away(False)
            while not self._closed.is_set():
                hint = subscription.receive(SILENT_SECONDS)
                self._set_away(subscription.is_silent)
                if hint is not None:
                    self.on_hint()
        finally:
            connection.close()


class HostHints:
    """A host's end: notifies the scheduler of reports, and calls `on_hint` when the scheduler has requests. For
    `on_away` see `ChannelListener`."""

    def __init__(self, config: Config, on_hint: Callable[[], None], on_away: Callable[[bool], None]) -> None:
        self.config, self.on_hint, self.on_away = config, on_hint, on_away
        self._redis = connect(config)
        self._publisher = PublisherThread("host hints")
        self._listener: ChannelListener | None = None

    def listen(self, host: int) -> None:
        """Listen to the channel of this host, and to no other."""
        if self._listener is not None:
            self._listener.close()
        self._listener = ChannelListener(self.config, host_channel(self.config, host), self.on_hint, self.on_away)

    def publish(self) -> None:
        """Have the scheduler read reports."""
        self._publisher.submit(lambda: self._redis.publish(report_channel(self.config), b"1"))

    def close(self) -> None:
        self._publisher.close()
        if self._listener is not None:
            self._listener.close()
