"""Wrong commands and settings: one clear line, an exit code, never a traceback."""

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands

from tests.support.product import ROOT, free_port

# (command line, exit code, words of the output). `{here}` is the folder of the files below, `{taken}` a port in use.
ARGUMENTS = [
    ("migrate nothing", 1, "No installed app with label 'nothing'"),
    ("migrate engine 9999", 1, "Cannot find a migration matching '9999'"),
    ("run", 2, "required: FILE|SLUG"),
    ("run {here}/bad.json", 2, "line 1"),
    ("run {here}/none.json", 2, "cannot be read"),
    ("run {here}/folder.json", 2, "cannot be read"),
    ("run {here}/good.json --input =1", 2, "NAME=VALUE"),
    ("run {here}/good.json --nothing", 2, "unrecognized arguments"),
    ("validate", 2, "required: FILE"),
    ("validate {here}/bad.json", 2, "is not valid JSON"),
    ("validate {here}/binary.json", 2, "is not UTF-8"),
    ("validate {here}/deep.json", 2, "nested too deeply"),
    ("validate {here}/list.json", 1, "must be a JSON object"),
    ("validate -", 2, "is not valid JSON"),
    ("token", 2, "required: --user"),
    ("token --user ghost", 1, "not set up"),
    ("token --user x --scope nothing", 2, "invalid choice"),
    ("user x --role nothing", 2, "invalid choice"),
    ("login-link --user ghost", 1, "not set up"),
    ("alive nothing", 2, "invalid choice: 'nothing'"),
    ("doctor --port 99999", 1, "99999 is not a port"),
    ("doctor --port x", 2, "invalid int value"),
    ("prune --days -1", 1, "--days must be"),
    ("prune --days nan", 1, "--days must be"),
    ("prune", 1, "not set up"),
    ("import x", 1, "not available yet"),
    ("export", 1, "not available yet"),
    ("worker", 1, "needs INTERLOCK_EXECUTOR=celery"),
    ("worker --nothing", 2, "No such option"),
    ("bench nothing", 2, "invalid choice"),
    ("bench recovery", 1, "bench recovery needs --database"),
    ("web --port 99999", 1, "99999 is not a port"),
    ("web --port 0", 1, "not set up"),
    ("scheduler", 1, "not set up"),
    ("scheduler --nothing", 2, "unrecognized arguments"),
    ("nothing", 1, "Unknown command"),
    ("up --port x", 2, "invalid int value"),
    ("up --port 99999", 1, "99999 is not a port"),
    ("up --port {taken}", 1, "is already in use"),
    ("up --host nowhere.invalid", 1, "nowhere.invalid"),
    ("up --nothing", 2, "unrecognized arguments"),
]

# (setting, value, words of the output), each with a command that loads Django and with `up`, which does not.
SETTINGS = [
    ("INTERLOCK_HOME", "{here}/file", "INTERLOCK_HOME"),
    ("INTERLOCK_HOME", "{here}/file/home", "INTERLOCK_HOME"),
    ("INTERLOCK_HOME", "/proc/nothing", "INTERLOCK_HOME"),
    ("INTERLOCK_HOME", "~no-such-user/x", "INTERLOCK_HOME"),
    ("INTERLOCK_HOME", "{here}/keyless", "secret_key"),
    ("INTERLOCK_HOME", "{here}/empty-key", "is empty"),
    ("INTERLOCK_HOME", "{here}/broken", "interlock.sqlite3"),
    ("INTERLOCK_HOME", "{here}/cut", "malformed. Keep a copy"),
    ("INTERLOCK_HOME", "{here}/early", 'has no column "targets"'),
    ("INTERLOCK_HOME", "{here}/newer", "written by a newer Interlock"),
    ("DATABASE_URL", "nonsense", "must look like"),
    ("DATABASE_URL", "postgresql:me:hidden@host/name", "must look like"),
    ("DATABASE_URL", "postgresql://me:hidden#@host/name", "# as %23"),
    ("DATABASE_URL", "postgresql://host/name?sslmod=hidden", 'the option "sslmod", which PostgreSQL does not know'),
    ("DATABASE_URL", "postgresql://host:port/name", "must look like"),
    ("DATABASE_URL", "postgresql://[::1/name", "must look like"),
    ("DATABASE_URL", "postgresql://nobody:hidden@127.0.0.1:{free}/none", "none on 127.0.0.1"),
    ("REDIS_URL", "nonsense", "must look like"),
    ("REDIS_URL", "redis://:hidden@/0", "must look like"),
    ("REDIS_URL", "redis://:hidden@host:port/0", "must look like"),
    ("REDIS_URL", "redis://host/0?socket_timeout=hidden", 'the option "socket_timeout", which is not supported'),
    ("REDIS_URL", "redis://host/0?ssl_ca_certs=hidden", "With rediss:// it may have"),
    ("REDIS_URL", "rediss://host/0?ssl_cert_reqs=hidden", "must be required, optional or none"),
    ("INTERLOCK_WORKERS", "\u00b2", "a whole number from 1"),
    ("INTERLOCK_MAX_CONCURRENT", "9" * 5000, "a whole number from 1"),
    ("INTERLOCK_EXECUTOR", "nothing", "local or celery"),
    ("INTERLOCK_EXECUTOR", "celery", "needs DATABASE_URL and REDIS_URL"),
    ("INTERLOCK_ARTIFACTS", "gs://bucket", "s3://bucket/prefix"),
    ("INTERLOCK_TRUST_PROXY", "perhaps", "set it to 1, or unset it"),
    ("ALLOWED_HOSTS", "https://flows.example.org", 'contains "https://flows.example.org"; the format is flows'),
    ("ALLOWED_HOSTS", "flows.example.org:443", "the format is flows"),
    ("CSRF_TRUSTED_ORIGINS", "flows.example.org", "the format is https://"),
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make invalid files and homes."""
    here = tmp_path_factory.mktemp("here")
    (here / "good.json").write_text('{"schema": "interlock/1", "nodes": [{"id": "a", "type": "noop"}], "edges": []}')
    (here / "bad.json").write_text("{")
    (here / "list.json").write_text("[1]")
    (here / "binary.json").write_bytes(b"\xff\xfe")
    (here / "deep.json").write_text("[" * 100_000)
    (here / "file").write_text("")
    for folder in ("folder.json", "keyless/secret_key", "empty-key", "broken"):
        (here / folder).mkdir(parents=True)
    (here / "empty-key/secret_key").write_text("")
    (here / "broken/interlock.sqlite3").write_bytes(b"no database at all" * 500)
    code, text = run_command(here / "well", "migrate")
    assert code == 0, text
    for folder, change in (
        ("cut", None),
        ("early", "ALTER TABLE engine_run DROP COLUMN targets"),
        ("newer", "INSERT INTO django_migrations (app, name, applied) VALUES ('engine', '9999_future', '2030-01-01')"),
    ):
        shutil.copytree(here / "well", here / folder)
        file = here / folder / "interlock.sqlite3"
        if change is None:
            os.truncate(file, file.stat().st_size // 2)
            continue
        with contextlib.closing(sqlite3.connect(file)) as database:
            database.execute(change)
            database.commit()
    return here


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def run_command(home: Path, *words: str, without: Sequence[str] = (), **settings: str) -> tuple[int, str]:
    """Return the exit code and the whole output. `without` names what root then may not do either."""
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "INTERLOCK_HOME": str(home), **settings}
    done = subprocess.run(
        [*_without(without), sys.executable, str(ROOT / "manage.py"), *words],
        cwd=home.parent, env=environment, input="", capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def _without(capabilities: Sequence[str]) -> list[str]:
    if not capabilities or os.geteuid():
        return []
    if not (setpriv := shutil.which("setpriv")):
        pytest.skip("root may do everything here, and there is no setpriv")
    less = ",".join(f"-{name}" for name in capabilities)
    return [setpriv, f"--bounding-set={less}", f"--inh-caps={less}"]


@pytest.mark.smoke
def test_every_command_of_the_product_is_covered() -> None:
    ours = {name for name, app in get_commands().items() if app in ("engine", "versions", "dashboard")}
    assert ours <= {typed.split()[0] for typed, _code, _words in ARGUMENTS}


def _first_of_each_command() -> list[Any]:
    """Return the cases of ARGUMENTS; only the first of each command is not `long`."""
    cases, commands = [], set[str]()
    for typed, code, words in ARGUMENTS:
        command = typed.split()[0]
        cases.append(pytest.param(typed, code, words, id=typed, marks=pytest.mark.long if command in commands else ()))
        commands.add(command)
    return cases


@pytest.mark.parametrize(("typed", "code", "words"), _first_of_each_command())
def test_bad_arguments_are_explained_in_one_line(
    here: Path, tmp_path: Path, taken: int, typed: str, code: int, words: str
) -> None:
    # `run` makes the database, which the others do not need.
    home = here / "home" if typed.startswith("run") else tmp_path / "home"
    found, text = run_command(home, *typed.format(here=here, taken=taken).split())
    assert "Traceback" not in text, text
    assert words in text
    assert found == code, text


@pytest.mark.parametrize("command", ["token --user admin", pytest.param("up --port 0", marks=pytest.mark.long)])
@pytest.mark.parametrize(("name", "value", "words"), SETTINGS, ids=[f"{s[0]}={s[1][:30]}" for s in SETTINGS])
def test_a_bad_setting_is_explained_in_one_line(here: Path, command: str, name: str, value: str, words: str) -> None:
    value = value.format(here=here, free=free_port())
    found, text = run_command(here / "home", *command.split(), **{name: value})
    assert "Traceback" not in text, text
    assert words in text
    assert "hidden" not in text
    assert found == 1, text
    assert len(text.strip().splitlines()) <= 2, text


@pytest.mark.long
@pytest.mark.parametrize("name", ["broken", "cut", "early", "newer"])
def test_doctor_reports_of_a_database_what_up_reports(here: Path, name: str) -> None:
    home = here / name
    code, text = run_command(home, "doctor", "--port", str(free_port()), INTERLOCK_HOME=str(home))
    assert "Traceback" not in text, text
    assert (code, "1 problem" in text) == (1, True)
    (problem,) = (line for line in text.splitlines() if line.startswith("problem"))
    assert run_command(home, "up", "--port", "0")[1].strip().removeprefix("interlock: ") in problem


def test_doctor_finds_damage_that_a_start_does_not_find(here: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(here / "well", home)
    file = home / "interlock.sqlite3"
    with contextlib.closing(sqlite3.connect(file)) as database:
        (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'dashboard_session'").fetchone()
    with file.open("r+b") as raw:
        raw.seek((page - 1) * 4096)
        raw.write(b"\xff" * 4096)
    code, text = run_command(home, "doctor", "--port", str(free_port()))
    assert (code, "failed" in text) == (1, False), text
    assert f"problem  Database: {file} is damaged: " in text
    assert "restore a backup" in text


@pytest.mark.long
@pytest.mark.parametrize(
    ("which", "up_says", "doctor_says"),
    [
        ("interlock.sqlite3", "cannot be written: attempt to write a readonly database. Check that", "chmod u+w"),
        (".", "a writable folder", "chmod -R u+rwX"),
    ],
)
def test_a_folder_without_write_permission_is_reported_with_advice(
    here: Path, tmp_path: Path, which: str, up_says: str, doctor_says: str
) -> None:
    home = tmp_path / "home"
    shutil.copytree(here / "well", home)
    for path in (*home.rglob("*"), home) if which == "." else (home / which,):
        path.chmod(0o500 if path.is_dir() else 0o400)
    rights = ("dac_override", "dac_read_search")
    code, text = run_command(home, "up", "--port", "0", without=rights)
    assert (code, len(text.strip().splitlines())) == (1, 1), text
    assert up_says in text
    code, text = run_command(home, "doctor", "--port", str(free_port()), without=rights)
    assert "failed" not in text
    assert (code, doctor_says in text) == (1, True), text
