"""T12: the leading scheduler is cut off from PostgreSQL in each way in which networks fail. Another one leads in time
and the first writes nothing more. Where there is no other, it continues when the network does.

Hosts are network namespaces, or (also in CI) the scheduler is behind a proxy that a test closes.
"""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.database.heartbeat import LEASE_SECONDS
from engine.host.overdue import OVERDUE_SECONDS
from engine.host.reporter import BEAT_SECONDS
from tests.faults.busy import all_busy, release, restart_of, start_short
from tests.faults.checks import Broken
from tests.faults.cuts import (
    ALONE,
    CABLES,
    HANGING,
    OFF,
    SILENT,
    UNANSWERED,
    Cut,
    NamespacedHosts,
    PartitionedHosts,
    ProxiedLeader,
    some,
)
from tests.faults.epochs import note_writers, one_writer
from tests.faults.hosts import PROCESSES, SERVERS, Hosts, hosted
from tests.support.effort import LONG, seed
from tests.support.wait import wait_until

pytestmark = [*SERVERS, pytest.mark.long]

LED_SECONDS = 5.0
RESUMED_SECONDS = LEASE_SECONDS + 2
PARTED_SECONDS = LED_SECONDS + LEASE_SECONDS + OVERDUE_SECONDS + BEAT_SECONDS
"""Another one leads, which renews all leases; then the lease of the host that is cut off ends; and what is sent then is
found without a message, at the next poll."""
JOINED_SECONDS = 10.0

Begin = Callable[[], "subprocess.Popen[bytes]"]


def led_by(rig: Hosts, begin: Begin) -> subprocess.Popen[bytes]:
    """Let the scheduler that this starts lead, as the only one."""
    before = list(rig.schedulers)
    leader = begin()
    wait_until(lambda: rig.waiting_schedulers() == len(before))
    for one in before:
        rig.signal(one.pid, signal.SIGKILL, "a scheduler")
        one.wait()
        rig.schedulers.remove(one)
    wait_until(lambda: rig.leader()[1] == leader.pid)
    return leader


def replaced(rig: Hosts, begin: Begin, cut: Cut) -> float:
    """Do one round. Return the seconds from the cut of the leader until a node of a later run starts."""
    leader = led_by(rig, begin)
    rig.scheduler()
    wait_until(lambda: rig.waiting_schedulers() == 1)
    epoch = rig.leader()[0]
    executions = all_busy(rig, 30)
    at = time.monotonic_ns()
    with cut.on(rig):
        release(rig, executions)
        run = start_short(rig)
        first = wait_until(lambda: rig.ledger.start_after(at))
        assert not cut.loses or rig.leader()[0] > epoch
        wait_until(lambda: run not in rig.unfinished())
    if cut.loses:
        assert leader.wait(60) != 0
        rig.schedulers.remove(leader)
    rig.rest()
    print(f"{cut}: dispatched after {(first - at) / 1e9:.2f} s")
    return (first - at) / 1e9


def resumed(rig: ProxiedLeader, cut: Cut, seconds: float) -> float:
    """Do one round with a single scheduler, cut off for so many seconds. Return the seconds from the end of the cut
    until a node starts that was requested meanwhile."""
    led_by(rig, rig.through_proxy)
    executions = all_busy(rig, 30)
    with cut.on(rig):
        release(rig, executions)
        run = start_short(rig)
        time.sleep(seconds)
        back = time.monotonic_ns()
    first = wait_until(lambda: rig.ledger.start_of(run))
    rig.rest()
    print(f"{cut} for {seconds:.1f} s: dispatched {(first - back) / 1e9:.2f} s after it")
    return (first - back) / 1e9


def test_a_leader_behind_a_failing_proxy_is_replaced_and_writes_nothing_more(tmp_path: Path) -> None:
    with hosted(tmp_path, form=ProxiedLeader) as rig:
        assert isinstance(rig, ProxiedLeader)
        rig.start_without_web()
        note_writers(rig)
        cuts = some([*ALONE, UNANSWERED, HANGING], [SILENT], "closed ways of a leader")
        seconds = [replaced(rig, rig.through_proxy, cut) for cut in cuts]
        rig.check(killed_schedulers=2 * len(cuts))
        assert one_writer(rig) > len(cuts)
    assert max(seconds) <= LED_SECONDS, seconds


def test_a_single_scheduler_continues_soon_after_its_connection_does(tmp_path: Path) -> None:
    chance = random.Random(seed("a leader alone"))
    with hosted(tmp_path, form=ProxiedLeader) as rig:
        assert isinstance(rig, ProxiedLeader)
        rig.start_without_web()
        note_writers(rig)
        # Longer than the server keeps an unacknowledged connection; in the long form also longer than a client does,
        # and for a stopped process as long as the watchdog lets a leader wait.
        cuts = [(SILENT, LEASE_SECONDS + 1)]
        if LONG:
            cuts = [(cut, chance.uniform(1, 45)) for cut in ALONE * 4] + [(HANGING, 25)]
        seconds = [resumed(rig, cut, lasting) for cut, lasting in cuts]
        rig.check(killed_schedulers=2 * len(cuts))
        one_writer(rig)
    assert max(seconds) <= RESUMED_SECONDS, seconds


def test_a_build_whose_leader_continues_on_a_new_connection_is_detected(tmp_path: Path) -> None:
    with hosted(tmp_path, "leads_on,fences_dropped", ProxiedLeader) as rig:
        assert isinstance(rig, ProxiedLeader)
        rig.start_without_web()
        note_writers(rig)
        led_by(rig, rig.through_proxy)
        rig.scheduler()
        wait_until(lambda: rig.waiting_schedulers() == 1)
        epoch = rig.leader()[0]
        with SILENT.on(rig):
            wait_until(lambda: rig.leader()[0] > epoch)

        def writes() -> bool:
            """The first one writes again whenever there is something to write."""
            start_short(rig)
            try:
                one_writer(rig)
            except Broken:
                return True
            return False

        wait_until(writes)


def parted(rig: PartitionedHosts, cut: Cut) -> float:
    """Do one round. Return the seconds from the cut until each lost node has started on the other side, where only the
    database announces work."""
    leader = led_by(rig, rig.on_one)
    rig.scheduler()
    wait_until(lambda: rig.waiting_schedulers() == 1)
    executions = all_busy(rig, 30)
    mine = set(rig.workers["one"].node_processes())
    victims = [one for one in executions if one.start.pid in mine]
    assert len(victims) == PROCESSES
    at = time.monotonic_ns()
    with cut.on(rig):
        release(rig, [one for one in executions if one not in victims])
        wait_until(lambda: all(restart_of(rig.ledger, one) for one in victims), 4 * PARTED_SECONDS)
        run = start_short(rig)
        wait_until(lambda: run not in rig.unfinished())
    release(rig, victims)
    assert leader.wait(60) != 0
    rig.schedulers.remove(leader)
    rig.rest()
    return max(restart_of(rig.ledger, one) - at for one in victims) / 1e9


@pytest.mark.cables
def test_two_partitions_never_run_a_node_at_once_and_reunite(tmp_path: Path) -> None:
    """Scheduler, Redis and one worker are cut off from database, standby and another worker."""
    with hosted(tmp_path, form=PartitionedHosts) as rig:
        assert isinstance(rig, PartitionedHosts)
        rig.start_without_web()
        note_writers(rig)
        cuts = some(CABLES[:3], [], "two halves")
        seconds = []
        for cut in cuts:
            seconds.append(parted(rig, cut))
            back = time.monotonic()
            release(rig, all_busy(rig, JOINED_SECONDS))
            print(f"{cut}: again after {seconds[-1]:.2f} s, back after {time.monotonic() - back:.2f} s")
        rig.rest()
        rig.check(killed_schedulers=2 * len(cuts))
        assert one_writer(rig) > len(cuts)
    assert max(seconds) <= PARTED_SECONDS, seconds


@pytest.mark.cables
def test_a_partition_that_outlives_its_lease_is_detected(tmp_path: Path) -> None:
    with hosted(tmp_path, "lease_outlived,guard_missing", PartitionedHosts) as rig:
        assert isinstance(rig, PartitionedHosts)
        rig.start_without_web()
        parted(rig, OFF)
        with pytest.raises(Broken, match=r"^I5: "):
            rig.check(killed_schedulers=2)


@pytest.mark.cables
def test_a_leader_that_is_cut_off_is_replaced_and_writes_nothing_more(tmp_path: Path) -> None:
    with hosted(tmp_path, form=NamespacedHosts) as rig:
        assert isinstance(rig, NamespacedHosts)
        rig.start_without_web()
        note_writers(rig)
        place = rig.subject = rig.network.host()
        cuts = some([cut for cut in CABLES if cut.loses], [], "cut cables of a leader")
        seconds = [replaced(rig, lambda: rig.scheduler(place.inside), cut) for cut in cuts]
        rig.check(killed_schedulers=2 * len(cuts))
        one_writer(rig)
    assert max(seconds) <= LED_SECONDS, seconds
