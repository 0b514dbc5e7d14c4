"""Hints between the scheduler and other processes: over a Unix socket, or over Redis where REDIS_URL is set.

A hint may be lost, late or repeated. It only means "look into the database", and every receiver also looks there once a
second. There are two kinds: a wake tells the scheduler that there are new commands, and the scheduler tells its
listeners what a tick has changed: {"runs": {"<id>": seq}, "overview": true, "samples": [...]}, merged per tick.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Any

from engine.config import Config
from engine.hints import unix
from engine.hints.base import FileWatcher, HintServer

__all__ = ["FileWatcher", "HintServer", "listen", "reachable", "server", "wake"]


def server(config: Config, watcher: FileWatcher, on_wake: Callable[[], None]) -> HintServer:
    """Return the scheduler's end, not open yet. `on_wake` is called within the watcher's poll."""
    if config.redis_url:
        from engine.hints.redis_server import RedisHintServer

        return RedisHintServer(config, watcher, on_wake)
    return unix.UnixHintServer(config, watcher, on_wake)


def wake(config: Config | None = None) -> None:
    """Tell the scheduler that there are new commands. Never raises, and waits only a moment if Redis hangs.

    Without a scheduler it does nothing, because the next one starts by reading the database.
    """
    if config is None:
        from django.conf import settings

        config = settings.INTERLOCK
    if config.redis_url:
        from engine.hints import redis

        redis.wake(config)
    else:
        unix.wake(config)


def reachable(config: Config) -> bool:
    """Return whether a scheduler of this installation takes wakes now."""
    if config.redis_url:
        from engine.hints import redis

        return redis.reachable(config)
    return unix.reachable(config)


def listen(config: Config) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the scheduler's hints for ever. Reconnects by itself.

    Yields {"connected": true} after each connection and when a scheduler starts; the caller must then read from the
    database what it missed. Yields {"connected": false} once when no hint can arrive, and goes on waiting.
    """
    if config.redis_url:
        from engine.hints import redis

        return redis.listen(config)
    return unix.listen(config)
