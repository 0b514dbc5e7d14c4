"""An existing PostgreSQL server, at PGHOST, PGPORT, PGUSER and PGPASSWORD, and a test's own one, to be stopped, killed
and started again."""

import contextlib
import functools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT


def url(database: str = "postgres") -> str:
    user, password = os.environ.get("PGUSER", "postgres"), os.environ.get("PGPASSWORD", "")
    host, port = os.environ.get("PGHOST", "127.0.0.1"), os.environ.get("PGPORT", "5432")
    return f"postgresql://{quote(user)}:{quote(password)}@{host}:{port}/{database}"


def address() -> tuple[str, int]:
    return os.environ.get("PGHOST", "127.0.0.1"), int(os.environ.get("PGPORT", "5432"))


def do(statement: str, where: str = "") -> None:
    """Run a single statement in the database of this URL; without one, in the server's own."""
    connection = psycopg2.connect(where or url())
    try:
        connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


@contextlib.contextmanager
def database(like: str = "template1") -> Iterator[str]:
    """Yield the URL of a new database that is dropped at the end: a copy of another, or an empty one."""
    name = f"interlock_test_{secrets.token_hex(6)}"
    do(f"create database {name} template {like}")
    try:
        yield url(name)
    finally:
        do(f"drop database {name} with (force)")


@functools.cache
def program(name: str) -> str:
    """Return the path of a program of the server, or an empty string if it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name) or ""


PASSWORD = "correct-horse"


class Server:
    """A server on a free port of `address`, whose one user `postgres` has PASSWORD. Its data is not synced.

    `data`: a copy of this folder of a stopped server, instead of an empty cluster.
    """

    def __init__(self, folder: Path, address: str, data: Path | None = None) -> None:
        from tests.support.product import free_port

        self.folder, self.address, self.port = folder, address, free_port()
        # It refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user is not None:
            owner = pwd.getpwnam(self.user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        if data is not None:
            subprocess.run(["cp", "-a", str(data), str(folder / "data")], check=True, timeout=60)
            return
        (folder / "password").write_text(PASSWORD)
        os.chmod(folder / "password", 0o644)
        self._do("initdb", "-A", "scram-sha-256", "-U", "postgres", "--pwfile", str(folder / "password"), "--no-sync")
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.write("unix_socket_directories = ''\nfsync = off\nshared_buffers = 16MB\n")
        with (folder / "data" / "pg_hba.conf").open("a") as file:
            file.write("host all all samenet scram-sha-256\n")

    def _do(self, name: str, *arguments: str) -> None:
        with (self.folder.parent / f"{self.folder.name}.{name}.log").open("wb") as log:
            subprocess.run([program(name), "-D", str(self.folder / "data"), *arguments], check=True, cwd="/",
                           user=self.user, stdout=log, stderr=log, timeout=60)  # fmt: skip

    def start(self) -> None:
        place = f"-c port={self.port} -c listen_addresses={self.address}"
        self._do("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", place, "start")

    def runs(self) -> bool:
        """Return whether its process exists, even if it answers nothing."""
        try:
            self._do("pg_ctl", "status")
        except subprocess.CalledProcessError:
            return False
        return True

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is like a crash."""
        self._do("pg_ctl", "-w", "-m", mode, "stop")

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all of its processes for a while: the system still takes connections and data, and nobody answers."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        pids = [postmaster, *map(int, children)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def url(self, database: str = "postgres", *, user: str = "postgres", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@{self.address}:{self.port}/{database}"

    def do(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a single statement and return its rows."""
        connection = psycopg2.connect(self.url(database))
        try:
            connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()


@contextlib.contextmanager
def server(address: str = "127.0.0.1", data: Path | None = None, where: Path | None = None) -> Iterator[Server]:
    """Yield a started server, and end it and remove its folder at the end. `data` as for Server. `where`: the parent of
    its own folder."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-postgres-", dir=where))
    try:
        (folder / "server").mkdir()
        folder.chmod(0o755)
        started = Server(folder / "server", address, data)
        started.start()
        try:
            yield started
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                started.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
