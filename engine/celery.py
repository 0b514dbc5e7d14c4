"""The worker of the scaled form: `celery -A engine worker -Q default`."""

import logging
import os
import sys
from collections.abc import Sequence

from celery import Task
from kombu.exceptions import OperationalError

from engine.config import Config, ConfigError, from_environment
from engine.executors.celery.app import TAKE, make_app
from engine.host import bootstep

log = logging.getLogger("interlock.host")

try:
    CONFIG: Config = from_environment(os.environ)
except ConfigError as error:
    sys.exit(f"interlock: {error}")


def take(task: Task, claims: Sequence[str], protocol: int, *newer: object, **named: object) -> None:
    """Have this worker's host run the attempts with these claims that no host has taken yet.

    Later releases may send further arguments; the protocol tells whether this one can read their work.
    """
    if bootstep.host is None:
        log.error("take_without_host")
    elif not bootstep.host.take(claims, protocol):
        # No other worker got this message: unless it is sent again, the work waits until a host looks for lost ones.
        queue = task.request.delivery_info["routing_key"]
        try:
            task.apply_async((claims, protocol, *newer), named, queue=queue, retry=False, ignore_result=True)
        except OperationalError as error:
            log.info("message_not_sent_back: %s", error)


class HostStep(bootstep.HostStep):
    config = CONFIG


app = make_app(CONFIG.redis_url)
app.conf.update(
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_concurrency=1,
    worker_consumer="engine.host.consumer:Consumer",
    worker_enable_remote_control=False,
    worker_hijack_root_logger=True,
    worker_pool="threads",
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
)
app.task(name=TAKE, bind=True, ignore_result=True, acks_late=False)(take)
app.steps["worker"].add(HostStep)
