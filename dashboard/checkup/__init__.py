"""What `doctor` looks at: each check says what it found and, where something is wrong, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.conf import settings

from dashboard.checkup import installation, machine, product, state
from dashboard.checkup.finding import Finding
from dashboard.up.home import holder


def findings(port: int) -> Iterator[Finding]:
    """All checks, one after another; a check that fails by an error of its own is a problem, not the end.

    `port` is the one that `up` is to listen on, should it not run.
    """
    yield from _guarded("Python", machine.python)
    yield from _guarded("SQLite", machine.library)
    yield from _guarded("Settings", installation.settings_in_force)
    yield from _guarded("Home folder", machine.home)
    yield from _guarded("Disk space", machine.disk)
    usable: list[bool] = []
    yield from _guarded("Database", lambda: state.database(usable))
    if usable:
        yield from _guarded("Accounts", state.accounts)
        yield from _guarded("Secret key", state.secret_key)
        yield from _guarded("History", state.history)
        yield from _guarded("Clock", state.clock_)
    running = holder(settings.INTERLOCK.run_folder)
    yield from _guarded("Interlock", lambda: product.answers(running))
    if usable:
        yield from _guarded("Scheduler", lambda: state.scheduler(running is not None))
        yield from _guarded("Workers", state.running_workers)
    if running is None:
        yield from _guarded("Leftovers", product.leftovers)
    yield from _guarded("Port", lambda: product.port(port, running))
    yield from _guarded("Node Python", installation.node_python)
    yield from _guarded("Node environment", installation.node_environment)
    yield from _guarded("Data roots", installation.data_roots)
    yield from _guarded("Redis", lambda: installation.redis_server(bool(usable)))
    yield from _guarded("Object store", installation.object_store)
    yield from _guarded("Static files", installation.static_files)
    yield from _guarded("Hosts", installation.hosts)


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:
        yield Finding(
            name, "problem", f"the check itself failed: {type(error).__name__}: {error}", "Please report this."
        )
