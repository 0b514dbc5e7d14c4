"""T1: node processes are killed at every moment of an attempt, during mixed work."""

import random
import time
from pathlib import Path

import pytest

from tests.faults.clients import Client
from tests.faults.hosts import FORMS, Hosts
from tests.faults.rig import Rig, rigged
from tests.faults.workload import Workload, recoveries
from tests.support.effort import LONG, rounds, seed

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


EACH = {Rig: rounds(20, 500), Hosts: rounds(3, 500)}
"""Faults at each point."""
RECOVERED_SECONDS = {Rig: 2.0, Hosts: 1.0}
"""From the end of a node process to the next start of its node, for ..."""
SHARE = 0.99 if LONG else 0.9
"""... this share of them. If there are few, a busy machine delays some, but not all of one point."""


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_a_node_process_may_be_killed_at_any_moment_of_an_attempt(form: type[Rig], tmp_path: Path) -> None:
    chance = random.Random(seed("killed workers"))
    waiting = [point for point in POINTS for _ in range(EACH[form])]
    chance.shuffle(waiting)
    faults = len(waiting)
    with rigged(tmp_path, form=form) as rig:
        rig.start()
        work = Workload(rig, http=True, fan=rounds(40, 100))
        clients = [Client(rig, work.start(slug)) for slug in ("chain", "fan", "retry")]
        owners = rig.owners()
        # Those that work, and a spare for each.
        whole = rig.capacity + len(owners)
        deadline = time.monotonic() + rounds(240, 7000)
        while waiting or rig.left():
            # One at a time, with all processes running. Otherwise the recovery time would be that of several faults.
            if waiting and not rig.left() and sum(len(rig.node_processes(pid)) for pid in owners) == whole:
                rig.inject(waiting.pop())
            work.keep(5)
            if rig.left("node.half_written") + rig.left("artifact") and not under_way(work, "large"):
                work.start("large")
            assert time.monotonic() < deadline, f"{len(waiting)} faults are left"
            time.sleep(0.01)
        rig.rest()
        work.check()
        for client in clients:
            client.check()
        found = recoveries(rig)
        assert len(found) > faults * 3 // 8, "hardly anything was cut off"
        late = found[int(len(found) * SHARE)]
        print(
            f"{len(found)} recoveries: median {found[len(found) // 2]:.3f} s, {SHARE:.0%} {late:.3f} s, "
            f"{found[-1]:.3f} s"
        )
        assert late <= RECOVERED_SECONDS[form]


def under_way(work: Workload, slug: str) -> bool:
    """Return whether a run of this kind is active."""
    return any(work.slugs[run] == slug for run in work.rig.unfinished())
