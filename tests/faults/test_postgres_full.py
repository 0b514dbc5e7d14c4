"""T15 on several hosts: PostgreSQL's disk is full for a while, for data or also for its write-ahead log, then has room
again."""

import contextlib
import tempfile
import time
from pathlib import Path

import psycopg2
import pytest

from engine.database.heartbeat import LEASE_SECONDS
from engine.scheduler.leadership import OUTAGE_SECONDS
from tests.faults.busy import BlockedRun, nothing_lost
from tests.faults.checks import Broken, hold
from tests.faults.counting_runs import CountingRuns
from tests.faults.hosts import SERVERS, Hosts, hosted
from tests.faults.page_poller import PagePoller
from tests.faults.small_disk import small_disk
from tests.faults.workload import Workload
from tests.support.effort import rounds
from tests.support.product import Answer
from tests.support.wait import wait_until

pytestmark = [*SERVERS, pytest.mark.long]

BYTES = 160 << 20
"""The database of the template, and three segments of its log."""
FULL_SECONDS = LEASE_SECONDS + 1.5
"""Longer than any lease."""
FULL = "No space left on device"
RECOVERS_SECONDS = 10.0
KINDS = ("chain", "fan", "diamond", "pool")


class SmallDiskHosts(Hosts):
    """PostgreSQL has its own small disk."""

    def __init__(self, folder: Path, build: str = "", home: Path | None = None, **environment: str) -> None:
        self._places = contextlib.ExitStack()
        try:
            # Where its user, who is not that of the tests, may write.
            place = Path(self._places.enter_context(tempfile.TemporaryDirectory(prefix="interlock-small-")))
            self.disk = self._places.enter_context(small_disk(place / "disk", BYTES))
            self.database_at = self.disk.folder
            for one in (place, self.disk.folder):
                one.chmod(0o755)
            super().__init__(folder, build, home, **environment)
        except BaseException:
            self._places.close()
            raise
        # Its log does not grow from round to round.
        for setting in ("wal_recycle = off", "min_wal_size = '32MB'"):
            self.do(f"ALTER SYSTEM SET {setting}")
        self.do("SELECT pg_reload_conf()")

    def fill(self) -> None:
        """Leave room for nothing but an existing segment of the log."""
        self.do("SELECT pg_switch_wal()")
        self.do("CHECKPOINT")
        self.disk.fill()

    def fill_log(self) -> None:
        """Then fill that too. The server aborts, and ends if it finds no room to start again."""
        self.fill()
        with contextlib.suppress(psycopg2.Error):
            while True:
                self.do("SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal()")

    def is_served(self) -> bool:
        try:
            return self.do("SELECT 1") == [(1,)]
        except psycopg2.OperationalError:
            return False

    def free(self) -> None:
        """Make room again, and start the server if it has ended, as a service manager does."""
        self.disk.free()
        if not self.server.runs():
            self.server.start()
        wait_until(self.is_served)

    def end(self) -> None:
        super().end()
        self._places.close()


def launch(rig: Hosts, work: Workload) -> Answer:
    """Request a run; the answer shows whether it is acknowledged."""
    answer = rig.product.call("POST", "/api/v1/workflows/chain/runs/", {})
    if answer.status == 202:
        run = str(answer.json["id"])
        rig.accepted.append(run)
        work.slugs[run] = "chain"
    return answer


def refused(rig: SmallDiskHosts, work: Workload, statuses: tuple[int, ...], message: str) -> list[Answer]:
    """Request runs until a worker has logged this, too, and longer than any lease. Return the refused ones, at least
    one."""
    before = {one.name: len(one.log.read_text()) for one in rig.workers.values()}
    began, met = time.monotonic(), 0.0
    found: list[Answer] = []
    while not found or not met or time.monotonic() - met < FULL_SECONDS:
        assert time.monotonic() - began < 60
        answer = launch(rig, work)
        assert answer.status in (202, *statuses), answer.body
        if answer.status != 202:
            found.append(answer)
        if not met and any(message in one.log.read_text()[before[one.name] :] for one in rig.workers.values()):
            met = time.monotonic()
        time.sleep(0.02)
    return found


def only_what_was_acknowledged(rig: Hosts) -> None:
    """Check that nothing of a refused launch was stored."""
    hold("I2", (f"run {run} was refused, and is there" for run in rig.rows().runs.keys() - set(rig.accepted)))


class LoadedRig:
    """The product with work that never ends, a page poller, and nodes that run throughout."""

    def __init__(self, rig: SmallDiskHosts) -> None:
        self.rig = rig
        rig.start()
        self.work, self.counting = Workload(rig, http=True, fan=20, only=KINDS), CountingRuns(rig, http=True)
        self.held = BlockedRun(rig)
        rig.publish("held", self.held.document)
        self.held.run = rig.launch("held")
        self.held.wait_until_started()
        self.page_poller = PagePoller(rig)
        self.pids = rig.roles()

    def begin(self) -> None:
        self.work.keep(4)
        self.counting.start()
        seen = len(self.rig.ledger.entries())
        wait_until(lambda: len(self.rig.ledger.entries()) > seen + 10)

    def goes_on(self) -> float:
        """Return the seconds from now, when there is room, to the next start of a node."""
        back = time.monotonic_ns()

        def started() -> int:
            self.work.keep(2)
            return self.rig.ledger.start_after(back)

        return (wait_until(started) - back) / 1e9

    def end(self) -> None:
        """Check that all runs ended, no running work was lost, and nothing was stored in part."""
        rig = self.rig
        assert rig.roles() == self.pids
        nothing_lost(rig)
        self.held.flag.touch()
        rig.rest()
        self.page_poller.close()
        self.work.check()
        self.counting.check()
        only_what_was_acknowledged(rig)


def test_a_full_database_refuses_writes_ends_nothing_and_continues_when_there_is_room(tmp_path: Path) -> None:
    with hosted(tmp_path, form=SmallDiskHosts) as rig:
        assert isinstance(rig, SmallDiskHosts)
        loaded = LoadedRig(rig)
        took = []
        for _ in range(rounds(1, 8)):
            loaded.begin()
            epoch, began = rig.leader()[0], time.monotonic()
            rig.fill()
            for answer in refused(rig, loaded.work, (507,), FULL):
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json["code"] == "storage_full"
                assert answer.json["detail"].startswith("PostgreSQL: The server's disk is full. Nothing was saved.")
            # A leader that read everything again at each poll would keep the server busy.
            assert rig.leader()[0] - epoch <= (time.monotonic() - began) / OUTAGE_SECONDS + 2
            rig.free()
            took.append(loaded.goes_on())
        loaded.end()
    print(f"{', '.join(f'{one:.2f}' for one in took)} s to the next start; pages {dict(loaded.page_poller.statuses)}")
    assert set(loaded.page_poller.statuses) == {200}
    assert max(took) <= RECOVERS_SECONDS


def test_a_database_that_ended_on_a_full_disk_loses_nothing_and_work_continues(tmp_path: Path) -> None:
    with hosted(tmp_path, form=SmallDiskHosts) as rig:
        assert isinstance(rig, SmallDiskHosts)
        loaded = LoadedRig(rig)
        took = []
        for _ in range(8):
            loaded.begin()
            rig.fill_log()
            refused(rig, loaded.work, (503, 507), "database_away")
            rig.free()
            took.append(loaded.goes_on())
        loaded.end()
    print(f"{', '.join(f'{one:.2f}' for one in took)} s to the next start; pages {dict(loaded.page_poller.statuses)}")
    assert set(loaded.page_poller.statuses) == {200, 503}
    assert max(took) <= RECOVERS_SECONDS


def test_a_build_that_ends_running_work_on_a_full_disk_is_detected(tmp_path: Path) -> None:
    with hosted(tmp_path, "full_ends_lives", SmallDiskHosts) as rig:
        assert isinstance(rig, SmallDiskHosts)
        loaded = LoadedRig(rig)
        loaded.begin()
        rig.fill()
        refused(rig, loaded.work, (507,), FULL)
        rig.free()
        loaded.goes_on()
        with pytest.raises(Broken, match="was lost"):
            loaded.end()
        loaded.page_poller.close()
