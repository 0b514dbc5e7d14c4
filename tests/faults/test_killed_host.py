"""T1 with several hosts: workers are killed at every moment of what they do for an attempt, during mixed work.

Every second one is started again at once, the others when their work is known to be lost.
"""

import random
import signal
import time
from pathlib import Path

import pytest

from engine.inspect import procfs
from tests.faults.clients import Client
from tests.faults.hosts import PROCESSES, SERVERS, Hosts, hosted
from tests.faults.rows import moment_ns
from tests.faults.workload import Workload, recoveries
from tests.support.effort import rounds, seed
from tests.support.workers import Worker

pytestmark = [*SERVERS, pytest.mark.long]

MID_NODE = "mid-node"
POINTS = (
    "host.before_take",
    "host.taken",
    "host.before_beat",
    MID_NODE,
    "host.ended",
    "host.before_batch",
    "host.batch_written",
)
LOST_SECONDS = 5.0
WAITING = (
    "SELECT 1 FROM engine_dispatch d LEFT JOIN engine_host h ON h.id = d.host_id "
    "WHERE h.state = 'gone' OR (h.id IS NULL AND d.sent_at < clock_timestamp() - interval '0.5 s')"
)
"""Work of a lost host, and work that no host has taken for a while."""


class WorkerKiller:
    """Kills workers one after the other, and starts them again."""

    def __init__(self, rig: Hosts) -> None:
        self.rig = rig
        self.asked = 0
        """Number of kills, including pending ones."""
        self.kills: list[int] = []
        """Unix time of each, in ns."""
        self.lost: list[tuple[Worker, int]] = []
        """Workers that stay down until their registration is known to be over."""

    def restart_dead(self) -> None:
        dead = {one for one, _ in self.lost}
        for one in self.rig.dead():
            if one in dead:
                continue
            self.kills.append(time.time_ns())
            if len(self.kills) % 2:
                one.begin()
            else:
                self.lost.append((one, self.rig.registrations(one)[-1][0]))
        for one, registration in list(self.lost):
            if (registration, "gone") in self.rig.registrations(one):
                self.lost.remove((one, registration))
                one.begin()

    def may_kill(self) -> bool:
        """Return whether enough workers are left, and the work of the last one has started again. Otherwise the
        recovery time would be that of several faults."""
        return (
            len(self.kills) >= self.asked
            and not self.lost
            and sum(one.is_ready() for one in self.rig.workers.values()) >= 2
            and not self.rig.do(WAITING)
        )

    def kill(self, point: str) -> bool:
        """Return whether a worker was killed, or will be at its next passage of this point."""
        if point != MID_NODE:
            self.rig.inject(point)
            self.asked += 1
            return True
        last = next((one for one in reversed(self.rig.ledger.entries()) if one.what != "end"), None)
        node = procfs.process(last.pid) if last is not None else None
        if node is None or node.parent not in self.rig.owners():
            return False
        self.rig.signal(node.parent, signal.SIGKILL, "a worker in the middle of a node")
        self.asked += 1
        return True


def test_a_worker_may_be_killed_at_any_moment_of_an_attempt(tmp_path: Path) -> None:
    waiting = list(POINTS) * rounds(1, 100)
    random.Random(seed("killed hosts")).shuffle(waiting)
    with hosted(tmp_path) as rig:
        rig.names, rig.capacity = ("one", "two", "three"), 3 * PROCESSES
        rig.start()
        work = Workload(rig, http=True, fan=20)
        client = Client(rig, work.start("fan"))
        killer = WorkerKiller(rig)
        deadline = time.monotonic() + rounds(200, 7000)
        while waiting or len(killer.kills) < killer.asked or killer.lost:
            work.keep(4)
            killer.restart_dead()
            if waiting and killer.may_kill() and killer.kill(waiting[-1]):
                waiting.pop()
            assert time.monotonic() < deadline, f"{len(waiting)} faults are left"
            time.sleep(0.01)
        rig.rest()
        work.check(killed_schedulers=len(killer.kills))
        client.check()
        found = sorted(recoveries(rig) + waits(rig, killer.kills))
        assert len(found) >= rounds(5, 500), "hardly anything was cut off"
        late = found[int(len(found) * 0.99)]
        print(f"{len(killer.kills)} workers, {len(found)} works: median {found[len(found) // 2]:.3f} s, "
              f"99 % {late:.3f} s, {found[-1]:.3f} s")  # fmt: skip
        assert late <= LOST_SECONDS


def waits(rig: Hosts, kills: list[int]) -> list[float]:
    """Return the seconds from the end of a worker to the start of each attempt that waited then. Its message, or its
    place, may have been lost with the worker."""
    rows = rig.rows()
    found = []
    for key, attempts in rows.attempts.items():
        for one in attempts:
            ready, started = moment_ns(one["ready_at"]), moment_ns(one["started_at"])
            if ready is not None and started is not None and not rows.nodes[key]["pool"]:
                found += [(started - kill) / 1e9 for kill in kills if ready <= kill < started]
    return found
