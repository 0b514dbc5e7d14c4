"""T11: statements of the scheduler, of hosts and of web requests whose outcome is unknown to the sender."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults import count
from tests.faults.checks import Broken
from tests.faults.clients import Client
from tests.faults.hosts import SERVERS, Hosts, hosted
from tests.faults.rig import document
from tests.faults.said import Counting
from tests.faults.workload import Workload
from tests.support.effort import rounds, seed
from tests.support.losing import OUTCOMES, LosingWay, losing_way
from tests.support.wait import wait_until

pytestmark = [*SERVERS, pytest.mark.long]

STATEMENTS = {
    "a tick that sends work": ("scheduler", r"INSERT INTO engine_dispatch .*COMMIT$"),
    "a tick that takes reports up": ("scheduler", r"DELETE FROM engine_hostreport .*COMMIT$"),
    "a tick that stores lines": ("scheduler", r"INSERT INTO engine_logbatch .*COMMIT$"),
    "a host's report": ("worker", r"INSERT INTO engine_hostreport"),
    "a host's lines": ("worker", r'INSERT INTO engine_hostreport .*\["l"'),
    "a host's taking": ("worker", r"UPDATE engine_dispatch d SET host_id"),
    "a host's sign of life": ("worker", r"UPDATE engine_host SET beat_at"),
}
"""{what is done: (who sends it, its text)}."""
LAUNCHES = {
    "a launch's run": r'^INSERT INTO "engine_run"',
    "a launch's command": r'^INSERT INTO "engine_command"',
    "a launch's commit": r"^COMMIT$",
}


def lose(way: LosingWay, rig: Hosts, work: Workload, what: str, outcome: str) -> None:
    """Lose the outcome of the next such statement during work."""
    loss = way.lose(*STATEMENTS[what], outcome)

    def met() -> bool:
        work.keep(4)
        return loss.met.is_set()

    wait_until(met)
    count.injected(f"{what}: {outcome}")


def lose_the_lead(way: LosingWay, rig: Hosts, outcome: str) -> None:
    """Lose the outcome of taking over again, after the connection was lost."""
    before, pid = rig.leader()
    loss = way.lose("scheduler", r"^COMMIT$", outcome)
    rig.do("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    assert loss.met.wait(20)
    wait_until(lambda: rig.leader()[0] > before)
    rig.product.ended(rig.launch("diamond"))
    # It was alone, so no other scheduler could have taken over.
    assert rig.leader()[1] == pid
    count.injected(f"taking over: {outcome}")


def launch_and_lose(way: LosingWay, rig: Hosts, work: Workload, what: str, outcome: str) -> None:
    """Send a launch that fails for its client. The run exists either completely or not at all."""
    before = runs(rig)
    loss = way.lose("web", LAUNCHES[what], outcome)
    answer = rig.product.call("POST", "/api/v1/workflows/diamond/runs/", {})
    assert answer.status == 503, answer.body
    # The outcome is recorded after the client was cut off, which may have been answered before.
    assert loss.met.wait(20)
    count.injected(f"{what}: {outcome}")
    if what == "a launch's commit" and outcome != "statement lost":
        (made,) = wait_until(lambda: runs(rig) - before)
        rig.accepted.append(made)
        work.slugs[made] = "diamond"
    else:
        assert runs(rig) == before


def runs(rig: Hosts) -> set[str]:
    with rig.database() as db:
        return {str(run) for (run,) in db.execute("SELECT id FROM engine_run")}


@contextlib.contextmanager
def unsure(folder: Path, build: str = "") -> Iterator[tuple[Hosts, LosingWay]]:
    """Yield hosts that reach their database through a lossy proxy."""
    with hosted(folder, build) as rig, losing_way((rig.server.address, rig.server.port)) as way:
        place = f":{rig.server.port}/"
        rig.product.environment["DATABASE_URL"] = rig.server.url().replace(place, f":{way.port}/")
        yield rig, way


def test_a_statement_with_an_unknown_outcome_is_done_once_or_not_at_all(tmp_path: Path) -> None:
    chance = random.Random(seed("unknown commits"))
    with unsure(tmp_path) as (rig, way):
        rig.start()
        work, counting = Workload(rig, http=True, fan=rounds(20, 100)), Counting(rig, http=True)
        clients = [Client(rig, work.start(slug)) for slug in ("chain", "fan", "retry")]
        for _ in range(rounds(1, 15)):
            losses = [(what, outcome) for what in STATEMENTS for outcome in OUTCOMES]
            chance.shuffle(losses)
            for what, outcome in losses:
                if "lines" in what:
                    counting.start()
                lose(way, rig, work, what, outcome)
            for what in LAUNCHES:
                for outcome in OUTCOMES if what == "a launch's commit" else chance.sample(OUTCOMES, 1):
                    launch_and_lose(way, rig, work, what, outcome)
            lose_the_lead(way, rig, "answer lost")
        rig.rest()
        work.check(most=rig.capacity)
        counting.check()
        for client in clients:
            client.check()


def lose_one(way: LosingWay, rig: Hosts, what: str, outcome: str) -> None:
    """Lose one outcome during a run that prints numbers."""
    rig.scheduler()
    rig.worker("one")
    counting = Counting(rig, http=False)
    loss = way.lose(*STATEMENTS[what], outcome)
    counting.start()
    assert loss.met.wait(20)
    rig.rest(10)
    counting.check()


def lose_the_half_of_a_launch(way: LosingWay, rig: Hosts) -> None:
    rig.start()
    rig.publish("one", document([{"id": "a", "type": "noop"}]))
    way.lose("web", LAUNCHES["a launch's command"], "statement lost")
    assert rig.product.call("POST", "/api/v1/workflows/one/runs/", {}).status == 503
    rig.accepted.extend(runs(rig))
    rig.rest(5)


BROKEN: dict[str, tuple[str, Callable[[LosingWay, Hosts], None]]] = {
    "batches_unnumbered": ("I10", partial(lose_one, what="a host's lines", outcome="answer lost")),
    "reports_taken_twice": ("I10", partial(lose_one, what="a tick that stores lines", outcome="answer lost")),
    "takings_forgotten": ("I3", partial(lose_one, what="a host's taking", outcome="answer lost")),
    "launches_in_pieces": ("I3", lose_the_half_of_a_launch),
}
"""{build: (the invariant that it breaks, how)}."""


@pytest.mark.parametrize("build", list(BROKEN))
def test_a_build_that_does_it_twice_or_in_part_is_detected(build: str, tmp_path: Path) -> None:
    invariant, way_to_break = BROKEN[build]
    with unsure(tmp_path, build) as (rig, way), pytest.raises(Broken, match=f"^{invariant}: "):
        way_to_break(way, rig)
