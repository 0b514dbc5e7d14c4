"""The Celery app of the scaled form, as the scheduler and the workers share it.

A message only names attempts. The work itself is in the database, and the host that writes its id there runs it. So
messages may arrive twice, late or not at all; Celery's results, retries, time limits and signals are not used.
"""

from celery import Celery

from engine.hints.redis_client import KEEPALIVE

TAKE = "interlock.take"
"""Name of the one task. Its arguments are the claims of attempts and the protocol of their work."""


def make_app(redis_url: str) -> Celery:
    """Return an app on this broker. It has no fixups: a worker loads no Django, whatever the environment says."""
    if redis_url.startswith("rediss://") and "?" not in redis_url:
        # Without this option kombu accepts any certificate.
        redis_url += "?ssl_cert_reqs=required"
    made = Celery("interlock", broker=redis_url or None, fixups=[], set_as_current=False)
    made.conf.update(
        accept_content=["json"],
        # A full Redis refuses what a worker writes about a message that it receives. The worker must not end then.
        broker_channel_error_retry=True,
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        # A worker notices a dead connection, and the scheduler's thread does not wait for a dead broker.
        broker_transport_options={
            "socket_timeout": 3,
            "socket_connect_timeout": 2,
            **KEEPALIVE,
            # A worker whose request for messages is not answered reconnects after five seconds.
            "health_check_interval": 2,
            "retry_on_timeout": False,
        },
        task_acks_late=False,
        task_create_missing_queues=True,
        task_default_queue="default",
        task_ignore_result=True,
        task_serializer="json",
        task_store_errors_even_if_ignored=False,
    )
    return made
