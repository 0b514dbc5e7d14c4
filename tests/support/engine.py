"""The real engine in a test: scheduler, supervisor and node processes over the test's database, in the test's thread.

The loop advances only inside `until` and the calls that use it, so that nothing happens unnoticed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from engine.actions import runs
from engine.config import Config, from_environment
from engine.definition import store
from engine.executors.factory import executor_of
from engine.models import NodeRun, Run
from engine.reads import events, node_runs
from engine.scheduler.loop import Scheduler
from engine.states import RUN_TERMINAL
from tests.support.wait import WAIT_SECONDS

T = TypeVar("T")


class Engine:
    """A started engine; end it with `stop`."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.environment = environment
        self.config: Config = from_environment({"INTERLOCK_HOME": str(home), "INTERLOCK_WORKERS": "2", **environment})
        self.config.files.mkdir(parents=True, exist_ok=True)
        store.clear_cache()
        self.executor: Any = executor_of(self.config)
        self.scheduler = Scheduler(self.config, self.executor)
        # A garbage collection of all modules of a test process takes as long as a short test.
        with mock.patch("engine.gc_settings.tune"):
            assert self.scheduler.start()
        if self.remote:
            # A worker whose row was deleted with another test's tables registers again.
            self.until(self.scheduler.remote.served_queues)  # type: ignore[union-attr]

    @property
    def remote(self) -> bool:
        """Return whether the node processes belong to a worker."""
        return self.scheduler.remote is not None

    def stop(self, grace: float = 0) -> None:
        """Drain, and end all node processes."""
        self.scheduler.drain(grace)
        self.scheduler.close()

    def start(self, document: dict[str, Any], **given: Any) -> Run:
        """Start a run."""
        given.setdefault("workflow", "test")
        return runs.start(runs.store_definition(document), by="tester", **given)

    def until(self, condition: Callable[[], T], timeout: float = WAIT_SECONDS) -> T:
        """Let the engine work until `condition` is true, and return its value. Fails with the last value."""
        end = time.monotonic() + timeout
        # Actions wake the scheduler after their transaction; in a test's own thread it would poll a second later.
        self.scheduler.commands.wake()
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < end, f"not true within {timeout} s; last value: {value!r}"
            self.scheduler.tick(0.02)

    def finish(self, run: Run, timeout: float = WAIT_SECONDS) -> Run:
        """Let the engine work until `run` is over, and return its row."""

        def over() -> Run | None:
            run.refresh_from_db()
            return run if run.state in RUN_TERMINAL else None

        self.until(over, timeout)
        return run

    def run(self, document: dict[str, Any], timeout: float = WAIT_SECONDS, **given: Any) -> Run:
        """Start a run and let it end."""
        return self.finish(self.start(document, **given), timeout)

    def node(self, run: Run, name: str) -> NodeRun:
        return NodeRun.objects.get(run=run, node=name)

    def reaches(self, run: Run, name: str, state: str, timeout: float = WAIT_SECONDS) -> NodeRun:
        """Let the engine work until a node is in `state`, and return its row."""
        return self.until(lambda: NodeRun.objects.filter(run=run, node=name, state=state).first(), timeout)  # type: ignore[return-value]


@contextmanager
def running_engine(home: Path, **environment: str) -> Iterator[Engine]:
    engine = Engine(home, **environment)
    try:
        yield engine
    finally:
        engine.stop()


def fold(run: Run) -> tuple[dict[str, Any], dict[str, dict[str, Any]], list[int]]:
    """Return (run, nodes, sequence numbers) as a reader that folds all events from the first one knows them at
    the end."""
    nodes = {item["node"]: {**item, "state": "pending"} for item in node_runs.node_runs(run)}
    seen: dict[str, Any] = {}
    numbers: list[int] = []
    after = 0
    while True:
        found, after = events.read(run.pk, after, 500)
        if not found:
            return seen, nodes, numbers
        for event in found:
            numbers.append(event["seq"])
            if event["type"] == "run":
                seen = event["run"]
            elif event["type"] == "node":
                nodes[event["node"]["node"]] = event["node"]
            elif event["type"] == "progress":
                nodes[event["node"]]["progress"] = {
                    "fraction": event["fraction"],
                    "message": event["message"],
                    "at": event["at"],
                }
