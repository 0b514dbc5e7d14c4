"""T17: the clock of a host is set while nodes run, wait and reach their limits; or the clocks of two hosts differ.

Durations are judged by the ledger, whose clock is not set.
"""

import contextlib
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.database.heartbeat import LEASE_SECONDS
from tests.faults import checks, count
from tests.faults.checks import Broken, Rows, hold, moment_ns
from tests.faults.clocks import Clock
from tests.faults.hosts import FORMS, Hosts
from tests.faults.rig import Rig, document, python, rigged
from tests.faults.webs import further_web
from tests.support.effort import rounds, seed
from tests.support.ledger import Execution
from tests.support.product import ROOT
from tests.support.wait import wait_until

pytestmark = [pytest.mark.faketime, pytest.mark.long]

SKEW = 30.0
HOUR = 3600.0
WORKERS = 6
"""Node processes of a host: everything that waits or is limited runs at once."""
STEPS_IN_A_ROW = 4
STEPS = (SKEW, -SKEW, HOUR, -HOUR)
DELAY, SOFT, HARD, RUN_LIMIT = 1.0, 1.0, 1.2, 1.5
LATE = 10.0
"""How much longer than planned anything may take: much on a busy machine, but less than any step of a clock."""
SPANS = {"retry": DELAY, "soft": SOFT, "hard": HARD, "limited": RUN_LIMIT}
"""What is to pass, by what passes it."""
ENDS = {"retry": "succeeded", "soft": "timed_out", "hard": "timed_out", "limited": "cancelled"}
ACCURATE = 1.0
"""Seconds that a stored time may be off while no clock is set."""


def work(rig: Rig) -> dict[str, dict[str, Any]]:
    """Publish and return {slug: definition}: a retry with a delay, limits of nodes and of a run, and steps that take
    time."""
    code = rig.ledger.code
    fails = "if ctx.attempt < 2: raise ValueError('as planned')"
    endless = (
        "while True:\n        try:\n            time.sleep(0.005)\n            note('beat', ctx)\n"
        "        except BaseException:\n            pass"
    )
    nodes = [
        python("retry", code(0.05, beats=True, then=fails), retries=1, retry_delay=DELAY, retry_backoff="fixed"),
        python("soft", code(20, beats=True), soft_timeout=SOFT),
        python("hard", code(0.05, during=endless), soft_timeout=0.3, hard_timeout=HARD),
        *(python(f"step{i}", code(0.3, beats=True)) for i in range(STEPS_IN_A_ROW)),
    ]
    return {
        "waits": document(nodes, *(f"step{i}>step{i + 1}" for i in range(STEPS_IN_A_ROW - 1)), on_failure="continue"),
        "limited": document([python("limited", code(20, beats=True))], timeout=RUN_LIMIT),
    }


def passed(executions: Sequence[Execution], asked: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    """Return (what, seconds) of each wait and limit, by the ledger's clock. `asked`: when each run was requested."""
    before: dict[tuple[str, str], Execution] = {}
    for one in executions:
        key = one.start.run, one.start.node
        if key[1] == "retry":
            if key in before:
                yield "retry", (one.start.at - before[key].last.at) / 1e9
            before[key] = one
        elif key[1] == "limited":
            yield key[1], (one.last.at - asked[key[0]]) / 1e9
        elif key[1] in SPANS:
            yield key[1], (one.last.at - one.start.at) / 1e9


def spans(rig: Rig, asked: Mapping[str, int]) -> None:
    """Raises Broken for what took longer or shorter than it should."""
    found = list(passed(rig.ledger.executions(), asked))
    assert {what for what, _ in found} == SPANS.keys()
    print({what: [round(seconds, 2) for name, seconds in found if name == what] for what in SPANS})
    hold(
        "I3",
        [
            f"{what} took {seconds:.2f} s"
            for what, seconds in found
            # The attempt starts before the first line of its node.
            if not SPANS[what] / 3 <= seconds <= SPANS[what] + LATE
        ],
    )


def api_answers(rig: Rig, run: str) -> Iterator[tuple[str, Any]]:
    """Return what the API shows of a run and of the hosts, by address."""
    for path in ("", "nodes/", "timeline/", "diagnostics/", "nodes/retry/attempts/", "nodes/soft/attempts/"):
        answer = rig.product.call("GET", f"/api/v1/runs/{run}/{path}")
        if answer.status != 404:
            yield path, answer.json
    yield "workers", rig.product.api("GET", "workers/")
    yield "pools", rig.product.api("GET", "pools/")


NUMBERS = ("duration", "seconds", "silent_seconds", "longest_wait", "expected")
PAIRS = (("started_at", "finished_at"), ("waiting_from", "started_at"))


def negative(what: str, value: Any) -> Iterator[str]:
    """Return negative durations and moments in the wrong order in an answer of the API."""
    if isinstance(value, list):
        for one in value:
            yield from negative(what, one)
    elif isinstance(value, dict):
        for name in NUMBERS:
            if isinstance(value.get(name), int | float) and value[name] < 0:
                yield f"{what}: {name} is {value[name]}"
        for first, last in PAIRS:
            if value.get(first) and value.get(last) and value[first] > value[last]:
                yield f"{what}: {first} is {value[first]}, {last} is {value[last]}"
        for name, one in value.items():
            yield from negative(f"{what} {name}", one)


def durations(rig: Rig, run: str) -> None:
    """Raises Broken for a negative duration."""
    hold("I9", [problem for what, answer in api_answers(rig, run) for problem in negative(what, answer)])


def nothing_lost(rows: Rows) -> None:
    lost = [key for key, attempts in rows.attempts.items() for one in attempts if one["state"] == "lost"]
    hold("I4", [f"attempts of {lost} were lost"] if lost else [])


def hosts_live(rig: Hosts) -> None:
    """No lease expired because a clock was set. On a busy machine one may expire by seconds."""
    silences = rig.do("SELECT silent_seconds FROM engine_host")
    hold("I4", [f"an active host sent no heartbeat for {one:.0f} s" for (one,) in silences if one and one > SKEW / 2])


def accurate(rig: Rig, rows: Rows) -> None:
    """Attempts started when their first line says so."""

    def problems() -> Iterator[str]:
        for one in rig.ledger.executions():
            attempt = rows.attempts[one.start.run, one.start.node][one.start.attempt - 1]
            started = moment_ns(attempt["started_at"])
            assert started is not None
            off = (started - one.start.at - rig.wall_offset) / 1e9
            if abs(off) > ACCURATE:
                yield f"{one.start.node} on {attempt['worker']} began {off:.2f} s from when it did"

    hold("I9", problems())


def check(rig: Rig) -> Rows:
    """Check everything that does not need the time of one host whose clock was set."""
    if isinstance(rig, Hosts):
        return rig.check(most=WORKERS * len(rig.workers))
    rows = rig.rows()
    checks.i2(rig.accepted, rows)
    checks.i3(rows)
    checks.i4(rows)
    checks.i8(rig.ledger, rows)
    checks.i9(rows)
    checks.i10(rows)
    rig.whole()
    return rows


@contextlib.contextmanager
def with_clocks(folder: Path, form: type[Rig], build: str = "") -> Iterator[tuple[Rig, list[Clock]]]:
    """Yield a started rig and its clocks: that of `up` (on several hosts also of a worker), and of another worker."""
    here, there = Clock(folder, "here"), Clock(folder, "there")
    environment = {"INTERLOCK_WORKERS": str(WORKERS), **here.environment}
    with rigged(folder / "rig", build, None, form, **environment) as rig:
        if not isinstance(rig, Hosts):
            yield rig.start(), [here]
            return
        here.set(SKEW)
        there.set(-SKEW)
        count.injected("host with another clock", 2)
        rig.names = ("one",)
        two = rig.worker("two", "default", (), wait=False, source=ROOT, **there.environment)
        rig.start()
        two.wait()
        yield rig, [here, there]


@pytest.mark.parametrize("form", FORMS)
def test_setting_a_clock_changes_no_wait_or_limit_and_loses_nothing(form: type[Rig], tmp_path: Path) -> None:
    chance = random.Random(seed("clocks"))
    with with_clocks(tmp_path, form) as (rig, clocks):
        if isinstance(rig, Hosts):
            agree(rig)
            check_other_host(rig, clocks[1])
        documents = work(rig)
        for slug, made in documents.items():
            rig.publish(slug, made)
        asked: dict[str, int] = {}
        for _ in range(rounds(1, 30)):
            at = time.monotonic_ns()
            runs = [rig.launch(slug) for slug in documents]
            asked |= dict.fromkeys(runs, at)
            wait_until(partial(all_running, rig, runs))
            steps = list(STEPS)
            chance.shuffle(steps)
            for seconds in steps:
                chance.choice(clocks).step(seconds)
                durations(rig, runs[0])
                time.sleep(chance.uniform(0, 0.3))
            rig.rest()
            for run in runs:
                durations(rig, run)
        rows = check(rig)
        nothing_lost(rows)
        spans(rig, asked)
        for (_, node), row in rows.nodes.items():
            assert row["state"] == ENDS.get(node, "succeeded"), node
        if isinstance(rig, Hosts):
            hosts_live(rig)
        taken_over(rig, clocks[0])


def all_running(rig: Rig, runs: Sequence[str]) -> bool:
    """Return whether everything that waits or is limited is running."""
    found = {one.start.node for one in rig.ledger.executions() if one.start.run in runs}
    return found >= SPANS.keys()


def taken_over(rig: Rig, clock: Clock) -> None:
    """Set the clock back while a node waits for its retry and a run has a limit. The next leader makes neither wait for
    an hour."""
    code = rig.ledger.code
    fails = "if ctx.attempt < 2: raise ValueError('as planned')"
    late = python("retry", code(0.01, then=fails), retries=1, retry_delay=2 * DELAY, retry_backoff="fixed")
    rig.publish("late", document([late]))
    rig.publish("short", document([python("limited", code(60, beats=True))], timeout=4 * RUN_LIMIT))
    short, run = rig.launch("short"), rig.launch("late")
    wait_until(lambda: state(rig, run, "retry") == "retrying")
    clock.step(-HOUR)
    rig.signal(rig.scheduler_pid(), signal.SIGKILL, "scheduler")
    rig.rest()
    rows = check(rig)
    assert rows.runs[run]["state"] == "succeeded"
    assert rows.runs[short]["state"] == "timed_out"


def state(rig: Rig, run: str, node: str) -> str:
    row = rig.rows().nodes.get((run, node))
    return row["state"] if row else "pending"


def agree(rig: Hosts, each: float = 0.2) -> None:
    """Check one run over both hosts, with nodes that take so many seconds and record their times. Raises Broken."""
    rig.publish("wide", document([python(f"n{i}", rig.ledger.code(each)) for i in range(3 * WORKERS)]))
    rig.launch("wide")
    rig.rest()
    nothing_lost(rig.rows())
    hosts_live(rig)
    rows = rig.check(most=WORKERS * len(rig.workers))
    accurate(rig, rows)
    assert {one["worker"].partition("@")[0] for found in rows.attempts.values() for one in found} == {"one", "two"}


def check_other_host(rig: Hosts, clock: Clock) -> None:
    """A web process whose clock differs by half a minute still sees the scheduler's heartbeat, and `doctor` reports the
    difference."""
    assert "30 s ahead of the database's" in rig.product.command("doctor", check=False).stdout
    with further_web(rig, **clock.environment) as web:
        was = clock.seconds
        for seconds in (was, 3 * SKEW):
            clock.set(seconds)
            assert web.call("GET", "/readyz", token=False).status == 200
            assert {one["state"] for one in web.api("GET", "workers/")["results"]} == {"active"}
            run = web.api("POST", "workflows/wide/runs/", {})["id"]
            durations(rig, run)
            assert web.ended(run)["state"] == "succeeded"
        clock.set(was)


BROKEN = [("reports_by_own_clock", "I1"), ("beats_by_own_clock", "I[34]"), ("leases_by_own_clock", "I3")]


@pytest.mark.redis
@pytest.mark.postgres
@pytest.mark.parametrize(("build", "invariant"), BROKEN)
def test_a_build_that_uses_the_wall_clock_is_detected(build: str, invariant: str, tmp_path: Path) -> None:
    with with_clocks(tmp_path, Hosts, build) as (rig, _):
        assert isinstance(rig, Hosts)
        with pytest.raises(Broken, match=f"^{invariant}: "):
            # Leases are not judged before so many seconds have passed.
            agree(rig, each=LEASE_SECONDS)
