"""T12: a worker's host is cut off from the database, from Redis or from both, in each way in which networks fail. It
ends what it runs before another host starts it, the work continues elsewhere in time, and afterwards the host takes
part again by itself.

Hosts are network namespaces, or (also in CI) one is behind proxies that a test closes.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.database.heartbeat import LEASE_SECONDS
from tests.faults.busy import all_busy, release, restart_of, start_short
from tests.faults.cuts import CABLES, HALF_OPEN, OFF, WAYS, Cut, NamespacedHosts, ProxiedHosts, some
from tests.faults.hosts import SERVERS, Hosts, hosted
from tests.support.ledger import Execution
from tests.support.wait import wait_until

pytestmark = [*SERVERS, pytest.mark.long]

RECOVERED_SECONDS = LEASE_SECONDS + 2
JOINED_SECONDS = 10.0
HELD_SECONDS = LEASE_SECONDS + 1
"""How long a cut lasts for which nothing is lost."""
CONNECTIONS = 2
"""Of a worker to the database, at most."""


def with_victims(rig: Hosts) -> list[Execution]:
    """Start nodes that "one" runs while "two" is idle."""
    executions = all_busy(rig, 30)
    mine = set(rig.workers["one"].node_processes())
    victims = [one for one in executions if one.start.pid in mine]
    assert 0 < len(victims) < len(executions)
    others = [one for one in executions if one not in victims]
    release(rig, others)
    starts = {one.start for one in others}
    wait_until(lambda: all(one.ended for one in rig.ledger.executions() if one.start in starts))
    return victims


def all_again(rig: Hosts, victims: Sequence[Execution]) -> None:
    wait_until(lambda: all(restart_of(rig.ledger, one) for one in victims), 2 * RECOVERED_SECONDS)


def cut_off(rig: Hosts, cut: Cut) -> list[float]:
    """Do one round. Return the seconds from the cut until each lost node started again."""
    victims = with_victims(rig)
    at = time.monotonic_ns()
    with cut.on(rig):
        if cut.loses:
            all_again(rig, victims)
        meanwhile = start_short(rig)
        wait_until(lambda: meanwhile not in rig.unfinished())
        wait_until(lambda: time.monotonic_ns() - at > HELD_SECONDS * 1e9)
    recovered = [(moment - at) / 1e9 for one in victims if (moment := restart_of(rig.ledger, one))]
    release(rig, victims)
    rejoined = time.monotonic()
    executions = all_busy(rig, JOINED_SECONDS)
    print(f"{cut}: again after {[round(one, 2) for one in recovered]}, back after {time.monotonic() - rejoined:.2f} s")
    release(rig, executions)
    rig.rest()
    return recovered


def sessions(rig: Hosts) -> int:
    """Return the number of sessions of workers in the database."""
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
    # Those of the host that went silent are gone as well.
    wait_until(lambda: sessions(rig) <= CONNECTIONS * len(rig.workers))


def _states(attempts: Sequence[dict[str, Any]]) -> list[str]:
    return [str(attempt["state"]) for attempt in attempts]


@pytest.mark.cables
def test_a_host_that_is_cut_off_ends_its_work_and_it_starts_elsewhere(tmp_path: Path) -> None:
    with hosted(tmp_path, form=NamespacedHosts) as rig:
        cut_and_check(rig, some(CABLES, [OFF], "cut cables"))


def test_a_host_behind_a_failing_proxy_ends_its_work_and_it_starts_elsewhere(tmp_path: Path) -> None:
    with hosted(tmp_path, form=ProxiedHosts) as rig:
        cut_and_check(rig, some(WAYS, [HALF_OPEN], "closed ways"))
