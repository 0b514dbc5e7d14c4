"""The real scheduler loop over a store of plain rows, with a fake executor and a fake clock: no database, no process.

Commits can be made to fail, before or after they took effect, and the scheduler can be killed and started again.
"""

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine.config import from_environment
from engine.definition import parse
from engine.errors import LostLeadership
from engine.scheduler.core.changes import Changes
from engine.scheduler.core.plan import Plan
from engine.scheduler.core.recovery import count
from engine.scheduler.core.state import AttemptState, NodeState, RunState
from engine.scheduler.dialects import Diverged
from engine.scheduler.loop import Scheduler
from engine.scheduler.rows import ATTEMPT_COLUMNS, NODE_COLUMNS, SAMPLE_COLUMNS, STACK_COLUMNS, STACKS_MAX, Rows, Times
from engine.scheduler.store import Store
from engine.shapes import output_summary
from engine.states import PendingAction
from tests.support.broken import Broken
from tests.support.fake_executor import Clock, FakeExecutor


class Rowless(Times):
    """Keeps times as numbers."""

    def __init__(self) -> None:
        super().__init__("")

    def __call__(self, us: int | None) -> Any:
        return us


@dataclass
class StoredRun:
    id: int
    plan: Plan
    values: dict[str, Any]
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    attempts: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    events: list[list[Any]] = field(default_factory=list)
    lines: list[tuple[int, str]] = field(default_factory=list)
    levels: list[tuple[int, str]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    stacks: list[dict[str, Any]] = field(default_factory=list)


RUN_FIELDS = ("state", "reason", "altered", "counts", "seq", "stopping", "started_us", "resumed_us", "finished_us")


class MemoryStore(Store):
    """A database of dictionaries, with the same fences as the real one."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: dict[int, StoredRun] = {}
        self.commands: dict[int, SimpleNamespace] = {}
        self.pool_sizes: dict[str, int] = {}
        self.pool_stats: dict[str, list[float]] = {}
        self.epoch = 0
        self.fail = ""
        """"before" or "after": the next commit raises, without or with effect."""
        self.commits = 0
        self.stats: dict[tuple[str, str], tuple[list[float], float | None]] = {}

    def open(self) -> None: ...

    def close(self) -> None: ...

    def checkpoint(self, idle: bool) -> None: ...

    def delete_dispatches(self) -> None: ...

    def write(self, changes: Changes, epoch: int, now_us: int, beat: bool) -> None:
        if epoch != self.epoch:
            raise LostLeadership(epoch)
        fail, self.fail = self.fail, ""
        if fail == "before":
            raise Diverged
        for run in changes.runs:
            if run.id in self.runs and self.runs[run.id].values["seq"] != run.stored_seq:
                raise Broken(f"I4: run {run.id} was written by another scheduler")
        self._apply(Rows(changes, Rowless()), changes)
        self.commits += 1
        if fail == "after":
            raise Diverged
        self._confirm(changes)

    def faulty_runs(self, changes: Changes, epoch: int, now_us: int) -> dict[int, str]:
        return {}

    def set_aside(self, run_id: int, epoch: int, fault: str) -> int | None:
        raise Broken(f"run {run_id} was set aside: {fault}")

    def _apply(self, rows: Rows, changes: Changes) -> None:
        for row in rows.indexed_runs + rows.unindexed_runs:
            stored = self.runs.get(row[-2])
            if stored is None:
                continue
            stored.values.update(zip(RUN_FIELDS, row[:9], strict=True))
            stored.values["altered"] = json.loads(row[2])
            stored.values["counts"] = json.loads(row[3])
        for row in rows.nodes:
            values = dict(zip(NODE_COLUMNS, row, strict=True))
            stored = self.runs[values["run_id"]]
            stored.nodes.setdefault(values["node"], {"pending_action": None}).update(values)
        for claim, run_id, node in rows.claims:
            self.runs[run_id].nodes[node]["claim"] = claim
        for action, run_id, node in rows.pending_actions:
            self.runs[run_id].nodes[node]["pending_action"] = action
        for row in rows.attempts:
            values = dict(zip(ATTEMPT_COLUMNS, row, strict=True))
            self.runs[values["run_id"]].attempts[values["node"], values["number"]] = values
        for run_id, first, last, body in rows.events:
            events = json.loads(body)
            assert events[0][0] == first
            assert events[-1][0] == last
            self.runs[run_id].events.extend(events)
        for run_id, _node, _item, _attempt, first, last, body in rows.logs:
            lines = json.loads(body)
            assert last - first + 1 == len(lines)
            self.runs[run_id].lines.extend((first + offset, line[2]) for offset, line in enumerate(lines))
            self.runs[run_id].levels.extend((first + offset, line[1]) for offset, line in enumerate(lines))
        for row in rows.samples:
            values = dict(zip(SAMPLE_COLUMNS, row, strict=True))
            self.runs[values["run_id"]].samples.append(values)
        for row in rows.stacks:
            values = dict(zip(STACK_COLUMNS, row, strict=True))
            self.runs[values["run_id"]].stacks.append(values)
        for run_id, node, attempt in rows.crowded_attempts:
            self._thin(self.runs[run_id], node, attempt)
        for acquired, released, longest, name in rows.pools:
            stats = self.pool_stats.setdefault(name, [0, 0, 0.0])
            stats[0] += acquired
            stats[1] += released
            stats[2] = max(stats[2], longest)
        for outcome, command in rows.commands:
            self.commands[command].done = True
            self.commands[command].outcome = None if outcome is None else json.loads(outcome)
        for workflow, node, durations, median in rows.durations:
            self.stats[workflow, node] = (json.loads(durations), median)

    def _thin(self, run: StoredRun, node: str, attempt: int) -> None:
        mine = [stack for stack in run.stacks if (stack["node"], stack["attempt"]) == (node, attempt)]
        order = sorted(mine[:-1], key=lambda stack: (stack["why"] == "asked", -stack["taken_at"]))
        remaining = [mine[-1], *order[: STACKS_MAX - 1]]
        run.stacks = [stack for stack in run.stacks if stack not in mine or stack in remaining]

    def beat(self, epoch: int, now_us: int) -> None:
        if epoch != self.epoch:
            raise LostLeadership(epoch)

    def open_commands(self) -> list[Any]:
        return [command for _, command in sorted(self.commands.items()) if not command.done]

    def pools(self) -> dict[str, int]:
        return dict(self.pool_sizes)

    def unfinished(self) -> list[RunState]:
        return [self._load_run(s) for s in self.runs.values() if s.values["state"] in ("queued", "running")]

    def queued(self, ids: Any) -> list[RunState]:
        return [self._load_run(self.runs[run_id]) for run_id in sorted(ids)]

    def run(self, run_id: int) -> RunState | None:
        return self._load_run(self.runs[run_id]) if run_id in self.runs else None

    def output(self, run: RunState, index: int) -> dict[str, Any] | None:
        text = self.runs[run.id].nodes[run.plan.nodes[index].id]["output"]
        return None if text is None else json.loads(text)

    def _durations(self, workflow: str) -> list[tuple[str, list[float], float | None]]:
        return [(node, *value) for (name, node), value in self.stats.items() if name == workflow]

    def _load_run(self, stored: StoredRun) -> RunState:
        run = RunState(stored.id, stored.plan)
        values = copy.deepcopy(stored.values)
        for name in RUN_FIELDS:
            if name != "counts":
                setattr(run, name, values[name])
        run.workflow, run.priority, run.created_us = values["workflow"], values["priority"], values["created_us"]
        if values["targets"] is not None:
            run.selected = stored.plan.with_upstream(values["targets"])
        run.stored_seq = run.seq
        run.waits_for_workflow = run.state == "running" and run.reason == "workflow_limit"
        for name, row in stored.nodes.items():
            index = run.plan.by_id[name]
            node = run.nodes[index] = NodeState(run, run.plan.nodes[index])
            for attribute in ("state", "reason", "attempt", "claim", "retries", "losses", "slots", "artifact"):
                setattr(node, attribute, row[attribute])
            node.pending_action = PendingAction.from_stored(row["pending_action"], row["claim"])
            if node.pending_action == PendingAction.SKIP:
                skip = ("skip", run.id, name, True)
                skips = [one for one in self.commands.values() if (one.kind, one.run_id, one.node, one.done) == skip]
                node.skip_output = skips[-1].body.get("output")
            node.pool_name = row["pool"]
            node.ready_us, node.retry_us = row["ready_at"] or 0, row["retry_at"] or 0
            node.started_us, node.finished_us = row["started_at"], row["finished_at"]
            node.expected, node.expected_from = row["expected"], row["expected_from"]
            node.error = json.loads(row["error"]) if row["error"] else None
            node.progress = json.loads(row["progress"]) if row["progress"] else None
            if row["output"]:
                output = json.loads(row["output"])
                node.summary = output_summary(output)
                if node.plan.branches and node.state == "succeeded":
                    node.ports = frozenset(output["ports"])
            if node.state == "running":
                attempt = stored.attempts[name, node.attempt]
                node.current = AttemptState(
                    node,
                    node.attempt,
                    node.claim,
                    attempt["worker"],
                    attempt["pid"],
                    "",
                    attempt["started_at"],
                    attempt["ready_at"],
                )
        count(run)
        return run


class FreeLock:
    """Always granted; a later one raises the epoch above that of an earlier one."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    def acquire(self) -> bool:
        return True

    def limit_silence(self, seconds: int) -> None: ...

    def take_over(self) -> int:
        self.store.epoch += 1
        return self.store.epoch

    def release(self) -> None: ...


class Simulation:
    """One simulated installation."""

    executors: type[FakeExecutor] = FakeExecutor
    stores: type[MemoryStore] = MemoryStore

    def __init__(self, tmp: Path, *, processes: int = 2, ahead: int = 0, pools: dict[str, int] | None = None) -> None:
        self.config = from_environment({"INTERLOCK_HOME": str(tmp), "INTERLOCK_WORKERS": str(processes)})
        self.clock = Clock()
        self.store = self.stores()
        self.store.pool_sizes.update(pools or {})
        self.processes, self.ahead = processes, ahead
        self.executor = self.executors(self.clock, processes, ahead)
        self.scheduler = self._scheduler()

    def _scheduler(self) -> Scheduler:
        scheduler = Scheduler(
            self.config,
            self.executor,
            wall=self.clock.wall,
            monotonic=self.clock.monotonic,
            seed=1,
            store=self.store,
            lock=FreeLock(self.store),  # type: ignore[arg-type]
        )
        scheduler.leadership.wait(None)
        scheduler.started = self.executor.start()
        scheduler._rebuild()
        return scheduler

    # What users do.

    def start(
        self,
        document: dict[str, Any],
        *,
        workflow: str = "w",
        priority: int | None = None,
        targets: list[str] | None = None,
    ) -> StoredRun:
        """Create a run, queued, with its command."""
        plan = Plan(len(self.store.runs) + 1, parse(document, trusted=True))
        run_id = len(self.store.runs) + 1
        values = {
            "workflow": workflow,
            "priority": plan.settings.priority if priority is None else priority,
            "created_us": round(self.clock.now * 1e6),
            "state": "queued",
            "reason": "",
            "altered": {},
            "targets": targets,
            "counts": {"pending": len(plan.nodes)},
            "seq": 0,
            "stopping": "",
            "started_us": None,
            "resumed_us": None,
            "finished_us": None,
        }
        stored = self.store.runs[run_id] = StoredRun(run_id, plan, values)
        self.command("start", run_id)
        return stored

    def command(self, kind: str, run_id: int | None = None, node: str = "", **body: Any) -> SimpleNamespace:
        number = len(self.store.commands) + 1
        command = SimpleNamespace(
            pk=number, kind=kind, run_id=run_id, node=node, body=body, by="t", done=False, outcome=None
        )
        self.store.commands[number] = command
        self.scheduler.commands.wake()
        return command

    def resize(self, name: str, slots: int | None) -> None:
        if slots is None:
            self.store.pool_sizes.pop(name, None)
        else:
            self.store.pool_sizes[name] = slots
        self.command("pool_changed")

    # What happens, with all that follows by itself.

    def launch(self, document: dict[str, Any], **more: Any) -> StoredRun:
        """Start a run and settle."""
        run = self.start(document, **more)
        self.settle()
        return run

    def apply(self, kind: str, run_id: int, node: str = "", **body: Any) -> SimpleNamespace:
        """Send a command and settle."""
        command = self.command(kind, run_id, node, **body)
        self.settle()
        return command

    def begin(self, claim: str | None = None) -> str:
        """Settle, let the first (or this) sent work start, and settle. Return its claim."""
        self.settle()
        claim = self.executor.begin(claim)
        self.settle()
        return claim

    def end(self, claim: str | None = None, state: str = "succeeded", **result: Any) -> None:
        """Let a running work end and settle."""
        self.executor.end(claim, state, **result)
        self.settle()

    # How time passes.

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.scheduler.tick(0)

    def settle(self) -> None:
        """Tick until nothing more happens by itself."""
        for _ in range(10_000):
            self.scheduler.tick(0)
            scheduler = self.scheduler
            # After repeated failures it pauses, and does no tick before that is over.
            self.clock.advance(max(0.0, scheduler.next_tick - self.clock.mono))
            if (
                not scheduler.inbox
                and not self.executor.reports
                and not scheduler.core.has_work
                and scheduler.commands.next_look > self.clock.mono
            ):
                return
        raise AssertionError("the scheduler does not come to rest")

    def finish(self, outcome: Any = lambda work: "succeeded", seconds: float = 1.0) -> None:
        """Let everything run to its end, with time passing."""
        for _ in range(10_000):
            self.settle()
            if not self.executor.run_all(outcome) and not self.executor.running and not self.executor.reports:
                due = self.scheduler.core.next_timer()
                if due is None:
                    return
                self.clock.advance(max(seconds, due - self.clock.mono))
        raise AssertionError("the runs do not end")

    def crash(self) -> None:
        """Kill the scheduler with its node processes, and start another one."""
        self.executor = self.executors(self.clock, self.processes, self.ahead, self.executor.notes)
        self.scheduler = self._scheduler()

    # What is read.

    def states(self, run: StoredRun) -> dict[str, str]:
        """Return {node: state} of all nodes, as stored."""
        return {node.id: run.nodes.get(node.id, {}).get("state", "pending") for node in run.plan.nodes}

    def state(self, run: StoredRun) -> str:
        return str(run.values["state"])

    def reasons(self, run: StoredRun) -> dict[str, str]:
        return {name: row["reason"] for name, row in run.nodes.items() if row["reason"]}
