"""The checks of the `doctor` command. Each reports what it found and, if something is wrong, what to do."""

from collections.abc import Callable, Iterator

from django.conf import settings

from dashboard.doctor import installation, machine, product, state
from dashboard.doctor.result import CheckResult
from dashboard.up.home import running_up


def run_checks(port: int) -> Iterator[CheckResult]:
    """Run all checks in order. An error inside a check is reported as a problem and does not stop the others.

    `port` is the one that `up` would listen on.
    """
    yield from _run("Python", machine.python)
    yield from _run("SQLite", machine.library)
    yield from _run("Settings", installation.settings_in_force)
    yield from _run("Home folder", machine.home)
    yield from _run("Disk space", machine.disk)
    usable: list[bool] = []
    yield from _run("Database", lambda: state.database(usable))
    if usable:
        yield from _run("Accounts", state.accounts)
        yield from _run("Secret key", state.secret_key)
        yield from _run("History", state.history)
        yield from _run("Clock", state.clocks)
    running = running_up(settings.INTERLOCK.run_folder)
    yield from _run("Interlock", lambda: product.answers(running))
    if usable:
        yield from _run("Scheduler", lambda: state.scheduler(running is not None))
        yield from _run("Workers", state.running_workers)
    if running is None:
        yield from _run("Leftovers", product.leftovers)
    yield from _run("Port", lambda: product.port(port, running))
    yield from _run("Node Python", installation.node_python)
    yield from _run("Node environment", installation.node_environment)
    yield from _run("Data roots", installation.data_roots)
    yield from _run("Redis", lambda: installation.redis_server(bool(usable)))
    yield from _run("Object store", installation.object_store)
    yield from _run("Static files", installation.static_files)
    yield from _run("Hosts", installation.hosts)


def _run(name: str, check: Callable[[], Iterator[CheckResult]]) -> Iterator[CheckResult]:
    try:
        yield from check()
    except Exception as error:
        yield CheckResult(
            name, "problem", f"the check itself failed: {type(error).__name__}: {error}", "Please report this."
        )
