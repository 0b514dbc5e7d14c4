"""Notifies the hosts over Redis of work and requests in the database.

The scheduler never waits for the broker: two threads publish. What cannot be published is dropped, because the hosts
also look into the database.
"""

import logging
from collections.abc import Iterable
from typing import Any

from engine import faults
from engine.config import Config
from engine.executors import wire
from engine.executors.celery.app import TAKE, make_app
from engine.hints import host_hints

log = logging.getLogger("interlock.scheduler")


class HostNotifier:
    """Publishes Celery's messages and hints. All public methods are called by the scheduler's thread."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._app = make_app(config.redis_url)
        self._producer: Any = None
        self._redis = host_hints.connect(config)
        self._messages: host_hints.PublisherThread | None = None
        self._hints: host_hints.PublisherThread | None = None
        """A thread of its own, because it drops hints after one that took too long. A dropped message would cost
        seconds."""

    def open(self) -> None:
        """Start the threads."""
        self._messages = host_hints.PublisherThread("messages")
        self._hints = host_hints.PublisherThread("hints to hosts")

    def close(self) -> None:
        """End the threads after they have published what they can."""
        for thread in (self._messages, self._hints):
            if thread is not None:
                thread.close()
        self._messages = self._hints = None
        self._redis.close()

    def publish(self, queue: str, claims: list[str]) -> None:
        """Send the workers of a queue a message about dispatched work."""
        if self._messages is not None:
            self._messages.submit(lambda: self._send(queue, claims))

    def hint(self, hosts: Iterable[int]) -> None:
        """Have these hosts read their requests."""
        if self._hints is not None:
            for host in hosts:
                channel = host_hints.host_channel(self.config, host)
                self._hints.submit(lambda channel=channel: self._redis.publish(channel, b"1"))  # type: ignore[misc]

    def _send(self, queue: str, claims: list[str]) -> None:
        faults.point("publish.before")
        try:
            if self._producer is None:
                self._producer = self._app.amqp.Producer(self._app.connection_for_write())
            self._app.send_task(
                TAKE, (claims, wire.PROTOCOL), queue=queue, producer=self._producer, retry=False, ignore_result=True
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
