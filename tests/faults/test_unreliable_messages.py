"""T13 and T14: Celery messages and hints over Redis come twice, late, out of order or never, or are redelivered while
their work runs. Each node starts once, and clients get all events in order."""

import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.clients import Client
from tests.faults.hosts import SERVERS, Hosts, hosted
from tests.faults.rig import document, python
from tests.faults.unreliable_proxy import MessageFaults, UnreliableProxy, unreliable_proxy
from tests.faults.workload import Workload
from tests.support.broken import Broken
from tests.support.effort import rounds, seed
from tests.support.wait import wait_until

pytestmark = SERVERS

NODE_SECONDS = rounds(5, 20)
QUEUES = {"default": 2, "late": 4}
"""Nodes of each queue, as many as its workers run at once."""
VISIBLE_SECONDS = rounds(2, 5)
"""The broker's visibility timeout: when it delivers an unacknowledged message again."""


@contextlib.contextmanager
def hosts(
    folder: Path, faults: MessageFaults | None, build: str = "", **environment: str
) -> Iterator[tuple[Hosts, UnreliableProxy]]:
    """Yield a rig whose processes all reach Redis through a proxy with these faults."""
    chance = random.Random(seed("messages"))
    with (
        hosted(folder, build, Hosts, **environment) as rig,
        unreliable_proxy(rig.broker.port, chance, faults) as made,
    ):
        rig.product.environment["REDIS_URL"] = rig.broker.url.replace(f":{rig.broker.port}/", f":{made.port}/")
        yield rig, made


def started_once(rig: Hosts) -> None:
    """Each attempt was started once, by one process, and each node had one attempt."""
    starts = Counter((one.start.run, one.start.node) for one in rig.ledger.executions())
    many = {key: n for key, n in starts.items() if n != 1}
    if many:
        raise Broken(f"I4: started more than once: {many}")


@pytest.mark.long
def test_lost_late_and_repeated_messages_start_each_node_once(tmp_path: Path) -> None:
    with hosts(tmp_path, MessageFaults()) as (rig, made):
        rig.start()
        work = Workload(rig, http=True, fan=20, only=("diamond", "fan", "branch", "pool"))
        for _ in range(rounds(1, 20)):
            runs = [work.start() for _ in range(4)]
            clients = [Client(rig, run) for run in runs]
            rig.rest()
            for client in clients:
                client.check()
        work.check(most=rig.capacity)
        started_once(rig)
        assert made.seen["lost"] > 0


@pytest.mark.long
def test_a_build_that_assigns_work_to_two_hosts_is_detected(tmp_path: Path) -> None:
    with hosts(tmp_path, MessageFaults(lost=0), "take_unguarded") as (rig, _):
        rig.start_without_web()
        rig.run(document([python(name, rig.ledger.code(1, beats=True)) for name in "abcd"]))
        wait_until(lambda: len(rig.ledger.executions()) > 4)
        with pytest.raises(Broken, match=r"^I4: "):
            started_once(rig)


@pytest.mark.long
def test_a_node_that_outlasts_the_visibility_timeout_starts_once(tmp_path: Path) -> None:
    """Also where messages are acknowledged only after their work, and so are redelivered."""
    visible = {"INTERLOCK_TEST_VISIBLE": str(VISIBLE_SECONDS)}
    with hosts(tmp_path, None, "visible_soon", **visible) as (rig, made):
        rig.names = ("one",)
        build = "visible_soon,acknowledged_late"
        late = [rig.worker(name, "late", wait=False, INTERLOCK_TEST_BUILD=build) for name in ("two", "three")]
        rig.start_without_web()
        for worker in late:
            worker.wait()
        code = rig.ledger.code(NODE_SECONDS, beats=True)
        nodes = [python(f"{queue}{n}", code, queue=queue) for queue, many in QUEUES.items() for n in range(many)]
        rig.run(document(nodes))
        rig.rest(2 * NODE_SECONDS + 20)
        assert made.seen["again: default"] == 0
        assert made.seen["again: late"] > 0
        rig.check(most=6)
        started_once(rig)
