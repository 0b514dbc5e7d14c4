"""Builds of the scaled form that are broken on purpose: of hosts, and of what the scheduler knows of them.

As in sitecustomize, whose table they are in. Where two fences keep the same thing out a mutant drops both: it is then
several names, with commas between.
"""

import os
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from sitecustomize import change  # type: ignore[import-not-found] # it lies beside this file


def replaced(statement: str, old: str, new: str = "") -> str:
    assert statement.count(old) == 1, statement
    return statement.replace(old, new)


def _speaks(module: Any, step: int) -> None:
    """Use another protocol for work and reports, which no other release can read."""
    own = module.PROTOCOL = module.PROTOCOL + step
    reports_text, read_reports, work_text, read_work = (
        module.reports_text, module.read_reports, module.work_text, module.read_work,
    )  # fmt: skip

    def opened(text: str) -> str:
        protocol, _, rest = text.partition(":")
        if protocol != str(own):
            raise ValueError(f"{text[:20]!r} is not of protocol {own}")
        return rest

    module.reports_text = lambda reports: f"{own}:{reports_text(reports)}"
    module.read_reports = lambda text: read_reports(opened(text))
    module.work_text = lambda work: f"{own}:{work_text(work)}"
    module.read_work = lambda claim, text, *more, **named: read_work(claim, opened(text), *more, **named)


@change("engine.executors.wire")
def older(module: ModuleType) -> None:
    """No mutant: another release."""
    _speaks(module, -1)


@change("engine.executors.wire")
def newer(module: ModuleType) -> None:
    """No mutant: another release."""
    _speaks(module, 1)


@change("engine.executors.celery.notifier")
def messages_twice(module: ModuleType) -> None:
    """No mutant: each message comes twice."""
    publish = module.HostNotifier.publish

    def twice(self: Any, queue: str, claims: list[str]) -> None:
        publish(self, queue, claims)
        publish(self, queue, claims)

    module.HostNotifier.publish = twice


@change("engine.host.store")
def batches_unnumbered(module: ModuleType) -> None:
    """A report whose answer was lost is written once more."""
    fetch = module.HostStore._fetch

    def unnumbered(self: Any, statement: str, values: Any) -> Any:
        if "INSERT INTO engine_hostreport" in statement:
            changed = statement.replace(" AND told = %s - 1", " AND %s IS NOT NULL")
            assert changed != statement
            statement = changed
        return fetch(self, statement, values)

    module.HostStore._fetch = unnumbered


@change("engine.scheduler.inbox")
def reports_taken_twice(module: ModuleType) -> None:
    """Reports stay in memory after a commit that may have stored them."""
    assert hasattr(module.ReportInbox, "drop_batches")
    module.ReportInbox.drop_batches = lambda self: None


@change("engine.host.host")
def takings_forgotten(module: ModuleType) -> None:
    """A host keeps what it took when the answer was lost."""
    assert hasattr(module.Host, "return_unknown_claims")
    module.Host.return_unknown_claims = lambda self, claims: None


@change("engine.actions.runs")
def launches_in_pieces(module: ModuleType) -> None:
    """The run is stored first, then its command in a separate transaction."""
    command = module._command

    def apart(*arguments: Any, **named: Any) -> Any:
        module.connection.connection.commit()
        return command(*arguments, **named)

    module._command = apart  # type: ignore[attr-defined]


@change("engine.host.store")
def take_unguarded(module: ModuleType) -> None:
    """A host that gets a message takes the work, even if another host has it."""
    fetch = module.HostStore._fetch

    def take(self: Any, statement: str, values: Sequence[Any]) -> Any:
        if "SET host_id = me.id" in statement:
            statement = replaced(statement, "d.host_id IS NULL", "d.host_id IS DISTINCT FROM me.id")
        return fetch(self, statement, values)

    module.HostStore._fetch = take


@change("engine.executors.celery.executor")
def published_though_taken(module: ModuleType) -> None:
    """Whatever is dispatched is published again, once to each of two workers."""
    again: set[str] = set()

    def publish(self: Any, now: float) -> None:
        for claim, dispatch in self.in_flight.items():
            if dispatch.started_at is not None and claim not in again:
                again.add(claim)
                self._notifier.publish(dispatch.queue, [claim])
                self._notifier.publish(dispatch.queue, [claim])

    assert hasattr(module.CeleryExecutor, "_republish")
    module.CeleryExecutor._republish = publish


@change("engine.host.host")
def lease_outlived(module: ModuleType) -> None:
    """A host whose lease is over continues what it runs."""
    for name, value in (("end_registration", lambda self, host_id: None), ("_check_lease", lambda self: None)):
        assert hasattr(module.Host, name)
        setattr(module.Host, name, value)


@change("engine.host.store")
def gone_hosts_heard(module: ModuleType) -> None:
    """A host that was declared lost renews its lease and reports as before."""
    fetch = module.HostStore._fetch

    def hear(self: Any, statement: str, values: Sequence[Any]) -> Any:
        if "beat_at = clock_timestamp()" in statement:
            statement = replaced(statement, "AND state <> 'gone' ")
        return fetch(self, statement, values)

    module.HostStore._fetch = hear


@change("engine.scheduler.core.report_handler")
def stale_reports_taken(module: ModuleType) -> None:
    """Reports with an earlier claim of a node count for its current one."""
    release, take = module.AdmissionControl.release, module.ReportHandler.take
    had: dict[str, Any] = {}

    def forget(self: Any, node: Any) -> None:
        had[node.claim] = node
        release(self, node)

    def take_all(self: Any, report: Any) -> None:
        node = had.get(getattr(report, "claim", ""))
        if node is not None and node.claim:
            report.claim = node.claim
        take(self, report)

    module.AdmissionControl.release, module.ReportHandler.take = forget, take_all


@change("engine.host.store")
def reports_written_twice(module: ModuleType) -> None:
    write_batch = module.HostStore.write_batch

    def twice(self: Any, host: int, number: int, body: str) -> bool:
        statement = "INSERT INTO engine_hostreport (host_id, body) VALUES (%s, %s) RETURNING 1"
        return write_batch(self, host, number, body) and bool(self._fetch(statement, (host, body)))

    module.HostStore.write_batch = twice


@change("engine.host.store")
def ends_not_written(module: ModuleType) -> None:
    """The end of an attempt counts as reported before it is written, and is never written."""
    fetch = module.HostStore._fetch

    def lose(self: Any, statement: str, values: Sequence[Any]) -> Any:
        if "INSERT INTO engine_hostreport" in statement and '["e",' in values[-1]:
            statement = "UPDATE engine_host SET told = %s, beat_at = clock_timestamp() WHERE id = %s RETURNING 1"
            values = values[:2]
        return fetch(self, statement, values)

    module.HostStore._fetch = lose


@change("engine.executors.celery.leases")
def lost_hosts_not_declared(module: ModuleType) -> None:
    assert hasattr(module.HostLeases, "_end")
    module.HostLeases._end = lambda self, host, name, age: False


@change("engine.host.store")
def starts_not_stored(module: ModuleType) -> None:
    """The next registration of a killed worker does not report what its node processes had started."""
    register = module.HostStore.register

    def forget(self: Any, name: str, queues: Any, capacity: int, started: Any, *draining: bool) -> int:
        return int(register(self, name, queues, capacity, {}, *draining))

    module.HostStore.register = forget


@change("engine.host.guard")
def guard_missing(module: ModuleType) -> None:
    """No guard ends the nodes of a worker that is killed or stopped."""
    for name in ("__init__", "until", "busy", "starts_until", "keep", "close"):
        assert hasattr(module.Guard, name)
        setattr(module.Guard, name, lambda self, *_: None)
    module.Guard.lease = None


@change("engine.celery")
def visible_soon(module: ModuleType) -> None:
    """No mutant: the broker redelivers what was not acknowledged for INTERLOCK_TEST_VISIBLE seconds."""
    module.app.conf.broker_transport_options |= {
        "visibility_timeout": int(os.environ["INTERLOCK_TEST_VISIBLE"]),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }


@change("engine.celery")
def acknowledged_late(module: ModuleType) -> None:
    """No mutant: a message is acknowledged when the attempts that it names have ended."""
    task = module.app.tasks[module.TAKE]
    take = task.run

    def late(claims: Sequence[str], protocol: int) -> None:
        from engine.host import bootstep

        take(claims, protocol)
        host, named = bootstep.host, set(claims)
        assert host is not None
        # The supervisor's thread may not know them yet.
        known = time.monotonic() + 0.5
        while not host.draining.is_set() and (time.monotonic() < known or host.assignments.claims & named):
            time.sleep(0.02)

    task.acks_late, task.run = True, late


@change("engine.executors.celery.executor")
def published_once(module: ModuleType) -> None:
    assert hasattr(module, "REPUBLISH_SECONDS")
    module.REPUBLISH_SECONDS = 1e6  # type: ignore[attr-defined]


@change("engine.host.overdue")
def found_by_message_alone(module: ModuleType) -> None:
    """Work whose message was lost is not published again."""
    module.OVERDUE_SECONDS = 1e6  # type: ignore[attr-defined]


@change("engine.host.reporter")
def outage_ends_lives(module: ModuleType) -> None:
    """An unreachable database counts as one from which only this host is cut off."""
    assert hasattr(module, "is_outage")
    module.is_outage = lambda error: False  # type: ignore[attr-defined]


@change("engine.host.reporter")
def full_ends_lives(module: ModuleType) -> None:
    """A database without room for a host's reports counts as unreachable."""
    assert hasattr(module, "DiskFull")
    module.DiskFull = ()  # type: ignore[attr-defined]


@change("engine.executors.celery.executor")
def outage_ends_leases(module: ModuleType) -> None:
    """Leases that could not be renewed while the database was unavailable are lost."""
    reload = module.CeleryExecutor.reload

    def judge(self: Any) -> Any:
        out = reload(self)
        module.fetch(
            "UPDATE engine_host SET state = 'gone', reason = 'lease expired' WHERE state <> 'gone' RETURNING 1"
        )
        return out

    module.CeleryExecutor.reload = judge


@change("engine.host.store")
def beats_by_own_clock(module: ModuleType) -> None:
    """A host renews its lease by the clock of its own machine."""
    fetch = module.HostStore._fetch

    def renew(self: Any, statement: str, values: Sequence[Any]) -> Any:
        if "beat_at = clock_timestamp()" in statement:
            statement = replaced(statement, "beat_at = clock_timestamp()", f"beat_at = to_timestamp({time.time()})")
        return fetch(self, statement, values)

    module.HostStore._fetch = renew


@change("engine.executors.celery.leases")
def leases_by_own_clock(module: ModuleType) -> None:
    """The scheduler judges leases by the clock of its own machine."""
    fetch = module.fetch

    def judge(statement: str, values: Sequence[Any] = ()) -> Any:
        if "clock_timestamp() - beat_at" in statement:
            statement = replaced(statement, "clock_timestamp() - beat_at", f"to_timestamp({time.time()}) - beat_at")
        return fetch(statement, values)

    module.fetch = judge  # type: ignore[attr-defined]


@change("engine.host.reporter")
def reports_by_own_clock(module: ModuleType) -> None:
    """A host takes times from the clock of its own machine."""
    assert hasattr(module.DatabaseClock, "ahead")
    module.DatabaseClock.ahead = lambda self: 0.0


@change("engine.scheduler.leadership")
def leads_on(module: ModuleType) -> None:
    """A leader that had lost its connection continues on a new one, whoever leads by then."""
    assert hasattr(module.Leadership, "regain")

    def reopen(self: Any, wait: Any) -> None:
        self.store.close()
        self.store.open()

    module.Leadership.regain = reopen


@change("engine.executors.celery.executor")
def limit_of_all_ignored(module: ModuleType) -> None:
    """Each host gets what it accepts, regardless of the limits over all hosts."""
    credits_by_queue = module.credits_by_queue
    module.credits_by_queue = lambda hosts, flights, limit, now: credits_by_queue(hosts, flights, 1000, now)  # type: ignore[attr-defined]


@change("engine.host.store")
def away_at_register(module: ModuleType) -> None:
    """No mutant: the database is unavailable from when a worker registers."""
    assert hasattr(module.HostStore, "register")

    def register(self: Any, *arguments: Any) -> int:
        raise module.psycopg2.OperationalError("connection refused")

    module.HostStore.register = register
