"""When the scheduler reads the reports of hosts."""

import time
from pathlib import Path

import pytest

from engine.config import from_environment
from engine.executors.base import Work
from engine.executors.celery.executor import CeleryExecutor
from engine.hints.loss import PAUSE_MAX


@pytest.mark.parametrize("is_away", [True, False])
def test_work_sent_while_redis_is_away_has_reports_read_at_once_though_nothing_happened_before(
    tmp_path: Path, is_away: bool
) -> None:
    environment = {
        "INTERLOCK_HOME": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:1", "INTERLOCK_EXECUTOR": "celery",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    }  # fmt: skip
    executor = CeleryExecutor(from_environment(environment))
    now = time.monotonic()
    executor._hints.set_away(is_away, now - 60.0)
    later = executor._read_at = now + PAUSE_MAX
    executor.send([Work("c", {}, None, None, None, python="", expected=None)])
    assert (executor._read_at < later) == is_away
