"""Connections to Redis for hints: names, time limits, and subscriptions that notice a server that is gone.

Redis stores no data of the product. It may be unreachable, hang, be full or come back empty: every process that waits
for a hint also looks into the database each second, and broken connections are opened again.
"""

import hashlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.config import Config

ERRORS: Final = (redis.RedisError, OSError, ValueError)
"""What any use of a client may raise."""
ANSWER_SECONDS: Final = 1.0
"""How long a background thread waits for Redis."""
RETRY_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Delay before the next connection, by the number of failures in a row."""
STABLE_SECONDS: Final = 10.0
"""A connection that lasted this long resets the number of failures."""
PING_SECONDS: Final = 5.0
"""After this long without a message a subscription pings its server, unless its user chooses another time."""
PONG_SECONDS: Final = 5.0
"""A connection whose ping is not answered for this long counts as lost."""
KEEPALIVE: Final[dict[str, Any]] = {
    "socket_keepalive": True,
    # A server or firewall that has dropped a connection sends nothing: without keepalive a subscriber would wait for
    # ever, and a publisher for a quarter of an hour.
    "socket_keepalive_options": {
        getattr(socket, name): value
        for name, value in (
            ("TCP_KEEPIDLE", 2), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 4000),
        )
        if hasattr(socket, name)
    },
}  # fmt: skip
"""Options of every connection to Redis."""
NO_PONG: Final = "The server does not answer on the connection of the subscription."
LISTEN: Final = b"listen"
WAKE: Final = b"wake"


def prefix(config: Config) -> str:
    """Return the prefix of this installation's names in Redis, because several installations may share a server.

    It follows from the database, so DATABASE_URL must name the database alike on every host.
    """
    parts = urlsplit(config.database_url)
    if config.database_url:
        identity = f"{parts.hostname}:{parts.port or 5432}/{parts.path.strip('/')}"
    else:
        identity = f"{socket.gethostname()}:{config.database_file}"
    return f"interlock:{hashlib.sha256(identity.encode()).hexdigest()[:12]}:"


def wake_channel(config: Config) -> str:
    """Return the channel that the scheduler subscribes to."""
    return prefix(config) + "scheduler"


def hint_channel(config: Config) -> str:
    """Return the channel on which the scheduler publishes what changed."""
    return prefix(config) + "hints"


def connect(config: Config, role: str, seconds: float) -> redis.Redis:
    """Return a client that fails after `seconds` and does not retry: its callers decide when to retry."""
    return redis.Redis.from_url(
        config.redis_url, client_name=f"interlock-{role}", socket_connect_timeout=seconds, socket_timeout=seconds,
        retry=Retry(NoBackoff(), 0), **KEEPALIVE,
    )  # fmt: skip


class Subscription:
    """A subscription to one channel that notices a silent connection. All methods raise ERRORS."""

    def __init__(self, connection: redis.Redis, channel: str, ping_seconds: float = PING_SECONDS) -> None:
        self._ping_seconds = ping_seconds
        self._pubsub = connection.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(channel)
        self._silent_since = time.monotonic()
        self._pinged_at: float | None = None
        """When it sent the ping that is not answered yet."""

    def close(self) -> None:
        self._pubsub.close()

    @property
    def is_silent(self) -> bool:
        """Whether the server has left a ping without an answer for as long as it was silent before."""
        return self._pinged_at is not None and time.monotonic() - self._pinged_at >= self._ping_seconds

    def receive(self, seconds: float) -> bytes | None:
        """Return the next message; None: none arrived within `seconds`."""
        message = self._pubsub.get_message(timeout=seconds)
        now = time.monotonic()
        if message is not None:
            self._silent_since, self._pinged_at = now, None
            return bytes(message["data"]) if message["type"] == "message" else None
        if self._pinged_at is not None:
            if now - self._pinged_at >= PONG_SECONDS:
                raise redis.TimeoutError(NO_PONG)
        elif now - self._silent_since >= self._ping_seconds:
            self._pinged_at = now
            self._pubsub.ping()
        return None


def retry_delay(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row."""
    return RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]


def run_again(work: Callable[[], None], stop: threading.Event, on_error: Callable[[Exception], None]) -> None:
    """Call `work` on this thread until `stop` is set; call it again after each error.

    `on_error` gets every error. Those other than ERRORS are bugs of the product, and must not end the thread either.
    """
    failures = 0
    while not stop.is_set():
        started = time.monotonic()
        try:
            work()
        except Exception as error:
            on_error(error)
            failures = failures + 1 if time.monotonic() - started < STABLE_SECONDS else 0
            stop.wait(retry_delay(failures))
