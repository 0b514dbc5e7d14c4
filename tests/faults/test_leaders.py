"""T19 on several hosts: two and three schedulers on one database, whose leader is stopped, killed, or loses its
lock."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import count
from tests.faults.checks import Broken
from tests.faults.epochs import note_writers, one_writer
from tests.faults.hosts import SERVERS, Hosts, hosted
from tests.faults.rig import document, python, stand_still, state
from tests.faults.workload import Workload
from tests.support.effort import LONG, rounds, seed
from tests.support.wait import wait_until

pytestmark = SERVERS

TAKES_OVER_SECONDS = 5.0
KINDS = ("chain", "diamond", "fan", "pool")

LOCK = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"


class LoadedRig:
    """So many schedulers and two workers, with work that never ends."""

    def __init__(self, rig: Hosts, many: int) -> None:
        self.rig, self.many = rig, many
        note_writers(rig)
        rig.start_without_web()
        self.keep_schedulers()
        self.work = Workload(rig, http=False, fan=20, only=KINDS)
        self.work.keep(4)
        wait_until(lambda: len(rig.ledger.entries()) > 50)

    def keep_schedulers(self) -> None:
        """Start schedulers again that have ended, as a service manager does, and wait until they stand by."""
        rig = self.rig
        rig.schedulers = [one for one in rig.schedulers if one.poll() is None]
        while len(rig.schedulers) < self.many:
            rig.scheduler()
        wait_until(lambda: rig.waiting_schedulers() == self.many - 1)

    def leader(self) -> tuple[int, int]:
        """Return its epoch and its process."""
        epoch, pid = self.rig.leader()
        assert any(one.pid == pid for one in self.rig.schedulers)
        return epoch, pid

    def dispatches(self, since: float) -> float:
        """Wait until a run that is requested now has started. Return the seconds from the monotonic time `since` to its
        start."""
        run = self.rig.run(document([python("n", self.rig.ledger.code(0))]), "probe")
        return wait_until(lambda: self.rig.ledger.start_of(run)) / 1e9 - since

    def moves_on(self, epoch: int, since: float) -> None:
        """Check that another leader than that of `epoch` leads soon enough."""
        took = self.dispatches(since)
        print(f"dispatched after {took:.2f} s")
        assert took <= TAKES_OVER_SECONDS
        assert self.rig.leader()[0] > epoch
        self.work.keep(4)


def is_held_up(loaded: LoadedRig) -> None:
    """Stop the leader for a moment: it continues undisturbed."""
    rig = loaded.rig
    epoch, pid = loaded.leader()
    loaded.work.keep(6)
    stand_still(rig, pid)
    time.sleep(1)
    assert rig.leader() == (epoch, pid)
    os.kill(pid, signal.SIGCONT)
    loaded.dispatches(time.monotonic())
    assert rig.leader() == (epoch, pid)


def stands_still(loaded: LoadedRig) -> None:
    """The server releases the lock of a stopped leader, and another one leads. When the first continues, it ends
    without writing."""
    epoch, pid = loaded.leader()
    loaded.work.keep(6)
    stand_still(loaded.rig, pid)
    loaded.moves_on(epoch, time.monotonic())
    goes_on_and_ends(loaded, pid)


def is_killed(loaded: LoadedRig) -> None:
    epoch, pid = loaded.leader()
    loaded.rig.signal(pid, signal.SIGKILL, "the leader")
    loaded.moves_on(epoch, time.monotonic())


def loses_its_lock(loaded: LoadedRig) -> None:
    """The server ends the connection of a working leader; it, or another one, leads with a new epoch."""
    epoch, _ = loaded.leader()
    assert loaded.rig.do(LOCK) == [(True,)]
    count.injected("the leader's connection ended")
    loaded.moves_on(epoch, time.monotonic())


def loses_its_lock_while_it_stands_still(loaded: LoadedRig) -> None:
    """When it continues, another one leads, and it ends without writing."""
    rig = loaded.rig
    epoch, pid = loaded.leader()
    loaded.work.keep(6)
    stand_still(rig, pid)
    assert rig.do(LOCK) == [(True,)]
    count.injected("the connection of a leader that stands still ended")
    loaded.moves_on(epoch, time.monotonic())
    goes_on_and_ends(loaded, pid)


def stands_still_in_a_transaction(loaded: LoadedRig) -> None:
    """The same, although its transaction blocks others."""
    rig = loaded.rig
    epoch, pid = loaded.leader()
    loaded.work.keep(6)
    rig.inject("before_commit.trip", "stop")
    wait_until(lambda: state(pid) == "T")
    rig.met()
    loaded.moves_on(epoch, time.monotonic())
    goes_on_and_ends(loaded, pid)


def goes_on_and_ends(loaded: LoadedRig, pid: int) -> None:
    rig = loaded.rig
    ended = next(one for one in rig.schedulers if one.pid == pid)
    os.kill(pid, signal.SIGCONT)
    assert ended.wait(20) != 0
    assert "Another scheduler leads this installation now" in rig.product.log.read_text()


FAULTS: tuple[Callable[[LoadedRig], None], ...] = (
    is_held_up, stands_still, is_killed, loses_its_lock,
)  # fmt: skip


@pytest.mark.parametrize("many", [2, 3] if LONG else [3])
@pytest.mark.long
def test_exactly_one_scheduler_leads_whatever_happens_to_the_leader(tmp_path: Path, many: int) -> None:
    chance = random.Random(seed("leaders"))
    with hosted(tmp_path, "statements") as rig:
        loaded = LoadedRig(rig, many)
        epochs = rig.leader()[0]
        for _ in range(rounds(1, 10)):
            faults = [*FAULTS, *([stands_still_in_a_transaction, loses_its_lock_while_it_stands_still] if LONG else [])]
            chance.shuffle(faults)
            for fault in faults:
                fault(loaded)
                loaded.keep_schedulers()
        rig.rest()
        loaded.work.check()
        assert one_writer(rig) > epochs


def two_lead(loaded: LoadedRig) -> None:
    """The lock is lost but the connection is not: behind a pooler, the server has released the lock."""
    rig = loaded.rig
    epoch = rig.leader()[0]
    rig.scheduler()
    wait_until(lambda: rig.leader()[0] > epoch)
    seen = len(rig.ledger.entries())
    loaded.work.keep(6)
    wait_until(lambda: len(rig.ledger.entries()) > seen + 50)


@pytest.mark.long
def test_a_leader_whose_lock_was_lost_unnoticed_writes_nothing_and_ends(tmp_path: Path) -> None:
    with hosted(tmp_path, "lock_forgotten") as rig:
        loaded = LoadedRig(rig, 1)
        first = rig.schedulers[0]
        two_lead(loaded)
        assert first.wait(20) != 0
        rig.rest()
        loaded.work.check()
        assert one_writer(rig) == 2


@pytest.mark.long
def test_a_build_without_fences_writes_and_is_detected(tmp_path: Path) -> None:
    with hosted(tmp_path, "lock_forgotten,fences_dropped") as rig:
        loaded = LoadedRig(rig, 1)
        two_lead(loaded)
        with pytest.raises(Broken, match=r"^one epoch: "):
            one_writer(rig)
