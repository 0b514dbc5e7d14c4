"""The host's place in a Celery worker: started with it, drained when it stops."""

from __future__ import annotations

import logging
import signal
from functools import partial
from types import FrameType
from typing import Any

from celery import bootsteps
from celery.worker import state

from engine.celery import CONFIG
from engine.hints.check import find_problem as find_redis_problem
from engine.host import check
from engine.host.host import Host, HostRuns

log = logging.getLogger("interlock.host")

DRAIN_SECONDS = 10.0
"""For running attempts to end when the worker is told to stop."""

host: Host | None = None
"""Of this worker process."""


def _listen(worker: Any, wanted: bool) -> None:
    """Leave messages to other workers, or have them again. On any thread."""
    if worker.consumer is not None:
        worker.consumer.call_soon(_see_to_queues, worker.consumer, wanted)


def _see_to_queues(consumer: Any, wanted: bool) -> None:
    """On Celery's loop, and again with each beat: a connection that is made anew listens to all queues."""
    listening = consumer.task_consumer
    if listening is None:
        return
    for queue in list(consumer.app.amqp.queues.consume_from.values()):
        if not wanted and listening.consuming_from(queue):
            listening.cancel_by_queue(queue)
        elif wanted and not listening.consuming_from(queue):
            listening.add_queue(queue)
            listening.consume()


class HostStep(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no types
    """Starts before the worker takes messages; ends after it has stopped to."""

    requires = {"celery.worker.components:Pool"}

    def start(self, worker: Any) -> None:
        global host
        if CONFIG.executor != "celery":
            raise SystemExit("interlock: a worker needs INTERLOCK_EXECUTOR=celery, DATABASE_URL and REDIS_URL.")
        if "thread" not in worker.pool_cls.__module__:
            raise SystemExit("interlock: a worker runs with the pool threads; leave out -P.")
        for name in ("celery.worker.strategy", "celery.app.trace"):
            # Two lines a message, which say nothing of the attempts.
            logging.getLogger(name).setLevel(logging.WARNING)
        if found := check.find_problem(CONFIG.database_url):
            raise SystemExit(f"interlock: {found}")
        if away := find_redis_problem(CONFIG):
            # It works without: what is sent is found in the database, after seconds.
            log.error("%s Until then work comes late.", away)
        queues = [queue.name for queue in worker.app.amqp.queues.consume_from.values()]
        made = Host(CONFIG, worker.hostname, queues)
        try:
            # Celery's handlers of signals only note that it is to stop.
            made.start(state.maybe_shutdown)
        except HostRuns as error:
            raise SystemExit(f"interlock: {error}") from error
        made.listen = partial(_listen, worker)
        host = made

    def stop(self, worker: Any) -> None:
        if host is None:
            return

        def hurry(number: int, frame: FrameType | None) -> None:
            assert host is not None
            host.hurry()

        # Celery's own handlers only set flags that nobody looks at meanwhile.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, hurry)
        host.drain(DRAIN_SECONDS)

    def terminate(self, worker: Any) -> None:
        """At once: the worker was told a second time."""
        if host is not None:
            host.drain(0)
