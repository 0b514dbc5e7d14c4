"""The Celery app of the scaled form: `celery -A engine worker -Q default`.

A message names attempts, nothing else; what is to be done stands in the database, and who has set its name there does
it. So messages may come twice, late or not at all, and Celery's results, retries, times and signals are not used.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from celery import Celery, Task
from kombu.exceptions import OperationalError

from engine.config import Config, ConfigError, from_environment
from engine.hints.redis_client import KEEPALIVE

log = logging.getLogger("interlock.host")

try:
    CONFIG: Config = from_environment(os.environ)
except ConfigError as error:
    sys.exit(f"interlock: {error}")


def make(redis_url: str) -> Celery:
    """An app on this broker. Without fixups: a worker loads no Django, whatever the environment says."""
    if redis_url.startswith("rediss://") and "?" not in redis_url:
        # Where nothing is said of certificates, kombu takes any.
        redis_url += "?ssl_cert_reqs=required"
    made = Celery("interlock", broker=redis_url or None, fixups=[], set_as_current=False)
    made.conf.update(
        accept_content=["json"],
        # A full Redis refuses what a worker notes of a message that it gets: no reason for it to end.
        broker_channel_error_retry=True,
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        # A worker whose connection died hears of it, and the scheduler's thread waits for no dead broker.
        broker_transport_options={
            "socket_timeout": 3,
            "socket_connect_timeout": 2,
            **KEEPALIVE,
            # A worker whose wait for messages is not answered connects anew after five seconds.
            "health_check_interval": 2,
            "retry_on_timeout": False,
        },
        task_acks_late=False,
        task_create_missing_queues=True,
        task_default_queue="default",
        task_ignore_result=True,
        task_serializer="json",
        task_store_errors_even_if_ignored=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_concurrency=1,
        worker_consumer="engine.host.consumer:Consumer",
        worker_enable_remote_control=False,
        worker_hijack_root_logger=True,
        worker_pool="threads",
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
    )
    made.task(name=TAKE, bind=True, ignore_result=True, acks_late=False)(take)
    return made


TAKE = "interlock.take"


def take(task: Task, claims: Sequence[str], protocol: int, *newer: object, **named: object) -> None:
    """Have this worker's host run the attempts with these claims that are nobody's yet. Releases to come may say more
    than that: their protocol tells."""
    from engine.host import bootstep

    if bootstep.host is None:
        log.error("take_without_host")
    elif not bootstep.host.take(claims, protocol):
        # It was ours alone: without that the works would wait until somebody looks for forgotten ones.
        queue = task.request.delivery_info["routing_key"]
        try:
            task.apply_async((claims, protocol, *newer), named, queue=queue, retry=False, ignore_result=True)
        except OperationalError as error:
            log.info("message_not_given_back: %s", error)


app = make(CONFIG.redis_url)
# By name: only a worker loads it.
app.steps["worker"].add("engine.host.bootstep:HostStep")
