"""`bench recovery`: the time until lost work starts again, with two workers and two schedulers.

Nodes write their starts themselves, so the measurement does not rely on the product. Each case runs on an idle
installation and under load.
"""

import itertools
import math
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.management import call_command

from engine.actions import runs
from engine.models import Leader, Run
from engine.states import RUN_TERMINAL
from tests.bench import documents
from tests.bench.broker import empty
from tests.bench.parts import Options
from tests.bench.processes import Scheduler, Worker

POSTGRESQL = True
KILLS = {"node process": 20, "host": 5, "scheduler": 5}
"""Kills per --repeat."""
TARGETS = {"node process": 1.0, "host": 5.0, "scheduler": 5.0}
"""Seconds within which 99 % must start again."""
LOADS = ("quiet", "under load")
WIDTH, DEPTH, AT_ONCE = 50, 40, 2
"""The load: chains per run, their length, and concurrent runs."""
END_SECONDS = 60.0
LOOK_SECONDS = 0.005
T = TypeVar("T")

CODE = """
import os, time

def main(inputs, ctx):
    line = f"{{ctx.run['id']}} {{ctx.node}} {{os.getpid()}} {{time.monotonic_ns()}}\\n"
    descriptor = os.open({ledger!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)
    while not os.path.exists({folder!r} + "/" + ctx.run["id"]):
        time.sleep(0.02)
"""


def measure(options: Options) -> dict[str, Any]:
    """Return the report. Raises Missing."""
    broker = empty("recovery")
    call_command("migrate", verbosity=0, skip_checks=True)
    try:
        with ExitStack() as started:
            installation = Installation(options.folder, started)
            report = _measure(options, installation)
            installation.wait_for_load()
            return report
    finally:
        broker.flushdb()
        broker.close()


def _measure(options: Options, installation: "Installation") -> dict[str, Any]:
    cases = []
    kills: dict[str, Callable[[], list[float]]] = {
        "node process": installation.kill_node_process,
        "host": installation.kill_host,
        "scheduler": installation.kill_scheduler,
    }
    for load, (what, kill) in itertools.product(LOADS, kills.items()):
        name = f"{what}, {load}"
        if not options.includes(name):
            continue
        options.progress(f"recovery: {name}")
        installation.with_load = load == LOADS[1]
        seconds = [value for _ in range(KILLS[what] * options.repeat) for value in kill()]
        cases.append({"name": name, "wanted": TARGETS[what], **summary(seconds)})
    return {"cases": cases}


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the value that 99 % do not exceed, the worst, and the count."""
    ordered = sorted(values)
    many = len(ordered)
    return {
        "median": ordered[many // 2], "p99": ordered[math.ceil(many * 0.99) - 1], "worst": ordered[-1],
        "times": many,
    }  # fmt: skip


def lines(report: dict[str, Any]) -> list[str]:
    """Return the report for people."""
    return ["Seconds from a kill to the start of what was lost:"] + [
        f"{case['name']:28} median {case['median']:.2f}, 99 % {case['p99']:.2f}, worst {case['worst']:.2f} of "
        f"{case['times']} (target: {case['wanted']:g})"
        for case in report["cases"]
    ]


class Installation:
    """Two schedulers and two workers, each of which can be killed and started again."""

    def __init__(self, folder: Path, started: ExitStack) -> None:
        self.folder, self.ledger = folder, folder / "ledger"
        self.flags = folder / "flags"
        self.flags.mkdir()
        environment = {
            **os.environ, "INTERLOCK_EXECUTOR": "celery", "INTERLOCK_WORKERS": "2", "INTERLOCK_MAX_CONCURRENT": "4",
            "DATABASE_URL": settings.INTERLOCK.database_url, "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        }  # fmt: skip
        self.schedulers = [Scheduler(folder / f"scheduler-{name}.log", environment) for name in "ab"]
        self.workers = [
            Worker(folder / f"worker-{name}.log", "engine", environment, "-Q", "default", "-n", f"{name}@bench")
            for name in "ab"
        ]
        for one in (*self.schedulers, *self.workers):
            one.start()
            started.callback(one.stop)
        self.with_load = False
        self.load: list[int] = []
        self.chance = random.Random(1)
        code = CODE.format(ledger=str(self.ledger), folder=str(self.flags))
        # Goes before the load in every queue, and may be lost any number of times.
        policy = {"priority": 1, "lost_retries": 100}
        nodes = [{"id": name, "type": "python", "config": {"code": code}, "policy": policy} for name in "ab"]
        self.definition = runs.store_definition({"schema": "interlock/1", "nodes": nodes, "edges": []})
        self.busy = runs.store_definition(documents.chains(WIDTH, DEPTH, "python"))

    def starts(self, run: str) -> list[tuple[str, int, int]]:
        """Return (node, pid, monotonic ns) of a run's starts, in order."""
        found = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        told = [line.split() for line in found]
        return [(node, int(pid), int(at)) for of, node, pid, at in told if of == run]

    def wait_for_starts(self, run: str, count: int) -> list[tuple[str, int, int]]:
        return _until(lambda: found if len(found := self.starts(run)) >= count else None)

    def start_waiting_run(self) -> str:
        """Start a run of two waiting nodes and return its id when both have started, at a random time between
        heartbeats."""
        self.maintain_load()
        run = self.start_run()
        self.wait_for_starts(run, 2)
        time.sleep(self.chance.uniform(0.2, 1.2))
        return run

    def start_run(self) -> str:
        return str(runs.start(self.definition, workflow="recovery", by="bench").pk)

    def end(self, run: str) -> None:
        (self.flags / run).touch()
        _until(lambda: Run.objects.filter(pk=int(run), state__in=RUN_TERMINAL).exists())
        self.ledger.unlink()

    def maintain_load(self) -> None:
        if not self.with_load:
            return
        self.load = self.active_load()
        while len(self.load) < AT_ONCE:
            self.load.append(runs.start(self.busy, workflow="load", by="bench").pk)

    def wait_for_load(self) -> None:
        """Wait for the end of the load."""
        _until(lambda: not self.active_load())

    def active_load(self) -> list[int]:
        return list(Run.objects.filter(pk__in=self.load).exclude(state__in=RUN_TERMINAL).values_list("pk", flat=True))

    def kill_node_process(self) -> list[float]:
        run = self.start_waiting_run()
        lost = self.starts(run)[0]
        at = time.monotonic_ns()
        os.kill(lost[1], signal.SIGKILL)
        restarts = self.wait_for_starts(run, 3)[-1]
        self.end(run)
        return [(restarts[2] - at) / 1e9]

    def kill_host(self) -> list[float]:
        """Kill a worker with all its node processes."""
        run = self.start_waiting_run()
        first = self.starts(run)
        worker = next(one for one in self.workers if first[0][1] in one.children())
        children = worker.children()
        lost = [node for node, pid, _ in first if pid in children]
        at = time.monotonic_ns()
        worker.kill()
        for pid in children:
            _kill(pid)
        restarts = self.wait_for_starts(run, 2 + len(lost))[2:]
        self.end(run)
        worker.start()
        return [(moment - at) / 1e9 for _, _, moment in restarts]

    def kill_scheduler(self) -> list[float]:
        """Kill the leading scheduler, and start a run right after it."""
        self.maintain_load()
        pid = Leader.objects.get(pk=1).pid
        leader = next(one for one in self.schedulers if one.process.pid == pid)
        time.sleep(self.chance.uniform(0, 1))
        at = time.monotonic_ns()
        leader.kill()
        run = self.start_run()
        first = self.wait_for_starts(run, 1)[0]
        self.wait_for_starts(run, 2)
        self.end(run)
        leader.start()
        return [(first[2] - at) / 1e9]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        # It ended with its worker.
        pass


def _until(condition: Callable[[], T | None]) -> T:
    """Wait for a true value and return it. Raises RuntimeError."""
    end = time.monotonic() + END_SECONDS
    while not (found := condition()):
        if time.monotonic() > end:
            raise RuntimeError(f"What was waited for has not come within {END_SECONDS:g} s.")
        time.sleep(LOOK_SECONDS)
    return found
