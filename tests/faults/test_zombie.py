"""T5: node processes and schedulers are stopped for long and then continue."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.clients import Client
from tests.faults.rig import document, python, rigged, stand_still, state
from tests.faults.workload import Workload
from tests.support.effort import rounds, seed
from tests.support.ledger import Execution
from tests.support.wait import wait_until


def test_node_processes_that_are_stopped_in_an_attempt_are_lost_or_continue_undisturbed(tmp_path: Path) -> None:
    """Stopped at any point of an attempt, then continued, killed, or left to their hard limit."""
    chance = random.Random(seed("stopped workers"))
    points = ("node.before_started", "node.after_started", "node.running", "node.computed", "node.written")
    with rigged(tmp_path) as rig:
        rig.start()
        work = Workload(rig, http=True, fan=20, only=("chain", "diamond", "fan", "branch", "pool"))
        client = Client(rig, work.start("fan"))
        scheduler = rig.scheduler_pid()
        for point in points * rounds(2, 40):
            work.keep(3)
            rig.inject(point, "stop")
            wait_until(lambda: is_met(work))
            (stopped,) = wait_until(lambda: [one for one in rig.node_processes(scheduler) if state(one) == "T"])
            now = time.monotonic_ns()
            wait_until(lambda at=now: go_on(work, at))  # type: ignore[misc]
            chosen = chance.choice((signal.SIGCONT, signal.SIGKILL))
            # One that does not start what it got is ended after some seconds anyway.
            with contextlib.suppress(ProcessLookupError):
                rig.signal(stopped, chosen, f"a process that is stopped at {point}")
        rig.rest()
        work.check()
        client.check()


def is_met(work: Workload) -> bool:
    """Return whether a process has met the injected fault; there is always one that will."""
    work.keep(3)
    return not work.rig.left()


def go_on(work: Workload, at: int) -> bool:
    """Return whether a node has started since. One always can, while others may wait behind the stopped process."""
    work.keep(6)
    return bool(work.rig.ledger.start_after(at))


@pytest.mark.smoke
def test_a_stopped_node_process_is_ended_at_its_hard_limit(tmp_path: Path) -> None:
    with rigged(tmp_path) as rig:
        rig.scheduler()
        code = rig.ledger.code(60, beats=True)
        run = rig.run(document([python("n", code, soft_timeout=1, hard_timeout=2)]))
        execution: Execution = wait_until(lambda: (rig.ledger.executions() or [None])[0])  # type: ignore[list-item]
        rig.signal(execution.start.pid, signal.SIGSTOP, "a node process")
        rig.rest()
        rows = rig.check()
        assert rows.nodes[run, "n"]["state"] == "timed_out"
        assert not Path(f"/proc/{execution.start.pid}").exists()


@pytest.mark.parametrize(
    "others", ["", pytest.param("go on", marks=pytest.mark.long), pytest.param("stand still", marks=pytest.mark.long)]
)
def test_a_stopped_scheduler_continues_where_it_was(tmp_path: Path, others: str) -> None:
    """Alone; beside one that waits; with its node processes stopped as well (a paused container). As long as its
    process exists it leads, because only it can end its node processes."""
    with rigged(tmp_path) as rig:
        first = rig.scheduler()
        work = Workload(rig, http=False, fan=20, only=("chain", "diamond", "fan", "pool"))
        work.keep(4)
        wait_until(lambda: len(rig.ledger.entries()) > 50)
        assert rig.leader()[1] == first.pid
        epoch = rig.leader()[0]
        if others:
            rig.scheduler()
        stand_still(rig, first.pid)
        stopped = [first.pid, *(rig.node_processes(first.pid) if others == "stand still" else [])]
        for pid in stopped[1:]:
            rig.signal(pid, signal.SIGSTOP, "a node process")
        # Long enough for the waiting ones to poll often, and in the long form for all limits of the product.
        end = time.monotonic() + rounds(2, 60)
        while time.monotonic() < end:
            work.keep(6)
            assert rig.leader() == (epoch, first.pid)
            time.sleep(0.1)
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)
        rig.rest()
        assert rig.leader() == (epoch, first.pid)
        work.check()
        assert first.poll() is None
