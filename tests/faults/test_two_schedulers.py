"""T19: two and three schedulers on one home, whose leader is stopped, killed, or loses its lock."""

import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from tests.faults import checks
from tests.faults.checks import Broken
from tests.faults.rig import Rig, rigged, stand_still
from tests.faults.workload import Workload
from tests.support.effort import rounds
from tests.support.wait import wait_until


def watch_writers(rig: Rig) -> None:
    """Let the database record the epoch of each write of a leader."""
    db = sqlite3.connect(rig.home / "interlock.sqlite3", timeout=20)
    with db:
        db.execute("CREATE TABLE test_writers (at INTEGER PRIMARY KEY, epoch INTEGER, pid INTEGER)")
        db.execute(
            "CREATE TRIGGER test_writer AFTER UPDATE ON engine_leader BEGIN "
            "INSERT INTO test_writers (epoch, pid) VALUES (NEW.epoch, NEW.pid); END"
        )
    db.close()


def writers(rig: Rig) -> list[tuple[int, int]]:
    """Return (epoch, process) of each write, in order."""
    with rig.database() as db:
        return [(epoch, pid) for epoch, pid in db.execute("SELECT epoch, pid FROM test_writers ORDER BY at")]


@pytest.mark.parametrize("many", [2, pytest.param(3, marks=pytest.mark.long)])
def test_a_stopped_leader_leads_until_it_is_killed_and_then_the_next_does(tmp_path: Path, many: int) -> None:
    with rigged(tmp_path) as rig:
        watch_writers(rig)
        for _ in range(many):
            rig.scheduler()
        work = Workload(rig, http=False, fan=20, only=("chain", "diamond", "fan", "pool"))
        work.keep(4)
        wait_until(lambda: len(rig.ledger.entries()) > 50)
        epoch = rig.leader()[0]
        for turn in range(many):
            leader = next(one for one in rig.schedulers if one.pid == rig.leader()[1])
            stand_still(rig, leader.pid)
            end = time.monotonic() + rounds(1, 60)
            while time.monotonic() < end:
                work.keep(4)
                assert rig.leader() == (epoch + turn, leader.pid)
                time.sleep(0.1)
            if turn < many - 1:
                rig.signal(leader.pid, signal.SIGKILL, "the leader that stands still")
                leader.wait()
                wait_until(lambda known=epoch + turn: rig.leader()[0] == known + 1)  # type: ignore[misc]
            else:
                os.kill(leader.pid, signal.SIGCONT)
        rig.rest()
        work.check(killed_schedulers=many - 1)
        seen = writers(rig)
        assert [one for one, _ in seen] == sorted(one for one, _ in seen), "an epoch that was over has written"
        assert len(set(seen)) == many, "each epoch is one process's"


def check_rows(rig: Rig) -> None:
    """Check the database at rest. Two executions of one node may have overlapped until the first leader ended
    its own."""
    rig.rest()
    rows = rig.rows()
    checks.i2(rig.accepted, rows)
    checks.i3(rows)
    checks.i4(rows)
    checks.i6(rows, at_rest=True)
    checks.i9(rows)
    checks.i10(rows)
    with rig.database() as db:
        checks.i18(db)


def lose_the_lock(rig: Rig, work: Workload) -> None:
    """Delete the lock's file of a stopped leader, so that another one leads, and then let it continue."""
    first = rig.scheduler()
    work.keep(4)
    wait_until(lambda: len(rig.ledger.entries()) > 50)
    epoch = rig.leader()[0]
    stand_still(rig, first.pid)
    stopped = [first.pid, *rig.node_processes(first.pid)]
    for pid in stopped[1:]:
        rig.signal(pid, signal.SIGSTOP, "a node process of a leader that loses its lock")
    (rig.home / "run" / "scheduler.lock").unlink()
    second = rig.scheduler()
    wait_until(lambda: rig.leader() == (epoch + 1, second.pid))
    seen = len(rig.ledger.entries())
    wait_until(lambda: len(rig.ledger.entries()) > seen + 50)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.smoke
def test_a_leader_that_lost_its_lock_unnoticed_writes_nothing_and_ends(tmp_path: Path) -> None:
    with rigged(tmp_path) as rig:
        watch_writers(rig)
        work = Workload(rig, http=False, fan=60, only=("fan",))
        lose_the_lock(rig, work)
        first = rig.schedulers[0]
        assert first.wait(20) != 0
        assert "Another scheduler leads this installation now" in rig.product.log.read_text()
        epochs = [one for one, _ in writers(rig)]
        assert epochs == sorted(epochs)
        check_rows(rig)


@pytest.mark.long
def test_a_build_without_fences_writes_and_is_detected(tmp_path: Path) -> None:
    with rigged(tmp_path, "fences_dropped") as rig:
        work = Workload(rig, http=False, fan=60, only=("fan",))
        lose_the_lock(rig, work)
        with pytest.raises(Broken, match=r"^I(2|3|4|6|9|10|18): "):
            check_rows(rig)
