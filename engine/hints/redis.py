"""Hints over Redis pub/sub: for installations on several hosts.

Nothing is stored there. Redis may be away, hang, be full or come back empty: who waits looks into the database each
second meanwhile, and everything here connects again by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.config import Config

log = logging.getLogger("interlock.hints")

ERRORS: Final = (redis.RedisError, OSError, ValueError)
"""What any use of a client may raise."""
WAKE_SECONDS: Final = 0.25
"""The longest that a wake waits for Redis, to connect and for its answer each."""
REST_SECONDS: Final = 5.0
"""How long wakes are left out after one that failed, so that not every request waits."""
ANSWER_SECONDS: Final = 1.0
"""For an answer of Redis where nobody waits for it."""
ANNOUNCE_SECONDS: Final = 5.0
"""How often a listener says that it is there."""
PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds before connecting again, by failures in a row."""
LONG_SECONDS: Final = 10.0
"""A connection that lasted so long is opened again without much delay."""
ASK_SECONDS: Final = 5.0
"""Of silence, after which a server is asked whether it is there; as long again, and it is not."""
KEPT_ALIVE: Final[dict[str, Any]] = {
    "socket_keepalive": True,
    # A server, or a firewall, that forgot a connection says nothing: whoever only listens there would hear nothing for
    # ever, and whoever speaks for a quarter of an hour.
    "socket_keepalive_options": {
        getattr(socket, name): value
        for name, value in (
            ("TCP_KEEPIDLE", 2), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 4000),
        )
        if hasattr(socket, name)
    },
}  # fmt: skip
"""For every connection to Redis."""
DEAF: Final = "It does not answer on the connection that hears it."
LISTEN: Final = b"listen"
WAKE: Final = b"wake"


def prefix(config: Config) -> str:
    """What all names of this installation in Redis begin with: several may share a server. It follows from the
    database, so DATABASE_URL must name that alike on every host."""
    parts = urlsplit(config.database_url)
    if config.database_url:
        identity = f"{parts.hostname}:{parts.port or 5432}/{parts.path.strip('/')}"
    else:
        identity = f"{socket.gethostname()}:{config.database_file}"
    return f"interlock:{hashlib.sha256(identity.encode()).hexdigest()[:12]}:"


def to_scheduler(config: Config) -> str:
    """Name of the channel that the scheduler hears."""
    return prefix(config) + "scheduler"


def from_scheduler(config: Config) -> str:
    """Name of the channel of what it says."""
    return prefix(config) + "hints"


def client(config: Config, role: str, seconds: float) -> redis.Redis:
    """A client that fails soon instead of trying again: whoever uses it knows better when to."""
    return redis.Redis.from_url(
        config.redis_url, client_name=f"interlock-{role}", socket_connect_timeout=seconds, socket_timeout=seconds,
        retry=Retry(NoBackoff(), 0), **KEPT_ALIVE,
    )  # fmt: skip


class Ear:
    """A subscription to one channel, which notices that nobody is at its other end any more. Raises ERRORS."""

    def __init__(self, connection: redis.Redis, channel: str) -> None:
        self._pubsub = connection.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(channel)
        self._asked = False
        self._silent_since = time.monotonic()

    def close(self) -> None:
        self._pubsub.close()

    def hear(self, seconds: float) -> bytes | None:
        """What is said next; None: nothing was within so many seconds."""
        message = self._pubsub.get_message(timeout=seconds)
        now = time.monotonic()
        if message is not None:
            self._silent_since, self._asked = now, False
            return bytes(message["data"]) if message["type"] == "message" else None
        if now - self._silent_since >= ASK_SECONDS * (2 if self._asked else 1):
            if self._asked:
                raise redis.TimeoutError(DEAF)
            self._asked = True
            self._pubsub.ping()
        return None


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return PAUSES[min(failures, len(PAUSES) - 1)]


def keep_at(work: Callable[[], None], over: threading.Event, failed: Callable[[Exception], None]) -> None:
    """Do it on this thread until `over`, and begin again after each error: one of another kind than ERRORS is ours, and
    no reason to hear nothing any more. `failed` is told of each."""
    failures = 0
    while not over.is_set():
        begun = time.monotonic()
        try:
            work()
        except Exception as error:
            failed(error)
            failures = failures + 1 if time.monotonic() - begun < LONG_SECONDS else 0
            over.wait(pause(failures))


class _Waker:
    """The client of this process for wakes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted = False
        self.client: redis.Redis | None = None
        self.url = ""
        self.pid = 0
        self.rests_until = 0.0

    def wake(self, config: Config) -> None:
        if time.monotonic() < self.rests_until and self.url == config.redis_url:
            return
        self.wanted = True
        # Of those who come while one waits for Redis none waits too: it sends once more for all of them.
        while self.wanted and self.lock.acquire(blocking=False):
            try:
                while self.wanted:
                    self.wanted = False
                    self._send(config)
            finally:
                self.lock.release()

    def _send(self, config: Config) -> None:
        try:
            if self.client is None or self.pid != os.getpid() or self.url != config.redis_url:
                # A connection does not cross a fork.
                self.client, self.pid, self.url = client(config, "wake", WAKE_SECONDS), os.getpid(), config.redis_url
            try:
                self.client.publish(to_scheduler(config), WAKE)
            except redis.TimeoutError:
                raise
            except redis.ConnectionError:
                # A connection that was idle may have ended since: a new one tells.
                self.client.publish(to_scheduler(config), WAKE)
        except Exception as error:
            # What it is about is committed: no error here may make that look as if it had failed.
            self.rests_until = time.monotonic() + REST_SECONDS
            log.warning("hints: Redis (REDIS_URL) cannot be told, the scheduler looks by itself: %s", error,
                        exc_info=not isinstance(error, ERRORS))  # fmt: skip


_waker = _Waker()


def wake(config: Config) -> None:
    """See `engine.hints`."""
    _waker.wake(config)


def reachable(config: Config) -> bool:
    """See `engine.hints`."""
    try:
        with client(config, "doctor", ANSWER_SECONDS) as asking:
            ((_, count),) = asking.pubsub_numsub(to_scheduler(config))
            return bool(count)
    except ERRORS:
        return False


async def listen(config: Config) -> AsyncGenerator[dict[str, Any], None]:
    """See `engine.hints`."""
    failures = 0
    while True:
        listening = redis.asyncio.Redis.from_url(
            config.redis_url, client_name="interlock-listener", socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS, retry=AsyncRetry(NoBackoff(), 0), **KEPT_ALIVE,
        )  # fmt: skip
        channel = listening.pubsub(ignore_subscribe_messages=True)
        try:
            await channel.subscribe(from_scheduler(config))
            await listening.publish(to_scheduler(config), LISTEN)
            announced = time.monotonic()
            if failures:
                log.info("hints: Redis is back")
            failures = 0
            yield {"connected": True}
            asked = False
            while True:
                message = await channel.get_message(timeout=ANNOUNCE_SECONDS)
                if message is not None:
                    asked = False
                    if message["type"] == "message":
                        yield json.loads(message["data"])
                elif asked:
                    raise redis.TimeoutError(DEAF)
                else:
                    asked = True
                    await channel.ping()
                if time.monotonic() - announced >= ANNOUNCE_SECONDS:
                    await listening.publish(to_scheduler(config), LISTEN)
                    announced = time.monotonic()
        except ERRORS as error:
            if not failures:
                log.warning("hints: Redis (REDIS_URL) is away, the database is asked each second: %s", error)
                yield {"connected": False}
            failures += 1
        finally:
            await channel.aclose()  # type: ignore[no-untyped-call]
            await listening.aclose()
        await asyncio.sleep(pause(failures))
