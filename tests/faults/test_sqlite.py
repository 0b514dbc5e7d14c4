"""T16: SQLite under four writers, a long reader and checkpoints, killed during writes, and its backups."""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import checks, count
from tests.faults.checks import Rows
from tests.faults.rig import Rig, document, python, rigged
from tests.faults.workload import Workload
from tests.support.effort import rounds, seed
from tests.support.product import ROOT
from tests.support.wait import wait_until

WAL_BYTES_MAX = 4 << 20

WRITER = """
import os, sys
sys.path.insert(0, os.getcwd())
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
import django
django.setup()
from engine.actions import runs
from engine.models import Definition, Run

definition = Definition.objects.order_by("id").first()
name = sys.argv[1]
print("ready", flush=True)
while True:
    # Told only after the commit: what is printed must be there whatever happens.
    print(runs.start(definition, workflow=name, by="writer").pk, flush=True)
"""


@contextlib.contextmanager
def long_reader(rig: Rig) -> Iterator[None]:
    """Hold a read transaction throughout, so that no checkpoint gets past it."""
    db = sqlite3.connect(f"file:{rig.home / 'interlock.sqlite3'}?mode=ro", uri=True)
    db.execute("BEGIN")
    db.execute("SELECT COUNT(*) FROM engine_run").fetchone()
    try:
        yield
    finally:
        db.close()


@pytest.mark.long
def test_writers_that_are_killed_lose_nothing_that_they_acknowledged(tmp_path: Path) -> None:
    """Four writers, beside a scheduler that works and a reader that blocks every checkpoint."""
    chance = random.Random(seed("killed writers"))
    acknowledged: list[str] = []
    locked: list[str] = []
    with rigged(tmp_path) as rig:
        scheduler = rig.scheduler()
        work = Workload(rig, http=False, fan=20, only=("diamond",))
        work.start()
        writers = [Writer(rig, f"writer{number}") for number in range(4)]
        with long_reader(rig):
            for turn in range(rounds(8, 200)):
                for writer in writers:
                    writer.ready()
                before = sum(len(writer.acknowledged) for writer in writers)
                enough = before + chance.randrange(1, 25)
                wait_until(lambda many=enough: sum(len(one.acknowledged) for one in writers) >= many)  # type: ignore[misc]
                victim = writers[turn % 4]
                victim.kill()
                acknowledged += victim.acknowledged
                locked += victim.errors
                writers[turn % 4] = Writer(rig, f"writer{turn % 4}")
        for writer in writers:
            writer.kill()
            acknowledged += writer.acknowledged
            locked += writer.errors
        assert locked == []
        rig.accepted += acknowledged
        assert len(acknowledged) > rounds(50, 1000)
        # So many runs need not all be executed: their rows matter.
        scheduler.kill()
        scheduler.wait()
        rows = rig.rows()
        assert [run for run in acknowledged if run not in rows.runs] == []
        with rig.database() as db:
            checks.i18(db)


class Writer:
    """A process that starts runs, one transaction after the other, and prints each."""

    def __init__(self, rig: Rig, name: str) -> None:
        self.acknowledged: list[str] = []
        self.errors: list[str] = []
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, name], cwd=ROOT, env=rig.product.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line == "ready\n":
                self._ready.set()
            elif line.endswith("\n"):
                self.acknowledged.append(line.strip())

    def ready(self) -> None:
        assert self._ready.wait(60)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        count.injected("SIGKILL to a writer")
        self.process.wait()
        self._thread.join(10)
        assert self.process.stderr is not None
        assert self.process.stdout is not None
        if error := self.process.stderr.read():
            self.errors.append(error)
        self.process.stderr.close()
        self.process.stdout.close()


def test_clients_get_no_lock_error_and_the_log_shrinks_after_a_long_reader(tmp_path: Path) -> None:
    """Four clients write over HTTP while nodes run, a reader takes long, and the log is checkpointed."""
    wrong: list[str] = []
    with rigged(tmp_path) as rig:
        rig.start()
        work = Workload(rig, http=True, fan=30, only=("fan", "chain"))
        over = threading.Event()

        def write(number: int) -> None:
            slug = f"mine{number}"
            rig.product.api("POST", "workflows/", {"name": slug, "slug": slug})
            while not over.is_set():
                for method, path, body in (
                    ("POST", "workflows/chain/runs/", {}),
                    ("POST", f"workflows/{slug}/versions/", {"definition": work.graphs["chain"], "message": "again"}),
                    ("PATCH", "pools/two/", {"slots": 2}),
                ):
                    answer = rig.product.call(method, f"/api/v1/{path}", body)
                    if answer.status == 202 or (answer.status == 201 and "runs" in path):
                        rig.accepted.append(str(answer.json["id"]))
                    elif answer.status not in (200, 201):
                        wrong.append(f"{method} {path}: {answer.status} {answer.body[:200]!r}")

        clients = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        with long_reader(rig):
            for client in clients:
                client.start()
            end = time.monotonic() + rounds(2, 120)
            checkpoints = 0
            while time.monotonic() < end:
                work.keep(3)
                checkpoint(rig)
                checkpoints += 1
                time.sleep(0.1)
            over.set()
            for client in clients:
                client.join()
        assert wrong == []
        count.injected("checkpoint under load", checkpoints)
        rig.rest(rounds(60, 600))
        work.check()
        log = rig.home / "interlock.sqlite3-wal"
        # The idle scheduler truncates it at its next heartbeat.
        wait_until(lambda: not log.exists() or log.stat().st_size < WAL_BYTES_MAX)


def checkpoint(rig: Rig) -> None:
    """Run a checkpoint, as a backup tool may at any time."""
    db = sqlite3.connect(rig.home / "interlock.sqlite3", timeout=0.05)
    with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(db):
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


@pytest.mark.smoke
def test_a_backup_under_load_is_intact_and_continues_in_another_home(tmp_path: Path) -> None:
    with rigged(tmp_path / "first") as rig:
        rig.scheduler()
        work = Workload(rig, http=False, fan=30, only=("chain", "fan", "diamond", "pool"))
        over = tmp_path / "over"
        # Something is stored again and again.
        says = f"while not os.path.exists({str(over)!r}): print('on', flush=True); time.sleep(0.05)"
        rig.run(document([python("n", rig.ledger.code(0, during=says))]))
        work.keep(4)
        wait_until(lambda: len(rig.ledger.entries()) > 100)
        accepted = list(rig.accepted)
        backup = tmp_path / "backup.sqlite3"
        with rig.database() as source, contextlib.closing(sqlite3.connect(backup)) as target:
            assert isinstance(source, sqlite3.Connection)
            source.backup(target, pages=20)
        over.touch()
        rig.rest()
        work.check()
        with contextlib.closing(sqlite3.connect(backup)) as db:
            for (result,) in db.execute("PRAGMA integrity_check"):
                assert result == "ok"
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
            copied = Rows.read(db)
        assert set(accepted) <= set(copied.runs)
        checks.i4(copied)
        checks.i9(copied)
        checks.i10(copied)
    with rigged(tmp_path / "second") as other:
        for leftover in other.home.glob("interlock.sqlite3*"):
            leftover.unlink()
        shutil.copy(backup, other.home / "interlock.sqlite3")
        other.scheduler()
        other.accepted = accepted
        other.rest()
        rows = other.rows()
        checks.i2(accepted, rows)
        checks.i3(rows)
        checks.i9(rows)
        assert json.loads(rows.runs[accepted[0]]["counts"])
