"""A random life of one scheduler: documents, users, executors and faults chosen by bytes, and the facts about it.

The facts are what the executors saw: which claims were sent to them, started and ended, in order. Checks (checks.py,
order.py) judge by them and by the stored rows, never by the scheduler's own memory.
"""

import copy
import functools
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from engine.executors.base import Ended, Lines, Report, Returned, Started
from engine.states import RUN_TERMINAL
from tests.stateful.truth import Fact, Installation, Truth
from tests.support.simulation import StoredRun

T = TypeVar("T")

POOLS = {"p": 2, "q": 3}
SLOTS_MAX = 3
WORKFLOWS = {"one": 1, "two": 2, "any": None}
"""Workflow -> `max_runs` of all its documents."""
RULES = ("all_success", "all_success", "all_done", "one_success", "all_failed", "none_failed")
PORTS = ("left", "right")
SIZES = (3, 1, 2, 4, 5, 6, 8, 10, 12, 16, 22, 30)
LATE = "late"
"""The output and the text of reports that must change nothing."""


class Dice:
    """Choices from bytes, quick to make and to shrink. 0, which is also used when the bytes are used up, chooses the
    simplest."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.used = 0

    @classmethod
    def of(cls, seed: int, count: int = 800) -> "Dice":
        return cls(random.Random(seed).randbytes(count))

    def roll(self, sides: int) -> int:
        """0 to `sides` - 1 (at most 256)."""
        self.used += 1
        return self.data[self.used - 1] % sides if self.used <= len(self.data) else 0

    def once_in(self, n: int) -> bool:
        return self.roll(n) == n - 1

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.roll(len(choices))]


@dataclass(frozen=True)
class Traits:
    """The kind of a life."""

    actions: tuple[str, ...]
    """Methods of World; one that is listed twice is twice as likely."""
    ends: tuple[str, ...] = ("succeeded", "succeeded", "succeeded", "failed", "timed_out", "lost")
    rules: tuple[str, ...] = RULES
    sizes: tuple[int, ...] = SIZES
    runs: int = 3
    workflows: tuple[str, ...] = ("one", "two", "any")
    pooled: int = 2
    """One node in so many uses a pool; 0: none."""
    limits: tuple[int | None, ...] = (None, 1, 3, 7)
    branches: bool = True
    processes: int = 0
    """0: one to four."""


def document(dice: Dice, traits: Traits, workflow: str, mark: int) -> dict[str, Any]:
    """Return an acyclic graph with its policies. `mark` distinguishes it from other documents of the workflow."""
    nodes, edges = [], []
    wide = dice.once_in(3)
    for index in range(dice.pick(traits.sizes)):
        policy: dict[str, Any] = {"trigger_rule": dice.pick(traits.rules), "retry_delay": dice.pick((0, 5))}
        policy |= {"retries": dice.roll(3), "lost_retries": dice.roll(3), "priority": dice.pick((None, 1, 5, 9))}
        if traits.pooled and dice.once_in(traits.pooled):
            policy |= {"pool": dice.pick(("p", "q")), "slots": 1 + dice.roll(SLOTS_MAX)}
        branch = traits.branches and dice.once_in(8)
        config: dict[str, Any] = {"mark": mark}
        if branch:
            config["cases"] = [{"port": port, "when": "true"} for port in PORTS]
        kind = "branch" if branch else dice.pick(("noop", "python"))
        nodes.append({"id": f"n{index}", "type": kind, "config": config, "policy": policy})
        for source in {dice.roll(index) for _ in range(dice.roll(2 if wide else 4))} if index else ():
            edge = {"source": f"n{source}", "target": f"n{index}"}
            if nodes[source]["type"] == "branch":
                edge["source_port"] = dice.pick(PORTS)
            edges.append(edge)
    settings = {
        "on_failure": dice.pick(("stop", "continue")),
        "max_concurrent": dice.pick(traits.limits),
        "max_runs": WORKFLOWS[workflow],
        "timeout": 100 if dice.once_in(8) else None,
    }
    return {"schema": "interlock/1", "nodes": nodes, "edges": edges, "settings": settings}


@functools.cache
def _home() -> Path:
    """Only named by the settings; nothing is written there."""
    return Path(tempfile.gettempdir()) / "interlock-simulated"


class Observer(Protocol):
    """An observer: called before and after each tick of the scheduler, and when a commit has taken effect."""

    def before(self) -> None: ...

    def committed(self) -> None: ...

    def after(self) -> None: ...


class World:
    """One life."""

    def __init__(self, dice: Dice, traits: Traits) -> None:
        self.dice = dice
        self.traits = traits
        self.truth = Truth()
        self.runs: list[StoredRun] = []
        self.touched: set[int] = set()
        """Runs that a user's command has affected."""
        self.retried: set[int] = set()
        self.skipped: set[tuple[int, str]] = set()
        self.succeeded: dict[tuple[int, str], int] = {}
        """{(run, node): number of facts when its success was committed}."""
        self.over: set[int] = set()
        self.crashes = 0
        self.outages = 0
        self.old: list[str] = []
        """Claims that are over."""
        self.documents: dict[int, dict[str, Any]] = {}
        """{run: its document as accepted}."""
        self.observe: Observer | None = None
        processes = traits.processes or 1 + dice.roll(4)
        self.sim = Installation(_home(), processes=processes, ahead=dice.roll(3), pools=dict(POOLS))
        self.sim.store.applied = self._committed
        self.sizes: dict[str, int] = {}
        self._attach()

    def _attach(self) -> None:
        self.executor = self.sim.executor
        self.executor.truth = self.truth

    def live(self) -> None:
        """Live from the first run until nothing is left to do."""
        self.start()
        for _ in range(10 + self.dice.roll(30)):
            action = self.dice.pick(self.traits.actions)
            self.happened(action)
            getattr(self, action)()
        self.finish()

    def happened(self, what: str) -> None:
        """Record an action among the facts, which makes them easier to read."""
        self.truth.add(Fact("action", state=what))

    def tick(self) -> None:
        """Do one tick of the scheduler."""
        if self.sim.store.pool_sizes != self.sizes:
            self.sizes = dict(self.sim.store.pool_sizes)
            for name in POOLS:
                self.truth.add(Fact("pool", node=name, slots=self.sizes.get(name)))
        if self.observe is not None:
            self.observe.before()
        self.sim.scheduler.tick(0)
        if self.observe is not None:
            self.observe.after()

    def _committed(self) -> None:
        facts = len(self.truth.facts)
        for run in self.runs:
            if run.values["state"] not in RUN_TERMINAL:
                self.over.discard(run.id)
            elif run.id in self.over:
                continue
            else:
                self.over.add(run.id)
                self.truth.add(Fact("over", run.id))
            for name, row in run.nodes.items():
                if row["state"] == "succeeded":
                    self.succeeded.setdefault((run.id, name), facts)
        if self.observe is not None:
            self.observe.committed()

    def describe(self) -> str:
        """Return the history of a failed life for people."""
        lines = []
        for run in self.runs:
            lines.append(f"run {run.id} of {run.values['workflow']}, {run.plan.settings}")
            for node in run.plan.nodes:
                row = run.nodes.get(node.id, {})
                after = [f"{run.plan.nodes[source].id}.{port}" for source, port, _ in node.inputs]
                lines.append(f"  {node.id} {node.rule} {after} {node.policy}: {row.get('state')} {row.get('reason')}")
        return "\n".join([*lines, *map(str, self.truth.facts)])

    # What users do.

    def start(self) -> None:
        if len(self.runs) < self.traits.runs:
            workflow = self.dice.pick(self.traits.workflows)
            made = document(self.dice, self.traits, workflow, mark=len(self.runs))
            run = self.sim.start(made, workflow=workflow, priority=self.dice.pick((None, 1, 9)))
            self.runs.append(run)
            self.documents[run.id] = copy.deepcopy(made)

    def _run(self) -> StoredRun:
        run = self.dice.pick(self.runs)
        self.touched.add(run.id)
        return run

    def _node(self, run: StoredRun) -> str:
        return run.plan.nodes[self.dice.roll(len(run.plan.nodes))].id

    def cancel(self) -> None:
        self.sim.command("cancel", self._run().id)

    def cancel_node(self) -> None:
        run = self._run()
        self.sim.command("cancel_node", run.id, self._node(run))

    def skip(self) -> None:
        run = self._run()
        name = self._node(run)
        self.skipped.add((run.id, name))
        # It reopens an ended run, whose other nodes may then run.
        self.retried.add(run.id)
        self.sim.command("skip", run.id, name)

    def retry(self) -> None:
        run = self._run()
        self.retried.add(run.id)
        nodes = None if self.dice.once_in(2) else [self._node(run)]
        self.sim.command("retry", run.id, nodes=nodes, policy={})

    def resize(self) -> None:
        self.sim.resize(self.dice.pick(("p", "q")), 1 + self.dice.roll(SLOTS_MAX))

    def remove(self) -> None:
        """Delete a pool; `resize` makes it again."""
        self.sim.resize(self.dice.pick(("p", "q")), None)

    # What executors do.

    def work(self) -> None:
        """Some sent work starts, some running work ends, and the scheduler gets the reports."""
        for _ in range(1 + self.dice.roll(4)):
            self.begin()
        for _ in range(self.dice.roll(4)):
            self.end()
        self.tick()

    def begin(self) -> None:
        executor = self.executor
        if executor.sent and len(executor.running) < executor.processes:
            executor.begin(self.dice.pick(tuple(executor.sent)))

    def end(self) -> None:
        executor = self.executor
        if not executor.running:
            return
        claim = self.dice.pick(tuple(executor.running))
        state = executor.killing.get(claim)
        # What the attempt itself did may come before the kill.
        if state is None or self.dice.once_in(4):
            state = self.dice.pick(self.traits.ends)
        ports: tuple[str, ...] = ("out",)
        if executor.running[claim].type == "branch":
            ports = self.dice.pick((("left",), ("right",), ()))
        self.old.append(claim)
        executor.finish(claim, state, ports)

    def wait(self) -> None:
        self.sim.clock.advance(self.dice.pick((1.0, 0.01, 6.0, 60.0, 101.0)))
        self.tick()

    def take_back(self) -> None:
        self.executor.recall()

    # What goes wrong.

    def outage(self) -> None:
        """The next commit fails, with or without effect."""
        self.outages += 1
        self.sim.store.fail = self.dice.pick(("before", "after"))

    def crash(self) -> None:
        """The scheduler is killed with its node processes, and another one starts."""
        self.crashes += 1
        self.truth.add(Fact("crash"))
        self.old += [*self.executor.running, *self.executor.sent]
        self.sim.store.fail = ""
        self.executor.die()
        self._lose_unread_ends()
        self.sim.crash()
        self._attach()

    def _lose_unread_ends(self) -> None:
        """Ends that no commit has stored are lost with the scheduler."""
        stored = {
            attempt["claim"] for run in self.runs for attempt in run.attempts.values() if attempt["state"] != "running"
        }
        for claim, end in list(self.truth.ends.items()):
            if claim not in stored:
                del self.truth.ends[claim]
                self.truth.add(Fact("unread", end.run, end.node, claim))

    def bad_reports(self) -> None:
        """Reports come twice, late, out of order, or with an unknown claim."""
        reports = self.executor.reports
        now = self.sim.clock.now
        kind = self.dice.roll(4)
        if kind == 0 and reports:
            reports += reports
        elif kind == 1 and reports:
            # Also the end of an attempt before its start.
            reports.reverse()
        else:
            claim = self.dice.pick(self.old) if kind == 2 and self.old else "f" * 32
            output = {"kind": "json", "value": LATE, "bytes": 6, "ports": ["out", *PORTS]}
            untimely: list[Report] = [
                Started(claim, 1, "1", LATE, now),
                Lines(claim, [(now, "info", LATE)]),
                Ended(claim, self.dice.pick(("succeeded", "failed", "lost")), now, 1.0, output=output),
                Returned([claim]),
            ]
            untimely = untimely[self.dice.roll(len(untimely)) :]
            reports += untimely

    # The end.

    def finish(self) -> None:
        """Faults stop, pools are large enough, everything succeeds, until nothing changes any more, or for much longer
        than each node needs."""
        self.sim.store.fail = ""
        for name in POOLS:
            if self.sim.store.pool_sizes.get(name) != SLOTS_MAX:
                self.sim.resize(name, SLOTS_MAX)
        idle = 0
        for _ in range(100 + 20 * sum(len(run.plan.nodes) for run in self.runs)):
            seen = len(self.truth.facts), self.sim.store.commits
            self.tick()
            executor = self.executor
            for claim in list(executor.sent)[: executor.processes - len(executor.running)]:
                executor.begin(claim)
            for claim in list(executor.running):
                ports = PORTS if executor.running[claim].type == "branch" else ("out",)
                executor.finish(claim, executor.killing.get(claim) or "succeeded", ports)
            if (len(self.truth.facts), self.sim.store.commits) != seen:
                idle = 0
            elif all(run.id in self.over for run in self.runs) and not self.sim.store.open_commands():
                return
            else:
                # Longer than any delay, poll or limit that is due in the end.
                idle += 1
                if idle == 8:
                    return
                self.sim.clock.advance(4.0**idle / 4)
