"""How many nodes start in each 100 ms around a fault, and that none runs without an attempt of its own.

The rates are read from the ledger. `pytest -s` prints them; `make long` asserts what the product promises.
"""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.faults.hosts import SERVERS, Hosts, hosted
from tests.faults.rig import document, python
from tests.support.effort import in_time, rounds, seed
from tests.support.ledger import Ledger
from tests.support.wait import wait_until

pytestmark = [*SERVERS, pytest.mark.timed]

BIN_SECONDS = 0.1
BEFORE_SECONDS = 2.0
AFTER_SECONDS = 6.0
NODES = 300
NODE_SECONDS = {"short": 0.02, "long": 0.07}
"""Always alike, or the rate would follow which nodes are expected to be short, and sent ahead. Long ones never are."""
RUNS_AT_ONCE = 4
SMOOTH_BINS = 5
"""A rate is the mean of so many bins: a bin has five to twenty starts."""


@contextlib.contextmanager
def killed(rig: Hosts) -> Iterator[None]:
    rig.workers["one"].kill()
    yield
    rig.restart_killed()


@contextlib.contextmanager
def drained(rig: Hosts) -> Iterator[None]:
    name = rig.workers["one"].name
    rig.product.api("POST", f"workers/{name}/drain/")
    yield
    rig.product.api("POST", f"workers/{name}/resume/")


@contextlib.contextmanager
def redis_killed(rig: Hosts) -> Iterator[None]:
    rig.broker.kill()
    yield
    rig.broker.start()


FAULTS: Mapping[str, tuple[Callable[[Hosts], AbstractContextManager[None]], str, float, float]] = {
    "a worker is killed": (killed, "two", 0.8, 0.5),
    "a worker drains": (drained, "two", 0.8, 0.5),
    "a worker is stopped": (lambda rig: rig.workers["one"].frozen(), "two", 0.8, 0.5),
    "Redis is killed": (redis_killed, "", 0.7, 2.0),
    "Redis is stopped": (lambda rig: rig.broker.hanging(), "", 0.7, 2.0),
    "PostgreSQL is stopped": (lambda rig: rig.server.frozen(), "", 0.0, 0.0),
}
"""Name -> (the fault, the worker whose rate is looked at or all, the share of the rate before that must remain, the
seconds after which it must be that again)."""


@pytest.mark.parametrize("length", NODE_SECONDS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_costs_no_more_than_its_share_of_the_rate_and_nothing_runs_unrecorded(
    tmp_path: Path, name: str, length: str
) -> None:
    fault, worker, share, seconds = FAULTS[name]
    chance = random.Random(seed("rates"))
    with hosted(tmp_path, INTERLOCK_MAX_CONCURRENT="20") as rig:
        rig.start()
        ledger = Ledger(tmp_path / "starts")
        code = ledger.code(0, during=f"time.sleep({NODE_SECONDS[length]})")
        load = document([python(f"n{number}", code, lost_retries=100) for number in range(NODES)])
        runs: list[str] = []
        for _ in range(rounds(1, 20)):
            wait_until(lambda: rig.product.call("GET", "/healthz", token=False).status == 200)
            maintain(rig, load, runs, 0)
            last = ledger.entries()[-1:]
            wait_until(lambda last=last: ledger.entries()[-1:] != last)  # type: ignore[misc]
            # The first starts are fewer.
            maintain(rig, load, runs, BEFORE_SECONDS + 1 + chance.random())
            pids = rig.workers[worker].node_processes() if worker else []
            at = time.monotonic_ns()
            with fault(rig):
                maintain(rig, load, runs, AFTER_SECONDS, starts=name != "PostgreSQL is stopped")
            pids += rig.workers[worker].node_processes() if worker else []
            before, after = rates(ledger, at, pids)
            print(f"{name}, {length} nodes: starts in each {BIN_SECONDS:g} s:", *before, "|", *after)
            low = seconds_below(share * sum(before) / len(before), after)
            print(f"below {share:.0%} of the rate before for {low:.1f} s")
            if seconds:
                in_time(low, seconds + SMOOTH_BINS * BIN_SECONDS)
        rig.rest(120)
        check_recorded(rig, ledger)


def maintain(rig: Hosts, load: dict[str, object], runs: list[str], seconds: float, *, starts: bool = True) -> None:
    """Keep some runs unfinished for so long. Without `starts` nothing can be started meanwhile."""
    end = time.monotonic() + seconds
    while True:
        if starts:
            runs += [rig.run(load) for _ in range(RUNS_AT_ONCE - len(rig.unfinished()))]
        if time.monotonic() >= end:
            return
        time.sleep(BIN_SECONDS)


def rates(ledger: Ledger, at: int, pids: list[int]) -> tuple[list[int], list[int]]:
    """Return the starts in each bin before and after this moment, of these processes or of all."""
    starts = Counter(
        int((one.at - at) // (BIN_SECONDS * 1e9))
        for one in ledger.entries()
        if one.what == "start" and (not pids or one.pid in pids)
    )
    before, after = round(BEFORE_SECONDS / BIN_SECONDS), round(AFTER_SECONDS / BIN_SECONDS)
    return [starts[number] for number in range(-before, 0)], [starts[number] for number in range(after)]


def seconds_below(limit: float, bins: list[int]) -> float:
    """Return the longest time for which the smoothed rate was below the limit."""
    longest = current = 0
    for first in range(len(bins) - SMOOTH_BINS + 1):
        mean = sum(bins[first : first + SMOOTH_BINS]) / SMOOTH_BINS
        current = current + 1 if mean < limit else 0
        longest = max(longest, current)
    return longest * BIN_SECONDS


def check_recorded(rig: Hosts, ledger: Ledger) -> None:
    """Each execution is one attempt, and no two have one number."""
    executions = [(int(one.start.run), one.start.node, one.start.attempt) for one in ledger.executions()]
    repeated = [one for one, count in Counter(executions).items() if count > 1]
    stored = set(rig.do("SELECT run_id, node, number FROM engine_attempt"))
    unrecorded = [one for one in executions if one not in stored]
    print(f"{len(executions)} executions, {len(repeated)} repeated, {len(unrecorded)} unrecorded")
    assert not repeated
    assert not unrecorded
