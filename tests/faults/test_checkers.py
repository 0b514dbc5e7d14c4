"""Each checker fails on a build of the product that is broken on purpose, and none on the correct one."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import checks
from tests.faults.checks import Broken
from tests.faults.limits import Resize, Start, i5_pool, i5_runs, i20, passed
from tests.faults.resources import Resources, i16
from tests.faults.rig import Rig, document, python, rigged, state
from tests.support.ledger import Entry, Execution
from tests.support.wait import wait_until

UNTIL = "while not os.path.exists({!r}): time.sleep(0.01); note('beat', ctx)"
"""A line of a node that waits for a file, and writes to the ledger meanwhile."""


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for a state that a correct build does not reach."""
    deadline = time.monotonic() + 1
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def pooled(rig: Rig) -> None:
    """Start more nodes than a pool has slots; none ends before those that may have started."""
    flag = rig.folder / "flag"
    rig.pool("two", 2)
    code = rig.ledger.code(0, during=UNTIL.format(str(flag)))
    rig.run(document([python(f"n{i}", code, pool="two") for i in range(5)]))
    wait_until(lambda: len(rig.ledger.executions()) >= 2)
    wait_for(lambda: len(rig.ledger.executions()) > 2)
    flag.touch()


def crashed(rig: Rig) -> None:
    """Kill the scheduler in the middle of a chain, during a node that does not end before."""
    killed = rig.folder / "killed"
    wait = f"while not os.path.exists({str(killed)!r}): time.sleep(0.01)"
    nodes = [python(f"n{i}", rig.ledger.code(0.03, beats=True, during=wait if i == 4 else "")) for i in range(6)]
    run = rig.run(document(nodes, *(f"n{i}>n{i + 1}" for i in range(5))))
    wait_until(lambda: running(rig, run, "n4"))
    rig.schedulers[0].kill()
    rig.schedulers[0].wait()
    killed.touch()
    rig.scheduler()


def running(rig: Rig, run: str, node: str) -> bool:
    row = rig.rows().nodes.get((run, node))
    return row is not None and row["state"] == "running"


def killed_before_commit(rig: Rig) -> None:
    """Stop the scheduler just before the commit of a node's end, and kill it there."""
    flag = rig.folder / "flag"
    codes = [rig.ledger.code(0.05, during=during) for during in ("", UNTIL.format(str(flag)), "")]
    run = rig.run(document([python(f"n{i}", code) for i, code in enumerate(codes)], "n0>n1", "n1>n2"))
    wait_until(lambda: running(rig, run, "n1"))
    rig.inject("tick.before_write", "stop")
    flag.touch()
    wait_until(lambda: state(rig.schedulers[0].pid) == "T")
    wait_for(lambda: any(one.node == "n2" for one in rig.ledger.entries()))
    rig.schedulers[0].kill()
    rig.schedulers[0].wait()
    rig.scheduler()


def poisoned(rig: Rig) -> None:
    rig.run(document([python("n", "import os, signal\ndef main(inputs, ctx):\n    os.kill(os.getpid(), 9)\n")]))
    wait_until(lambda: sum(map(len, rig.rows().attempts.values())) >= 6 or not rig.unfinished())
    checks.i8(rig.ledger, rig.rows())


def many(rig: Rig) -> None:
    for _ in range(6):
        rig.run(document([python("n", rig.ledger.code(0))]))


def child_left_group(rig: Rig) -> None:
    """Kill the scheduler while a child of a node has left its process group; the next scheduler cleans up."""
    flag = rig.folder / "flag"
    code = (
        "import os, subprocess, time\ndef main(inputs, ctx):\n"
        f"    if not os.path.exists({str(flag)!r}):\n"
        "        subprocess.Popen(['setsid', 'sleep', '300'])\n"
        f"        open({str(flag)!r}, 'w').close()\n        time.sleep(60)\n"
    )
    rig.run(document([python("n", code)]))
    wait_until(flag.exists)
    rig.schedulers[0].kill()
    rig.schedulers[0].wait()
    rig.scheduler()


def orphaned(rig: Rig) -> None:
    """Kill a node process whose child has its own session."""
    code = (
        "import os, subprocess\ndef main(inputs, ctx):\n"
        "    subprocess.Popen(['setsid', 'sleep', '300'])\n    os.kill(os.getpid(), 9)\n"
    )
    rig.run(document([python("n", code, lost_retries=0)]))


def raced(rig: Rig) -> None:
    """Start more nodes than a run may have at once, more runs than a workflow may, and nodes of different priorities
    for one slot."""
    short, code = (rig.ledger.code(seconds, beats=True) for seconds in (0.02, 0.2))
    rig.pool("one", 1)
    rig.run(document([python(f"n{i}", short, pool="one", priority=9 - i) for i in range(8)]))
    rig.run(document([python(f"n{i}", code) for i in range(5)], max_concurrent=2))
    for _ in range(3):
        rig.run(document([python(id, code) for id in "ab"], "a>b", max_runs=1), "few")
    rig.rest()
    rows = rig.rows()
    i5_runs(rig.ledger, rows)
    i20(rig.ledger, rows, rig.wall_offset, 4, {"one": (1, 1)})


def try_and_check(rig: Rig, way: Callable[[Rig], None], seconds: float) -> None:
    rig.scheduler()
    way(rig)
    rig.rest(seconds)
    rig.check(most=4, killed_schedulers=1)


WAYS: list[tuple[str, Callable[[Rig], None], str]] = [
    ("pools_larger", pooled, "I5"),
    ("release_forgotten", pooled, "I3"),
    ("claim_kept", pooled, "I4"),
    ("results_told_twice", many, "I9"),
    ("lost_not_declared", crashed, "I3"),
    ("success_forgotten", crashed, "I1"),
    ("dispatched_before_commit", killed_before_commit, "I1"),
    ("losses_not_counted", poisoned, "I8"),
    ("runs_forgotten", many, "I2"),
    ("leftovers_kept", child_left_group, "I13"),
    ("tree_kept", orphaned, "I13"),
    ("run_limit_larger", raced, "I5"),
    ("workflow_limit_larger", raced, "I5"),
    ("priority_reversed", raced, "I20"),
]


@pytest.mark.parametrize(("build", "way", "invariant"), WAYS, ids=[build for build, _, _ in WAYS])
@pytest.mark.long
def test_a_broken_build_is_detected(build: str, way: Callable[[Rig], None], invariant: str, tmp_path: Path) -> None:
    with rigged(tmp_path, build, INTERLOCK_WORKERS="4") as rig, pytest.raises(Broken, match=f"^{invariant}: "):
        try_and_check(rig, way, seconds=3 if invariant == "I3" else 30)


@pytest.mark.parametrize(
    "way",
    [pooled, crashed, killed_before_commit, poisoned, many, child_left_group, orphaned, raced],
    ids=lambda way: way.__name__,
)
@pytest.mark.long
def test_the_correct_build_passes(way: Callable[[Rig], None], tmp_path: Path) -> None:
    with rigged(tmp_path, INTERLOCK_WORKERS="4") as rig:
        try_and_check(rig, way, seconds=30)


def use_resources(rig: Rig) -> Resources:
    """Return what the product uses before twelve node processes are killed."""
    rig.start()
    rig.publish("killed", document([python("n", "import os\ndef main(inputs, ctx):\n    os.kill(os.getpid(), 9)\n")]))
    rig.launch("killed")
    rig.rest()
    before = Resources.when_ready(rig, 2)
    for _ in range(3):
        rig.launch("killed")
        rig.rest()
    return before


LEAKS = {
    "descriptors_kept": "descriptors of scheduler",
    "threads_kept": "threads of scheduler",
    "memory_kept": "memory of scheduler",
    "folders_kept": "files",
    "groups_kept": "groups",
}


@pytest.mark.long
def test_each_kind_of_leak_is_detected(tmp_path: Path) -> None:
    with rigged(tmp_path, ",".join(LEAKS), INTERLOCK_WORKERS="2") as rig:
        before = use_resources(rig)
        with pytest.raises(Broken, match=r"^I16: ") as caught:
            checks.settles(lambda: i16(before, Resources.by(rig)), 1)
    for said in LEAKS.values():
        assert f"{said}: " in str(caught.value)


@pytest.mark.long
def test_the_correct_build_leaks_nothing(tmp_path: Path) -> None:
    with rigged(tmp_path, INTERLOCK_WORKERS="2") as rig:
        before = use_resources(rig)
        checks.settles(lambda: i16(before, Resources.by(rig)), 10)


def test_slots_that_are_taken_after_a_pool_became_smaller_are_detected() -> None:
    def execution(start: int, end: int) -> tuple[Execution, int]:
        entries = [Entry("1", "n", 1, what, at, 1) for what, at in (("start", start), ("end", end))]
        return Execution(*entries), 1

    smaller = [Resize(asked_at=10, done_at=12, slots=1)]
    # Two slots were held when it became smaller; they stay held, and one of them starts only now.
    executions = [execution(5, 20), execution(15, 25), execution(26, 30), execution(31, 40)]
    i5_pool("p", executions, 2, smaller)
    with pytest.raises(Broken, match=r"^I5: pool p: 1 times"):
        i5_pool("p", [*executions, execution(35, 40)], 2, smaller)
    with pytest.raises(Broken, match=r"^I5: pool p: 1 times"):
        i5_pool("p", [execution(1, 9), execution(2, 9), execution(3, 9)], 2, smaller)


def test_an_overtaken_node_is_distinguished_from_one_whose_process_is_stopped() -> None:
    def problems(*pids: int) -> int:
        """Return what is found in sequential starts, of which the last was first in the queue."""
        starts = []
        for at, pid in enumerate(pids, 1):
            entry = Entry("1", f"n{at}", 1, "start", at * 10**9, pid)
            starts.append(Start(entry.at, 0, (at % len(pids), 1, at), Execution(entry, entry), True))
        return len(list(passed("p", 2, starts)))

    assert problems(1, 2, 1, 2, 1) == 0
    assert problems(1, 1, 2, 2, 2, 2, 2, 2, 1) == 0
    assert problems(1, 2, 1, 2, 1, 2, 1) == 1
