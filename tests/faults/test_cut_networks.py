"""T12: a worker's host is cut off from the database, from Redis or from both, in each way in which networks fail. It
ends what it runs before another begins it, the work goes on elsewhere in time, and afterwards it takes part again by
itself.

As hosts that are network namespaces, and (also in CI) as one behind ways that a test closes.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.host.records import LEASE_SECONDS
from tests.faults.cuts import CABLES, HALF_OPEN, OFF, WAYS, Cabled, Cut, Gated
from tests.faults.hosts import SERVERS, Hosts, hosted
from tests.faults.rig import document, python
from tests.support.effort import LONG, only_long, rounds, seed, soon
from tests.support.ledger import Execution, Ledger
from tests.support.wait import wait_until

pytestmark = [*SERVERS, pytest.mark.processes, pytest.mark.timeout(rounds(240, 7200))]

RECOVERED_SECONDS = soon(LEASE_SECONDS + 2)
LED_SECONDS = soon(5.0)
JOINED_SECONDS = 10.0
HELD_SECONDS = LEASE_SECONDS + 1
"""How long a cut lasts for which nothing is lost."""
CONNECTIONS = 2
"""Of a worker to the database, at most."""
STAYS = ("a", "b", "c", "d")
"""As many nodes as there are processes."""


def stay(rig: Hosts) -> str:
    """A run of as many nodes as there are processes: in its first attempt each runs until it is let go."""
    free = f"os.path.exists(f'{rig.folder}/go-{{ctx.run[\"id\"]}}-{{ctx.node}}')"
    during = f"while ctx.attempt == 1 and not {free}: time.sleep(0.005); note('beat', ctx)"
    return rig.run(document([python(name, rig.ledger.code(0, during=during), lost_retries=20) for name in STAYS]))


def pass_by(rig: Hosts) -> str:
    """A run of nodes that end at once."""
    code = rig.ledger.code(0.02, beats=True)
    return rig.run(document([python(name, code, lost_retries=20) for name in STAYS], "a>b"))


def let_go(rig: Hosts, executions: Sequence[Execution]) -> None:
    for one in executions:
        (rig.folder / f"go-{one.start.run}-{one.start.node}").touch()


def all_busy(rig: Hosts, seconds: float) -> list[Execution]:
    """A run that takes all processes of all hosts: its executions, once all of them are under way."""
    run = stay(rig)

    def under_way() -> list[Execution]:
        found = [one for one in rig.ledger.executions() if one.start.run == run and not one.ended]
        return found if len(found) == len(STAYS) else []

    return wait_until(under_way, seconds)


def again(ledger: Ledger, lost: Execution) -> int:
    """When the node of this execution started once more; 0: it has not."""
    key = lost.start.run, lost.start.node
    return next(
        (
            one.start.at
            for one in ledger.executions()
            if (one.start.run, one.start.node) == key and one.start.at > lost.start.at
        ),
        0,
    )


def with_victims(rig: Hosts) -> list[Execution]:
    """Nodes that "one" runs while "two" has nothing to do."""
    executions = all_busy(rig, 30)
    mine = set(rig.workers["one"].node_processes())
    victims = [one for one in executions if one.start.pid in mine]
    assert 0 < len(victims) < len(executions)
    others = [one for one in executions if one not in victims]
    let_go(rig, others)
    starts = {one.start for one in others}
    wait_until(lambda: all(one.ended for one in rig.ledger.executions() if one.start in starts), 10)
    return victims


def all_again(rig: Hosts, victims: Sequence[Execution]) -> None:
    wait_until(lambda: all(again(rig.ledger, one) for one in victims), 2 * RECOVERED_SECONDS)


def cut_off(rig: Hosts, cut: Cut) -> list[float]:
    """One round; seconds from the cut until each node that was lost by it started again."""
    victims = with_victims(rig)
    at = time.monotonic_ns()
    with cut.on(rig):
        if cut.loses:
            all_again(rig, victims)
        meanwhile = pass_by(rig)
        wait_until(lambda: meanwhile not in rig.unfinished(), 30)
        wait_until(lambda: time.monotonic_ns() - at > HELD_SECONDS * 1e9, 30)
    recovered = [(moment - at) / 1e9 for one in victims if (moment := again(rig.ledger, one))]
    let_go(rig, victims)
    rejoined = time.monotonic()
    executions = all_busy(rig, JOINED_SECONDS)
    print(f"{cut}: again after {[round(one, 2) for one in recovered]}, back after {time.monotonic() - rejoined:.2f} s")
    let_go(rig, executions)
    rig.rest(30)
    return recovered


def sessions(rig: Hosts) -> int:
    """How many of workers the database keeps."""
    ((found,),) = rig.do("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'interlock-worker'")
    return int(found)


def cut_and_check(rig: Hosts, cuts: Sequence[Cut]) -> None:
    rig.start_without_web()
    recovered: list[float] = []
    for cut in cuts:
        seconds = cut_off(rig, cut)
        assert not (cut.spares and seconds), f"{cut} is no reason to end anything"
        recovered += seconds
    rows = rig.check(killed_schedulers=len(cuts))
    assert all(state in ("lost", "succeeded") for attempts in rows.attempts.values() for state in _states(attempts))
    assert max(recovered, default=0) <= RECOVERED_SECONDS, recovered
    # Those whose host was not heard of any more are gone as well.
    wait_until(lambda: sessions(rig) <= CONNECTIONS * len(rig.workers), 20)


def _states(attempts: Sequence[dict[str, Any]]) -> list[str]:
    return [str(attempt["state"]) for attempt in attempts]


def replaced(rig: Cabled, cut: Cut) -> float:
    """One round; seconds from the cut of the leader until a node starts that was asked for afterwards."""
    leader = rig.scheduler(rig.subject.inside)
    wait_until(lambda: rig.waiting_schedulers() == 1, 30)
    rig.signal(rig.scheduler_pid(), signal.SIGKILL, "the leader")
    wait_until(lambda: rig.leader()[1] == leader.pid, 20)
    wait_until(lambda: rig.waiting_schedulers() == 1, 60)
    epoch = rig.leader()[0]
    executions = all_busy(rig, 30)
    at = time.monotonic_ns()
    with cut.on(rig):
        let_go(rig, executions)
        run = pass_by(rig)
        wait_until(lambda: rig.ledger.start_after(at), 20)
        assert rig.leader()[0] > epoch
        wait_until(lambda: run not in rig.unfinished(), 20)
    assert leader.wait(60) != 0
    rig.schedulers.remove(leader)
    rig.rest(30)
    print(f"{cut}: dispatched after {(rig.ledger.start_after(at) - at) / 1e9:.2f} s")
    return (rig.ledger.start_after(at) - at) / 1e9


def some(cuts: Sequence[Cut], always: Sequence[Cut], name: str) -> list[Cut]:
    """In the short form those that are always tried; in the long one all, again and again in any order."""
    if not LONG:
        return list(always)
    chance = random.Random(seed(name))
    return [cut for _ in range(2) for cut in chance.sample(cuts, len(cuts))]


@pytest.mark.cables
def test_a_host_that_is_cut_off_ends_its_work_and_it_starts_elsewhere(tmp_path: Path) -> None:
    with hosted(tmp_path, form=Cabled) as rig:
        cut_and_check(rig, some(CABLES, [OFF], "cut cables"))


def test_a_host_behind_a_way_that_fails_ends_its_work_and_it_starts_elsewhere(tmp_path: Path) -> None:
    with hosted(tmp_path, form=Gated) as rig:
        cut_and_check(rig, some(WAYS, [HALF_OPEN], "closed ways"))


@pytest.mark.cables
@only_long
def test_a_leader_that_is_cut_off_is_replaced_and_writes_nothing_more(tmp_path: Path) -> None:
    with hosted(tmp_path, form=Cabled) as rig:
        assert isinstance(rig, Cabled)
        rig.start()
        rig.subject = rig.network.host()
        cuts = some([cut for cut in CABLES if cut.loses], [], "cut cables of a leader")
        seconds = [replaced(rig, cut) for cut in cuts]
        assert max(seconds) <= LED_SECONDS, seconds
        rig.check(killed_schedulers=2 * len(cuts))
