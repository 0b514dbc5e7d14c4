"""What the database holds: schema, damage, accounts, the scheduler's last sign of life."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection

from dashboard.checkup.finding import Finding, owner_of, typed
from dashboard.models import User
from dashboard.serving import web_hosts
from engine import clock
from engine.actions.retention import RETENTION_DAYS
from engine.database import schema
from engine.database.heartbeat import AHEAD_SECONDS
from engine.models import Leader, Run
from engine.reads import queries, workers

CLOCKS_SECONDS = 5.0
"""By how much clocks of hosts may differ before it is worth a word."""


def database(usable: list[bool]) -> Iterator[Finding]:
    """`usable` gets an item when the tables can be read."""
    file = settings.INTERLOCK.database_file
    try:
        if connection.vendor == "sqlite" and not file.exists():
            yield Finding("Database", "ok", f"{schema.place()} does not exist yet; the first start makes it")
            return
    except PermissionError:
        return  # Sentence of the folder.
    try:
        current = schema.is_current()
        newer = schema.newer(schema.applied())
    except schema.SchemaError as error:
        yield Finding("Database", "problem", str(error))
        return
    if connection.vendor == "sqlite" and (damage := _damage()):
        yield Finding("Database", "problem", f"{schema.place()} is damaged: {damage}",
                      "Stop Interlock, keep a copy of the folder, and restore a backup.")  # fmt: skip
        return
    if not current:
        yield Finding("Database", "warning", f"{schema.place()} is not up to date",
                      "The next `up` brings it up to date (or the command migrate).")  # fmt: skip
        return
    usable.append(True)
    try:
        # Changes nothing, but needs the right and the lock to.
        Leader.objects.filter(pk=0).update(epoch=0)
    except DatabaseError as error:
        owner = owner_of(file) if connection.vendor == "sqlite" else ""
        advice = f"It belongs to {owner}: sudo chown $(id -un) {file}*" if owner else f"chmod u+w {file}*"
        if "locked" in str(error):
            advice = "Another program has it open and writes: stop it (fuser -v tells which)."
        yield Finding("Database", "problem", f"{schema.place()} cannot be written to: {error}", advice)
        return
    size = f", intact, {file.stat().st_size / 1024**2:,.1f} MiB" if connection.vendor == "sqlite" else ""
    known = f"schema of a newer release ({newer[-1]}), which this one works with" if newer else "schema current"
    yield Finding("Database", "ok", f"{schema.place()}, {known}{size}")


def _damage() -> str:
    """What is wrong with the file of SQLite; empty: nothing."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(1)")
            wrong = [str(row[0]) for row in cursor.fetchall() if row[0] != "ok"]
    except DatabaseError as error:
        return str(error)
    return wrong[0].splitlines()[-1] if wrong else ""


def accounts() -> Iterator[Finding]:
    admins = list(User.objects.filter(role="admin", is_active=True).only("username", "password"))
    if not admins and User.objects.exists():
        yield Finding("Accounts", "problem", "no account has the role admin", typed("user NAME --role admin"))
    elif admins and not any(user.has_usable_password() for user in admins):
        yield Finding("Accounts", "warning", "no admin has a password yet", "Sign in by the link that `up` prints "
                      f"(or: {typed(f'login-link --user {admins[0].username}')}), then set one.")  # fmt: skip
    elif admins:
        yield Finding("Accounts", "ok", f"{User.objects.count()}, of them {len(admins)} with the role admin")


def secret_key() -> Iterator[Finding]:
    if others := web_hosts.with_other_keys():
        names = ", ".join(others)
        yield Finding(
            "Secret key",
            "problem",
            f"web processes on {names} have another SECRET_KEY than what is set here: whom the proxy leads from one to "
            "another is signed out",
            "Set one SECRET_KEY on all hosts, and start their web processes again. A host that serves no more is "
            "forgotten after an hour.",
        )


def history() -> Iterator[Finding]:
    old = Run.objects.filter(finished_at__lt=clock.now() - timedelta(days=RETENTION_DAYS)).count()
    count = Run.objects.count()
    text = f"{count:,} {'run' if count == 1 else 'runs'}"
    if old:
        yield Finding("History", "ok", f"{text}, {old:,} of them ended more than {RETENTION_DAYS} days ago",
                      f"They stay until somebody deletes them: {typed('prune')}")  # fmt: skip
    else:
        yield Finding("History", "ok", text)


def clock_() -> Iterator[Finding]:
    if connection.vendor == "postgresql" and abs(ahead := _ahead_of_database()) > CLOCKS_SECONDS:
        differs = f"{span(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the database's"
        yield Finding("Clock", "warning", f"this host's is {differs}", "Set one of them: timedatectl. Times are stored "
                      "by the database's; the pages of this host count from its own.")  # fmt: skip
    age = queries.beat_age()
    if age is not None and age < -AHEAD_SECONDS:
        yield Finding("Clock", "warning", f"the scheduler's last heartbeat lies {span(-age)} in the future: the clock "
                      "was ahead then, or is behind now", "Compare it: timedatectl. Runs of that time are listed as "
                      "the newest until it has come.")  # fmt: skip


def _ahead_of_database() -> float:
    """Seconds by which this host's clock is."""
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())::float")
        row = cursor.fetchone()
    return (before + time.time()) / 2 - (row[0] if row else before)


def scheduler(up_runs: bool) -> Iterator[Finding]:
    age = queries.beat_age()
    if queries.scheduler_alive():
        yield Finding("Scheduler", "ok", f"runs (heartbeat {max(age or 0.0, 0.0):.1f} s ago)")
        return
    since = "has never run here" if age is None else "does not run"
    if age is not None and age > 0:
        since += f" (last heartbeat {span(age)} ago)"
    if up_runs:
        yield Finding("Scheduler", "problem", f"{since}, though Interlock does",
                      f"The reason is in {settings.INTERLOCK.home / 'log' / 'scheduler.log'}.")  # fmt: skip
    elif settings.INTERLOCK.executor == "celery":
        yield Finding("Scheduler", "warning", since, f"Runs wait until it does: {typed('scheduler')}")
    else:
        yield Finding("Scheduler", "warning", since, f"Runs wait until it does. Start Interlock: {typed('up')}")


def running_workers() -> Iterator[Finding]:
    """Of the scaled form: who takes work, and from which queues."""
    if settings.INTERLOCK.executor != "celery":
        return
    found = workers.workers()
    active = [one for one in found if one["state"] == "active"]
    for one in found:
        if one["state"] == "lost":
            yield Finding("Workers", "warning", f"{one['name']} is lost, last heard {span(one['silent_seconds'])} ago",
                          "Start it again; if it is not to come back, it is forgotten after a day.")  # fmt: skip
        elif one["other_release"]:
            yield Finding("Workers", "warning", f"{one['name']} is of another release than the scheduler, and gets no "
                          "work", "Bring both to one release, as docs/several-hosts.md says.")  # fmt: skip
        elif one["state"] == "draining" and not one["stopping"]:
            yield Finding("Workers", "warning", f"{one['name']} drains, for somebody asked it to",
                          "Resume it on the page Resources, or stop it.")  # fmt: skip
    if active:
        queues = sorted({queue for one in active for queue in one["queues"]})
        yield Finding("Workers", "ok", f"{len(active)} with {sum(one['capacity'] for one in active)} node processes, "
                      f"for the queues {', '.join(queues)}")  # fmt: skip
    else:
        yield Finding("Workers", "warning", "none takes work: nodes wait",
                      "Start one on any host, in this environment: celery -A engine worker -Q default")  # fmt: skip


def span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172800:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"
