"""An installation of separate parts: schedulers and web processes, each as on its own host."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg2

from engine.scheduler.leader_lock import ADVISORY_KEY
from tests.support import redis, templates
from tests.support.product import ROOT, Product, processes_with
from tests.support.wait import wait_until


class Web(Product):
    """A running `web`."""

    started_by = "web"


class Installation:
    """A database, a Redis server, and schedulers, each as on its own host."""

    def __init__(self, folder: Path, database: str, redis_url: str) -> None:
        self.folder, self.database, self.redis_url = folder, database, redis_url
        self.schedulers: list[subprocess.Popen[bytes]] = []
        self.webs: list[Web] = []
        self.token = ""
        """Of `admin`, if known."""
        self.shared = {
            "INTERLOCK_ARTIFACTS": str(folder / "artifacts"), "DATABASE_URL": database, "REDIS_URL": redis_url,
            "SECRET_KEY": "only-for-tests-" + "x" * 40,
        }  # fmt: skip

    def environment(self, host: str) -> dict[str, str]:
        home = {"INTERLOCK_HOME": str(self.folder / host)}
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **home, **self.shared}

    def log(self, host: str) -> Path:
        return self.folder / f"{host}.log"

    def scheduler(self, host: str, inside: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start a scheduler; `inside` precedes its command."""
        with self.log(host).open("ab") as log:
            started = subprocess.Popen(
                [*inside, sys.executable, "manage.py", "scheduler"],
                cwd=ROOT,
                env=self.environment(host),
                stderr=log,
                stdout=log,
            )
        self.schedulers.append(started)
        return started

    def web(self, host: str) -> Web:
        """Start a web process. There must be a scheduler, without which it is not ready."""
        made = Web(self.folder / host, **self.shared)
        made.token = self.token
        self.webs.append(made)
        made.start()
        return made

    def stands_by(self, host: str) -> None:
        """Wait until that scheduler stands by."""
        wait_until(lambda: "scheduler_stands_by" in self.log(host).read_text())

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment("a"), capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with (
            contextlib.closing(psycopg2.connect(self.database)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    def leader(self) -> tuple[int, int]:
        """Return epoch and process of the leader, or zeros if there is none yet."""
        found = self.ask("select epoch, pid from engine_leader")
        return (int(found[0][0]), int(found[0][1])) if found else (0, 0)

    def lock_holders(self) -> list[int]:
        """Return the server processes that hold the lock of leadership."""
        return [
            int(pid)
            for (pid,) in self.ask(
                "select l.pid from pg_locks l join pg_database d on d.oid = l.database "
                "where d.datname = current_database() and locktype = 'advisory' and granted "
                "and (classid::bigint << 32) + objid::bigint = %s",
                ADVISORY_KEY,
            )
        ]

    def close(self) -> None:
        for process in self.schedulers:
            process.kill()
            process.wait()
        for web in self.webs:
            web.kill()
        for pid in processes_with(str(self.folder)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def installed(folder: Path, database: str = "") -> Iterator[Installation]:
    """Yield an installation with its tables, an account `admin`, and no running part; without `database`, an empty one
    in its own."""
    with contextlib.ExitStack() as servers:
        url = database or servers.enter_context(templates.database())
        made = Installation(folder, url, servers.enter_context(redis.server(folder)).url)
        if database:
            made.command("migrate", "-v0", "--skip-checks")
            made.command("user", "admin", "--role", "admin")
        else:
            made.token = (templates.on_postgres() / "token").read_text()
        try:
            yield made
        finally:
            made.close()
