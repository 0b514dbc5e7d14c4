"""What the scheduler says over Redis: messages of Celery that name works, and hints to hosts that there are wishes.

Two threads say it: the scheduler waits for no broker. What cannot be said is dropped, for it stands in the database.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from engine import faults
from engine.config import Config
from engine.executors import wire
from engine.hints import host_hints

log = logging.getLogger("interlock.scheduler")


class Messages:
    """All calls but those of its own thread come from the scheduler's."""

    def __init__(self, config: Config) -> None:
        from engine.celery import TAKE, make

        self.config = config
        self._app = make(config.redis_url)
        self._task = self._app.tasks[TAKE]
        self._producer: Any = None
        self._redis = host_hints.connect(config)
        self._courier: host_hints.PublisherThread | None = None
        self._hinting: host_hints.PublisherThread | None = None
        """Of its own: after a hint that took too long others are dropped for a moment, and a message costs seconds."""

    def open(self) -> None:
        self._courier = host_hints.PublisherThread("messages")
        self._hinting = host_hints.PublisherThread("hints to hosts")

    def close(self) -> None:
        for courier in (self._courier, self._hinting):
            if courier is not None:
                courier.close()
        self._courier = self._hinting = None
        self._redis.close()

    def publish(self, queue: str, claims: list[str]) -> None:
        """Tell the workers of a queue of works."""
        if self._courier is not None:
            self._courier.submit(lambda: self._send(queue, claims))

    def hint(self, hosts: Iterable[int]) -> None:
        """Have hosts look for wishes."""
        if self._hinting is not None:
            for host in hosts:
                channel = host_hints.host_channel(self.config, host)
                self._hinting.submit(lambda channel=channel: self._redis.publish(channel, b"1"))  # type: ignore[misc]

    def _send(self, queue: str, claims: list[str]) -> None:
        faults.point("publish.before")
        try:
            if self._producer is None:
                self._producer = self._app.amqp.Producer(self._app.connection_for_write())
            self._task.apply_async(
                (claims, wire.PROTOCOL), queue=queue, producer=self._producer, retry=False, ignore_result=True
            )
            faults.point("publish.after")
        except Exception:
            producer, self._producer = self._producer, None
            try:
                if producer is not None:
                    producer.connection.release()
            except Exception as error:
                log.debug("producer_not_closed: %r", error)
            raise
