"""T11: statements of the scheduler, of hosts and of web requests whose outcome is unknown to the sender."""

import contextlib
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults import count
from tests.faults.checks import Broken
from tests.faults.clients import Client
from tests.faults.counting_runs import CountingRuns
from tests.faults.hosts import SERVERS, Hosts, hosted
from tests.faults.rig import document
from tests.faults.workload import Workload
from tests.support.effort import rounds, seed
from tests.support.lossy_proxy import OUTCOMES, LossyProxy, lossy_proxy
from tests.support.wait import wait_until

pytestmark = [*SERVERS, pytest.mark.long]

STATEMENTS = {
    "a tick that sends work": ("scheduler", r"INSERT INTO engine_dispatch .*COMMIT$"),
    "a tick that takes reports up": ("scheduler", r"DELETE FROM engine_hostreport .*COMMIT$"),
    "a tick that stores lines": ("scheduler", r"INSERT INTO engine_logbatch .*COMMIT$"),
    "a host's report": ("worker", r"INSERT INTO engine_hostreport"),
    "a host's lines": ("worker", r'INSERT INTO engine_hostreport .*\["l"'),
    "a host's taking": ("worker", r"UPDATE engine_dispatch d SET host_id"),
    "a host's heartbeat": ("worker", r"UPDATE engine_host SET beat_at"),
}
"""{what is done: (who sends it, its text)}."""
LAUNCHES = {
    "a launch's run": r'^INSERT INTO "engine_run"',
    "a launch's command": r'^INSERT INTO "engine_command"',
    "a launch's commit": r"^COMMIT$",
}


def lose(proxy: LossyProxy, rig: Hosts, work: Workload, what: str, outcome: str) -> None:
    """Lose the outcome of the next such statement during work."""
    loss = proxy.lose(*STATEMENTS[what], outcome)

    def met() -> bool:
        work.keep(4)
        return loss.met.is_set()

    wait_until(met)
    count.injected(f"{what}: {outcome}")


def lose_the_lead(proxy: LossyProxy, rig: Hosts, outcome: str) -> None:
    """Lose the outcome of taking over again, after the connection was lost."""
    before, pid = rig.leader()
    loss = proxy.lose("scheduler", r"^COMMIT$", outcome)
    rig.do("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    assert loss.met.wait(20)
    wait_until(lambda: rig.leader()[0] > before)
    rig.product.ended(rig.launch("diamond"))
    # It was alone, so no other scheduler could have taken over.
    assert rig.leader()[1] == pid
    count.injected(f"taking over: {outcome}")


def launch_and_lose(proxy: LossyProxy, rig: Hosts, work: Workload, what: str, outcome: str) -> None:
    """Send a launch that fails for its client. The run exists either completely or not at all."""
    before = runs(rig)
    loss = proxy.lose("web", LAUNCHES[what], outcome)
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
def lossy_hosts(folder: Path, build: str = "") -> Iterator[tuple[Hosts, LossyProxy]]:
    """Yield hosts that reach their database through a lossy proxy."""
    with hosted(folder, build) as rig, lossy_proxy((rig.server.address, rig.server.port)) as proxy:
        place = f":{rig.server.port}/"
        rig.product.environment["DATABASE_URL"] = rig.server.url().replace(place, f":{proxy.port}/")
        yield rig, proxy


def test_a_statement_with_an_unknown_outcome_is_done_once_or_not_at_all(tmp_path: Path) -> None:
    chance = random.Random(seed("unknown commits"))
    with lossy_hosts(tmp_path) as (rig, proxy):
        rig.start()
        work, counting = Workload(rig, http=True, fan=rounds(20, 100)), CountingRuns(rig, http=True)
        clients = [Client(rig, work.start(slug)) for slug in ("chain", "fan", "retry")]
        for _ in range(rounds(1, 15)):
            losses = [(what, outcome) for what in STATEMENTS for outcome in OUTCOMES]
            chance.shuffle(losses)
            for what, outcome in losses:
                if "lines" in what:
                    counting.start()
                lose(proxy, rig, work, what, outcome)
            for what in LAUNCHES:
                for outcome in OUTCOMES if what == "a launch's commit" else chance.sample(OUTCOMES, 1):
                    launch_and_lose(proxy, rig, work, what, outcome)
            lose_the_lead(proxy, rig, "answer lost")
        rig.rest()
        work.check(most=rig.capacity)
        counting.check()
        for client in clients:
            client.check()


def lose_one(proxy: LossyProxy, rig: Hosts, what: str, outcome: str) -> None:
    """Lose one outcome during a run that prints numbers."""
    rig.scheduler()
    rig.worker("one")
    counting = CountingRuns(rig, http=False)
    loss = proxy.lose(*STATEMENTS[what], outcome)
    counting.start()
    assert loss.met.wait(20)
    rig.rest(10)
    counting.check()


def lose_the_half_of_a_launch(proxy: LossyProxy, rig: Hosts) -> None:
    rig.start()
    rig.publish("one", document([{"id": "a", "type": "noop"}]))
    proxy.lose("web", LAUNCHES["a launch's command"], "statement lost")
    assert rig.product.call("POST", "/api/v1/workflows/one/runs/", {}).status == 503
    rig.accepted.extend(runs(rig))
    rig.rest(5)


BROKEN: dict[str, tuple[str, Callable[[LossyProxy, Hosts], None]]] = {
    "batches_unnumbered": ("I10", partial(lose_one, what="a host's lines", outcome="answer lost")),
    "reports_taken_twice": ("I10", partial(lose_one, what="a tick that stores lines", outcome="answer lost")),
    "takings_forgotten": ("I3", partial(lose_one, what="a host's taking", outcome="answer lost")),
    "launches_in_pieces": ("I3", lose_the_half_of_a_launch),
}
"""{build: (the invariant that it breaks, how)}."""


@pytest.mark.parametrize("build", list(BROKEN))
def test_a_build_that_does_it_twice_or_in_part_is_detected(build: str, tmp_path: Path) -> None:
    invariant, break_build = BROKEN[build]
    with lossy_hosts(tmp_path, build) as (rig, proxy), pytest.raises(Broken, match=f"^{invariant}: "):
        break_build(proxy, rig)
