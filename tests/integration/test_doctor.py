"""What `doctor` says of an installation in trouble: what was found, and what to do."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.migrations.recorder import MigrationRecorder

from dashboard import accounts, doctor
from dashboard.doctor import result
from dashboard.models import Role, WebHost
from dashboard.serving import web_hosts
from engine import clock
from engine.actions import runs
from engine.config import SETTINGS
from engine.database import sqlite
from engine.models import Host, Leader, Run
from engine.states import HostReason
from engine.supervisor import cleanup
from tests.support.factories import chain
from tests.support.people import person
from tests.support.product import free_port
from tests.support.run_rows import host

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that was started before, while nothing runs; the database is that of the tests."""
    home = tmp_path / "home"
    config = replace(settings.INTERLOCK, home=home, artifacts=str(home / "artifacts"))
    for folder in (config.files, config.run_folder, config.artifacts):
        Path(folder).mkdir(mode=0o700, parents=True)
    config.database_file.touch()
    home.chmod(0o700)
    monkeypatch.setattr(settings, "INTERLOCK", config)
    # What is said to the tests is none either.
    for name in [name for name in os.environ if name.startswith("INTERLOCK_") and name not in SETTINGS]:
        monkeypatch.delenv(name)
    return home


def said(port: int | None = None) -> dict[str, tuple[str, str, str]]:
    """(level, what was found, what to do) of the worst finding of each name."""
    order = ("ok", "warning", "problem")
    found: dict[str, tuple[str, str, str]] = {}
    for one in doctor.run_checks(port or free_port()):
        if one.name not in found or order.index(one.level) > order.index(found[one.name][0]):
            found[one.name] = (one.level, one.message, one.advice)
    return found


def test_what_is_in_order_is_said_to_be(home: Path) -> None:
    person("admin")
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now()})
    assert {name: level for name, (level, *_) in said().items() if level != "ok"} in ({}, {"Accounts": "warning"})


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free space"),
        (errno.EROFS, "mounted read-only"),
        (errno.EACCES, "chmod -R u+rwX"),
    ],
)
def test_a_home_that_cannot_be_written_to_is_named_once_with_a_way_out(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def refuse(**_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found = said()
    assert found["Home folder"] == ("problem", f"{home} is not writable: {os.strerror(number)}",
                                    found["Home folder"][2])  # fmt: skip
    assert advice in found["Home folder"][2]
    assert "Folder" not in found


def test_a_home_of_somebody_else_is_said_to_be(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert "sudo chown -R" in said()["Home folder"][2]


def test_a_disk_that_is_full_is_freed_before_runs_are_pruned(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12, 5 * 1024**2))
    level, text, advice = said()["Disk space"]
    assert (level, text) == ("problem", f"5 MiB free at {home}")
    assert advice.startswith("Free some space, then delete old runs: ")


def test_an_old_sqlite_is_named_with_the_package_for_this_python(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SQLITE_VERSION", "3.46.1")
    assert not sqlite.is_safe((3, 46, 1))
    found = said().get("SQLite")
    if settings.DATABASES["default"]["ENGINE"] == "engine.database.sqlite_backend":
        assert found is not None
        assert (found[0], f"{sys.executable} -m pip install pysqlite3" in found[2]) == ("warning", True)


def test_a_variable_that_is_misspelled_is_told_beside_the_one_that_is_meant(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_WORKER", "3")
    assert said()["Settings"] == ("warning", "INTERLOCK_WORKER is not an Interlock setting",
                                  "Did you mean INTERLOCK_WORKERS?")  # fmt: skip


@pytest.mark.parametrize(
    ("hosts", "trust", "level", "words"),
    [
        (["*"], False, "problem", "any site can point a host name here"),
        ([], True, "problem", "Set ALLOWED_HOSTS"),
        (["flows.example.org"], True, "ok", "behind a TLS proxy"),
        (["flows.example.org"], False, "ok", "INTERLOCK_TRUST_PROXY=1"),
    ],
)
def test_names_and_proxy_that_do_not_fit_are_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, hosts: list[str], trust: bool, level: str, words: str
) -> None:
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", *hosts])
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, trust_proxy=trust))
    found = said()["Hosts"]
    assert found[0] == level
    assert words in " ".join(found)


def test_a_clock_that_was_set_back_is_told_and_no_scheduler_is_taken_for_alive(home: Path) -> None:
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now() + timedelta(days=1000)})
    found = said()
    assert found["Clock"][:2] == ("warning", "the scheduler's last heartbeat is 1000 days in the future: a clock "
                                  "was ahead then, or is behind now")  # fmt: skip
    assert found["Scheduler"][:2] == ("warning", "not running")


def test_runs_beyond_the_retention_are_counted_beside_the_command_that_deletes_them(home: Path) -> None:
    for days in (40, 31, 29):
        run = runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
        Run.objects.filter(pk=run.pk).update(state="failed", finished_at=clock.now() - timedelta(days=days))
    level, text, advice = said()["History"]
    assert (level, text) == ("ok", "3 runs, 2 of them older than 30 days")
    assert advice.endswith("interlock prune")


def test_a_single_run_is_counted_as_one(home: Path) -> None:
    runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
    assert said()["History"][:2] == ("ok", "1 run")


@pytest.fixture
def held(home: Path) -> Iterator[str]:
    """The address at which an `up` that holds this home says to be: nobody answers there."""
    address = f"http://127.0.0.1:{free_port()}"
    with (home / "run" / "up.lock").open("w") as lock:
        lock.write(f"process 4711, {address}")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield address


def test_an_interlock_that_hangs_is_told_with_its_process_and_its_log(home: Path, held: str) -> None:
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now() - timedelta(hours=3)})
    found = said()
    assert found["Interlock"][:2] == ("problem", f"running (process 4711, {held}), but it does not respond")
    assert "kill 4711" in found["Interlock"][2]
    assert found["Scheduler"] == (
        "problem",
        "not running (last heartbeat 3 h ago), although Interlock is",
        f"See {home}/log/scheduler.log.",
    )
    assert "Port" not in found


def test_processes_that_outlived_a_killed_interlock_are_told(home: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    mark = f"{cleanup.mark_prefix(home)}-{dead.pid}.1-1"
    left = subprocess.Popen(["sleep", "60"], env={"INTERLOCK_MARK": mark, "PATH": os.environ["PATH"]})
    try:
        level, text, advice = said()["Leftovers"]
    finally:
        left.kill()
        left.wait()
    assert (level, str(left.pid) in text) == ("warning", True)
    assert "The next start stops them" in advice


def test_a_taken_port_is_told_with_another(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        level, text, advice = said(port)["Port"]
    assert (level, text) == ("warning", f"{port} cannot be used: Address already in use")
    assert f"up --port {port + 1}" in advice


def test_commands_are_given_as_they_can_be_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("interlock")
    monkeypatch.chdir(tmp_path)
    assert result.command_line("up") == f"{program} up"
    monkeypatch.setenv("PATH", str(program.parent))
    assert result.command_line("up") == "interlock up"


def test_a_database_that_a_newer_release_has_added_to_is_well_and_said(home: Path) -> None:
    MigrationRecorder.Migration.objects.create(app="engine", name="0999_expand_fashion")
    level, found, _ = said()["Database"]
    assert level == "ok"
    assert "schema of a newer, compatible release (engine.0999_expand_fashion)" in found


def test_hosts_that_serve_with_another_secret_key_are_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web_hosts.record(web_hosts.key_hash())
    assert "Secret key" not in said()
    kept = WebHost.objects.get().key_print
    assert settings.SECRET_KEY not in kept
    WebHost.objects.create(name="there", key_print="0" * 32, seen_at=clock.now())
    WebHost.objects.create(name="gone", key_print="1" * 32, seen_at=clock.now() - timedelta(hours=2))
    level, found, advice = said()["Secret key"]
    assert level == "problem"
    assert "on there use another SECRET_KEY" in found
    assert "the same SECRET_KEY on all hosts" in advice
    # Whoever serves forgets the one that serves no more.
    web_hosts.record(web_hosts.key_hash())
    assert set(WebHost.objects.values_list("name", flat=True)) == {"there", socket.gethostname()}
    monkeypatch.setattr(settings, "SECRET_KEY", "another")
    assert socket.gethostname() in said()["Secret key"][1]


def test_workers_of_several_hosts_are_told_with_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Workers" not in said()
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, executor="celery"))
    accounts.create_user("ann", Role.ADMIN, by="tests")
    found = said()
    assert found["Workers"][:2] == ("warning", "none accepts work: nodes wait")
    assert "celery -A engine worker -Q default" in found["Workers"][2]
    assert "login-link --user ann" in found["Accounts"][2]
    assert found["Scheduler"][2].endswith("interlock scheduler")
    host("one@here", queues=["default", "gpu"], capacity=4)
    assert said()["Workers"] == ("ok", "1, with 4 node processes, for the queues default, gpu", "")
    host("two@here", state="draining", reason=HostReason.DRAIN_REQUESTED)
    assert "two@here is draining" in said()["Workers"][1]
    Host.objects.filter(name="two@here").update(reason=HostReason.OTHER_RELEASE)
    assert "two@here runs another release" in said()["Workers"][1]
    Host.objects.filter(name="two@here").update(state="gone", reason=HostReason.LEASE_EXPIRED)
    assert "two@here is lost" in said()["Workers"][1]
