"""A rig of several hosts: the product over its own PostgreSQL and Redis servers, with Celery workers.

`up` has the scheduler and the web process, as in the rig of one host. Whatever has its own home there (a worker, a
further scheduler) counts as a host. A killed process stays down until a test, or `restart_killed`, starts it again.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, new_type, register_type

from tests.faults import checks
from tests.faults.rig import Rig, rigged
from tests.faults.rows import Database
from tests.support import postgres, redis
from tests.support.effort import LONG
from tests.support.product import ROOT, Product
from tests.support.templates import template
from tests.support.workers import Worker

PROCESSES = 2
"""Node processes of a worker."""
OUTLIVES_SECONDS = 0.0 if LONG else 1.0
"""What ends a host's work after its lease also waits for a processor on a busy machine."""
SECRET_KEY = "only-for-tests-" + "x" * 40


def _environment(server: postgres.Server, broker: redis.Server) -> dict[str, str]:
    return {
        "DATABASE_URL": server.url(),
        "REDIS_URL": broker.url,
        "INTERLOCK_EXECUTOR": "celery",
        "INTERLOCK_WORKERS": str(PROCESSES),
        "SECRET_KEY": SECRET_KEY,
    }


class Hosts(Rig):
    """Two workers, "one" and "two", beside the scheduler and the web process of `up`. The servers run from the
    beginning.

    `server` and `broker` are its own, so that tests can kill, stop and fill them.
    """

    address = "127.0.0.1"
    """Where the servers are reached."""
    names: Sequence[str] = ("one", "two")
    capacity = 2 * PROCESSES
    outlives = OUTLIVES_SECONDS
    database_at: Path | None = None
    """The folder for the database server's own folder; None: anywhere."""

    def __init__(self, folder: Path, build: str = "", home: Path | None = None, **environment: str) -> None:
        self._servers = contextlib.ExitStack()
        self.workers: dict[str, Worker] = {}
        made = self.template()
        try:
            self.server = self._servers.enter_context(postgres.server(self.address, made / "data", self.database_at))
            self.broker = self._servers.enter_context(self._begin_redis(folder))
            super().__init__(folder, build, home, **{**_environment(self.server, self.broker), **environment})
        except BaseException:
            self._servers.close()
            raise

    @classmethod
    def template(cls) -> Path:
        return template("several hosts", _made)

    # Processes.

    def _begin_redis(self, folder: Path) -> AbstractContextManager[redis.Server]:
        return redis.server(folder, address=self.address)

    def start(self) -> "Hosts":
        """Start the whole product, and the workers."""
        made = self._begin_workers()
        super().start()
        for one in made:
            one.wait()
        return self

    def start_without_web(self) -> "Hosts":
        """Start a scheduler and the workers."""
        made = self._begin_workers()
        self.scheduler()
        for one in made:
            one.wait()
        return self

    def _begin_workers(self) -> list[Worker]:
        return [self.worker(name, wait=False) for name in self.names]

    def worker(
        self,
        name: str,
        queues: str = "default",
        inside: Sequence[str] = (),
        *,
        wait: bool = True,
        source: Path = ROOT,
        **changed: str,
    ) -> Worker:
        """Start another worker and wait until it is ready. `inside` precedes its command, `changed` is its own
        environment, `source` contains its code."""
        environment = {key: value for key, value in self.product.environment.items() if key != "PATH"} | changed
        made = Worker(self.folder / f"{name}.log", environment, name, queues, inside, wait, source)
        self.workers[name] = made
        return made

    def dead(self) -> list[Worker]:
        return [one for one in self.workers.values() if one.process.poll() is not None]

    def restart_killed(self, wait: bool = True) -> int:
        """Start killed workers again, as a service manager does."""
        dead = self.dead()
        for one in dead:
            one.begin()
        for one in dead if wait else ():
            one.wait()
        return len(dead)

    def waiting_schedulers(self) -> int:
        """Return the schedulers that stand by: their last query asked for the lock, and they do not have it."""
        asked = "application_name = 'interlock-scheduler' AND query LIKE '%pg_try_advisory_lock%'"
        holders = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        found = self.do(f"SELECT count(*) FROM pg_stat_activity WHERE {asked} AND pid NOT IN ({holders})")
        return int(found[0][0])

    def registrations(self, worker: Worker) -> list[tuple[int, str]]:
        """Return (number, state) of all registrations in the database, the newest last."""
        found = self.do(f"SELECT id, state FROM engine_host WHERE name = '{worker.name}' ORDER BY id")
        return [(int(id), str(state)) for id, state in found]

    def owners(self) -> list[int]:
        return [one.process.pid for one in self.workers.values() if one.process.poll() is None]

    def roles(self) -> dict[str, int]:
        return {**super().roles(), **{one.name: one.process.pid for one in self.workers.values()}}

    def homes(self) -> list[Path]:
        return [self.home, *(one.home for one in self.workers.values())]

    # Facts.

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        with contextlib.closing(Reader(self.server.url())) as reader:
            yield reader

    def do(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a single statement as an operator at the server, and return its rows."""
        return self.server.do(statement)

    def whole(self) -> None:
        with self.database() as db:
            checks.i18(db, sqlite=False)
        place = {"PGHOST": self.server.address, "PGPORT": str(self.server.port), "PGPASSWORD": postgres.PASSWORD}
        # Reads all stored data and its indexes page by page.
        done = subprocess.run(
            [postgres.program("pg_amcheck"), "--install-missing", "--heapallindexed", "-U", "postgres", "postgres"],
            env={**os.environ, **place}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        if done.returncode:
            raise checks.Broken(f"I18: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    # The end.

    def kill(self) -> None:
        """Kill every process of the product with SIGKILL at once. The servers keep running."""
        for one in self.workers.values():
            if one.process.poll() is None:
                one.kill()
        super().kill()

    def stop(self) -> None:
        for one in self.workers.values():
            if one.process.poll() is None:
                one.process.terminate()
        for one in self.workers.values():
            assert one.process.wait(40) == 0
        super().stop()

    def end(self) -> None:
        self.withdraw()
        assert self.broker.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.broker.process.pid, signal.SIGCONT)
        for one in self.workers.values():
            for pid in (one.process.pid, *one.node_processes()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            one.end()
        super().end()
        self._servers.close()


def _without_zone(value: Any, cursor: Any) -> Any:
    return value and value.removesuffix("+00")


class Reader:
    """A connection for reading that answers like sqlite3: moments are text in UTC, and a transaction sees one
    moment."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg2.connect(url, options="-c timezone=UTC -c datestyle=ISO")
        self.connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        moment = new_type((1184,), "MOMENT", _without_zone)
        register_type(moment, self.connection)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        cursor = self.connection.cursor()
        if sql == "BEGIN":
            sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        cursor.execute(sql.replace("?", "%s"), parameters or None)
        return cursor

    def close(self) -> None:
        self.connection.close()


class _Template(Product):
    """Stops its servers at its end, and keeps the database's data."""

    def __init__(self, folder: Path) -> None:
        self._servers = contextlib.ExitStack()
        self._server = self._servers.enter_context(postgres.server())
        broker = self._servers.enter_context(redis.server(folder))
        self._data = folder / "data"
        super().__init__(folder / "home", **_environment(self._server, broker))

    def stop(self, timeout: float = 20) -> int:
        try:
            code = super().stop(timeout)
            self._server.stop("fast")
            subprocess.run(["cp", "-a", str(self._server.folder / "data"), str(self._data)], check=True, timeout=60)
            return code
        finally:
            self._servers.close()


def _made(folder: Path) -> Product:
    return _Template(folder)


@contextlib.contextmanager
def hosted(folder: Path, build: str = "", form: type[Hosts] = Hosts, **environment: str) -> Iterator[Hosts]:
    """Like `rigged`, for tests of several hosts only."""
    with rigged(folder, build, None, form, **environment) as rig:
        assert isinstance(rig, Hosts)
        yield rig


SERVERS = [pytest.mark.redis, pytest.mark.postgres]
FORMS = (pytest.param(Rig, id="one host"), pytest.param(Hosts, id="several hosts", marks=[*SERVERS, pytest.mark.long]))
"""For tests that hold in both: `@pytest.mark.parametrize("form", FORMS)`, then `rigged(tmp_path, form=form)`."""
