"""T10: PostgreSQL is restarted, crashed, out of connections and locked, while hosts work, clients watch and users open
pages."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest

from engine.database.heartbeat import LEASE_SECONDS
from engine.scheduler.leader_lock import ADVISORY_KEY
from tests.faults import count
from tests.faults.busy import BlockedRun, nothing_lost
from tests.faults.checks import Broken
from tests.faults.clients import Client
from tests.faults.counting_runs import CountingRuns
from tests.faults.hosts import PROCESSES, SERVERS, Hosts, hosted
from tests.faults.page_poller import PagePoller
from tests.faults.workload import Workload
from tests.support.effort import LONG, rounds, seed
from tests.support.wait import wait_until

pytestmark = SERVERS

RECOVERS_SECONDS = 10.0
LOCK_SECONDS = rounds(3, 30)
PAGE_SECONDS = LOCK_SECONDS + 5.0
"""A page that queries a locked table waits for it; one without a database shows an error."""
HOT = ("engine_dispatch", "engine_host", "engine_hostreport", "engine_leader", "engine_noderun", "engine_run")
KINDS = ("chain", "diamond", "fan", "branch", "retry", "pool", "large")
"""Work that never loses an attempt by itself."""
HOLDERS = (
    "FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() "
    f"AND locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = {ADVISORY_KEY}"
)
OURS = "FROM pg_stat_activity WHERE application_name LIKE 'interlock-%'"

Fault = Callable[[Hosts, random.Random], None]


def leader_cut(rig: Hosts, chance: random.Random) -> None:
    assert len(rig.do(f"SELECT pg_terminate_backend(l.pid) {HOLDERS}")) == 1


def all_cut(rig: Hosts, chance: random.Random) -> None:
    assert len(rig.do(f"SELECT pg_terminate_backend(pid) {OURS}")) > 3


def exhaust_connections(rig: Hosts, chance: random.Random) -> None:
    """Another client has all available connections, and the leader has lost its own."""
    log = rig.home / "log" / "scheduler.log"
    before = log.read_text().count("too many clients")
    leader = rig.leader()[1]
    with contextlib.ExitStack() as others:
        # The leader must not reconnect before the other client.
        os.kill(leader, signal.SIGSTOP)
        others.callback(os.kill, leader, signal.SIGCONT)
        ((cut,),) = rig.do(f"SELECT l.pid {HOLDERS}")
        leader_cut(rig, chance)
        # Nor reuse its own connection's place when the other client has the rest.
        wait_until(lambda: not Path(f"/proc/{cut}").exists())
        with contextlib.suppress(psycopg2.OperationalError):
            while True:
                others.callback(psycopg2.connect(rig.server.url()).close)
        os.kill(leader, signal.SIGCONT)
        wait_until(lambda: log.read_text().count("too many clients") > before)


def restarted(rig: Hosts, chance: random.Random) -> None:
    """Often longer than a lease, which cannot be renewed or judged meanwhile."""
    away(rig, chance.choice((0, chance.uniform(0, LEASE_SECONDS), 30)) if LONG else LEASE_SECONDS + 0.5)


def away(rig: Hosts, seconds: float) -> None:
    rig.server.stop("fast")
    time.sleep(seconds)
    rig.server.start()


def crashed(rig: Hosts, chance: random.Random) -> None:
    rig.server.stop("immediate")
    time.sleep(chance.uniform(0, 10) if LONG else 0)
    rig.server.start()


def backend_killed(rig: Hosts, chance: random.Random) -> None:
    """Kill one connection's process with SIGKILL. The server ends all connections and recovers."""
    ((pid,),) = rig.do(f"SELECT pid {OURS} ORDER BY random() LIMIT 1")
    os.kill(int(pid), signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def locked(rig: Hosts, chance: random.Random) -> None:
    """A slow ALTER of a busy table."""
    with contextlib.closing(psycopg2.connect(rig.server.url())) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {chance.choice(HOT)} IN ACCESS EXCLUSIVE MODE")
        time.sleep(LOCK_SECONDS)


LOSSLESS: tuple[Fault, ...] = (leader_cut, all_cut, exhaust_connections, restarted, backend_killed, crashed)
"""These lose no running attempt."""
HARSH: tuple[Fault, ...] = (locked,)


def inject(rig: Hosts, work: Workload, fault: Fault, chance: random.Random) -> float:
    """Inject the fault during work. Return the seconds from its end to the next start of a node."""
    work.keep(4)
    epoch = rig.leader()[0]
    fault(rig, chance)
    back = time.monotonic_ns()
    count.injected(f"PostgreSQL: {fault.__name__}")

    def started() -> int:
        with contextlib.suppress(psycopg2.OperationalError):
            work.keep(4)
        return rig.ledger.start_after(back)

    first = wait_until(started)
    wait_until(lambda: len(rig.do(f"SELECT 1 {HOLDERS}")) == 1)
    assert rig.leader()[0] >= epoch
    return (first - back) / 1e9


@pytest.mark.long
def test_nothing_acknowledged_is_lost_and_work_continues_whatever_happens_to_postgresql(tmp_path: Path) -> None:
    chance = random.Random(seed("PostgreSQL lost"))
    seconds: dict[str, list[float]] = {}
    with hosted(tmp_path) as rig:
        rig.start()
        work, counting = Workload(rig, http=True, fan=rounds(20, 100), only=KINDS), CountingRuns(rig, http=True)
        held = BlockedRun(rig)
        rig.publish("held", held.document)
        held.run = rig.launch("held")
        held.wait_until_started()
        page_poller = PagePoller(rig)
        clients: list[Client] = []

        def inject_each(faults: tuple[Fault, ...], times: int) -> None:
            chosen = [fault for fault in faults for _ in range(times)]
            chance.shuffle(chosen)
            for fault in chosen:
                counting.start()
                clients.append(Client(rig, work.start("chain")))
                seconds.setdefault(fault.__name__, []).append(inject(rig, work, fault, chance))

        inject_each(LOSSLESS, rounds(1, 5))
        nothing_lost(rig)
        inject_each(HARSH, rounds(1, 6))
        held.flag.touch()
        rig.rest()
        slowest = page_poller.close()
        work.check(killed_schedulers=sum(map(len, seconds.values())))
        counting.check()
        for client in clients:
            client.check()
        with rig.database() as db:
            lost = db.execute("SELECT count(*) FROM engine_attempt WHERE state = 'lost'").fetchone()[0]
    for name, found in seconds.items():
        print(f"{name}: {', '.join(f'{one:.2f}' for one in sorted(found))} s to the next start")
    print(f"{lost} attempts were lost behind locks; {len(page_poller.seconds)} pages, the slowest {slowest:.2f} s, "
          f"{dict(page_poller.statuses)}")  # fmt: skip
    assert max(max(found) for found in seconds.values()) <= RECOVERS_SECONDS
    assert set(page_poller.statuses) <= {200, 503}
    assert slowest <= PAGE_SECONDS


@pytest.mark.long
@pytest.mark.parametrize("build", ["outage_ends_lives", "outage_ends_leases"])
def test_a_build_that_loses_running_work_in_an_outage_is_detected(build: str, tmp_path: Path) -> None:
    with hosted(tmp_path, build) as rig:
        rig.scheduler()
        worker = rig.worker("one")
        held = BlockedRun(rig)
        held.run = rig.run(held.document)
        held.wait_until_started()
        wait_until(lambda: len(rig.rows().attempts) == PROCESSES)
        registration, _ = rig.registrations(worker)[-1]
        away(rig, LEASE_SECONDS + 0.5)
        # An end that is reported earlier would save what is to be lost.
        wait_until(lambda: (registration, "gone") in rig.registrations(worker))
        held.flag.touch()
        rig.rest()
        with pytest.raises(Broken, match=r"was lost"):
            nothing_lost(rig)


@pytest.mark.long
def test_a_worker_that_cannot_register_logs_that_once_and_can_be_stopped(tmp_path: Path) -> None:
    with hosted(tmp_path, "away_at_register") as rig:
        worker = rig.worker("one", wait=False)
        wait_until(lambda: "database_away" in worker.log.read_text())
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(10) == 0
        assert worker.log.read_text().count("database_away") == 1
        wait_until(lambda: not worker.node_processes())
