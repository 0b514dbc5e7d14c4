"""`bench celery`: no-op nodes on a Celery worker, beside no-op tasks of Celery itself.

Both use the same Redis server and two processes; ours are stored in PostgreSQL.
"""

import os
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

from tests.bench import direct, documents
from tests.bench.broker import empty
from tests.bench.parts import Options
from tests.bench.processes import Worker

POSTGRESQL = True
LAYER, HOPS = 500, 100
LAYERS_TARGET, HOP_TARGET = 4.0, 2.0


def measure(options: Options) -> dict[str, Any]:
    """Return the report. Raises Missing."""
    broker = empty("celery")
    os.environ["INTERLOCK_BENCH_REDIS"] = settings.INTERLOCK.redis_url
    from tests.bench import raw_celery

    environment = {
        **os.environ, "INTERLOCK_EXECUTOR": "celery", "INTERLOCK_WORKERS": "2", "DATABASE_URL": _database_url(),
    }  # fmt: skip
    call_command("migrate", verbosity=0, skip_checks=True)
    try:
        options.progress("celery: raw tasks")
        with worker(options.folder / "raw.log", "tests.bench.raw_celery", environment, "-P", "prefork", "-c", "2"):
            raw_celery.layer(LAYER)
            raw_layer = _median(options.repeat, lambda: raw_celery.layer(LAYER))
            raw_hops = _median(options.repeat, lambda: raw_celery.hops(HOPS))
        broker.flushdb()
        options.progress("celery: nodes")
        with worker(options.folder / "worker.log", "engine", environment, "-Q", "default"), _scheduler(environment):
            for _ in range(3):
                direct.measure(documents.chains(LAYER, 1, "noop"), "bench-layer")
            layer = _median(options.repeat, lambda: direct.measure(documents.chains(LAYER, 1, "noop"), "bench-layer"))
            direct.measure(documents.chains(1, HOPS, "noop"), "bench-hops")
            hops = _median(options.repeat, lambda: direct.measure(documents.chains(1, HOPS, "noop"), "bench-hops"))
            wide = _median(options.repeat, lambda: direct.measure(documents.chains(LAYER, 10, "noop"), "bench-wide"))
    finally:
        broker.flushdb()
        broker.close()
    return {
        "layer": {"raw_per_second": LAYER / raw_layer, "nodes_per_second": LAYER / layer, "times": raw_layer / layer},
        "layers of 10": {"nodes_per_second": LAYER * 10 / wide, "times": raw_layer * 10 / wide},
        "hop": {"raw_ms": raw_hops / HOPS * 1000, "ms": hops / HOPS * 1000, "times": hops / raw_hops},
    }


def lines(report: dict[str, Any]) -> list[str]:
    """Return the report for people."""
    layer, wide, hop = report["layer"], report["layers of 10"], report["hop"]
    return [
        f"{LAYER} beside each other: {layer['nodes_per_second']:,.0f} nodes/s, raw tasks "
        f"{layer['raw_per_second']:,.0f}/s: {layer['times']:.1f} times as many (target: {LAYERS_TARGET:g})",
        f"10 layers of {LAYER}: {wide['nodes_per_second']:,.0f} nodes/s: {wide['times']:.1f} times as many",
        f"{HOPS} one after another: {hop['ms']:.2f} ms a node, raw {hop['raw_ms']:.2f} ms a task: "
        f"{hop['times']:.2f} times as long (target: at most {HOP_TARGET:g})",
    ]


def _median(repeat: int, action: Callable[[], float]) -> float:
    return statistics.median(action() for _ in range(repeat))


def _database_url() -> str:
    return str(settings.INTERLOCK.database_url)


@contextmanager
def worker(log: Path, app: str, environment: Mapping[str, str], *arguments: str) -> Iterator[None]:
    """Run `celery -A <app> worker`. Raises RuntimeError if it does not get ready."""
    started = Worker(log, app, environment, *arguments)
    started.start()
    try:
        yield
    finally:
        started.stop()


@contextmanager
def _scheduler(environment: Mapping[str, str]) -> Iterator[None]:
    process = direct.SchedulerProcess(environment)
    try:
        yield
    finally:
        process.stop()
