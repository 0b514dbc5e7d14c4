"""Hints over Redis pub/sub for installations on several hosts: the end of all processes except the scheduler."""

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator
from typing import Any, Final

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff

from engine.config import Config
from engine.hints.redis_client import (
    ANSWER_SECONDS,
    ERRORS,
    KEEPALIVE,
    LISTEN,
    NO_PONG,
    WAKE,
    connect,
    hint_channel,
    retry_delay,
    wake_channel,
)

log = logging.getLogger("interlock.hints")

WAKE_SECONDS: Final = 0.25
"""The longest that a wake waits for Redis: once to connect and once for its answer."""
PAUSE_SECONDS: Final = 5.0
"""After a wake that failed, no wake is sent for this long, so that not every request waits."""
ANNOUNCE_SECONDS: Final = 5.0
"""How often a listener announces itself."""


class _WakeSender:
    """Sends the wakes of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted = False
        self.client: redis.Redis | None = None
        self.url = ""
        self.pid = 0
        self.paused_until = 0.0

    def wake(self, config: Config) -> None:
        if time.monotonic() < self.paused_until and self.url == config.redis_url:
            return
        self.wanted = True
        # While one caller waits for Redis, further callers return at once. It sends one more wake for all of them.
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
                # A connection does not survive a fork.
                self.client, self.pid, self.url = connect(config, "wake", WAKE_SECONDS), os.getpid(), config.redis_url
            try:
                self.client.publish(wake_channel(config), WAKE)
            except redis.TimeoutError:
                raise
            except redis.ConnectionError:
                # An idle connection may have ended since: try a new one.
                self.client.publish(wake_channel(config), WAKE)
        except Exception as error:
            # The caller's transaction is committed: no error here may make it look as if it had failed.
            self.paused_until = time.monotonic() + PAUSE_SECONDS
            log.warning("wake_failed: Redis (REDIS_URL) cannot be used, the scheduler polls the database: %s", error,
                        exc_info=not isinstance(error, ERRORS))  # fmt: skip


_wake_sender = _WakeSender()


def wake(config: Config) -> None:
    """See `engine.hints`."""
    _wake_sender.wake(config)


def reachable(config: Config) -> bool:
    """See `engine.hints`."""
    try:
        with connect(config, "doctor", ANSWER_SECONDS) as client:
            ((_, count),) = client.pubsub_numsub(wake_channel(config))
            return bool(count)
    except ERRORS:
        return False


async def listen(config: Config) -> AsyncGenerator[dict[str, Any], None]:
    """See `engine.hints`."""
    failures = 0
    while True:
        client = redis.asyncio.Redis.from_url(
            config.redis_url, client_name="interlock-listener", socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS, retry=AsyncRetry(NoBackoff(), 0), **KEEPALIVE,
        )  # fmt: skip
        channel = client.pubsub(ignore_subscribe_messages=True)
        try:
            await channel.subscribe(hint_channel(config))
            await client.publish(wake_channel(config), LISTEN)
            announced = time.monotonic()
            if failures:
                log.info("hints_connected: Redis is back")
            failures = 0
            yield {"connected": True}
            pinged = False
            while True:
                message = await channel.get_message(timeout=ANNOUNCE_SECONDS)
                if message is not None:
                    pinged = False
                    if message["type"] == "message":
                        yield json.loads(message["data"])
                elif pinged:
                    raise redis.TimeoutError(NO_PONG)
                else:
                    pinged = True
                    await channel.ping()
                if time.monotonic() - announced >= ANNOUNCE_SECONDS:
                    await client.publish(wake_channel(config), LISTEN)
                    announced = time.monotonic()
        except ERRORS as error:
            if not failures:
                log.warning("hints_lost: Redis (REDIS_URL) is away, the database is polled each second: %s", error)
                yield {"connected": False}
            failures += 1
        finally:
            await channel.aclose()  # type: ignore[no-untyped-call]
            await client.aclose()
        await asyncio.sleep(retry_delay(failures))
