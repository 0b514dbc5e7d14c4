"""The Redis channel layer for several web processes: channels_redis over pub/sub, which stores nothing.

Its messages may be lost, so nothing waits for Redis and nothing fails without it. Sockets then show what the hub polls
from the database, until Redis is back.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

import redis
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from engine.hints.redis_client import KEEPALIVE

log = logging.getLogger("interlock.live")

ANSWER_SECONDS: Final = 1.0
"""Timeout of Redis for connecting and answering, in the background."""
PATIENCE_SECONDS: Final = 0.25
"""The longest time that a socket or a hint waits for Redis."""


def host(url: str) -> dict[str, Any]:
    """Return the connection options of channels_redis: fail soon, and connect again at the next use."""
    return {
        "address": url, "client_name": "interlock-layer", "socket_connect_timeout": ANSWER_SECONDS,
        "socket_timeout": ANSWER_SECONDS, "retry": Retry(NoBackoff(), 0), **KEEPALIVE,
    }  # fmt: skip


class Layer(RedisPubSubChannelLayer):  # type: ignore[misc] # channels_redis ships no types
    """The layer of this process; it has one part per event loop."""

    def _get_layer(self) -> "LoopLayer":
        loop = asyncio.get_running_loop()
        if loop not in self._layers:
            self._layers[loop] = LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        found: LoopLayer = self._layers[loop]
        return found


class LoopLayer(RedisPubSubLoopLayer):  # type: ignore[misc]
    """The part for one event loop. Messages go to groups only; channels are known to this process alone."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._works: dict[str, asyncio.Task[None]] = {}
        self._away = False

    async def _subscribe_to_channel(self, channel: str) -> None:
        self.channels[channel] = asyncio.Queue()

    async def group_add(self, group: str, channel: str) -> None:
        """Join a group. Called repeatedly while the membership lasts, which makes up for failed calls."""
        name = self._get_group_channel_name(group)
        self.groups.setdefault(name, set()).add(channel)
        await self._try(f"join {name}", self._get_shard(name).subscribe(name))

    async def group_discard(self, group: str, channel: str) -> None:
        name = self._get_group_channel_name(group)
        members = self.groups.get(name, set())
        members.discard(channel)
        if not members:
            self.groups.pop(name, None)
            await self._try(f"leave {name}", self._leave(name))

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        name = self._get_group_channel_name(group)
        await self._try(f"send {name}", self._get_shard(name).publish(name, self.channel_layer.serialize(message)))

    async def _leave(self, name: str) -> None:
        shard = self._get_shard(name)
        if name not in self.groups:
            await shard.unsubscribe(name)
            if name in self.groups:
                # Somebody joined meanwhile and found the group subscribed.
                await shard.subscribe(name)

    async def _try(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in the background and wait a moment for it; do nothing if the same work is still running."""
        if key in self._works:
            work.close()
            return
        task = self._works[key] = asyncio.create_task(self._do(key, work))
        await asyncio.wait((task,), timeout=PATIENCE_SECONDS)

    async def _do(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
            self._away = False
        except (redis.RedisError, OSError) as error:
            if not self._away:
                self._away = True
                log.warning("redis_unavailable sockets poll the database meanwhile: %s", error)
        finally:
            del self._works[key]
