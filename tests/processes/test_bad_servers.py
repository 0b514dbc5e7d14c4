"""Servers that a setting names and that cannot be used: one line names the server, and what to do."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from tests.processes.test_bad_commands import run_command
from tests.support import postgres, redis
from tests.support.product import ROOT, free_port
from tests.support.templates import first_start
from tests.support.wait import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.redis]


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.server() as started:
        yield started


@pytest.fixture(scope="module")
def database(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Yield a database that is set up."""
    server.do("create database flows")
    code, text = run_command(tmp_path_factory.mktemp("migrate") / "home", "migrate", DATABASE_URL=server.url("flows"))
    assert code == 0, text
    return server.url("flows")


COMMANDS = ["up --port 0", "scheduler", "web --port 0"]


def error_line(tmp_path: Path, command: str, **settings: str) -> str:
    """Return the one line of output of a command that ends with exit code 1."""
    code, text = run_command(tmp_path / "home", *command.split(), **settings)
    assert "Traceback" not in text, text
    assert code == 1, text
    assert len(text.strip().splitlines()) == 1, text
    assert "hidden" not in text
    return text


def problem_of_doctor(tmp_path: Path, **settings: str) -> str:
    """Return the one problem that doctor finds."""
    (tmp_path / "home").mkdir(mode=0o700, exist_ok=True)
    code, text = run_command(tmp_path / "home", "doctor", "--port", str(free_port()), **settings)
    assert "Traceback" not in text, text
    assert code == 1, text
    assert "hidden" not in text
    (problem,) = (line for line in text.splitlines() if line.startswith("problem"))
    return problem


def errors_of_others(tmp_path: Path, **settings: str) -> Iterator[str]:
    """Return what a worker and plain uvicorn print before they end."""
    (tmp_path / "home").mkdir(mode=0o700, exist_ok=True)
    settings = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", "INTERLOCK_EXECUTOR": "celery", **settings}
    for program, code in (
        ("celery -A engine worker", 1),
        (f"uvicorn dashboard.asgi:application --port {free_port()}", 3),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *program.split()], cwd=ROOT, capture_output=True, text=True, timeout=60,
            env={"PATH": os.environ["PATH"], "INTERLOCK_HOME": str(tmp_path / "home"), **settings},
        )  # fmt: skip
        text = done.stdout + done.stderr
        assert "Traceback" not in text, text
        assert "hidden" not in text, text
        assert done.returncode == code, text
        yield next(line for line in text.splitlines() if "interlock: " in line)


BAD_DATABASES: list[tuple[str, Callable[[postgres.Server], str], str]] = [
    (
        "down",
        lambda server: f"postgresql://postgres:hidden@127.0.0.1:{free_port()}/flows",
        "that the server is running",
    ),
    ("no such host", lambda server: "postgresql://postgres:hidden@nowhere.invalid/flows", "Check DATABASE_URL"),
    ("wrong password", lambda server: server.url("flows", password="hidden"), "Correct the user and the password"),
    ("no password", lambda server: f"postgresql://postgres@127.0.0.1:{server.port}/flows", "Add the password"),
    ("no such user", lambda server: server.url("flows", user="nobody", password="hidden"), "Correct the user"),
    ("no such database", lambda server: server.url("nothing"), "create the database or user"),
]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param(*words, id=name, marks=() if name in ("down", "wrong password") else pytest.mark.long)
        for name, *words in BAD_DATABASES
    ],
)
def test_an_unreachable_database_is_reported_in_one_line_by_every_command(
    tmp_path: Path, server: postgres.Server, url: Callable[[postgres.Server], str], words: str
) -> None:
    # All check it in the same way, so once for each is enough.
    every = "Check" in words
    for command in (*COMMANDS, "migrate") if every else COMMANDS[:1]:
        text = error_line(tmp_path, command, DATABASE_URL=url(server))
        assert words in text, text
        assert "DATABASE_URL" in text, text
    if not every:
        return
    assert "cannot be reached" in problem_of_doctor(tmp_path, DATABASE_URL=url(server))
    for text in errors_of_others(tmp_path, DATABASE_URL=url(server)):
        assert words in text, text
        assert "DATABASE_URL" in text, text


@pytest.mark.long
def test_options_of_a_database_apply_to_every_part(tmp_path: Path, database: str) -> None:
    url = f"{database}?sslmode=require"
    assert "does not support SSL" in error_line(tmp_path, "up --port 0", DATABASE_URL=url)
    for text in errors_of_others(tmp_path, DATABASE_URL=url):
        assert "does not support SSL" in text


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "made", "change", "by_worker", "by_web"),
    [
        ("w_empty", "", "select 1", "has no Interlock tables", "is not set up"),
        ("w_shop", "", "create table orders (id int)", "Correct DATABASE_URL", "belongs to another application"),
        ("w_older", "template flows", "delete from django_migrations where name = '0007_expand_run'",
         "is not up to date", "not up to date"),
        ("w_newer", "template flows",
         "insert into django_migrations (app, name, applied) values ('engine', '9999_x', now())", "a newer Interlock",
         "a newer Interlock"),
    ],
)  # fmt: skip
def test_a_worker_and_plain_uvicorn_report_an_unusable_database(
    tmp_path: Path,
    server: postgres.Server,
    database: str,
    name: str,
    made: str,
    change: str,
    by_worker: str,
    by_web: str,
) -> None:
    server.do(f"create database {name} {made}")
    server.do(change, name)
    worker, web = errors_of_others(tmp_path, DATABASE_URL=server.url(name))
    assert by_worker in worker
    assert by_web in web


@pytest.mark.long
def test_bench_refuses_a_redis_that_is_unusable_or_holds_other_keys(tmp_path: Path, database: str) -> None:
    for part, arguments, words in (
        ("celery", ("--requirepass", "x"), "refuses the password"),
        ("recovery", ("--maxmemory", "1"), "is full (maxmemory)"),
        ("celery", ("--requirepass", "hidden"), "that of REDIS_URL holds 1 keys"),
    ):
        with redis.server(tmp_path, *arguments) as one:
            user = ":hidden@" if "--requirepass" in arguments else ""
            if words.startswith("that"):
                with one.client(password="hidden", db=redis.DATABASE) as asking:
                    asking.set("somebody", "else's")
            url = one.url.replace("//", f"//{user}")
            code, text = run_command(tmp_path / "home", "bench", part, "--database", database, REDIS_URL=url)
        assert "Traceback" not in text, text
        assert "hidden" not in text, text
        assert (code, words in text) == (1, True), text


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("early", "alter table engine_run drop column targets", "an early version of Interlock"),
        ("newer", "insert into django_migrations (app, name, applied) values ('engine', '9999_x', now())",
         "a newer Interlock"),
    ],
)  # fmt: skip
def test_a_database_of_another_release_is_refused_by_every_command(
    tmp_path: Path, server: postgres.Server, database: str, name: str, change: str, words: str
) -> None:
    server.do(f"create database {name} template flows")
    server.do(change, name)
    for command in (*COMMANDS, "migrate -v0"):
        assert words in error_line(tmp_path, command, DATABASE_URL=server.url(name))
    assert words in problem_of_doctor(tmp_path, DATABASE_URL=server.url(name))


@pytest.mark.long
def test_a_database_of_another_application_is_refused_and_unchanged(tmp_path: Path, server: postgres.Server) -> None:
    server.do("create database shop")
    server.do("create table orders (id int)", "shop")
    for command in COMMANDS:
        assert "belongs to another application" in error_line(tmp_path, command, DATABASE_URL=server.url("shop"))
    assert server.do("select count(*) from pg_tables where schemaname = 'public'", "shop") == [(1,)]


@pytest.mark.long
def test_two_hosts_may_migrate_at_once_and_a_missing_right_is_reported(tmp_path: Path, server: postgres.Server) -> None:
    server.do("create database twice")
    with ThreadPoolExecutor(2) as both:
        results = [
            both.submit(run_command, tmp_path / f"home-{n}", "migrate", DATABASE_URL=server.url("twice"))
            for n in (1, 2)
        ]
    for one in results:
        code, text = one.result()
        assert (code, "Traceback" in text) == (0, False), text
    server.do("create role reader login password 'hidden'")
    server.do("create database locked")
    url = server.url("locked", user="reader", password="hidden")
    code, text = run_command(tmp_path / "home-1", "migrate", DATABASE_URL=url)
    assert (code, "Traceback" in text, "hidden" in text) == (1, False, False), text
    assert "could not be migrated" in text
    assert "permission denied" in text


@pytest.mark.long
def test_a_migration_that_would_block_all_others_gives_up(
    tmp_path: Path, server: postgres.Server, database: str
) -> None:
    server.do("create database busy template flows")
    with contextlib.closing(psycopg2.connect(server.url("busy"))) as backup, backup.cursor() as cursor:
        cursor.execute("LOCK TABLE engine_host IN ACCESS SHARE MODE")
        text = error_line(tmp_path, "migrate engine 0003 -v0", DATABASE_URL=server.url("busy"))
    assert "A table was in use for more than 5 s" in text
    assert server.do("select count(*) from django_migrations where name = '0004_expand_host'", "busy") == [(1,)]


def test_an_empty_database_is_reported_with_the_command_that_sets_it_up(
    tmp_path: Path, server: postgres.Server
) -> None:
    server.do("create database fresh")
    for command in COMMANDS[1:]:
        assert "Run `interlock up` or `interlock migrate` once" in error_line(
            tmp_path, command, DATABASE_URL=server.url("fresh")
        )


@pytest.mark.parametrize(
    ("arguments", "url", "words"),
    [
        (("--requirepass", "x"), "redis://127.0.0.1:{port}/0", "requires a password"),
        ((), "redis://:hidden@127.0.0.1:{free}/0", "is unreachable"),
        *(
            pytest.param(*case, marks=pytest.mark.long)
            for case in (
                (("--requirepass", "x"), "redis://:hidden@127.0.0.1:{port}/0", "refuses the password"),
                (("--replicaof", "127.0.0.1 1"), "redis://127.0.0.1:{port}/0", "is a read-only replica"),
                ((), "redis://127.0.0.1:{port}/99", "no database with that number"),
                ((), "redis://127.0.0.1:{silent}/0", "does not respond within"),
                ((), "redis://:hidden@127.0.0.1:{postgres}/0", "is not a Redis"),
            )
        ),
    ],
)
def test_an_unusable_redis_is_reported_by_up_and_doctor(
    tmp_path: Path, server: postgres.Server, database: str, arguments: tuple[str, ...], url: str, words: str
) -> None:
    with redis.server(tmp_path, *arguments) as one, socket.create_server(("127.0.0.1", 0)) as silent:
        url = url.format(port=one.port, free=free_port(), silent=silent.getsockname()[1], postgres=server.port)
        text = error_line(tmp_path, "up --port 0", DATABASE_URL=database, REDIS_URL=url)
        assert words in text, text
        assert "REDIS_URL" in text, text
        assert words in problem_of_doctor(tmp_path, DATABASE_URL=database, REDIS_URL=url)


@pytest.mark.long
def test_a_full_redis_is_reported_and_prevents_no_start(tmp_path: Path, database: str) -> None:
    with (
        redis.server(tmp_path, "--maxmemory", "1") as one,
        first_start(tmp_path / "home", DATABASE_URL=database, REDIS_URL=one.url) as product,
    ):
        said_lines = [line for line in product.log.read_text().splitlines() if "REDIS_URL" in line]
        assert len(said_lines) == 1
        assert "is full (maxmemory)" in said_lines[0]
        assert product.api("POST", "workflows/flight-delays/runs/?wait=60", {})["state"] == "succeeded"
        assert "warning  Redis" in product.command("doctor", "--port", str(product.port), check=False).stdout


@contextlib.contextmanager
def without_redis(
    tmp_path: Path, database: str, *command: str, until: str, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a part that continues without Redis, and wait until its log has `until`. It must explain what is wrong."""
    log = tmp_path / "log"
    environment = {
        "PATH": os.environ["PATH"], "INTERLOCK_HOME": str(tmp_path / "home"), "DATABASE_URL": database,
        "REDIS_URL": f"redis://:hidden@127.0.0.1:{free_port()}/0", **settings,
    }  # fmt: skip
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=file, stderr=file)
    try:
        wait_until(lambda: until in log.read_text())
        yield process
    finally:
        process.kill()
        process.wait()
    text = log.read_text()
    assert "REDIS_URL: the Redis at" in text
    assert "Traceback" not in text
    assert "hidden" not in text


@pytest.mark.long
def test_a_scheduler_leads_without_redis_and_logs_that(tmp_path: Path, database: str) -> None:
    """A standby must take over also when Redis was lost with the leader's host."""
    with without_redis(tmp_path, database, "manage.py", "scheduler", until="scheduler_leads"):
        pass


@pytest.mark.long
def test_a_worker_waits_for_redis_and_logs_that(tmp_path: Path, database: str) -> None:
    command = ["-m", "celery", "-A", "engine", "worker"]
    with without_redis(tmp_path, database, *command, until="Trying again", INTERLOCK_EXECUTOR="celery") as process:
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.long
def test_a_redis_that_drops_messages_is_reported_where_celery_uses_it(tmp_path: Path, database: str) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    with redis.server(tmp_path, "--maxmemory-policy", "allkeys-lru") as one:
        for executor, expected in (("local", False), ("celery", True)):
            settings = {"DATABASE_URL": database, "REDIS_URL": one.url, "INTERLOCK_EXECUTOR": executor}
            _, text = run_command(tmp_path / "home", "doctor", "--port", str(free_port()), **settings)
            assert ("maxmemory-policy allkeys-lru" in text) is expected, text
