import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.db import connection

from engine import faults
from tests.support import postgres, redis, workers
from tests.support.engine import Engine, running_engine

SCALED = os.environ.get("DATABASE_URL", "").startswith("postgres") and shutil.which("redis-server") is not None
"""Celery workers need both. Elsewhere the suite runs without them (tests/processes/test_postgres.py runs it there)."""


@pytest.fixture(scope="session")
def scaled(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment of an installation with one worker, on the tests' database."""
    folder = tmp_path_factory.mktemp("scaled")
    with redis.server(folder) as broker:
        environment = {
            "INTERLOCK_HOME": str(folder / "home"),
            "INTERLOCK_WORKERS": "2",
            "INTERLOCK_EXECUTOR": "celery",
            "DATABASE_URL": postgres.url(str(connection.settings_dict["NAME"])),
            "REDIS_URL": broker.url,
        }
        with workers.worker(folder / "worker.log", environment):
            yield environment


@pytest.fixture(params=["local", "celery"] if SCALED else ["local"])
def engine(
    request: pytest.FixtureRequest, django_db_blocker: object, transactional_db: None, tmp_path: Path
) -> Iterator[Engine]:
    """The engine on the database that DATABASE_URL names (SQLite without it), with two node processes: of its own
    supervisor, or of a worker."""
    environment = request.getfixturevalue("scaled") if request.param == "celery" else {}
    home = Path(environment.get("INTERLOCK_HOME", tmp_path / "home"))
    with running_engine(home, **environment) as started:
        yield started


@pytest.fixture(autouse=True)
def _no_faults():
    yield
    faults.disarm()
