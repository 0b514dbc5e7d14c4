"""The host: its supervisor on a thread of its own that never ends, and what comes to it from other threads.

The supervisor's thread waits for nobody: statements are the postman's and the takers'. It alone keeps the lease's end:
whoever cannot renew it in time has all attempts ended here before the scheduler may count them as lost.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg2

from engine import faults
from engine.config import Config
from engine.executors import wire
from engine.executors.base import RECALL_SECONDS, Ended, Report, Returned, Started, Work
from engine.host.database import Records
from engine.host.guard import Guard
from engine.host.reporter import BROKEN, Postman, told
from engine.scheduler.envelopes import host_members
from engine.scheduler.watchdog import Watchdog
from engine.states import HostReason
from engine.supervisor import cleanup
from engine.supervisor.supervisor import Supervisor
from engine.supervisor.transfer import ArtifactTransfer, with_artifact_store
from engine.supervisor.waker import Waker

log = logging.getLogger("interlock.host")

TURN_SECONDS = 0.25
"""How often the lease is looked at, at least."""
LOAD_SECONDS = 0.5


class HostRuns(Exception):
    """A second worker of one name on one machine."""


class Host:
    """Starts with `start`, takes work by `take` on any thread, and ends with `drain`."""

    def __init__(self, config: Config, name: str, queues: Sequence[str]) -> None:
        self.name, self.queues = name, list(queues)
        self.given = config
        self.url = config.database_url
        # A home of its own within the home: several workers may share one.
        self.config = replace(
            config, home=config.home / "hosts" / name.replace("/", "_"), max_concurrent=config.workers
        )
        self.common = host_members(replace(config, max_concurrent=config.workers))
        self.python = config.node_python
        self.capacity = config.workers
        self.orders: deque[Callable[[], None]] = deque()
        self.waiting: deque[tuple[float, Work]] = deque()
        """Taken, and for which there was no process yet: (monotonic time, work)."""
        self.held: set[str] = set()
        """Claims that this host has taken and not reported the end of."""
        self.begun: set[str] = set()
        """Those of which the start was reported."""
        self.has_room = threading.Event()
        self.draining = threading.Event()
        self.resting = ""
        """Why it takes no more work, as its row says: a person wants that, or the scheduler is of another release."""
        self.listen: Callable[[bool], None] = lambda listening: None
        """Called with each beat, and when a life is over: whether messages are for this host."""
        self.over = threading.Event()
        self.started = threading.Event()
        self._waker = Waker()
        self._drain_until = 0.0
        self._served: dict[str, str] = {}
        """Wishes that were done."""
        self._strange: set[str] = set()
        """Claims that the database said to be this host's, and that it did not know."""
        self.load: dict[str, Any] = {}
        """What runs here, for people."""
        self._load_at = 0.0
        self._local = threading.local()
        self._takers: list[Records] = []
        self.guard: Guard
        self.postman: Postman
        self.processes: Supervisor
        self.supervisor: Supervisor | ArtifactTransfer
        """Those, behind an object store where there is one."""

    # From other threads.

    def start(self, look: Callable[[], None]) -> None:
        """Start node processes and register; blocks until the host is ready, or `look`, which is called again and
        again meanwhile, raises: the database may be away for long."""
        self.config.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock()
        threading.Thread(target=self._run, name="supervisor", daemon=True).start()
        while not self.started.wait(TURN_SECONDS):
            look()

    def _lock(self) -> None:
        """Raise HostRuns when another worker of this name runs here: its scratch folder would be cleared."""
        # Close-on-exec: a node process that held it would keep the next worker out.
        self._locked = open(self.config.home / "lock", "a")  # noqa: SIM115 - held to the end of the process
        try:
            fcntl.flock(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HostRuns(
                f'A worker named "{self.name}" runs in {self.config.home} already; give this one another name (-n).'
            ) from None

    def take(self, claims: Collection[str], protocol: int) -> bool:
        """Make these works this host's and have them run, as far as nobody else has. Waits while the host is full.
        False: it takes nothing now, others are to hear of them."""
        if protocol != wire.PROTOCOL:
            log.warning("other_protocol got=%s own=%s: left to others", protocol, wire.PROTOCOL)
            # Until a beat says more: by then the scheduler has seen this host, and set it aside.
            self.listen(False)
            return False
        while self.takes() and not self.has_room.wait(TURN_SECONDS):
            pass
        records = getattr(self._local, "records", None)
        if records is None:
            records = self._local.records = Records(self.url)
            self._takers.append(records)
        # A connection may have ended while nobody used it: a new one tells.
        for last in (False, True):
            host = self.postman.host
            if not self.takes():
                return False
            try:
                self.take_by(records, claims)
                break
            except psycopg2.Error as error:
                if last:
                    # Should the database be away for all, somebody takes what was forgotten when it is back.
                    log.warning("not_taken: %s", told(error))
        return self.takes() and host == self.postman.host

    def takes(self) -> bool:
        """Whether it takes work: it does not drain, and its life is not over."""
        return not self.draining.is_set() and not self.resting and self.postman.host != 0

    def take_by(self, records: Records, claims: Collection[str]) -> int:
        """`take` over a connection of the caller's, without waiting."""
        host = self.postman.host
        faults.point("host.before_take")
        found = records.take(host, claims)
        if not found:
            return 0
        faults.point("host.taken")
        works = [
            wire.read_work(claim, text, envelope, common=self.common, python=self.python)
            for claim, text, envelope in found
        ]
        self.has_room.clear()
        self.order(lambda: self._accept(host, works))
        return len(works)

    def order(self, action: Callable[[], None]) -> None:
        """Have the supervisor's thread call `action` soon."""
        self.orders.append(action)
        self._waker.wake()

    def drain(self, grace: float) -> None:
        """Take no more, let running attempts end for up to `grace` seconds, give back the rest, and unregister."""
        self._drain_until = time.monotonic() + grace
        self.draining.set()
        self.postman.drains()
        self.order(lambda: None)
        self.over.wait(grace + 30.0)

    def hurry(self) -> None:
        """End the grace of a drain. Fit for a signal's handler."""
        self._drain_until = 0.0
        self.order(lambda: None)

    def rest(self, resting: str) -> None:
        """Take no more work for this reason (`resting`), or without one take work again: told at each beat."""
        before, self.resting = self.resting, resting
        if resting == before:
            pass
        elif resting == HostReason.OTHER_RELEASE:
            log.error(
                "other_release name=%s protocol=%s: the scheduler is of another release and gives no work to this "
                "worker. Bring both to one release.", self.name, wire.PROTOCOL,
            )  # fmt: skip
        elif resting:
            log.info("host_drains name=%s: it was asked to take no more work", self.name)
        else:
            log.info("host_resumes name=%s", self.name)
        self.listen(not resting)

    # On the supervisor's thread.

    def _run(self) -> None:
        try:
            self._lead()
        except psycopg2.ProgrammingError as error:
            log.error("tables_missing: the database is not up to date (%s); use the command migrate.", error)
            logging.shutdown()
            os._exit(BROKEN)
        except BaseException:
            log.exception("supervisor_broke")
            logging.shutdown()
            os._exit(BROKEN)

    def _lead(self) -> None:
        self.guard = Guard(cleanup.mark_prefix(self.config.home))
        self.processes = Supervisor(self.config, worker=self.name, lease=self.guard.lease, owns_artifacts=False)
        supervisor = self.supervisor = with_artifact_store(self.processes)
        supervisor.watch(self._waker, self._waker.drain)
        begun = supervisor.start()
        self.postman = Postman(self, begun)
        self.postman.register()
        self.has_room.set()
        self.started.set()
        log.info("host_ready name=%s queues=%s processes=%s", self.name, ",".join(self.queues), self.capacity)
        with Watchdog() as watchdog:
            while not self.draining.is_set():
                self._turn(TURN_SECONDS)
                watchdog.turns += 1
        self._drain()

    def _turn(self, timeout: float) -> None:
        self._obey()
        # Before anything is started: what was taken may have been taken long ago, if this process stood still since.
        self._keep_lease()
        self._feed()
        self.processes.pause_output(self.postman.is_full)
        self._hand_over(self.supervisor.poll(min(timeout, RECALL_SECONDS / 2) if self.waiting else timeout))
        self._keep_lease()
        self._keep_load()

    def _keep_lease(self) -> None:
        if time.monotonic() >= self.postman.lease_until:
            self._end_lease()
        self.guard.busy(bool(self.held))

    def _obey(self) -> None:
        while self.orders:
            self.orders.popleft()()

    def _accept(self, host: int, works: list[Work]) -> None:
        if host != self.postman.host:
            # Taken in a life that is over.
            return
        now = time.monotonic()
        for work in works:
            self.held.add(work.claim)
            self.waiting.append((now, work))

    def _feed(self) -> None:
        """Give processes what waits; what waits long goes back, for others may have room."""
        waiting, supervisor = self.waiting, self.supervisor
        while waiting and supervisor.has_room(waiting[0][1]):
            supervisor.send([waiting.popleft()[1]])
        if waiting and time.monotonic() - waiting[0][0] > RECALL_SECONDS:
            self.give_back()
        if not waiting and not self.has_room.is_set():
            self.has_room.set()

    def give_back(self, claims: Collection[str] | None = None) -> None:
        """Return what waits for a process (of these)."""
        kept: deque[tuple[float, Work]] = deque()
        back = []
        for at, work in self.waiting:
            if claims is None or work.claim in claims:
                back.append(work.claim)
            else:
                kept.append((at, work))
        self.waiting = kept
        if back:
            self._hand_over([Returned(back)])

    def _hand_over(self, reports: Sequence[Report]) -> None:
        if not reports:
            return
        known: list[Report] = []
        for report in reports:
            if isinstance(report, Returned):
                report.claims = [claim for claim in report.claims if claim in self.held]
                for claim in report.claims:
                    self.held.discard(claim)
                    self._served.pop(claim, None)
                if not report.claims:
                    continue
            elif report.claim not in self.held:
                # Of a life that is over: nobody waits for it.
                continue
            elif isinstance(report, Started):
                self.begun.add(report.claim)
            elif isinstance(report, Ended):
                faults.point("host.ended")
                self.held.discard(report.claim)
                self.begun.discard(report.claim)
                self._served.pop(report.claim, None)
            known.append(report)
        self.postman.post(known)

    def wishes(self, mine: Mapping[str, str], asked: Collection[str]) -> None:
        """Do what is wished of what this host has. `asked`: what it had when `mine` was read; of that, what is not
        there any more is nobody's, and ends."""
        back = False
        for claim in asked:
            if claim not in self.held:
                continue
            wish = mine.get(claim)
            if wish is None:
                log.warning("claim_void claim=%s: it is not this host's any more", claim)
                self._end(claim)
            elif wish and self._served.get(claim) != wish:
                self._served[claim] = wish
                kind, _, what = wish.partition(" ")
                if kind == "kill":
                    self.give_back({claim})
                    self.supervisor.kill(claim, what)
                elif kind == "stacks":
                    self.supervisor.take_stacks(claim)
                elif claim not in self.begun:
                    back = True
        if back:
            self.give_back({claim for claim, wish in mine.items() if wish == "back"})
            self.supervisor.recall()

    def see_to_strange(self, mine: Collection[str]) -> None:
        """Give back what is this host's and what it does not know: taken by a statement whose answer never came. It is
        seen twice before, for an answer may be on its way."""
        strange = {claim for claim in mine if claim not in self.held and not self.postman.was_told(claim)}
        if back := strange & self._strange:
            log.warning("claims_unknown: giving back %s", sorted(back))
            self.postman.post([Returned(sorted(back))])
        self._strange = strange - back

    def _end(self, claim: str) -> None:
        """End an attempt of which nothing is to be told."""
        self.held.discard(claim)
        self.begun.discard(claim)
        self._served.pop(claim, None)
        self.waiting = deque(one for one in self.waiting if one[1].claim != claim)
        self.supervisor.kill(claim, "lost")

    def _end_lease(self) -> None:
        """The database was not reached in time."""
        if self.postman.host:
            log.error("lease_over: the database was not reached in time; ending %s attempts", len(self.held))
        self.lose(self.postman.host)
        self.postman.interrupt()
        for records in self._takers:
            records.interrupt()

    def lose(self, host: int) -> None:
        """The lease of this life is over: end everything, tell nothing of it, and begin a new one."""
        if host != self.postman.host:
            # That was seen already.
            return
        for claim in list(self.held):
            self._end(claim)
        self.postman.lost()
        self.listen(False)

    def _keep_load(self) -> None:
        now = time.monotonic()
        if now >= self._load_at:
            self._load_at = now + LOAD_SECONDS
            self.guard.keep()
            processes = [
                {"pid": one.pid, "state": one.state, "claims": one.claims[:1]}
                for one in self.supervisor.node_processes()
            ]
            self.load = {"pid": os.getpid(), "processes": processes}

    def _drain(self) -> None:
        self._obey()
        self.give_back()
        self.supervisor.recall()
        while self.begun and (left := self._drain_until - time.monotonic()) > 0:
            self._turn(min(left, TURN_SECONDS))
        self._obey()
        self.give_back()
        self._hand_over(self.supervisor.stop(0))
        self.postman.close()
        self.guard.close()
        self.over.set()
