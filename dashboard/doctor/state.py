"""Checks of the database: schema, damage, accounts, clocks, heartbeats of scheduler and workers."""

import time
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection

from dashboard.doctor.result import CheckResult, command_line, owner_of
from dashboard.models import User
from dashboard.serving import web_hosts
from engine import clock
from engine.database import schema
from engine.database.heartbeat import AHEAD_SECONDS
from engine.models import Leader, Run
from engine.reads import queries, workers

CLOCK_DIFFERENCE_SECONDS = 5.0
"""By how much the clocks of hosts may differ without a warning."""


def database(usable: list[bool]) -> Iterator[CheckResult]:
    """Check the database file, schema and write access. Appends to `usable` if the tables can be read."""
    file = settings.INTERLOCK.database_file
    try:
        if connection.vendor == "sqlite" and not file.exists():
            yield CheckResult(
                "Database", "ok", f"{schema.location()} does not exist yet; it is created at the first start"
            )
            return
    except PermissionError:
        return  # The folder's check reports this.
    try:
        current = schema.is_current()
        newer = schema.newer_migrations(schema.applied_migrations())
    except schema.SchemaError as error:
        yield CheckResult("Database", "problem", str(error))
        return
    if connection.vendor == "sqlite" and (damage := _damage()):
        yield CheckResult("Database", "problem", f"{schema.location()} is damaged: {damage}",
                      "Stop Interlock, copy the folder, and restore a backup.")  # fmt: skip
        return
    if not current:
        yield CheckResult("Database", "warning", f"{schema.location()} needs a migration",
                      f"The next start migrates it: {command_line('up')} (or {command_line('migrate')})")  # fmt: skip
        return
    usable.append(True)
    try:
        # Changes nothing, but requires write access and the lock.
        Leader.objects.filter(pk=0).update(epoch=0)
    except DatabaseError as error:
        owner = owner_of(file) if connection.vendor == "sqlite" else ""
        advice = f"It belongs to {owner}: sudo chown $(id -un) {file}*" if owner else f"chmod u+w {file}*"
        if "locked" in str(error):
            advice = "Another program is writing to it. Find it with fuser -v and stop it."
        yield CheckResult("Database", "problem", f"{schema.location()} is not writable: {error}", advice)
        return
    size = f", intact, {file.stat().st_size / 1024**2:,.1f} MiB" if connection.vendor == "sqlite" else ""
    state = f"schema of a newer, compatible release ({newer[-1]})" if newer else "schema up to date"
    yield CheckResult("Database", "ok", f"{schema.location()}, {state}{size}")


def _damage() -> str:
    """Return what SQLite finds wrong with the file; empty if nothing."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(1)")
            errors = [str(row[0]) for row in cursor.fetchall() if row[0] != "ok"]
    except DatabaseError as error:
        return str(error)
    return errors[0].splitlines()[-1] if errors else ""


def accounts() -> Iterator[CheckResult]:
    admins = list(User.objects.filter(role="admin", is_active=True).only("username", "password"))
    if not admins and User.objects.exists():
        yield CheckResult(
            "Accounts", "problem", "no account has the admin role", command_line("user NAME --role admin")
        )
    elif admins and not any(user.has_usable_password() for user in admins):
        yield CheckResult("Accounts", "warning", "no admin has a password", "Sign in with the link that `up` prints "
                      f"(or: {command_line(f'login-link --user {admins[0].username}')}) and set one.")  # fmt: skip
    elif admins:
        yield CheckResult("Accounts", "ok", f"{User.objects.count()} ({len(admins)} with the admin role)")


def secret_key() -> Iterator[CheckResult]:
    if others := web_hosts.hosts_with_other_keys():
        names = ", ".join(others)
        yield CheckResult(
            "Secret key",
            "problem",
            f"web processes on {names} use another SECRET_KEY than this host: users are signed out when the proxy "
            "sends them from one to the other",
            "Set the same SECRET_KEY on all hosts and restart their web processes. A host that no longer serves is "
            "forgotten after an hour.",
        )


def history() -> Iterator[CheckResult]:
    days = settings.INTERLOCK.retention_days
    old = Run.objects.filter(finished_at__lt=clock.now() - timedelta(days=days)).count()
    count = Run.objects.count()
    text = f"{count:,} {'run' if count == 1 else 'runs'}"
    if old:
        yield CheckResult("History", "ok", f"{text}, {old:,} of them older than {days} days",
                      f"The scheduler deletes them within a day, or now: {command_line('prune')}")  # fmt: skip
    else:
        yield CheckResult("History", "ok", text)


def clocks() -> Iterator[CheckResult]:
    if connection.vendor == "postgresql" and abs(ahead := _ahead_of_database()) > CLOCK_DIFFERENCE_SECONDS:
        differs = f"{span(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the database's"
        yield CheckResult("Clock", "warning", f"this host's clock is {differs}", "Correct one of them: timedatectl. "
                          "Stored times come from the database's clock; pages of this host count from its "
                          "own.")  # fmt: skip
    age = queries.beat_age()
    if age is not None and age < -AHEAD_SECONDS:
        yield CheckResult("Clock", "warning", f"the scheduler's last heartbeat is {span(-age)} in the future: a clock "
                          "was ahead then, or is behind now", "Check the clocks: timedatectl. Runs of that time are "
                                                              "listed "
                          "as the newest until it has passed.")  # fmt: skip


def _ahead_of_database() -> float:
    """Return by how many seconds this host's clock is ahead of the database's."""
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())::float")
        row = cursor.fetchone()
    return (before + time.time()) / 2 - (row[0] if row else before)


def scheduler(up_runs: bool) -> Iterator[CheckResult]:
    age = queries.beat_age()
    if queries.scheduler_alive():
        yield CheckResult("Scheduler", "ok", f"running (heartbeat {max(age or 0.0, 0.0):.1f} s ago)")
        return
    since = "has never run here" if age is None else "not running"
    if age is not None and age > 0:
        since += f" (last heartbeat {span(age)} ago)"
    if up_runs:
        yield CheckResult("Scheduler", "problem", f"{since}, although Interlock is",
                      f"See {settings.INTERLOCK.home / 'log' / 'scheduler.log'}.")  # fmt: skip
    elif settings.INTERLOCK.executor == "celery":
        yield CheckResult("Scheduler", "warning", since, f"Runs wait for it. Start it: {command_line('scheduler')}")
    else:
        yield CheckResult("Scheduler", "warning", since, f"Runs wait for it. Start Interlock: {command_line('up')}")


def running_workers() -> Iterator[CheckResult]:
    """Check which Celery workers accept work, and from which queues."""
    if settings.INTERLOCK.executor != "celery":
        return
    all_workers = workers.workers()
    active = [one for one in all_workers if one["state"] == "active"]
    for worker in all_workers:
        if worker["state"] == "lost":
            yield CheckResult("Workers", "warning", f"{worker['name']} is lost (last heartbeat "
                                                    f"{span(worker['silent_seconds'])} ago)",
                          "Restart it, or ignore it: it is forgotten after a day.")  # fmt: skip
        elif worker["other_release"]:
            yield CheckResult("Workers", "warning", f"{worker['name']} runs another release than the scheduler and "
                                                    f"gets no "
                          "work", "Upgrade both to the same release (docs/several-hosts.md).")  # fmt: skip
        elif worker["state"] == "draining" and not worker["stopping"]:
            yield CheckResult("Workers", "warning", f"{worker['name']} is draining on request",
                          "Resume it on the Resources page, or stop it.")  # fmt: skip
    if active:
        queues = sorted({queue for one in active for queue in one["queues"]})
        yield CheckResult("Workers", "ok", f"{len(active)}, with {sum(one['capacity'] for one in active)} node "
                                           f"processes, "
                      f"for the queues {', '.join(queues)}")  # fmt: skip
    else:
        yield CheckResult("Workers", "warning", "none accepts work: nodes wait",
                      "Start one on any host, with the same environment: celery -A engine worker -Q "
                      "default")  # fmt: skip


def span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172800:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"
