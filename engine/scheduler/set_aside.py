"""Ends a run that makes every tick fail, so that all others go on.

A tick cannot compute or store the changes of such a run: a row does not fit its definition, or a value does not fit its
column. So the run is ended by separate statements, which use nothing from the scheduler's memory.
"""

import json
from collections import Counter
from typing import Any

from django.db import transaction

from engine import clock
from engine.definition import store
from engine.models import Attempt, Command, EventBatch, Leader, NodeRun, Run
from engine.scheduler.signals import run_set_aside
from engine.shapes import micros
from engine.states import NODE_TERMINAL, RUN_TERMINAL
from engine.text import clean_text

ERROR_CLASS = "EngineFault"
REFUSED = {"refused": "engine_fault"}
"""The outcome of the run's open commands."""


def end_run(run_id: int, epoch: int, fault: str) -> int | None:
    """Fail a run because of `fault`, and refuse its open commands. Return its new seq; None: it had ended.

    Does nothing if another scheduler leads, which will find the fault itself. Raises database errors.
    """
    with transaction.atomic():
        if not Leader.objects.select_for_update().filter(pk=1, epoch=epoch).exists():
            return None
        now = clock.now()
        Command.objects.filter(run_id=run_id, done_at=None).update(done_at=now, outcome=REFUSED)
        run = Run.objects.select_for_update().filter(pk=run_id).first()
        if run is None or run.state in RUN_TERMINAL:
            return None
        message = clean_text(f"The engine cannot go on with this run: {fault}")
        error = {"class": ERROR_CLASS, "message": message, "line": None, "traceback": None}
        at = micros(now)
        Attempt.objects.filter(run=run, state="running").update(state="lost", finished_at=now)
        events: list[list[Any]] = []
        nodes = _nodes(run)
        failed = any(node.state in ("failed", "timed_out") for node in nodes)
        for node in nodes:
            if node.state in NODE_TERMINAL:
                continue
            fields: dict[str, Any] = {"f": at}
            if failed:
                node.state, node.reason = "cancelled", "run_stopped"
            else:
                # The first node that had not ended gets the error.
                failed = True
                node.state, node.reason, node.error = "failed", "", {**error, "node": node.node}
                fields["e"] = node.error
            node.claim, node.finished_at = "", now
            fields["s"] = node.state
            if node.reason:
                fields["r"] = node.reason
            if node.attempt:
                fields["a"] = node.attempt
            events.append([run.seq + len(events) + 1, at, "n", node.node, fields])
            node.save()
        run.state, run.reason, run.stopping, run.finished_at = "failed", "", "", now
        run.counts = dict(Counter(node.state for node in nodes)) or run.counts
        body = {"s": run.state, "c": run.counts, "p": run.priority, "f": at}
        events.append([run.seq + len(events) + 1, at, "r", body])
        EventBatch.objects.create(
            run=run, first_seq=run.seq + 1, last_seq=run.seq + len(events), body=json.dumps(events)
        )
        run.seq += len(events)
        run.save(update_fields=["state", "reason", "stopping", "finished_at", "counts", "seq"])
        run_set_aside.send(Run, run=run, message=message)
        return int(run.seq)


def _nodes(run: Run) -> list[NodeRun]:
    """Return all nodes of the run: first the running ones, then the ready, then the retrying ones. Nodes without a row
    are among them if the definition can be read."""
    rows = {row.node: row for row in NodeRun.objects.filter(run=run, item=-1)}
    try:
        names = [node.id for node in store.load(run.definition_id).nodes]
    except (KeyError, TypeError, ValueError):
        names = []
    for name in names:
        if name not in rows:
            rows[name] = NodeRun(run=run, node=name, state="pending")
    order = {"running": 0, "ready": 1, "retrying": 2}
    return sorted(rows.values(), key=lambda row: order.get(row.state, 3))
