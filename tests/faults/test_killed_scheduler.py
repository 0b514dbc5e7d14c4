"""T2: the scheduler is killed before each statement of a tick, while it rebuilds its memory, and while it
dispatches."""

import random
import time
from pathlib import Path

import pytest

from tests.faults.clients import Client
from tests.faults.hosts import FORMS, Hosts
from tests.faults.rig import Rig, rigged
from tests.faults.workload import Workload
from tests.support.effort import LONG, in_time, rounds, seed
from tests.support.wait import wait_until

STATEMENTS = tuple(f"statement.{number}" for number in range(1, 13))
POINTS = (
    *STATEMENTS,
    "statement.commit",
    "tick.before_write",
    "tick.after_commit",
    "tick.dispatching",
    "tick.after_dispatch",
    "rebuild.before_reading",
    "rebuild.after_reading",
)
CERTAIN = 8
"""Statements that ticks of this work certainly have."""


@pytest.mark.long
def test_the_scheduler_may_be_killed_at_each_statement_of_a_tick(tmp_path: Path) -> None:
    chance = random.Random(seed("killed scheduler"))
    with rigged(tmp_path, "statements") as rig:
        work = Workload(rig, http=False, fan=rounds(30, 100))
        for _ in range(rounds(1, 25)):
            points = list(POINTS)
            chance.shuffle(points)
            for point in points:
                kill_once(rig, work, point, chance)
        rig.scheduler()
        rig.rest()
        work.check(killed_schedulers=len(rig.schedulers) - 1)


def kill_once(rig: Rig, work: Workload, point: str, chance: random.Random) -> None:
    """Let a scheduler work until this point kills it. What it has written stays."""
    if LONG and chance.random() < 0.05:
        time.sleep(10)  # It is down for a while.
    if point.startswith("rebuild"):
        work.keep(4)
        rig.inject(point)
    scheduler = rig.scheduler()
    if not point.startswith("rebuild"):
        epoch = rig.leader()[0]
        wait_until(lambda: rig.leader()[0] > epoch or scheduler.pid == rig.leader()[1])
        # Some of the running work ends first.
        seen = len(rig.ledger.entries()) + chance.randrange(1, 60)
        work.keep(4)
        wait_until(lambda: len(rig.ledger.entries()) >= seen or not rig.unfinished())
        rig.inject(point)
    began = time.monotonic()
    while scheduler.poll() is None:
        work.keep(4)
        if point in STATEMENTS[CERTAIN:] and time.monotonic() > began + 1:
            # No tick had so many statements.
            if rig.withdraw():
                scheduler.kill()
                scheduler.wait()
            break
        assert time.monotonic() < began + 60, f"{point} was not passed"
        time.sleep(0.005)
    assert scheduler.wait(5) == -9
    rig.met()


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_the_first_node_starts_within_a_second_of_a_restart_and_clients_miss_nothing(
    tmp_path: Path, form: type[Rig]
) -> None:
    chance = random.Random(seed("restarted scheduler"))
    delays = []
    kills = rounds(3, 60)
    with rigged(tmp_path, form=form) as rig:
        rig.start()
        work = Workload(rig, http=True, only=("chain", "diamond", "fan", "pool"))
        clients = [Client(rig, work.start(slug)) for slug in ("chain", "fan", "pool")]
        for _ in range(kills):
            work.keep(4)
            epoch = rig.leader()[0]
            rig.inject(chance.choice(("tick.before_write", "tick.after_commit", "tick.dispatching")))
            wait_until(lambda: not rig.left())
            # What runs elsewhere continues. The next scheduler must start this run, which is first in line.
            run = rig.launch("diamond", priority=1)
            # /readyz learns of a killed scheduler by its heartbeat, and of the next one by its epoch.
            wait_until(lambda known=epoch: rig.leader()[0] > known)  # type: ignore[misc]
            wait_until(lambda: rig.product.call("GET", "/readyz", token=False).status == 200)
            ready = time.monotonic_ns()
            work.keep(4)
            first = wait_until(lambda of=run: rig.ledger.start_of(of))  # type: ignore[misc]
            delays.append((first - ready) / 1e9)
        rig.rest()
        # Hosts report what runs elsewhere to whichever scheduler leads.
        work.check(killed_schedulers=0 if form is Hosts else kills)
        for client in clients:
            client.check()
        assert rig.leader()[0] == kills + 2, "one epoch for each start, that of the template included"
    print(f"from ready to the first start: {', '.join(f'{delay:.3f}' for delay in sorted(delays))} s")
    in_time(max(delays), 1.0)
