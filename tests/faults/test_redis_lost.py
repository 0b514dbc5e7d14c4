"""T9: Redis is killed, emptied, full, stopped and unavailable, while hosts work, clients watch and users open pages."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import redis

from tests.faults import count
from tests.faults.checks import Broken
from tests.faults.clients import Client
from tests.faults.hosts import SERVERS, Hosts, hosted
from tests.faults.page_poller import PagePoller
from tests.faults.rig import document, python
from tests.faults.workload import Workload
from tests.support.effort import LONG, rounds, seed
from tests.support.wait import wait_until

pytestmark = SERVERS

RESUMES_SECONDS = 10.0
WITHOUT_SECONDS = 8.0
"""Work must continue within them though Redis is still unavailable."""
PAGE_SECONDS = 5.0
LISTENS_SECONDS = 15.0
"""For all workers to connect again. One that has just asked a stopped Redis waits for its answer first."""


@contextlib.contextmanager
def empty_redis(rig: Hosts) -> Iterator[float]:
    with rig.broker.client() as client:
        client.flushall()
    yield 0


@contextlib.contextmanager
def fill_redis(rig: Hosts) -> Iterator[float]:
    """It accepts no message, neither a new one nor one that Celery holds while it reads it."""
    with rig.broker.client() as client:
        client.config_set("maxmemory", 1)
        yield rounds(1, 20)
        client.config_set("maxmemory", 0)


@contextlib.contextmanager
def stop_redis(rig: Hosts) -> Iterator[float]:
    with rig.broker.hanging():
        yield rounds(2, 10)


@contextlib.contextmanager
def lose_data(rig: Hosts) -> Iterator[float]:
    """Killed, and started again without its data."""
    rig.broker.kill()
    yield rounds(1, 30)
    rig.broker.start()


OUTAGES = (empty_redis, fill_redis, stop_redis, lose_data)
"""Each yields how many seconds the outage should last at most."""


def lose_redis(
    rig: Hosts, work: Workload, kind: Callable[[Hosts], AbstractContextManager[float]], part: float
) -> float:
    """Lose Redis while it has messages that no worker has taken. Return the seconds from its return until all work that
    they named, and what was requested meanwhile, has started."""
    rig.rest()
    waiting: list[str] = []
    with contextlib.ExitStack() as frozen:
        for one in rig.workers.values():
            frozen.enter_context(one.frozen())
        waiting.extend(work.start("diamond") for _ in range(rig.capacity))
        wait_until(lambda: messages(rig) > 0)
        with kind(rig) as seconds:
            frozen.close()
            began, end = time.monotonic_ns(), time.monotonic() + seconds * part
            while time.monotonic() < end:
                work.keep(4)
                time.sleep(0.05)
            assert seconds * part < WITHOUT_SECONDS or rig.ledger.start_after(began)
    back = time.monotonic_ns()
    count.injected(f"Redis is {kind.__name__}")
    waiting.append(work.start("diamond"))
    firsts = wait_until(lambda: found if all(found := [first_start(rig, run) for run in waiting]) else None)
    return (max(firsts) - back) / 1e9


@pytest.mark.long
def test_work_pages_and_clients_continue_whatever_happens_to_redis(tmp_path: Path) -> None:
    chance = random.Random(seed("Redis lost"))
    faults = [kind for kind in OUTAGES for _ in range(rounds(1, 10))]
    chance.shuffle(faults)
    resumed = []
    with hosted(tmp_path) as rig:
        rig.start()
        work = Workload(rig, http=True, fan=rounds(20, 100))
        page_poller = PagePoller(rig)
        for kind in faults:
            client = Client(rig, work.start("chain"))
            resumed.append(lose_redis(rig, work, kind, chance.random() if LONG else 1))
            wait_until(lambda watched=client.run: watched not in rig.unfinished())  # type: ignore[misc]
            client.check()
        wait_until(lambda: listening(rig) == len(rig.workers), LISTENS_SECONDS)
        rig.rest()
        slowest = page_poller.close()
        work.check()
        assert all(one.process.poll() is None for one in rig.workers.values())
    text = ", ".join(f"{kind.__name__} {one:.2f}" for kind, one in zip(faults, resumed, strict=True))
    print(f"seconds from Redis there to the start of all that was to be published: {text}")
    print(f"{len(page_poller.seconds)} pages meanwhile, the slowest {slowest:.2f} s")
    assert max(resumed) <= RESUMES_SECONDS
    assert set(page_poller.statuses) == {200}
    assert slowest <= PAGE_SECONDS


def messages(rig: Hosts) -> int:
    """Return the messages in Redis."""
    with redis.Redis.from_url(rig.broker.url, socket_timeout=5) as client:
        return int(client.llen("default"))


def first_start(rig: Hosts, run: str) -> int:
    """Return when the first node of this run started, or 0 if none has."""
    return min((entry.at for entry in rig.ledger.entries() if (entry.run, entry.what) == (run, "start")), default=0)


def listening(rig: Hosts) -> int:
    """Return the clients that wait for messages: idle workers."""
    with rig.broker.client() as client:
        found = client.info("clients")
    assert isinstance(found, dict)
    return int(found["blocked_clients"])


@pytest.mark.long
def test_a_build_that_never_republishes_is_detected(tmp_path: Path) -> None:
    with hosted(tmp_path, "published_once,found_by_message_alone") as rig:
        rig.scheduler()
        with rig.worker("one").frozen():
            for number in range(3):
                rig.run(document([python("n", rig.ledger.code(number / 100))]))
            wait_until(lambda: messages(rig) > 0)
            with empty_redis(rig):
                pass
        with pytest.raises(Broken, match=r"^I3: "):
            rig.rest(8)
