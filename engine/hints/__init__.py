"""Hints between the scheduler and other processes: over a Unix socket, or Redis where REDIS_URL is set.

A hint may be lost, late or repeated and only says "look in the database": whoever waits for one also looks there every
second. There are two: a wake, to the scheduler (there are new commands); and from it, to all who listen, what a tick
has changed: {"runs": {"<id>": seq}, "overview": true, "samples": [...]}, merged per tick.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any, Protocol

from engine.config import Config
from engine.hints import unix


class Watcher(Protocol):
    """The part of an executor that hangs files on its selector."""

    def watch(self, fileobj: Any, callback: Callable[[], None]) -> None: ...

    def unwatch(self, fileobj: Any) -> None: ...


class HintServer(Protocol):
    """The scheduler's end. All calls come from its one thread, and none of them waits."""

    def open(self) -> None:
        """Begin to hear; the caller holds the lock that makes it the only scheduler."""

    def close(self) -> None:
        """End it; safe to call twice."""

    def broadcast(self, hint: dict[str, Any]) -> None:
        """Send to every listener."""

    @property
    def listened(self) -> bool:
        """Whether anybody would get a hint, as far as is known."""


def server(config: Config, watcher: Watcher, on_wake: Callable[[], None]) -> HintServer:
    """The scheduler's end, not open yet. `on_wake` is called within the watcher's poll."""
    if config.redis_url:
        from engine.hints.redis_server import RedisHintServer

        return RedisHintServer(config, watcher, on_wake)
    return unix.UnixHintServer(config, watcher, on_wake)


def wake(config: Config | None = None) -> None:
    """Tell the scheduler that there are new commands. Never raises, and waits a moment at most when Redis hangs;
    without a scheduler it does nothing, for the next one looks into the database."""
    if config is None:
        from django.conf import settings

        config = settings.INTERLOCK
    if config.redis_url:
        from engine.hints import redis

        redis.wake(config)
    else:
        unix.wake(config)


def reachable(config: Config) -> bool:
    """Whether a scheduler of this installation listens now."""
    if config.redis_url:
        from engine.hints import redis

        return redis.reachable(config)
    return unix.reachable(config)


def listen(config: Config) -> AsyncGenerator[dict[str, Any], None]:
    """Hints of the scheduler, for ever; reconnects by itself.

    After each (re)connection, and when a scheduler begins, an item is {"connected": true}: what was missed meanwhile
    must be read from the database. {"connected": false} says that no hint can come now; it comes once, then the wait
    goes on.
    """
    if config.redis_url:
        from engine.hints import redis

        return redis.listen(config)
    return unix.listen(config)
