"""T1: node processes killed at every moment of an attempt, in the middle of mixed work."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.faults.clients import Client
from tests.faults.rig import rigged
from tests.faults.workload import Workload, recoveries
from tests.support.effort import rounds, seed

pytestmark = [pytest.mark.processes, pytest.mark.timeout(rounds(300, 7200))]

PROCESSES = 3
"""Two that work, and the spare."""
POINTS = (
    "node.before_started",
    "node.after_started",
    "node.running",
    "node.computed",
    "node.half_written",
    "node.written",
    "artifact.before_seal",
    "artifact.before_rename",
)


def test_a_node_process_may_be_killed_at_any_moment_of_an_attempt(tmp_path: Path) -> None:
    chance = random.Random(seed("killed workers"))
    waiting = [point for point in POINTS for _ in range(rounds(20, 500))]
    chance.shuffle(waiting)
    with rigged(tmp_path) as rig:
        rig.start()
        work = Workload(rig, http=True, fan=rounds(40, 100))
        clients = [Client(rig, work.start(slug)) for slug in ("chain", "fan", "retry")]
        scheduler = rig.scheduler_pid()
        deadline = time.monotonic() + rounds(240, 7000)
        while waiting or rig.left():
            # One at a time, with all processes there: otherwise the time to recover would be that of many faults.
            if waiting and not rig.left() and len(rig.node_processes(scheduler)) == PROCESSES:
                rig.inject(waiting.pop())
            work.keep(5)
            if rig.left("node.half_written") + rig.left("artifact") and not under_way(work, "large"):
                work.start("large")
            assert time.monotonic() < deadline, f"{len(waiting)} faults are left"
            time.sleep(0.01)
        rig.rest(30)
        work.check()
        for client in clients:
            client.check()
        found = recoveries(rig)
        assert len(found) > rounds(60, 1500), "hardly anything was cut off"
        late = found[int(len(found) * 0.99)]
        print(f"{len(found)} recoveries: median {found[len(found) // 2]:.3f} s, 99 % {late:.3f} s, {found[-1]:.3f} s")
        assert late <= 2.0


def under_way(work: Workload, slug: str) -> bool:
    """Whether a run of this kind is under way."""
    return any(work.slugs[run] == slug for run in work.rig.unfinished())
