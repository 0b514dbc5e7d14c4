"""Invariants over a life of the scheduler, each a function of the world that raises Broken with the invariant's name.

Judged by the facts (what executors saw) and the stored rows. test_broken_schedulers.py shows that each can fail, on
schedulers that are broken on purpose.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from engine.policy import decide
from engine.states import NODE_TERMINAL, NODE_TRANSITIONS, RUN_TERMINAL
from tests.stateful.truth import Fact
from tests.stateful.world import LATE, WORKFLOWS, World
from tests.support.broken import Broken, hold
from tests.support.simulation import MemoryStore, StoredRun

STEPS = {(state, to) for (state, _), states in NODE_TRANSITIONS.items() for to in states} | {("ready", "ready")}


def all_over(world: World) -> None:
    """I2, I3, I6: every accepted run has ended with all of its nodes, no command is open, and nothing is held, neither
    by an executor nor in the counts of the pools."""

    def problems() -> Iterable[str]:
        for run in world.runs:
            states = world.sim.states(run)
            if run.values["state"] not in RUN_TERMINAL or set(states.values()) - NODE_TERMINAL:
                yield f"run {run.id} is {run.values['state']}: {states}"
        yield from (f"{command} is not done" for command in world.sim.store.open_commands())

    hold("I3", problems())
    hold("I6", (f"{fact} is still held" for fact in world.truth.held.values()))
    hold(
        "I6", (f"{run.id} {name} has a claim" for run in world.runs for name, row in run.nodes.items() if row["claim"])
    )
    stats = world.sim.store.pool_stats.items()
    hold("I6", (f"{name}: {got} acquired, {back} released" for name, (got, back, _) in stats if got != back))
    for run in world.runs:
        run_state_follows(run)
        if run.id not in world.touched:
            ends_follow(run)


def run_state_follows(run: StoredRun) -> None:
    """I2: a run's end follows from those of its nodes."""
    states = {row["state"] for row in run.nodes.values()}
    if run.values["reason"] == "run_timeout":
        wanted = "timed_out"
    elif states & {"failed", "timed_out"}:
        wanted = "failed"
    elif "cancelled" in states:
        wanted = "cancelled"
    else:
        wanted = "succeeded"
    if run.values["state"] != wanted:
        raise Broken(f"I2: run {run.id} is {run.values['state']}, with nodes {states}")


def ends_follow(run: StoredRun) -> None:
    """I2: each node's end follows from the ends of its upstream nodes, in whatever order reports came. Applies to runs
    without commands for single nodes."""

    def problems() -> Iterable[str]:
        rows = run.nodes
        for node in run.plan.nodes:
            seen = []
            for source, ports in zip(node.sources, node.ports, strict=True):
                row = rows[run.plan.nodes[source].id]
                state = row["state"]
                if state == "succeeded" and run.plan.nodes[source].branches:
                    state = "skipped" if ports.isdisjoint(json.loads(row["output"])["ports"]) else state
                seen.append("pending" if not node.clean_up and row["reason"] == "run_stopped" else state)
            decision = decide(node.rule, seen)
            state, reason = rows[node.id]["state"], rows[node.id]["reason"]
            if state in ("succeeded", "failed", "timed_out"):
                right = decision == "ready"
            elif state in ("skipped", "upstream_failed"):
                right = decision == state
            else:
                # A failure does not stop nodes that clean up.
                stops = run.plan.settings.on_failure == "stop" and not node.clean_up
                right = reason == "run_timeout" or (reason == "run_stopped" and stops)
            if not right:
                yield f"{node.id} ({node.rule} of {seen}) is {state} {reason}"

    hold("I2", problems())


def upstream_first(world: World) -> None:
    """No node starts before its upstream nodes meet its trigger rule. Under every rule but `one_success`, which need
    not wait for all, none of these runs while or after it starts.

    A node that a person skipped needs no success. A node that a person retried may start again, beside what its earlier
    end had made ready: there only a success counts, which stays.
    """

    def problems() -> Iterable[str]:
        last: dict[tuple[int, str], Fact] = {}
        started_after: dict[tuple[int, str], set[str]] = defaultdict(set)
        """{node: nodes that have started, and had to wait for its end}."""
        rules = {
            (run, node["id"]): node["policy"]["trigger_rule"]
            for run, made in world.documents.items()
            for node in made["nodes"]
        }
        edges: dict[tuple[int, str], list[tuple[str, str]]] = defaultdict(list)
        for run, made in world.documents.items():
            for edge in made["edges"]:
                edges[run, edge["target"]].append((edge["source"], edge.get("source_port", "out")))
        for fact in world.truth.facts:
            key = fact.run, fact.node
            if fact.kind in ("ended", "died", "unread"):
                last[key] = fact
            if fact.kind != "started":
                continue
            last[key] = fact
            if started_after[key] and fact.run not in world.retried:
                yield f"{key} began after {started_after[key]}, which had waited for its end"
            rule = rules[key]
            found = [
                _did(last.get((fact.run, source)), port, (fact.run, source) in world.skipped)
                for source, port in edges[key]
            ]
            judged = fact.run not in world.retried or rule in ("all_success", "one_success")
            if judged and not _met(rule, found):
                yield f"{key} ({rule}) began after {found}"
            if rule != "one_success":
                for source, _ in edges[key]:
                    started_after[fact.run, source].add(fact.node)

    hold("upstream", problems())


def _did(last: Fact | None, port: str, skipped: bool) -> str:
    """Return what the source of an edge did last."""
    if skipped:
        return "skipped by a person"
    if last is None:
        return "never began"
    if last.kind == "started":
        return "runs"
    if last.state != "succeeded":
        return "failed"
    return "succeeded" if port in last.ports else "port not taken"


def _met(rule: str, found: list[str]) -> bool:
    if not found:
        return True
    if rule == "one_success":
        return bool({"succeeded", "skipped by a person"} & set(found))
    wanted = {
        "all_success": {"succeeded", "skipped by a person"},
        "all_failed": {"failed", "never began", "skipped by a person"},
        "none_failed": {"succeeded", "port not taken", "never began", "skipped by a person"},
        "all_done": {"succeeded", "failed", "port not taken", "never began", "skipped by a person"},
    }
    return set(found) <= wanted[rule]


def limits_hold(world: World) -> None:
    """I5, I6: at every moment the attempts that are sent or running fit into the node processes, the run's
    `max_concurrent` and the slots of each pool, and a workflow has at most `max_runs` active runs.

    A pool that was made smaller may be exceeded by what it held then, but nothing more is sent until that has ended.
    """

    def problems() -> Iterable[str]:
        runs = {run.id: run for run in world.runs}
        most = world.sim.processes + world.sim.ahead
        held: set[str] = set()
        in_run: Counter[int] = Counter()
        in_pool: Counter[str] = Counter()
        slots: dict[str, int | None] = {}
        under_way: dict[str, set[int]] = defaultdict(set)
        for fact in world.truth.facts:
            if fact.kind == "pool":
                slots[fact.node] = fact.slots
            if not fact.run:
                continue
            run = runs[fact.run]
            workflow = run.values["workflow"]
            if fact.kind == "over":
                under_way[workflow].discard(run.id)
                continue
            policy = run.plan.nodes[run.plan.by_id[fact.node]].policy
            pool = policy.pool
            if fact.kind == "sent":
                held.add(fact.claim)
                in_run[run.id] += 1
                under_way[workflow].add(run.id)
                if pool:
                    in_pool[pool] += policy.slots
                    if in_pool[pool] > (slots[pool] or 0):
                        yield f"{fact}: {in_pool[pool]} slots of {pool} in use, of {slots[pool]}"
                limit = run.plan.settings.max_concurrent
                if limit is not None and in_run[run.id] > limit:
                    yield f"{fact}: {in_run[run.id]} of run {run.id} at once, of {limit}"
                if len(held) > most:
                    yield f"{fact}: {len(held)} at once, of {most}"
                limit = WORKFLOWS[workflow]
                if limit is not None and len(under_way[workflow]) > limit:
                    yield f"{fact}: runs {under_way[workflow]} of one workflow, of {limit}"
            elif fact.kind == "started":
                if fact.claim not in held:
                    yield f"{fact} was given back before"
            elif fact.claim in held:
                held.remove(fact.claim)
                in_run[run.id] -= 1
                if pool:
                    in_pool[pool] -= policy.slots

    hold("I5", problems())


def used_once(world: World) -> None:
    """I1, I4, I8: what an attempt reports is used once, and only for that attempt.

    Each stored attempt has started, only once, and ended as the executor reported (or is lost, if its scheduler died).
    Each attempt that started is stored (or its scheduler died). A success brings its own output, is the last attempt of
    its node, and nothing of it is sent again once it is committed, unless a retry
    changes what it consumed. No two attempts of a node run at once. What is lost with a scheduler counts as an attempt
    before its node is sent again. Attempts are numbered without gap, and at most 1 + `retries` + `lost_retries` where
    no person retried.
    """
    hold("I1", _again(world))
    hold("I4", _two_at_once(world))
    hold("I4", _attempts(world))
    hold("I8", _too_many(world))
    hold("I8", _not_counted(world))


def _again(world: World) -> Iterable[str]:
    for number, fact in enumerate(world.truth.facts):
        committed = world.succeeded.get((fact.run, fact.node))
        if fact.kind == "sent" and committed is not None and number >= committed:
            if _may_run_again(world, fact.run, fact.node):
                continue
            yield f"{fact} after its success was committed"


def _may_run_again(world: World, run_id: int, name: str) -> bool:
    """Return whether a success may be undone: what it consumed changed by a retry."""
    plan = next(run.plan for run in world.runs if run.id == run_id)
    return run_id in world.retried and bool(plan.nodes[plan.by_id[name]].consumes)


def inputs_are_current(world: World) -> None:
    """A success consumed what its sources have in the end, whatever was skipped and retried meanwhile."""

    def problems() -> Iterable[str]:
        works = {work.claim: work for work in world.truth.works}
        for run in world.runs:
            for node in run.plan.nodes:
                row = run.nodes.get(node.id, {})
                if row.get("state") != "succeeded":
                    continue
                given = works[run.attempts[node.id, row["attempt"]]["claim"]].envelope["inputs"]
                for source, port, name in node.inputs if given else ():
                    output = json.loads(run.nodes[run.plan.nodes[source].id]["output"] or "null")
                    wanted = output["value"] if output and port in output["ports"] else None
                    # Under `one_success` a source may have ended later.
                    if given[name]["value"] != wanted and not (
                        node.rule == "one_success" and given[name]["value"] is None
                    ):
                        yield f"{run.id} {node.id} consumed {given[name]} as {name}, which is {wanted}"

    hold("inputs", problems())


def _two_at_once(world: World) -> Iterable[str]:
    held: dict[tuple[int, str], str] = {}
    for fact in world.truth.facts:
        key = fact.run, fact.node
        if fact.kind == "sent":
            if key in held:
                yield f"{fact}: {held[key]} of the same node was under way"
            held[key] = fact.claim
        elif fact.claim and held.get(key) == fact.claim:
            del held[key]


def _attempts(world: World) -> Iterable[str]:
    truth = world.truth
    stored: set[str] = set()
    for run in world.runs:
        numbers: dict[str, list[int]] = defaultdict(list)
        for (name, number), attempt in run.attempts.items():
            claim = attempt["claim"]
            numbers[name].append(number)
            fact = truth.started.get(claim)
            if fact is None or (fact.run, fact.node) != (run.id, name):
                yield f"attempt {number} of {run.id} {name} is none that began: {claim}"
            if claim in stored:
                yield f"{claim} is stored twice"
            stored.add(claim)
            ended = truth.ends[claim].state if claim in truth.ends else "lost"
            if attempt["state"] != ended:
                yield f"attempt {number} of {run.id} {name} ended {ended}, and is stored as {attempt['state']}"
        for name, row in run.nodes.items():
            if sorted(numbers[name]) != list(range(1, row["attempt"] + 1)):
                yield f"{run.id} {name} has attempts {numbers[name]}, and says {row['attempt']}"
            if row["state"] == "succeeded":
                last = run.attempts[name, row["attempt"]]
                if last["state"] != "succeeded" or json.loads(row["output"])["value"] != last["claim"]:
                    yield f"{run.id} {name} succeeded with {row['output']}, its last attempt is {last}"
            wins = sum(run.attempts[name, number]["state"] == "succeeded" for number in numbers[name])
            if wins > (row["state"] == "succeeded") and not _may_run_again(world, run.id, name):
                yield f"{run.id} {name} succeeded {wins} times, and is {row['state']}"
        yield from (f"a line of an old attempt is stored: {line}" for line in run.lines if line[1] == LATE)
    if not world.crashes:
        yield from (f"{claim} began, and is not stored" for claim in truth.started.keys() - stored)


def _too_many(world: World) -> Iterable[str]:
    for run in world.runs:
        if run.id in world.retried:
            continue
        for name, row in run.nodes.items():
            policy = run.plan.nodes[run.plan.by_id[name]].policy
            if row["attempt"] > 1 + policy.retries + policy.lost_retries:
                yield f"{run.id} {name} has {row['attempt']} attempts by {policy}"


def _not_counted(world: World) -> Iterable[str]:
    stored = {attempt["claim"] for run in world.runs for attempt in run.attempts.values()}
    died: dict[tuple[int, str], str] = {}
    for fact in world.truth.facts:
        if fact.kind == "crash":
            # Another kill before the losses of the first one were stored: none of them has started again.
            died.clear()
        elif fact.kind == "died":
            died[fact.run, fact.node] = fact.claim
        elif fact.kind == "sent":
            claim = died.pop((fact.run, fact.node), None)
            if claim is not None and claim not in stored and fact.run not in world.retried:
                yield f"{fact} after {claim} died, which is not stored"


def definitions_unchanged(world: World) -> None:
    """I7: what was sent of a run is what its document contained when it was started."""
    nodes = {(run, node["id"]): node for run, made in world.documents.items() for node in made["nodes"]}
    for work in world.truth.works:
        node = nodes[int(work.run), work.node]
        if work.config != node["config"] or work.type != node["type"]:
            raise Broken(f"I7: {work.run} {work.node} was sent as {work.type} {work.config}, and is {node}")


def rows_agree(store: MemoryStore) -> None:
    """I4, I9, I10 in the stored rows: states change as the table allows, events fold to the rows, counts sum to all
    nodes, numbers have no gap; a claim is in one row, which runs or is to run."""
    claims: list[str] = []
    for run in store.runs.values():
        hold("I9", _folds(run))
        numbers = sorted([event[0] for event in run.events] + [seq for seq, _ in run.lines])
        if numbers != list(range(1, run.values["seq"] + 1)):
            raise Broken(f"I10: run {run.id} has {run.values['seq']} numbers, and {numbers}")
        for name, row in run.nodes.items():
            if row["claim"]:
                claims.append(row["claim"])
            hold("I4", _one_live(run, name, row))
        if run.values["state"] in RUN_TERMINAL and {row["state"] for row in run.nodes.values()} - NODE_TERMINAL:
            raise Broken(f"I2: run {run.id} is over, and its nodes are not")
    if len(claims) != len(set(claims)):
        raise Broken(f"I4: two nodes have one claim: {claims}")


def _folds(run: StoredRun) -> Iterable[str]:
    states: dict[str, str] = {}
    for event in run.events:
        if event[2] != "n":
            continue
        name, to = event[3], event[4]["s"]
        if (states.get(name, "pending"), to) not in STEPS:
            yield f"{run.id} {name} went from {states.get(name)} to {to}"
        states[name] = to
    yield from (
        f"{run.id} {name} is {row['state']}, and its events say {states.get(name)}"
        for name, row in run.nodes.items()
        if states.get(name, "pending") != row["state"]
    )
    counts = Counter(run.nodes.get(node.id, {}).get("state", "pending") for node in run.plan.nodes)
    if run.values["counts"] != counts:
        yield f"run {run.id} counts {run.values['counts']}, and has {counts}"


def _one_live(run: StoredRun, name: str, row: dict[str, Any]) -> Iterable[str]:
    if bool(row["claim"]) != (row["state"] == "running") and row["state"] != "ready":
        yield f"{run.id} {name} is {row['state']} with claim {row['claim']!r}"
    live = [number for (who, number), a in run.attempts.items() if who == name and a["state"] == "running"]
    if len(live) != (row["state"] == "running"):
        yield f"{run.id} {name} is {row['state']}, with attempts {live} that run"
