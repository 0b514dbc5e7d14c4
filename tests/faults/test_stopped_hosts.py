"""T5 on several hosts: hosts, schedulers and node processes are stopped past every lease and then continue."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from engine.database.heartbeat import LEASE_SECONDS
from engine.inspect import procfs
from tests.faults import count
from tests.faults.checks import Broken, hold
from tests.faults.hosts import OUTLIVES_SECONDS, SERVERS, Hosts, hosted
from tests.faults.rig import document, python, stand_still, state
from tests.faults.workload import Workload
from tests.support.effort import rounds, seed
from tests.support.ledger import Execution, Ledger
from tests.support.wait import wait_until
from tests.support.workers import Worker

pytestmark = [*SERVERS, pytest.mark.long]

GRACE_SECONDS = 1.0
"""The time in which a host that continues ends what it ran."""
WAYS = ("alone", "with its node processes", "with all of it")
"""How a host is stopped. What ends its node processes meanwhile is a process, too."""
WAITS = """while ctx.attempt == 1 and not os.path.exists({flag!r} + ctx.node):
        time.sleep(0.005)
        note("beat", ctx)"""
"""A first attempt runs until its file exists, others end at once."""
REFUSED = r"""
CREATE TABLE test_refused (at bigserial PRIMARY KEY);
CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_query() ~ '^(WITH me AS \(UPDATE engine_host SET told|UPDATE engine_host SET beat_at)'
        AND NOT EXISTS (SELECT 1 FROM written)
    THEN
        INSERT INTO test_refused DEFAULT VALUES;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER test_refuse AFTER UPDATE ON engine_host REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION test_refuse();
"""
"""Lets the database record reports and heartbeats that changed nothing."""


def test_a_host_stopped_past_its_lease_does_nothing_more_and_registers_again(tmp_path: Path) -> None:
    chance = random.Random(seed("stopped hosts"))
    with hosted(tmp_path) as rig:
        rig.do(REFUSED)
        rig.names, rig.capacity = ("one", "two", "three"), 6
        rig.start_without_web()
        work = Workload(rig, http=False, fan=20, only=("chain", "diamond", "fan", "pool"))
        work.keep(4)
        over: dict[int, int] = {}
        """{registration of a host stopped past its lease: what it had reported by then}."""
        for turn in range(rounds(1, 20)):
            ways = WAYS[::2] if turn == 0 else chance.sample(WAYS, 2)
            stopped = dict(zip(("one", "two"), ways, strict=True))
            over |= stop_hosts_with_blocked_nodes(rig, stopped, str(tmp_path / f"turn{turn}-"))
            work.keep(4)
            over |= stop_hosts_before_writes(rig, work)
            scheduler_and_node_process(rig, work)
        rig.rest()
        # Some of what had been prefetched to a stopped host may have started unreported.
        work.check(killed_schedulers=len(over))
        assert over == reported_by(rig, over), "an ended registration has reported something"
        refused = rig.do("SELECT count(*) FROM test_refused")[0][0]
        print(f"{len(over)} registrations ended while their hosts were stopped; {refused} of their writes were refused")


def test_a_build_without_the_guard_runs_nodes_twice_and_is_detected(tmp_path: Path) -> None:
    with hosted(tmp_path, "guard_missing") as rig:
        rig.start_without_web()
        with pytest.raises(Broken, match=r"^I5: "):
            stop_hosts_with_blocked_nodes(rig, {"one": WAYS[0]}, str(tmp_path / "missing-"))


def reported_by(rig: Hosts, registrations: Iterable[int]) -> dict[int, int]:
    """Return how much each of these registrations has reported."""
    found = rig.do("SELECT id, told FROM engine_host")
    return {int(id): int(reported) for id, reported in found if id in registrations}


def until_gone(rig: Hosts, stopped: Iterable[Worker]) -> dict[int, int]:
    """Wait until the registrations of these hosts are over. Return how much each has reported."""
    registrations = {rig.registrations(one)[-1][0]: one for one in stopped}
    wait_until(
        lambda: all((registration, "gone") in rig.registrations(one) for registration, one in registrations.items()),
        LEASE_SECONDS + 5,
    )
    return reported_by(rig, registrations)


def until_active(rig: Hosts) -> None:
    """Wait until all hosts are active."""
    wait_until(lambda: all(rig.registrations(one)[-1][1] == "active" for one in rig.workers.values()))


def stop_hosts_with_blocked_nodes(rig: Hosts, ways: dict[str, str], flag: str) -> dict[int, int]:
    """Stop hosts with nodes that do not end: they are started elsewhere, and do not run beside that. Return what the
    ended registrations have reported."""
    ledger = Ledger(Path(flag + "ledger"))
    code = ledger.code(0, during=WAITS.format(flag=flag))
    # One for each node process. What else ran on a host that is stopped as a whole would end when it continues.
    many = rig.capacity
    run = rig.run(document([python(f"n{i}", code, lost_retries=20) for i in range(many)]))
    first = wait_until(lambda: found if len(found := ledger.executions()) == many else None)
    # What a host has started and not reported would be a first attempt again.
    begun = f"SELECT count(*) FROM engine_attempt WHERE run_id = {run} AND state = 'running'"
    wait_until(lambda: rig.do(begun) == [(many,)])
    zombies = {name: [one for one in first if one.start.pid in rig.workers[name].node_processes()] for name in ways}
    assert all(zombies.values()), zombies
    cut = [one.start.pid for found in zombies.values() for one in found]
    for one in first:
        if one.start.pid not in cut:
            Path(flag + one.start.node).touch()
    stopped = {name: stop(rig.workers[name], way) for name, way in ways.items()}
    over = until_gone(rig, [rig.workers[name] for name in ways])
    wait_until(lambda: run not in rig.unfinished())
    at = {name: resume(pids) for name, pids in stopped.items()}
    until_active(rig)
    wait_until(lambda: not any(state(pid) not in ("", "Z") for pid in cut), GRACE_SECONDS)
    hold("I5", overlaps(ledger.executions(), zombies, ways, at))
    return over


def stop(worker: Worker, way: str) -> list[int]:
    """Stop a host in one of WAYS. Return what was stopped."""
    pids = [worker.process.pid]
    if way == WAYS[1]:
        pids += worker.node_processes()
    elif way == WAYS[2]:
        pids += procfs.descendants(procfs.processes(), pids) - set(pids)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    count.injected(f"SIGSTOP to a host {way}")
    return pids


def resume(pids: Iterable[int]) -> int:
    """Let them continue. Return when, in the ledger's time."""
    at = time.monotonic_ns()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return at


def overlaps(
    executions: Sequence[Execution], zombies: dict[str, list[Execution]], ways: dict[str, str], at: dict[str, int]
) -> Iterable[str]:
    """Return what ran on stopped hosts beside its next attempt. A host that was stopped as a whole did not run
    meanwhile: what counts is how long it runs afterwards."""
    for name, found in zombies.items():
        for zombie in (one for one in executions if one.start in [other.start for other in found]):
            (after,) = [one for one in executions if one.start.node == zombie.start.node and one.start.attempt == 2]
            since, allowed = after.start.at, OUTLIVES_SECONDS
            if ways[name] == WAYS[2]:
                since, allowed = at[name], GRACE_SECONDS
            if (more := (zombie.last.at - since) / 1e9) > allowed:
                yield f"{zombie.start.node} of a host that was stopped {ways[name]} went on for {more:.3f} s"


def stop_hosts_before_writes(rig: Hosts, work: Workload) -> dict[int, int]:
    """Stop hosts just before they report an attempt, and before they take one. Return what those registrations have
    reported."""
    stopped: list[Worker] = []
    # Another host meets the second one, because the first is stopped.
    for point in ("host.before_batch", "host.before_take"):
        rig.inject(point, "stop")
        wait_until(lambda: not start_runs_and_count_faults(rig, work))
        stopped.append(wait_until(lambda: stopped_host(rig, stopped)))
    over = until_gone(rig, stopped)
    resume(one.process.pid for one in rig.workers.values())
    until_active(rig)
    return over


def stopped_host(rig: Hosts, known: Sequence[Worker]) -> Worker | None:
    """Return a further host that is stopped."""
    others = (one for one in rig.workers.values() if one not in known)
    return next((one for one in others if state(one.process.pid) == "T"), None)


def start_runs_and_count_faults(rig: Hosts, work: Workload) -> int:
    work.keep(6)
    return rig.left()


def scheduler_and_node_process(rig: Hosts, work: Workload) -> None:
    """While hosts continue, the only scheduler and a node process may be stopped for any time: nothing is lost, though
    the scheduler's lock may be."""
    lost = "SELECT count(*) FROM engine_attempt WHERE state = 'lost'"
    before, leader = rig.do(lost), rig.leader()[1]
    work.keep(6)
    rig.inject("node.running", "stop")
    wait_until(lambda: not start_runs_and_count_faults(rig, work))
    processes = [pid for one in rig.workers.values() for pid in one.node_processes()]
    (stopped,) = wait_until(lambda: [pid for pid in processes if state(pid) == "T"])
    stand_still(rig, leader)
    end = time.monotonic() + rounds(1, 10) * LEASE_SECONDS + 0.5
    while time.monotonic() < end:
        work.keep(6)
        time.sleep(0.1)
    resume([leader, stopped])
    rig.rest()
    assert rig.leader()[1] == leader
    assert rig.do(lost) == before
