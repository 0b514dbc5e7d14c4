"""What `doctor` reports of a broken installation, and what it advises."""

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
    """A home that was started before, with nothing running. The database is that of the tests."""
    home = tmp_path / "home"
    config = replace(settings.INTERLOCK, home=home, artifacts=str(home / "artifacts"))
    for folder in (config.files, config.run_folder, config.artifacts):
        Path(folder).mkdir(mode=0o700, parents=True)
    config.database_file.touch()
    home.chmod(0o700)
    monkeypatch.setattr(settings, "INTERLOCK", config)
    # Remove the variables of the tests.
    for name in [name for name in os.environ if name.startswith("INTERLOCK_") and name not in SETTINGS]:
        monkeypatch.delenv(name)
    return home


def results(port: int | None = None) -> dict[str, tuple[str, str, str]]:
    """Return (level, message, advice) of the worst result of each name."""
    order = ("ok", "warning", "problem")
    found: dict[str, tuple[str, str, str]] = {}
    for one in doctor.run_checks(port or free_port()):
        if one.name not in found or order.index(one.level) > order.index(found[one.name][0]):
            found[one.name] = (one.level, one.message, one.advice)
    return found


def test_a_working_installation_has_no_problems(home: Path) -> None:
    person("admin")
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now()})
    assert {name: level for name, (level, *_) in results().items() if level != "ok"} in ({}, {"Accounts": "warning"})


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free space"),
        (errno.EROFS, "mounted read-only"),
        (errno.EACCES, "chmod -R u+rwX"),
    ],
)
def test_a_read_only_home_is_reported_once_with_advice(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def refuse(**_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found = results()
    assert found["Home folder"] == ("problem", f"{home} is not writable: {os.strerror(number)}",
                                    found["Home folder"][2])  # fmt: skip
    assert advice in found["Home folder"][2]
    assert "Folder" not in found


def test_a_home_of_another_user_is_reported(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert "sudo chown -R" in results()["Home folder"][2]


def test_a_full_disk_is_freed_before_runs_are_pruned(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12, 5 * 1024**2))
    level, text, advice = results()["Disk space"]
    assert (level, text) == ("problem", f"5 MiB free at {home}")
    assert advice.startswith("Free some space, then delete old runs: ")


def test_an_old_sqlite_is_reported_with_the_package_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SQLITE_VERSION", "3.46.1")
    assert not sqlite.is_safe((3, 46, 1))
    found = results().get("SQLite")
    if settings.DATABASES["default"]["ENGINE"] == "engine.database.sqlite_backend":
        assert found is not None
        assert (found[0], f"{sys.executable} -m pip install pysqlite3" in found[2]) == ("warning", True)


def test_a_misspelled_variable_is_reported_with_the_right_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_WORKER", "3")
    assert results()["Settings"] == ("warning", "INTERLOCK_WORKER is not an Interlock setting",
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
def test_contradicting_hosts_and_proxy_settings_are_reported(
    home: Path, monkeypatch: pytest.MonkeyPatch, hosts: list[str], trust: bool, level: str, words: str
) -> None:
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", *hosts])
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, trust_proxy=trust))
    found = results()["Hosts"]
    assert found[0] == level
    assert words in " ".join(found)


def test_a_heartbeat_in_the_future_is_reported_and_does_not_count(home: Path) -> None:
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now() + timedelta(days=1000)})
    found = results()
    assert found["Clock"][:2] == ("warning", "the scheduler's last heartbeat is 1000 days in the future: a clock "
                                  "was ahead then, or is behind now")  # fmt: skip
    assert found["Scheduler"][:2] == ("warning", "not running")


def test_old_runs_are_counted_with_the_command_that_deletes_them(home: Path) -> None:
    for days in (40, 31, 29):
        run = runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
        Run.objects.filter(pk=run.pk).update(state="failed", finished_at=clock.now() - timedelta(days=days))
    level, text, advice = results()["History"]
    assert (level, text) == ("ok", "3 runs, 2 of them older than 30 days")
    assert advice.endswith("interlock prune")


def test_a_single_run_is_counted_as_one(home: Path) -> None:
    runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
    assert results()["History"][:2] == ("ok", "1 run")


@pytest.fixture
def running_up(home: Path) -> Iterator[str]:
    """The URL of an `up` that holds this home but does not answer."""
    address = f"http://127.0.0.1:{free_port()}"
    with (home / "run" / "up.lock").open("w") as lock:
        lock.write(f"process 4711, {address}")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield address


def test_a_hanging_interlock_is_reported_with_its_process_and_log(home: Path, running_up: str) -> None:
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now() - timedelta(hours=3)})
    found = results()
    assert found["Interlock"][:2] == ("problem", f"running (process 4711, {running_up}), but it does not respond")
    assert "kill 4711" in found["Interlock"][2]
    assert found["Scheduler"] == (
        "problem",
        "not running (last heartbeat 3 h ago), although Interlock is",
        f"See {home}/log/scheduler.log.",
    )
    assert "Port" not in found


def test_processes_left_by_a_killed_interlock_are_reported(home: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    mark = f"{cleanup.mark_prefix(home)}-{dead.pid}.1-1"
    leftover = subprocess.Popen(["sleep", "60"], env={"INTERLOCK_MARK": mark, "PATH": os.environ["PATH"]})
    try:
        level, text, advice = results()["Leftovers"]
    finally:
        leftover.kill()
        leftover.wait()
    assert (level, str(leftover.pid) in text) == ("warning", True)
    assert "The next start stops them" in advice


def test_a_port_in_use_is_reported_with_another(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        level, text, advice = results(port)["Port"]
    assert (level, text) == ("warning", f"{port} cannot be used: Address already in use")
    assert f"up --port {port + 1}" in advice


def test_commands_are_shown_as_they_can_be_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("interlock")
    monkeypatch.chdir(tmp_path)
    assert result.command_line("up") == f"{program} up"
    monkeypatch.setenv("PATH", str(program.parent))
    assert result.command_line("up") == "interlock up"


def test_a_schema_of_a_newer_release_is_reported_as_ok(home: Path) -> None:
    MigrationRecorder.Migration.objects.create(app="engine", name="0999_expand_fashion")
    level, found, _ = results()["Database"]
    assert level == "ok"
    assert "schema of a newer, compatible release (engine.0999_expand_fashion)" in found


def test_hosts_with_another_secret_key_are_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web_hosts.record(web_hosts.key_hash())
    assert "Secret key" not in results()
    stored = WebHost.objects.get().key_print
    assert settings.SECRET_KEY not in stored
    WebHost.objects.create(name="there", key_print="0" * 32, seen_at=clock.now())
    WebHost.objects.create(name="gone", key_print="1" * 32, seen_at=clock.now() - timedelta(hours=2))
    level, found, advice = results()["Secret key"]
    assert level == "problem"
    assert "on there use another SECRET_KEY" in found
    assert "the same SECRET_KEY on all hosts" in advice
    # A serving host deletes hosts that have stopped serving.
    web_hosts.record(web_hosts.key_hash())
    assert set(WebHost.objects.values_list("name", flat=True)) == {"there", socket.gethostname()}
    monkeypatch.setattr(settings, "SECRET_KEY", "another")
    assert socket.gethostname() in results()["Secret key"][1]


def test_workers_of_several_hosts_are_reported_with_advice(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Workers" not in results()
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, executor="celery"))
    accounts.create_user("ann", Role.ADMIN, by="tests")
    found = results()
    assert found["Workers"][:2] == ("warning", "none accepts work: nodes wait")
    assert "celery -A engine worker -Q default" in found["Workers"][2]
    assert "login-link --user ann" in found["Accounts"][2]
    assert found["Scheduler"][2].endswith("interlock scheduler")
    host("one@here", queues=["default", "gpu"], capacity=4)
    assert results()["Workers"] == ("ok", "1, with 4 node processes, for the queues default, gpu", "")
    host("two@here", state="draining", reason=HostReason.DRAIN_REQUESTED)
    assert "two@here is draining" in results()["Workers"][1]
    Host.objects.filter(name="two@here").update(reason=HostReason.OTHER_RELEASE)
    assert "two@here runs another release" in results()["Workers"][1]
    Host.objects.filter(name="two@here").update(state="gone", reason=HostReason.LEASE_EXPIRED)
    assert "two@here is lost" in results()["Workers"][1]
