"""Each checker fails on a build of the scaled form that is broken on purpose, and none on the correct one."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.inspect import procfs
from tests.faults import count
from tests.faults.checks import Broken, hold
from tests.faults.hosts import SERVERS, Hosts, hosted
from tests.faults.rig import document, python, state
from tests.support.effort import rounds
from tests.support.tcp_proxy import tcp_proxy
from tests.support.wait import wait_until
from tests.support.workers import Worker

pytestmark = [*SERVERS, pytest.mark.long]

UNTIL = "while not os.path.exists({!r}): time.sleep(0.005); note('beat', ctx)"
"""A line of a node that waits for a file, and writes to the ledger meanwhile."""


def worker_of(rig: Hosts, run: str, attempt: int = 1, node: str = "a") -> Worker:
    """Return the worker on which this attempt runs, as soon as that is known."""

    def found() -> Worker | None:
        for one in rig.ledger.entries():
            if (one.run, one.node, one.attempt, one.what) == (run, node, attempt, "start"):
                process = procfs.process(one.pid)
                assert process is not None, "it has ended"
                return next(worker for worker in rig.workers.values() if worker.process.pid == process.parent)
        return None

    worker = wait_until(found)
    wait_until(lambda: rig.rows().nodes[run, node]["state"] == "running")
    return worker


def started(rig: Hosts, run: str, node: str) -> int:
    """Return how often the node has started."""
    return sum((one.run, one.node, one.what) == (run, node, "start") for one in rig.ledger.entries())


def beside(rig: Hosts) -> None:
    """Start more nodes than there are processes, each of which takes a moment."""
    rig.run(document([python(f"n{i}", rig.ledger.code(0.3, beats=True)) for i in range(8)]))


def long(rig: Hosts) -> None:
    """Start a node that takes longer than a message may be on its way."""
    rig.run(document([python("n", rig.ledger.code(3, beats=True))]))


def cut_off(rig: Hosts) -> None:
    """Cut a worker off from its database. What it runs ends when the same runs elsewhere."""
    flag = rig.folder / "cut off"
    with tcp_proxy(("127.0.0.1", rig.server.port)) as proxy:
        rig.worker("cut", "cut", DATABASE_URL=rig.server.url().replace(f":{rig.server.port}/", f":{proxy.port}/"))
        code = rig.ledger.code(0, during=UNTIL.format(str(flag)))
        run = rig.run(document([python("a", code, queue="cut")]))
        worker_of(rig, run)
        with proxy.hanging():
            count.injected("worker cut off from its database")
            rig.worker("other", "cut")
            wait_until(lambda: started(rig, run, "a") == 2)
            flag.touch()
            rig.rest()
            rig.workers.pop("cut").end()


def stopped(rig: Hosts) -> None:
    """Stop a worker while its node ends and is given up, and let it continue beside the next attempt."""
    flags = [rig.folder / f"attempt {number}" for number in (1, 2)]
    rig.pool("one", 1)
    wait = UNTIL.replace("{!r}", f"[{str(flags[0])!r}, {str(flags[1])!r}][ctx.attempt > 1]")
    run = rig.run(document([python("a", rig.ledger.code(0, during=wait), pool="one")]))
    worker = worker_of(rig, run)
    rig.signal(worker.process.pid, signal.SIGSTOP, "a worker")
    flags[0].touch()
    wait_until(lambda: started(rig, run, "a") == 2)
    # Waits for its slot.
    other = rig.run(document([python("b", rig.ledger.code(0.1, beats=True), pool="one")]))
    os.kill(worker.process.pid, signal.SIGCONT)
    # Either it knows that its registration has ended and registers again, or its reports are accepted.
    wait_until(lambda: rig.registrations(worker)[-1][1] == "active" or started(rig, other, "b"))
    flags[1].touch()


def printing(rig: Hosts) -> None:
    """Start nodes whose lines are counted. They end when some are stored, because what comes with an end is stored with
    it."""
    flag = rig.folder / "some are stored"
    code = (
        "import os, time\ndef main(inputs, ctx):\n    for i in range(200):\n        print(i, flush=True)\n"
        f"    while not os.path.exists({str(flag)!r}): time.sleep(0.01)\n"
    )
    runs = [rig.run(document([python("n", code)])) for _ in range(2)]
    with rig.database() as db:
        stored = "SELECT count(DISTINCT run_id) FROM engine_logbatch WHERE last_seq - first_seq >= 10"
        wait_until(lambda: db.execute(stored).fetchone()[0] == len(runs))
    flag.touch()
    rig.rest()
    with rig.database() as db:
        for run in runs:
            rows = db.execute(f"SELECT body FROM engine_logbatch WHERE run_id = {run} ORDER BY first_seq").fetchall()
            reported = [line[2] for (body,) in rows for line in json.loads(body)]
            printed = [str(i) for i in range(200)]
            hold("I10", [] if reported == printed else [f"run {run} printed 200 lines, and {len(reported)} are known"])


def left_down(rig: Hosts) -> None:
    """Kill a worker and leave it down."""
    first = rig.folder / "first"
    code = rig.ledger.code(0, during=f"if ctx.attempt == 1: open({str(first)!r}, 'w').close(); time.sleep(60)")
    run = rig.run(document([python("a", code)]))
    wait_until(first.exists)
    worker = worker_of(rig, run)
    worker.kill()


def killing(rig: Hosts) -> None:
    """Start a node whose worker is killed each time before it has reported the start: first restarted at once, then
    after its lease has ended."""
    rig.inject("host.before_batch", "stop")
    run = rig.run(document([python("a", rig.ledger.code(0), lost_retries=1)]))
    kill_before_report(rig, run, 1)
    # Its lease is not judged meanwhile.
    rig.signal(rig.schedulers[0].pid, signal.SIGSTOP, "a scheduler")
    rig.restart_killed()
    rig.inject("host.before_batch", "stop")
    os.kill(rig.schedulers[0].pid, signal.SIGCONT)
    second = kill_before_report(rig, run, 2)
    wait_until(lambda: rig.registrations(second)[-1][1] == "gone")
    rig.restart_killed()


def kill_before_report(rig: Hosts, run: str, starts: int) -> Worker:
    """Wait until the node has started so often, and kill the worker before it reports that."""
    wait_until(lambda: started(rig, run, "a") == starts)
    one = wait_until(lambda: next((one for one in rig.workers.values() if state(one.process.pid) == "T"), None))
    rig.signal(one.process.pid, signal.SIGKILL, "a worker that has not reported a start")
    one.process.wait()
    return one


def child_left_group(rig: Hosts) -> None:
    """Kill a worker, and leave it down, while a child of its node has left the process group."""
    first = "if ctx.attempt == 1:\n        import subprocess\n        subprocess.Popen(['setsid', 'sleep', '300'])"
    run = rig.run(document([python("a", rig.ledger.code(0, during=f"{first}\n        time.sleep(60)"))]))
    worker_of(rig, run).kill()


def child_left_group_and_restart(rig: Hosts) -> None:
    """The same, but the worker starts again before anything has ended the child."""
    child_left_group(rig)
    rig.restart_killed()


Way = Callable[[Hosts], None]
ALL: list[tuple[str, Way, str]] = [
    ("messages_twice,take_unguarded", beside, "I[135]"),
    ("lost_hosts_not_declared", left_down, "I3"),
    ("reports_written_twice", printing, "I10"),
    ("published_though_taken,take_unguarded", long, "I5"),
    ("lease_outlived,guard_missing", cut_off, "I5"),
    ("stale_reports_taken,gone_hosts_heard,lease_outlived,guard_missing", stopped, "I5"),
    ("ends_not_written", beside, "I3"),
    ("starts_not_stored", killing, "I8"),
    ("leftovers_kept,guard_missing", child_left_group_and_restart, "I13"),
    ("guard_missing", child_left_group, "I13"),
]
WAYS = ALL[: rounds(3, len(ALL))]
"""A rig for each takes its time."""


def try_and_check(rig: Hosts, way: Way, seconds: float) -> None:
    way(rig)
    rig.rest(seconds)
    rig.check()


@pytest.mark.parametrize(("build", "way", "invariant"), WAYS, ids=[build for build, _, _ in WAYS])
def test_a_broken_build_is_detected(build: str, way: Way, invariant: str, tmp_path: Path) -> None:
    with hosted(tmp_path, build) as rig:
        rig.start_without_web()
        with pytest.raises(Broken, match=f"^{invariant}: "):
            try_and_check(rig, way, seconds=6 if invariant in ("I3", "I[135]") else 30)


def test_the_correct_build_passes(tmp_path: Path) -> None:
    """Messages that come twice are no fault either."""
    with hosted(tmp_path, "messages_twice") as rig:
        rig.start_without_web()
        for way in dict.fromkeys(way for _, way, _ in WAYS):
            rig.restart_killed()
            try_and_check(rig, way, seconds=30)
