"""The host: a supervisor on a thread of its own, and the calls of other threads to it.

The supervisor's thread never waits for the database; the reporter and the threads that take work do. It alone checks
the lease, and ends all attempts here before the scheduler may count them as lost.
"""

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
from engine.database import postgres
from engine.executors import wire
from engine.executors.base import RECALL_SECONDS, Report, Returned, Work
from engine.executors.wire import HostRequest, RequestKind
from engine.host.assignments import Assignments
from engine.host.guard import Guard
from engine.host.lease import HostLease
from engine.host.reporter import EXIT_FAILED, HostReporter
from engine.host.store import HostStore
from engine.scheduler.envelopes import host_members
from engine.scheduler.watchdog import Watchdog
from engine.states import HostReason
from engine.supervisor import cleanup
from engine.supervisor.supervisor import Supervisor
from engine.supervisor.transfer import ArtifactTransfer, with_artifact_store
from engine.supervisor.waker import Waker

log = logging.getLogger("interlock.host")

TURN_SECONDS = 0.25
"""The lease is checked at least this often."""
LOAD_SECONDS = 0.5
NAME_MAX = 90
"""The longest name of a host. Attempts store it with the number of their node process, in a column of 100
characters."""


class HostNotStarted(Exception):
    """This worker's name cannot be used, or another worker of that name runs on this machine."""


class Host:
    """Starts with `start`, takes work by `take` on any thread, and ends with `drain`."""

    def __init__(self, config: Config, name: str, queues: Sequence[str]) -> None:
        self.name, self.queues = name, list(queues)
        self.given = config
        # A folder within the home, because several workers may share one home.
        self.config = replace(
            config, home=config.home / "hosts" / name.replace("/", "_"), max_concurrent=config.workers
        )
        self.common = host_members(replace(config, max_concurrent=config.workers))
        """What this host adds to envelopes."""
        self.capacity = config.workers
        self.assignments = Assignments()
        self.has_room = threading.Event()
        """Set while a process would take more work."""
        self.draining = threading.Event()
        self.drain_reason = ""
        """The HostReason in its row for taking no more work; empty if it takes work."""
        self.set_consuming: Callable[[bool], None] = lambda consuming: None
        """Called with each heartbeat and when a registration ends, with whether this host is to take messages."""
        self.ended = threading.Event()
        self.started = threading.Event()
        self.load: dict[str, Any] = {}
        """What runs here, as the pages show it."""
        self._load_at = 0.0
        self._calls: deque[Callable[[], None]] = deque()
        """Calls to be made on the supervisor's thread."""
        self._waker = Waker()
        self._drain_until = 0.0
        self._unknown_claims: set[str] = set()
        """Claims that this host had in the database at the last heartbeat but did not know."""
        self._local = threading.local()
        self._stores: list[HostStore] = []
        """The stores of the threads that take work."""
        self.guard: Guard
        self.lease: HostLease
        self.reporter: HostReporter
        self.processes: Supervisor
        self.supervisor: Supervisor | ArtifactTransfer
        """`processes`, behind an object store where there is one."""

    # On any thread.

    def start(self, check: Callable[[], None]) -> None:
        """Start node processes and register. Blocks until the host is ready, which an outage of the database may delay
        for long; calls `check` again and again meanwhile, which may raise."""
        if len(self.name) > NAME_MAX:
            raise HostNotStarted(
                f'The worker\'s name "{self.name}" is longer than {NAME_MAX} characters; give it a shorter one (-n).'
            )
        self.config.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock()
        threading.Thread(target=self._run, name="supervisor", daemon=True).start()
        while not self.started.wait(TURN_SECONDS):
            check()

    def _lock(self) -> None:
        """Raise HostNotStarted if a worker of this name runs here: its scratch folder would be deleted."""
        # The file is closed on exec, because a node process that held the lock would keep the next worker out.
        self._lock_file = open(self.config.home / "lock", "a")  # noqa: SIM115 - open until the process ends
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HostNotStarted(
                f'A worker named "{self.name}" runs in {self.config.home} already; give this one another name (-n).'
            ) from None

    @property
    def claims(self) -> Collection[str]:
        return self.assignments.claims

    @property
    def takes_work(self) -> bool:
        """Whether it takes work: it does not drain, and its registration has not ended."""
        return not self.draining.is_set() and not self.drain_reason and self.reporter.host_id != 0

    def take(self, claims: Collection[str], protocol: int) -> bool:
        """Take and run those of these claims that no host has. Waits while the host is full.

        Return False if it takes no work now: other workers must get the message.
        """
        if protocol != wire.PROTOCOL:
            log.warning("other_protocol got=%s own=%s: left to other workers", protocol, wire.PROTOCOL)
            # A heartbeat corrects this, after the scheduler has seen this host and set it aside.
            self.set_consuming(False)
            return False
        while self.takes_work and not self.has_room.wait(TURN_SECONDS):
            pass
        store = getattr(self._local, "store", None)
        if store is None:
            store = self._local.store = HostStore(self.given.database_url)
            self._stores.append(store)
        # An idle connection may have ended since: try a new one.
        for is_last in (False, True):
            host_id = self.reporter.host_id
            if not self.takes_work:
                return False
            try:
                if self.take_from(store, claims):
                    self.reporter.on_message()
                break
            except psycopg2.Error as error:
                if is_last:
                    # After an outage, the reporter takes the work as overdue.
                    log.warning("take_failed: %s", postgres.first_line(error))
        return self.takes_work and host_id == self.reporter.host_id

    def take_from(self, store: HostStore, claims: Collection[str]) -> int:
        """Take those of these claims that no host has, over this store; return how many."""
        host_id = self.reporter.host_id
        faults.point("host.before_take")
        found = store.take(host_id, claims)
        if not found:
            return 0
        faults.point("host.taken")
        works = [
            wire.read_work(claim, text, envelope, common=self.common, python=self.config.node_python)
            for claim, text, envelope in found
        ]
        self.has_room.clear()
        self.call_soon(lambda: self._assign(host_id, works))
        return len(works)

    def call_soon(self, action: Callable[[], None]) -> None:
        """Have the supervisor's thread call `action` soon."""
        self._calls.append(action)
        self._waker.wake()

    def drain(self, grace: float) -> None:
        """Take no more work, let running attempts end for up to `grace` seconds, return the rest, and unregister."""
        self._drain_until = time.monotonic() + grace
        self.draining.set()
        self.reporter.drain()
        self._waker.wake()
        self.ended.wait(grace + 30.0)

    def end_grace(self) -> None:
        """End the grace of a drain. Safe in a signal handler."""
        self._drain_until = 0.0
        self._waker.wake()

    def set_drain_reason(self, reason: str) -> None:
        before, self.drain_reason = self.drain_reason, reason
        if reason == before:
            pass
        elif reason == HostReason.OTHER_RELEASE:
            log.error(
                "other_release name=%s protocol=%s: the scheduler is of another release and gives no work to this "
                "worker. Bring both to one release.", self.name, wire.PROTOCOL,
            )  # fmt: skip
        elif reason:
            log.info("host_drains name=%s: it was asked to take no more work", self.name)
        else:
            log.info("host_resumes name=%s", self.name)
        self.set_consuming(not reason)

    # On the supervisor's thread.

    def _run(self) -> None:
        try:
            self._supervise()
        except psycopg2.ProgrammingError as error:
            log.error("tables_missing: the database is not up to date (%s); use the command migrate.", error)
            logging.shutdown()
            os._exit(EXIT_FAILED)
        except BaseException:
            log.exception("host_failed")
            logging.shutdown()
            os._exit(EXIT_FAILED)

    def _supervise(self) -> None:
        self.guard = Guard(cleanup.mark_prefix(self.config.home))
        self.lease = HostLease(self.guard)
        self.processes = Supervisor(self.config, worker=self.name, lease=self.guard.lease, owns_artifacts=False)
        self.supervisor = with_artifact_store(self.processes)
        self.supervisor.watch(self._waker, self._waker.drain)
        self.reporter = HostReporter(self, self.given, self.lease, self.supervisor.start())
        self.reporter.register()
        self.has_room.set()
        self.started.set()
        log.info("host_ready name=%s queues=%s processes=%s", self.name, ",".join(self.queues), self.capacity)
        with Watchdog() as watchdog:
            while not self.draining.is_set():
                self._turn(TURN_SECONDS)
                watchdog.turns += 1
        self._drain()

    def _turn(self, timeout: float) -> None:
        self._make_calls()
        # Before any work starts: this process may have been paused, and the scheduler may have started it elsewhere.
        self._check_lease()
        if not self.lease.allow_starts(self.reporter.outbox.waits_since):
            self.processes.starts_are_held()
        self._send_waiting()
        self.processes.pause_output(self.reporter.outbox.is_full)
        waits = min(timeout, RECALL_SECONDS / 2) if self.assignments.waiting else timeout
        self._report(self.supervisor.poll(waits))
        self._check_lease()
        self._update_load()

    def _make_calls(self) -> None:
        while self._calls:
            self._calls.popleft()()

    def _check_lease(self) -> None:
        if self.lease.is_expired:
            self._expire_lease()
        self.guard.busy(bool(self.assignments.claims))

    def _expire_lease(self) -> None:
        """End the registration, because the database was not reached in time."""
        if self.reporter.host_id:
            log.error(
                "lease_expired: the database was not reached in time; ending %s attempts", len(self.assignments.claims)
            )
        self.end_registration(self.reporter.host_id)
        self.reporter.interrupt()
        for store in self._stores:
            store.interrupt()

    def end_registration(self, host_id: int) -> None:
        if host_id != self.reporter.host_id:
            # The registration has ended already.
            return
        for claim in list(self.assignments.claims):
            self._abandon(claim)
        self.reporter.end_registration()
        self.set_consuming(False)

    def _abandon(self, claim: str) -> None:
        """End an attempt and report nothing more of it."""
        self.assignments.abandon(claim)
        self.supervisor.kill(claim, "lost")

    def _assign(self, host_id: int, works: list[Work]) -> None:
        # Work that was taken in a registration that has ended since is no longer this host's.
        if host_id == self.reporter.host_id:
            self.assignments.add(works)

    def _send_waiting(self) -> None:
        """Give waiting work to processes. Work that waits too long is returned, because other hosts may have room."""
        waiting, supervisor = self.assignments.waiting, self.supervisor
        while waiting and supervisor.has_room(waiting[0][1]):
            supervisor.send([waiting.popleft()[1]])
        if waiting and time.monotonic() - waiting[0][0] > RECALL_SECONDS:
            self._return_waiting()
        if not waiting and not self.has_room.is_set():
            self.has_room.set()

    def _return_waiting(self, claims: Collection[str] | None = None) -> None:
        """Return work that waits for a process (of these claims)."""
        if withdrawn := self.assignments.withdraw_waiting(claims):
            self._report([Returned(withdrawn)])

    def _report(self, reports: Sequence[Report]) -> None:
        self.reporter.report(self.assignments.accept(reports))

    def apply_requests(self, requests: Mapping[str, HostRequest | None], claims: Collection[str]) -> None:
        recalled = False
        for claim in claims:
            if claim not in self.assignments.claims:
                continue
            if claim not in requests:
                log.warning("claim_void claim=%s: it is not this host's any more", claim)
                self._abandon(claim)
                continue
            request = requests[claim]
            if request is None or not self.assignments.is_new(claim, request):
                continue
            if request.kind == RequestKind.KILL:
                self._return_waiting({claim})
                self.supervisor.kill(claim, request.argument)
            elif request.kind == RequestKind.STACKS:
                self.supervisor.take_stacks(claim)
            elif claim not in self.assignments.started:
                recalled = True
        if recalled:
            self._return_waiting(
                {claim for claim, one in requests.items() if one is not None and one.kind == RequestKind.RETURN}
            )
            self.supervisor.recall()

    def return_unknown_claims(self, claims: Collection[str]) -> None:
        """Return the claims that are unknown for the second time: the answer to the statement that took them was lost.

        An answer to a statement that took a claim may still be on its way when the claim is unknown for the first time.
        """
        unknown = {
            claim
            for claim in claims
            if claim not in self.assignments.claims and not self.reporter.has_reported_end(claim)
        }
        if seen_twice := sorted(unknown & self._unknown_claims):
            log.warning("claims_unknown: returning %s", seen_twice)
            self.reporter.report([Returned(seen_twice)])
        self._unknown_claims = unknown.difference(seen_twice)

    def _update_load(self) -> None:
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
        self._make_calls()
        self._return_waiting()
        self.supervisor.recall()
        while self.assignments.started and (left := self._drain_until - time.monotonic()) > 0:
            self._turn(min(left, TURN_SECONDS))
        self._make_calls()
        self._return_waiting()
        self._report(self.supervisor.stop(0))
        self.reporter.close()
        self.guard.close()
        self.ended.set()
