"""The host's place in a Celery worker: it starts with the worker and drains when the worker stops."""

import logging
import signal
from functools import partial
from types import FrameType
from typing import Any

from celery import bootsteps
from celery.worker import state

from engine.config import Config
from engine.hints.check import find_problem as find_redis_problem
from engine.host.check import find_problem as find_database_problem
from engine.host.host import Host, HostNotStarted

log = logging.getLogger("interlock.host")

DRAIN_SECONDS = 10.0
"""How long running attempts may take to end when the worker is stopped."""

host: Host | None = None
"""The host of this worker process."""


def _set_consuming(worker: Any, consuming: bool) -> None:
    """Start or stop taking messages. May be called from any thread."""
    if worker.consumer is not None:
        worker.consumer.call_soon(_update_queues, worker.consumer, consuming)


def _update_queues(consumer: Any, consuming: bool) -> None:
    """Consume the worker's queues, or none of them. Called on Celery's loop.

    It is called with each heartbeat too, because a connection that was opened again consumes all queues.
    """
    tasks = consumer.task_consumer
    if tasks is None:
        return
    for queue in list(consumer.app.amqp.queues.consume_from.values()):
        if not consuming and tasks.consuming_from(queue):
            tasks.cancel_by_queue(queue)
        elif consuming and not tasks.consuming_from(queue):
            tasks.add_queue(queue)
            tasks.consume()


class HostStep(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no types
    """Starts the host before the worker takes messages, and drains it after the worker has stopped taking them."""

    requires = {"celery.worker.components:Pool"}
    config: Config
    """Set by the subclass that the app uses."""

    def start(self, worker: Any) -> None:
        global host
        if self.config.executor != "celery":
            raise SystemExit("interlock: a worker needs INTERLOCK_EXECUTOR=celery, DATABASE_URL and REDIS_URL.")
        if "thread" not in worker.pool_cls.__module__:
            raise SystemExit("interlock: a worker needs the thread pool; remove -P.")
        for name in ("celery.worker.strategy", "celery.app.trace"):
            # They log two lines for each message, which are not about attempts.
            logging.getLogger(name).setLevel(logging.WARNING)
        if problem := find_database_problem(self.config.database_url):
            raise SystemExit(f"interlock: {problem}")
        if redis_problem := find_redis_problem(self.config):
            # The worker runs without Redis, but then finds work only by polling the database.
            log.error("%s Until then work starts late.", redis_problem)
        queues = [queue.name for queue in worker.app.amqp.queues.consume_from.values()]
        made = Host(self.config, worker.hostname, queues)
        try:
            # Celery's signal handlers only set a flag. This call raises if the worker is to stop.
            made.start(state.maybe_shutdown)
        except HostNotStarted as error:
            raise SystemExit(f"interlock: {error}") from error
        made.set_consuming = partial(_set_consuming, worker)
        host = made

    def stop(self, worker: Any) -> None:
        if host is None:
            return

        def end_grace(number: int, frame: FrameType | None) -> None:
            assert host is not None
            host.end_grace()

        # Celery's own handlers only set flags that nothing reads during the drain.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, end_grace)
        host.drain(DRAIN_SECONDS)

    def terminate(self, worker: Any) -> None:
        """Drain without grace, because the worker was stopped a second time."""
        if host is not None:
            host.drain(0)
