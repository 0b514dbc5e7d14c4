"""Plain Celery as in its documentation, for comparison: prefork, results in Redis, no events."""

import os
import time
from typing import Any

from celery import Celery, chain, group

URL = os.environ.get("INTERLOCK_BENCH_REDIS", "")
app = Celery("raw", broker=URL, backend=URL, fixups=[], set_as_current=False)
app.conf.update(worker_send_task_events=False, task_send_sent_event=False, worker_hijack_root_logger=False)
END_SECONDS = 120


@app.task
def noop(before: Any = None) -> None:
    """Do nothing."""


def layer(count: int) -> float:
    """Return the seconds for `count` parallel tasks, until all results have arrived."""
    tasks = group(noop.si() for _ in range(count))
    begun = time.perf_counter()
    tasks.apply_async().join(timeout=END_SECONDS)
    return time.perf_counter() - begun


def hops(count: int) -> float:
    """Return the seconds for `count` tasks one after another, until the last result has arrived."""
    tasks = chain(noop.si() for _ in range(count))
    begun = time.perf_counter()
    tasks.apply_async().get(timeout=END_SECONDS, interval=0.001)
    return time.perf_counter() - begun
