"""A supervisor with real node processes, driven as the scheduler drives it, without a database."""

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from engine.config import Config
from engine.executors.base import Ended, Lines, Report, Returned, Started, Work
from engine.inspect import procfs
from engine.supervisor.supervisor import Supervisor
from engine.worker import MAIN
from tests.support.wait import WAIT_SECONDS

R = TypeVar("R")
FAKE_NODE = str(Path(__file__).with_name("fake_node.py"))


def config(home: Path, workers: int = 2, memory_mb: int | None = None) -> Config:
    return Config(
        home=home,
        database_url="",
        redis_url="",
        executor="local",
        artifacts=str(home / "artifacts"),
        max_concurrent=64,
        workers=workers,
        node_python="",
        node_env=(),
        data_roots=(),
        admin_password="",
        trust_proxy=False,
        node_memory_mb=memory_mb,
    )


class Supervised:
    """Polls a supervisor and stores every report. As a context manager it stops what it started."""

    def __init__(
        self,
        home: Path,
        workers: int = 2,
        main: str = MAIN,
        lease: int | None = None,
        memory_mb: int | None = None,
    ) -> None:
        self.home = home
        self.supervisor = Supervisor(config(home, workers, memory_mb), main=main, lease=lease)
        self.reports: list[Report] = []
        self.works: dict[str, Work] = {}
        self.stopped = False

    def __enter__(self) -> "Supervised":
        self.started_before = self.supervisor.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self.stopped:
            self.stop(0)

    def stop(self, grace: float) -> list[Report]:
        self.stopped = True
        reports = self.supervisor.stop(grace)
        self.reports += reports
        return reports

    def work(
        self,
        type: str = "noop",
        *,
        soft: float | None = None,
        hard: float | None = None,
        memory_mb: int | None = None,
        python: str = "",
        expected: float | None = None,
        stuck_after: float | None = None,
        node: str = "n",
        inputs: dict[str, Any] | None = None,
        **config: Any,
    ) -> Work:
        claim = uuid.uuid4().hex
        envelope: dict[str, Any] = {
            "claim": claim,
            "run": {"id": "1", "workflow": "w", "version": 1, "inputs": {}},
            "node": node,
            "name": node,
            "item": -1,
            "attempt": 1,
            "type": type,
            "entry": f"engine.nodes.{type.replace('.', '_')}.run",
            "config": config,
            "expressions": [],
            "inputs": inputs or {},
            "nodes": {},
            "env": {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            "artifacts": str(self.home / "artifacts"),
            "files": str(self.home / "files"),
            "data_roots": [],
            "closed": [],
            "soft_timeout": soft,
            "inline_bytes": 32768,
            "duckdb": {"memory_bytes": 256 * 1024 * 1024, "threads": 1},
            "resolver": sys.executable,
        }
        own = {name: envelope.pop(name) for name in ("claim", "attempt", "inputs", "nodes", "soft_timeout")}
        work = Work(
            claim,
            own,
            soft,
            hard,
            memory_mb,
            python,
            expected,
            stuck_after,
            run=envelope["run"]["id"],
            workflow=envelope["run"]["workflow"],
            node=envelope["node"],
            type=type,
            entry=envelope["entry"],
            config=config,
            shared=json.dumps(envelope)[1:-1],
        )
        self.works[claim] = work
        return work

    def python(self, code: str, **more: Any) -> Work:
        return self.work("python", code=code, **more)

    def shell(self, command: str, **more: Any) -> Work:
        return self.work("shell", command=command, **more)

    def send(self, *works: Work) -> None:
        self.supervisor.send(works)

    def poll(self, timeout: float = 0.05) -> list[Report]:
        reports = self.supervisor.poll(timeout)
        self.reports += reports
        return reports

    def until(self, found: Callable[[], R | None], timeout: float = WAIT_SECONDS) -> R:
        """Poll until `found()` is true, and return its value. Shows the last reports after the timeout."""
        end = time.monotonic() + timeout
        while True:
            value = found()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"not seen in {timeout} s; the last reports: {self.reports[-8:]}")
            self.poll()

    def of(self, kind: type[R], claim: str | None = None) -> list[R]:
        return [one for one in self.reports if isinstance(one, kind) and claim in (None, getattr(one, "claim", None))]

    def started(self, work: Work) -> Started:
        return self.until(lambda: self.of(Started, work.claim) or None)[0]

    def ended(self, work: Work, timeout: float = WAIT_SECONDS) -> Ended:
        return self.until(lambda: self.of(Ended, work.claim) or None, timeout)[0]

    def run(self, work: Work, timeout: float = WAIT_SECONDS) -> Ended:
        self.send(work)
        return self.ended(work, timeout)

    def returned(self) -> list[str]:
        return [claim for one in self.of(Returned) for claim in one.claims]

    def lines(self, work: Work) -> list[str]:
        return [line[2] for one in self.of(Lines, work.claim) for line in one.lines]

    def run_all(self, works: Iterable[Work], timeout: float = WAIT_SECONDS) -> list[Ended]:
        """Send as room allows, also what is returned, until all have ended."""
        waiting = list(works)[::-1]
        claims = {work.claim for work in waiting}
        ended: list[Ended] = []
        end = time.monotonic() + timeout
        while len(ended) < len(claims):
            free, batch = self.supervisor.prefetch_credit(), list[Work]()
            while waiting and len(batch) < free and self.supervisor.has_room(waiting[-1]):
                batch.append(waiting.pop())
            if batch:
                self.supervisor.send(batch)
            assert time.monotonic() < end, f"{len(claims) - len(ended)} of {len(claims)} have not ended"
            for one in self.poll(0.5):
                if isinstance(one, Ended):
                    ended.append(one)
                elif isinstance(one, Returned):
                    waiting += [self.works[claim] for claim in one.claims]
        return ended

    def settle(self) -> None:
        """Wait until all idle processes have started, including the spare."""
        wanted = self.supervisor.capacity + 1
        self.until(lambda: [one.state for one in self.supervisor.node_processes()].count("idle") >= wanted)

    def tree_of(self, pid: int) -> set[int]:
        return {one.pid for one in procfs.tree(pid, 1000) if not one.is_gone}


def error_of(ended: Ended) -> dict[str, Any]:
    """Return the error of an attempt that has one."""
    assert ended.error is not None
    return ended.error


def marked(supervisor_mark: str) -> list[int]:
    """Return live processes, and how they were started, whose environment has a mark with this prefix."""
    needle = b"INTERLOCK_MARK=" + supervisor_mark.encode()
    return [
        one.pid
        for one in procfs.processes().values()
        if one.is_user and not one.is_gone and one.pid != os.getpid() and needle in procfs.environment(one.pid)
    ]


def alive(pid: int) -> bool:
    one = procfs.process(pid)
    return one is not None and not one.is_gone
