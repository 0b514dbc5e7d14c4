"""Random graphs, users and faults against the scheduler; after every step the invariants, at the end a model.

I1 a committed success never starts again. I2, I3 every accepted run ends once faults stop. I4 one valid claim per node,
stale reports change nothing. I5 no limit is exceeded. I6 slots in use are those of active attempts, 0 at rest. I8
attempts are bounded. I9 only transitions of the table; events fold to the row. I10 numbers have no gap. The last
command of a user for a running node takes effect.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.admission.rules import QUARANTINE_LOSSES
from engine.executors.base import Ended, Lines, Progress, Returned, Started
from engine.states import RUN_TERMINAL
from tests.stateful import checks
from tests.support.effort import LONG, rounds
from tests.support.simulation import Simulation, StoredRun

POOLS = {"p": 2, "q": 1}
RULES = ["all_success", "all_success", "all_success", "all_done", "one_success", "all_failed", "none_failed"]
PORTS = ["left", "right"]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """A small document: any acyclic graph, policies, branches, settings."""
    count = draw(st.integers(1, 7))
    nodes, edges = [], []
    for index in range(count):
        policy: dict[str, Any] = {"trigger_rule": draw(st.sampled_from(RULES))}
        if draw(st.booleans()):
            policy |= {"retries": draw(st.integers(0, 2)), "retry_delay": draw(st.sampled_from([0, 5]))}
        if draw(st.booleans()):
            pool = draw(st.sampled_from(list(POOLS)))
            policy |= {"pool": pool, "slots": draw(st.integers(1, POOLS[pool]))}
        policy["lost_retries"] = draw(st.integers(0, 4))
        policy["priority"] = draw(st.sampled_from([None, None, 1, 9]))
        branch = draw(st.integers(0, 4)) == 0
        config = {"cases": [{"port": port, "when": "true"} for port in PORTS]} if branch else {}
        nodes.append({"id": f"n{index}", "type": "branch" if branch else "noop", "config": config, "policy": policy})
        sources = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        for source in sorted(sources):
            edge = {"source": f"n{source}", "target": f"n{index}"}
            if nodes[source]["type"] == "branch":
                edge["source_port"] = draw(st.sampled_from(PORTS))
            edges.append(edge)
    return {
        "schema": "interlock/1",
        "nodes": nodes,
        "edges": edges,
        "settings": {
            "on_failure": draw(st.sampled_from(["stop", "continue"])),
            "max_concurrent": draw(st.sampled_from([None, None, 1, 2])),
            "max_runs": draw(st.sampled_from([None, None, 1])),
            "timeout": draw(st.sampled_from([None, None, 100])),
        },
    }


class SchedulerMachine(RuleBasedStateMachine):
    @initialize(processes=st.integers(1, 4), ahead=st.integers(0, 3))
    def begin(self, processes: int, ahead: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="interlock-stateful-"))
        self.sim = Simulation(self.folder, processes=processes, ahead=ahead, pools=dict(POOLS))
        self.runs: list[StoredRun] = []
        self.touched: set[int] = set()
        """Runs that a user's command has affected: the model does not predict their nodes."""
        self.old_claims: list[str] = []
        self.started: dict[str, tuple[int, str]] = {}
        """claim -> (run, node) of every start that was reported."""
        self.succeeded_at: dict[tuple[int, str], int] = {}
        """(run, node) -> number of works sent when its success was committed."""
        self.asked: dict[tuple[int, str], int] = {}
        self.commanded: dict[int, tuple[int, str, int]] = {}
        """{run: (command, kind, number of the node's attempt when the command was seen to be done)}."""
        self.losses_allowed: dict[tuple[int, str], int] = {}

    def teardown(self) -> None:
        if hasattr(self, "sim"):
            try:
                self.end()
            finally:
                shutil.rmtree(self.folder, ignore_errors=True)

    # People.

    @rule(document=graphs(), priority=st.sampled_from([None, 1, 9]), workflow=st.sampled_from(["v", "w"]))
    def start(self, document: dict[str, Any], priority: int | None, workflow: str) -> None:
        if len(self.runs) < 6:
            self.runs.append(self.sim.start(document, priority=priority, workflow=workflow))

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.runs))
        self.touched.add(run.id)
        self.sim.command("cancel", run.id)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def cancel_node(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.runs))
        self.touched.add(run.id)
        self.sim.command("cancel_node", run.id, data.draw(st.sampled_from(sorted(run.plan.by_id))))

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def skip_node(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.runs))
        self.touched.add(run.id)
        name = data.draw(st.sampled_from(sorted(run.plan.by_id)))
        self.asked[run.id, name] = self.asked.get((run.id, name), 0) + 1
        self.sim.command("skip", run.id, name)

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), all_nodes=st.booleans())
    def retry(self, data: st.DataObject, all_nodes: bool) -> None:
        run = data.draw(st.sampled_from(self.runs))
        self.touched.add(run.id)
        nodes = None
        policy = {}
        if not all_nodes:
            nodes = data.draw(st.lists(st.sampled_from(sorted(run.plan.by_id)), min_size=1, max_size=3, unique=True))
            if data.draw(st.booleans()):
                policy = {nodes[0]: {"pool": "p", "slots": 1}}
        for name in nodes or run.plan.by_id:
            self.asked[run.id, name] = self.asked.get((run.id, name), 0) + 1
        self.sim.command("retry", run.id, nodes=nodes, policy=policy)

    @rule(slots=st.integers(1, 3))
    def resize(self, slots: int) -> None:
        self.sim.resize("p", slots)

    # The world.

    @rule(count=st.integers(1, 3))
    def tick(self, count: int) -> None:
        self.sim.tick(count)

    @rule(seconds=st.sampled_from([0.01, 1.0, 6.0, 101.0]))
    def time_passes(self, seconds: float) -> None:
        self.sim.clock.advance(seconds)

    @precondition(lambda self: self.sim.executor.sent and len(self.sim.executor.running) < self.sim.executor.processes)
    @rule(data=st.data())
    def begin_work(self, data: st.DataObject) -> None:
        self._begin(data.draw(st.sampled_from(list(self.sim.executor.sent))))

    def _begin(self, claim: str) -> None:
        work = self.sim.executor.sent[claim]
        key = (int(work.run), work.node)
        self.started[claim] = key
        self.sim.executor.begin(claim)

    @precondition(lambda self: self.sim.executor.running)
    @rule(data=st.data(), state=st.sampled_from(["succeeded", "succeeded", "failed", "timed_out", "lost"]))
    def end_work(self, data: st.DataObject, state: str) -> None:
        claim = data.draw(st.sampled_from(list(self.sim.executor.running)))
        ports: tuple[str, ...] = ("out",)
        work = self.sim.executor.running[claim]
        if work.type == "branch":
            ports = data.draw(st.sampled_from([("left",), ("right",), ()]))
        # What the attempt itself did may come before the kill.
        if claim in self.sim.executor.killing and data.draw(st.booleans()):
            state = self.sim.executor.killing[claim]
        self.old_claims.append(claim)
        self.sim.executor.end(claim, state, ports=ports)

    @precondition(lambda self: self.sim.executor.running)
    @rule(data=st.data())
    def speak(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(list(self.sim.executor.running)))
        self.sim.executor.reports.append(Lines(claim, [(self.sim.clock.now, "info", "x")] * 3))
        self.sim.executor.reports.append(Progress(claim, 0.5, None, self.sim.clock.now))

    @precondition(lambda self: self.sim.executor.sent)
    @rule()
    def take_back(self) -> None:
        self.sim.executor.recall()

    @precondition(lambda self: self.old_claims)
    @rule(data=st.data(), state=st.sampled_from(["succeeded", "failed", "lost"]))
    def late_report(self, data: st.DataObject, state: str) -> None:
        claim = data.draw(st.sampled_from(self.old_claims))
        now = self.sim.clock.now
        self.sim.executor.reports += [
            Started(claim, 1, "1", "late", now),
            Lines(claim, [(now, "info", "late")]),
            Ended(claim, state, now, 1.0, output={"kind": "json", "value": "late", "bytes": 6, "ports": ["out"]}),
            Returned([claim]),
        ]

    @rule(effect=st.sampled_from(["before", "after"]))
    def commit_fails(self, effect: str) -> None:
        self.sim.store.fail = effect

    @rule()
    def crash(self) -> None:
        self.old_claims += [*self.sim.executor.running, *self.sim.executor.sent]
        for run in self.runs:
            for name, row in run.nodes.items():
                if row["state"] == "running":
                    key = (run.id, name)
                    self.losses_allowed[key] = self.losses_allowed.get(key, 0) + 1
        self.sim.store.fail = ""
        self.sim.crash()

    @precondition(lambda self: self.sim.executor.running)
    @rule(data=st.data(), kind=st.sampled_from(["cancel_node", "skip", "retry"]))
    def die_after_a_command(self, data: st.DataObject, kind: str) -> None:
        """A command for a running node is committed. Then the scheduler dies, before or after the kill."""
        claim = data.draw(st.sampled_from(list(self.sim.executor.running)))
        run_id, name = self.started[claim]
        self.touched.add(run_id)
        self.asked[run_id, name] = self.asked.get((run_id, name), 0) + 1
        if kind == "retry":
            self.sim.command(kind, run_id, nodes=[name], policy={})
        else:
            self.sim.command(kind, run_id, name)
        self.sim.tick()
        self.pending_actions_hold()
        self.crash()

    # What must hold after every step.

    @invariant()
    def limits_hold(self) -> None:
        if not hasattr(self, "sim"):
            return
        memory = self.sim.scheduler.core.memory
        for run in memory.runs.values():
            limit = run.plan.settings.max_concurrent
            assert limit is None or run.in_flight_count <= limit, "I5: a run's limit"
            assert run.in_flight == {node for node in run.nodes if node is not None and node.claim}
        quarantined = {node for node in memory.claims.values() if node.losses >= QUARANTINE_LOSSES}
        assert quarantined == memory.quarantined_in_flight
        assert len(quarantined) <= 1, "nodes that were lost often run one at a time"
        for name, pool in memory.pools.items():
            held = sum(node.slots for node in memory.claims.values() if node.pool is pool)
            assert pool.in_use == held, "I6: slots in use are those of live attempts"
            if name == "q":
                assert held <= 1, "I5: a pool's slots"
        active: dict[str, int] = {}
        for run in memory.runs.values():
            if run.state == "running" and not run.waits_for_workflow:
                active[run.workflow] = active.get(run.workflow, 0) + 1
        for workflow in active:
            limits = [
                run.plan.settings.max_runs
                for run in memory.runs.values()
                if run.workflow == workflow and run.state == "running" and not run.waits_for_workflow
            ]
            assert memory.workflows[workflow].active >= {
                run.id
                for run in memory.runs.values()
                if run.workflow == workflow and run.state == "running" and not run.waits_for_workflow
            }
            if all(limit == 1 for limit in limits):
                assert active[workflow] <= 1, "I5: a workflow's runs"

    @invariant()
    def rows_agree(self) -> None:
        if not hasattr(self, "sim"):
            return
        checks.rows_agree(self.sim.store)
        for run in self.sim.store.runs.values():
            assert not any(line == "late" for _, line in run.lines), "I4"
            for name, row in run.nodes.items():
                if row["output"]:
                    assert json.loads(row["output"])["value"] != "late", "I4"
                numbers = sorted(number for who, number in run.attempts if who == name)
                assert numbers == list(range(1, row["attempt"] + 1))
                self._attempts_are_bounded(run, name, row)

    def _attempts_are_bounded(self, run: StoredRun, name: str, row: dict[str, Any]) -> None:
        policy = run.plan.nodes[run.plan.by_id[name]].policy
        lives = 1 + self.asked.get((run.id, name), 0)
        # A retry of another node may have reset this one again.
        lives += sum(count for (number, _), count in self.asked.items() if number == run.id)
        most = lives * (1 + policy.retries + policy.lost_retries + 1)
        assert row["attempt"] <= most, "I8"

    @invariant()
    def pending_actions_hold(self) -> None:
        """What the last command of a run requested of a running node takes effect, whatever has happened since."""
        if not hasattr(self, "sim"):
            return
        last = {command.run_id: command for command in self.sim.store.commands.values() if command.run_id}
        for run in self.runs:
            command = last[run.id]
            nodes = command.body.get("nodes") or [] if command.kind == "retry" else [command.node]
            if not command.done or command.outcome is not None or len(nodes) != 1 or nodes[0] not in run.nodes:
                continue
            row = run.nodes[nodes[0]]
            if self.commanded.get(run.id, (0, "", 0))[0] != command.pk:
                # If the node did not run then, what starts afterwards may end in any way.
                kind = command.kind if row["state"] == "running" else ""
                self.commanded[run.id] = (command.pk, kind, row["attempt"])
            _, kind, number = self.commanded[run.id]
            if kind in ("cancel_node", "skip"):
                wanted = {"cancel_node": "cancelled", "skip": "skipped"}[kind]
                assert row["attempt"] == number, "a cancelled or skipped attempt is the last one"
                assert row["state"] in ("running", "succeeded", wanted)
            elif kind == "retry":
                assert row["attempt"] > number or row["state"] not in ("failed", "timed_out", "retrying")

    @invariant()
    def successes_stay(self) -> None:
        if not hasattr(self, "sim"):
            return
        for run in self.sim.store.runs.values():
            for name, row in run.nodes.items():
                key = (run.id, name)
                if key in self.succeeded_at:
                    assert row["state"] == "succeeded", "I1: a success changes no more"
                    assert row["attempt"] == self.succeeded_at[key], "I1: and starts no more"
                elif row["state"] == "succeeded":
                    self.succeeded_at[key] = row["attempt"]

    # The end.

    def end(self) -> None:
        """Faults stop; then every run ends, and nothing is held."""
        sim = self.sim
        sim.store.fail = ""
        sim.resize("p", 3)
        sim.finish(lambda work: "succeeded", seconds=1.0)
        self.limits_hold()
        self.rows_agree()
        self.successes_stay()
        self.pending_actions_hold()
        for run in self.runs:
            assert sim.state(run) in RUN_TERMINAL, ("I3", sim.states(run), run.values)
            assert not any(row["claim"] for row in run.nodes.values()), "I6"
            checks.run_state_follows(run)
            if run.id not in self.touched:
                checks.ends_follow(run)
        assert not sim.scheduler.core.memory.claims
        assert all(command.done for command in sim.store.commands.values()), "every command is answered"
        assert all(pool.in_use == 0 for pool in sim.scheduler.core.memory.pools.values())
        for acquired, released, _ in sim.store.pool_stats.values():
            assert acquired == released, "I6"


SchedulerMachine.TestCase.settings = settings(
    max_examples=rounds(100, 10_000),
    stateful_step_count=60,
    derandomize=not LONG,
    # Without "explain", which traces every line; the steps show what happened.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestScheduler = SchedulerMachine.TestCase


def test_commits_that_fail_repeatedly_are_retried_until_they_succeed() -> None:
    machine = SchedulerMachine()
    machine.begin(processes=1, ahead=0)
    for _ in range(8):
        machine.commit_fails(effect="before")
    machine.resize(slots=1)
    machine.tick(count=1)
    machine.commit_fails(effect="before")
    machine.tick(count=1)
    machine.teardown()
