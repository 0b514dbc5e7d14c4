"""The invariants I1 to I18, each a function that raises Broken with its name.

They read what nodes wrote (the ledger), the database and what clients recorded, never what the product reports about
itself. test_checkers.py shows that each can fail, on builds of the product that are broken on purpose.
"""

import contextlib
import hashlib
import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.states import NODE_FAILED, NODE_TERMINAL, NODE_TRANSITIONS, RUN_TERMINAL, RUN_TRANSITIONS
from engine.supervisor.cleanup import mark_prefix
from tests.faults.rows import Database as Database
from tests.faults.rows import Rows as Rows
from tests.faults.rows import moment_ns as moment_ns
from tests.live.recorder import Recorder
from tests.support.broken import Broken as Broken
from tests.support.broken import hold as hold
from tests.support.ledger import Execution, Ledger, most_at_once

LOST_RETRIES = 3
CLOCKS_NS = 5_000_000
"""How far the wall clock may have moved against the monotonic one."""


def settles(check: Callable[[], None], seconds: float) -> None:
    """Wait until the check passes, because ended processes take a moment to disappear. Raises Broken after so many
    seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            check()
            return
        except Broken:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def i1(ledger: Ledger, rows: Rows, wall_offset: int) -> None:
    """After a success is committed its node does not start again.

    `wall_offset` turns the ledger's time into Unix time, in ns. A node starts only after its upstream nodes have
    succeeded, so a start shows their success.
    """

    def problems() -> Iterable[str]:
        executions = ledger.executions()
        first: dict[tuple[str, str], int] = {}
        last: dict[tuple[str, str], int] = {}
        for one in executions:
            key = one.start.run, one.start.node
            first.setdefault(key, one.start.at)
            last[key] = one.start.at
            row = rows.nodes.get(key)
            finished = moment_ns(row["finished_at"]) if row is not None and row["state"] == "succeeded" else None
            if finished is not None and one.start.at + wall_offset > finished + CLOCKS_NS:
                yield f"{key} started {(one.start.at + wall_offset - finished) / 1e9:.3f} s after its success"
        for run in {one.start.run for one in executions} & rows.runs.keys():
            for edge in rows.document(run)["edges"]:
                before, after = (run, edge["source"]), (run, edge["target"])
                rule = rows.policy(*after).get("trigger_rule", "all_success")
                if rule == "all_success" and before in last and after in first and last[before] > first[after]:
                    yield f"{before} started after {after[1]}, which waits for its success, had started"

    hold("I1", problems())


def i2(accepted: Iterable[str], rows: Rows) -> None:
    """Every acknowledged run exists, and when it is over, each node has the end that follows from its upstream
    nodes."""

    def problems() -> Iterable[str]:
        for run in accepted:
            if run not in rows.runs:
                yield f"run {run} was acknowledged and is not there"
        for run, row in rows.runs.items():
            if row["state"] in RUN_TERMINAL:
                yield from _closed(rows, run)

    hold("I2", problems())


def _closed(rows: Rows, run: str) -> Iterable[str]:
    document = rows.document(run)
    states = {node["id"]: rows.nodes.get((run, node["id"])) for node in document["nodes"]}
    for node, row in states.items():
        if row is None or row["state"] not in NODE_TERMINAL:
            yield f"run {run} is over and node {node} is {row['state'] if row else 'pending'}"
            return
    counts: dict[str, int] = defaultdict(int)
    for row in states.values():
        assert row is not None
        counts[row["state"]] += 1
    if json.loads(rows.runs[run]["counts"]) != counts:
        yield f"run {run} counts {rows.runs[run]['counts']}, its nodes are {dict(counts)}"
    for node in document["nodes"]:
        row = states[node["id"]]
        assert row is not None
        if (node.get("policy") or {}).get("trigger_rule", "all_success") != "all_success":
            continue
        expected = _expected(document, states, node["id"])
        if rows.runs[run]["cancel_requested_at"] or rows.runs[run]["state"] == "timed_out":
            expected.add("cancelled")
        if not rows.runs[run]["stopping"] and row["state"] not in expected:
            yield f"run {run} node {node['id']} is {row['state']}, those before it allow {sorted(expected)}"


def _expected(document: Mapping[str, Any], states: Mapping[str, Any], node: str) -> set[str]:
    """Return the states in which a node whose upstream must have succeeded may end."""
    skipped = False
    for edge in document["edges"]:
        if edge["target"] != node:
            continue
        source = states[edge["source"]]
        if source["state"] in NODE_FAILED:
            return {"upstream_failed"}
        ports = (json.loads(source["output"]) if source["output"] else {}).get("ports", ["out"])
        if source["state"] == "skipped" or edge.get("source_port", "out") not in ports:
            skipped = True
    return {"skipped"} if skipped else {"succeeded", "failed", "timed_out"}


def i3(rows: Rows) -> None:
    """At rest all runs are over, and no command is open."""

    def problems() -> Iterable[str]:
        for run, row in rows.runs.items():
            if row["state"] not in RUN_TERMINAL:
                yield f"run {run} is {row['state']}"
        if rows.open_commands:
            yield f"{rows.open_commands} commands are open"

    hold("I3", problems())


def i4(rows: Rows) -> None:
    """An attempt has one valid claim, and a node has one active attempt."""

    def problems() -> Iterable[str]:
        claims: dict[str, tuple[str, str]] = {}
        for key, attempts in rows.attempts.items():
            running = [attempt for attempt in attempts if attempt["state"] == "running"]
            row = rows.nodes[key]
            if len(running) > 1:
                yield f"{key} has {len(running)} running attempts"
            if running and (row["state"] != "running" or row["claim"] != running[0]["claim"]):
                yield f"{key} is {row['state']} with claim {row['claim']!r} while an attempt runs"
            for attempt in attempts:
                if claims.setdefault(attempt["claim"], key) != key:
                    yield f"claim {attempt['claim']} is of {key} and of {claims[attempt['claim']]}"
            if len({attempt["claim"] for attempt in attempts}) != len(attempts):
                yield f"{key} has two attempts with one claim"
            if sum(attempt["state"] == "succeeded" for attempt in attempts) > 1:
                yield f"{key} succeeded twice"
        for key, row in rows.nodes.items():
            if row["claim"] and row["state"] not in ("ready", "running"):
                yield f"{key} is {row['state']} and has a claim"
            if row["state"] == "running" and not any(
                attempt["state"] == "running" and attempt["claim"] == row["claim"] for attempt in rows.attempts[key]
            ):
                yield f"{key} is running without an attempt"

    hold("I4", problems())


def i5(ledger: Ledger, rows: Rows, most: int, outlives: float = 0.0) -> None:
    """By what nodes wrote, overlapping executions never exceed `most`, the limit of a run or workflow, or the slots of
    a pool, and no node runs twice at once.

    `outlives`: an attempt that is being ended may run so many seconds beside the next execution of its node.
    """

    def problems() -> Iterable[str]:
        executions = _cut_at_next(ledger.executions(), outlives)
        groups: dict[tuple[str, int], list[Execution]] = defaultdict(list)
        for one in executions:
            run, node = one.start.run, one.start.node
            groups["all", most].append(one)
            groups[f"node {node} of run {run}", 1].append(one)
            if run not in rows.runs:
                continue
            policy = rows.policy(run, node)
            if (pool := policy.get("pool")) in rows.pools:
                for _ in range(policy.get("slots", 1)):
                    groups[f"pool {pool}", rows.pools[pool]["slots"]].append(one)
            if limit := (rows.document(run).get("settings") or {}).get("max_concurrent"):
                groups[f"run {run}", limit].append(one)
        for (name, limit), members in groups.items():
            if (found := most_at_once(members)) > limit:
                yield f"{name}: {found} at once, {limit} are allowed"

    hold("I5", problems())


def _cut_at_next(executions: list[Execution], seconds: float) -> list[Execution]:
    """Return the executions, with those cut at the next start of their node that wrote no end and wrote their last line
    at most so many seconds after it."""
    found = []
    following: dict[tuple[str, str], int] = {}
    for one in reversed(executions):
        key = one.start.run, one.start.node
        at = following.get(key, one.last.at)
        if not one.ended and 0 < one.last.at - at <= seconds * 1e9:
            one = Execution(one.start, replace(one.last, at=at))
        following[key] = one.start.at
        found.append(one)
    return found[::-1]


def i6(rows: Rows, at_rest: bool, before: Mapping[str, int] | None = None) -> dict[str, int]:
    """Slots in use are those of active attempts, within the pool's size, and none at rest. Return the number of slots
    held in each pool.

    `before`: the number of slots that may still be held of a pool that was just made smaller.
    """
    held: dict[str, int] = defaultdict(int)
    running: dict[str, int] = defaultdict(int)
    for row in rows.nodes.values():
        if row["pool"] and row["claim"]:
            held[row["pool"]] += row["slots"]
            running[row["pool"]] += row["slots"] * (row["state"] == "running")

    def problems() -> Iterable[str]:
        for name, pool in rows.pools.items():
            if held[name] > max(pool["slots"], (before or {}).get(name, 0)):
                yield f"pool {name} has {pool['slots']} slots and {held[name]} are held"
            if pool["acquired"] - pool["released"] != running[name]:
                yield f"pool {name}: {pool['acquired']} taken, {pool['released']} given back, {running[name]} in use"
            if at_rest and held[name]:
                yield f"pool {name}: {held[name]} slots are held at rest"

    hold("I6", problems())
    return held


def i7(rows: Rows) -> None:
    """Every run has its definition, and that is unchanged."""

    def problems() -> Iterable[str]:
        for row in rows.runs.values():
            if row["definition_id"] not in rows.documents:
                yield f"run {row['id']} has no definition"
        for known, document in rows.documents.values():
            text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            if hashlib.sha256(text.encode()).hexdigest() != known:
                yield f"a definition is no longer what its hash {known[:12]} says"

    hold("I7", problems())


def i8(ledger: Ledger, rows: Rows, unrecorded: int = 0) -> None:
    """No node has more attempts than 1 + retries + lost_retries, and a node that failed because of losses names how.

    `unrecorded`: how often a scheduler was killed. Work that had just started then may have no attempt.
    """

    def problems() -> Iterable[str]:
        starts: dict[tuple[str, str], int] = defaultdict(int)
        for one in ledger.executions():
            starts[one.start.run, one.start.node] += 1
        for key, attempts in rows.attempts.items():
            policy = rows.policy(*key)
            numbers = [attempt["number"] for attempt in attempts]
            if numbers != list(range(1, len(numbers) + 1)):
                yield f"{key} has attempts {numbers}"
            lost = sum(attempt["state"] == "lost" for attempt in attempts)
            failed = sum(attempt["state"] in ("failed", "timed_out") for attempt in attempts)
            if lost > 1 + policy.get("lost_retries", LOST_RETRIES):
                yield f"{key} was lost {lost} times"
            if failed > 1 + policy.get("retries", 0):
                yield f"{key} failed {failed} times"
            if starts[key] > len(attempts) + unrecorded:
                yield f"{key} was started {starts[key]} times, and {len(attempts)} attempts are known"
            row = rows.nodes[key]
            if row["state"] == "failed" and attempts[-1]["state"] == "lost":
                message = json.loads(row["error"] or "{}").get("message", "")
                if not any(word in message for word in ("SIG", "exit code", "scheduler ended", "The worker ")):
                    yield f"{key} failed for losses and does not say how: {message!r}"
        for key, n in starts.items():
            if key[0] in rows.runs and key not in rows.attempts and n > unrecorded:
                yield f"{key} was started {n} times without an attempt"

    hold("I8", problems())


NODE_STEPS = {(before, after) for (before, _), to in NODE_TRANSITIONS.items() for after in to}
RUN_STEPS = {(before, after) for (before, _), to in RUN_TRANSITIONS.items() for after in to}


def i9(rows: Rows) -> None:
    """Events are transitions of the tables, and folding them gives the rows."""

    def problems() -> Iterable[str]:
        for run, row in rows.runs.items():
            nodes: dict[str, tuple[str, int]] = defaultdict(lambda: ("pending", 0))
            state = "queued"
            for event in rows.events.get(run, ()):
                if event[2] == "n":
                    name, fields = event[3], event[4]
                    if (nodes[name][0], fields["s"]) not in NODE_STEPS:
                        yield f"run {run} event {event[0]}: {name} went from {nodes[name][0]} to {fields['s']}"
                    nodes[name] = fields["s"], fields.get("a", 0)
                elif event[2] == "r":
                    if event[3]["s"] != state and (state, event[3]["s"]) not in RUN_STEPS:
                        yield f"run {run} event {event[0]}: it went from {state} to {event[3]['s']}"
                    state = event[3]["s"]
            if state != row["state"]:
                yield f"run {run} is {row['state']}, its events say {state}"
            for (of, name), node in rows.nodes.items():
                if of == run and (node["state"], node["attempt"]) != nodes[name]:
                    yield f"run {run} node {name} is {node['state']}, {node['attempt']}; its events say {nodes[name]}"

    hold("I9", problems())


def i10(rows: Rows, clients: Iterable[Recorder] = ()) -> None:
    """The event numbers of a run go from 1 to the last without a gap or a repeat. Recorders check theirs as
    they read."""

    def problems() -> Iterable[str]:
        for run, row in rows.runs.items():
            numbers = [event[0] for event in rows.events.get(run, ())]
            for first, many in rows.lines.get(run, ()):
                numbers += range(first, first + many)
            if sorted(numbers) != list(range(1, row["seq"] + 1)):
                yield f"run {run} has numbers up to {row['seq']}, and {len(numbers)} events and lines"
        for client in clients:
            if client.run is not None and client.seq != rows.runs[client.run["id"]]["seq"]:
                yield f"a client of run {client.run['id']} is at {client.seq}"

    hold("I10", problems())


def i11(client: Recorder, run: Mapping[str, Any], nodes: Mapping[str, Any]) -> None:
    """What a client knows equals what the API returns."""

    def problems() -> Iterable[str]:
        if client.run != run:
            yield f"the run is {run}, the client has {client.run}"
        for name, node in nodes.items():
            if client.nodes.get(name) != node:
                yield f"node {name} is {node}, the client has {client.nodes.get(name)}"

    hold("I11", problems())


def i13(*homes: Path) -> None:
    """Of these homes, only node processes of running schedulers or workers are alive, and nothing that they started."""
    marks = [re.escape(mark_prefix(home).encode()) for home in homes]
    mark = re.compile(b"INTERLOCK_MARK=(?:" + b"|".join(marks) + rb")-(\d+)\.")

    def problems() -> Iterable[str]:
        # Not glob, which fails when a process ends during the search.
        for environ in [Path("/proc", name, "environ") for name in os.listdir("/proc") if name.isdigit()]:
            # The process may end meanwhile.
            with contextlib.suppress(OSError, ValueError):
                found = mark.search(environ.read_bytes())
                if found is None or int(environ.parent.name) == os.getpid():
                    continue
                owner = int(found[1])
                stat = (environ.parent / "stat").read_text().rsplit(")", 1)[1].split()
                command = (environ.parent / "cmdline").read_bytes().split(b"\0")
                node = any(part.endswith(b"worker/main.py") for part in command)
                # A process that has just ended has no command line.
                if stat[0] != "Z" and command != [b""] and (int(stat[1]) != owner or not node):
                    yield f"process {environ.parent.name} is still alive: {b' '.join(command[:6])!r}"

    hold("I13", problems())


NO_ROWS = {
    "a node of a run that is not there": "SELECT 1 FROM engine_noderun WHERE run_id NOT IN (SELECT id FROM engine_run)",
    "an attempt of a node that is not there": (
        "SELECT 1 FROM engine_attempt a LEFT JOIN engine_noderun n "
        "ON n.run_id = a.run_id AND n.node = a.node AND n.item = a.item WHERE n.id IS NULL"
    ),
    "a run that is over without a time": (
        "SELECT 1 FROM engine_run WHERE (finished_at IS NULL) <> (state IN ('queued', 'running', 'paused'))"
    ),
    "an attempt that is over without a time": (
        "SELECT 1 FROM engine_attempt WHERE (finished_at IS NULL) <> (state = 'running')"
    ),
    "a run that is over with a node that is not": (
        "SELECT 1 FROM engine_run r JOIN engine_noderun n ON n.run_id = r.id WHERE r.finished_at IS NOT NULL "
        "AND n.state IN ('ready', 'running', 'waiting', 'retrying')"
    ),
    "a success without an output": "SELECT 1 FROM engine_noderun WHERE state = 'succeeded' AND output IS NULL",
    "an end before its start": "SELECT 1 FROM engine_attempt WHERE finished_at < started_at",
}


def i18(db: Database, *, sqlite: bool = True) -> None:
    """The database is intact, and contains nothing that must not be in it."""

    def problems() -> Iterable[str]:
        if sqlite:
            for (said,) in db.execute("PRAGMA integrity_check"):
                if said != "ok":
                    yield said
            for row in db.execute("PRAGMA foreign_key_check"):
                yield f"foreign key of {row}"
        for what, query in NO_ROWS.items():
            if found := db.execute(query).fetchall():
                yield f"{what}, {len(found)} times"

    hold("I18", problems())


def artifacts(home: Path, rows: Rows) -> None:
    """Every artifact that a success names exists and has the content of its name (part of I15)."""

    def problems() -> Iterable[str]:
        for key, row in rows.nodes.items():
            if row["state"] == "succeeded" and row["artifact"]:
                path = home / "artifacts" / row["artifact"]
                if not path.exists():
                    yield f"{key}: {row['artifact']} is not there"
                elif hashlib.sha256(path.read_bytes()).hexdigest() != path.name.split(".")[0]:
                    yield f"{key}: {row['artifact']} is not what it was"

    hold("I15", problems())
