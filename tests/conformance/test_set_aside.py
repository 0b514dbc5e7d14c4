"""What the engine cannot work on ends or refuses one run, and all others go on."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from engine import clock
from engine.executors.base import Ended, Lines, Progress, Report, Sampled, Stacks, Started
from engine.models import Attempt, Command, NodeRun, Run
from engine.reads import node_runs
from tests.support.engine import Engine, fold
from tests.support.factories import document, python
from versions.models import AuditEntry

pytestmark = pytest.mark.django_db(transaction=True)

BAD = "def main(inputs, ctx):\n    raise ValueError\n"
HANGS = "import time\ndef main(inputs, ctx):\n    time.sleep(600)\n"
HUGE = 10**20

COMMANDS: list[tuple[str, Any]] = [
    ("retry", {"policy": {"a": {"slots": HUGE}}}),
    ("retry", {"policy": {"a": {"slots": 3_000_000_000}}}),
    ("retry", {"policy": {"a": {"slots": -1}}}),
    ("retry", {"policy": {"a": {"slots": "many"}}}),
    ("retry", {"policy": {"a": {"hard_timeout": 1e308}}}),
    ("retry", {"policy": {"a": {"soft_timeout": "soon"}}}),
    ("retry", {"policy": {"a": {"pool": "p" * 1000}}}),
    ("retry", {"policy": {"a": 7}}),
    ("retry", {"policy": 7}),
    ("retry", {"nodes": 7}),
    ("retry", {"nodes": [["a"]]}),
    ("retry", [1]),
    ("skip", [1]),
    ("cancel", "now"),
    ("nothing", {}),
]


def ends(engine: Engine) -> None:
    assert engine.run(document(["other"])).state == "succeeded"


def test_commands_that_cannot_be_carried_out_stop_nobody_else(engine: Engine) -> None:
    bad = document([python("a", BAD)])
    started = [engine.start(bad) for _ in COMMANDS]
    for run in started:
        engine.finish(run)
    for run, (kind, body) in zip(started, COMMANDS, strict=True):
        Command.objects.create(kind=kind, run=run, node="a", body=body, created_at=clock.now())
    ends(engine)
    engine.until(lambda: not Command.objects.filter(done_at=None).exists())
    # What could be carried out may wait for a pool that does not exist.
    for run in Run.objects.filter(state="running"):
        Command.objects.create(kind="cancel", run=run, created_at=clock.now())
    for run in started:
        engine.finish(run)


def test_a_running_run_is_ended_with_its_reason(engine: Engine) -> None:
    """A value that no check has stopped, as in a retry of 100,000,000,000,000,000,000 slots."""
    run = engine.start(document([python("a", BAD), python("b", HANGS), "c"], "b>c", on_failure="continue"))
    engine.reaches(run, "a", "failed")
    engine.reaches(run, "b", "running")
    command = Command.objects.create(
        kind="retry", run=run, body={"nodes": ["a"], "policy": {"a": {"slots": HUGE}}}, created_at=clock.now()
    )
    engine.finish(run)
    assert (run.state, run.counts) == ("failed", {"failed": 1, "cancelled": 2})
    command.refresh_from_db()
    assert command.outcome == {"refused": "engine_fault"}
    assert Attempt.objects.get(run=run, node="b").state == "lost"
    entry = AuditEntry.objects.get(action="run_set_aside")
    assert (entry.run, entry.workflow, entry.by) == (run.pk, run.workflow, "scheduler")
    assert "The engine cannot go on with this run" in entry.reason
    seen, nodes, numbers = fold(run)
    assert (seen["state"], numbers) == ("failed", sorted(numbers))
    assert {name: one["state"] for name, one in nodes.items()} == {"a": "failed", "b": "cancelled", "c": "cancelled"}
    ends(engine)
    # Its node process was ended too.
    engine.until(lambda: not engine.scheduler.inbox.in_flight)


def test_a_row_that_fits_no_definition_fails_its_run_with_the_class_engine_fault(engine: Engine) -> None:
    run = engine.start(document([python("a", HANGS)]))
    engine.reaches(run, "a", "running")
    NodeRun.objects.create(run=run, node="nowhere", state="ready")
    engine.scheduler._recover()
    engine.finish(run)
    (found,) = [one for one in node_runs.node_runs(run) if one["node"] == "a"]
    assert (run.state, found["state"], found["error"]["class"]) == ("failed", "failed", "EngineFault")
    ends(engine)


REPORTS: list[Callable[[str], Report]] = [
    lambda claim: Ended(claim, "succeeded", math.inf, 0.0),
    lambda claim: Ended(claim, "succeeded", 1e30, 0.0),
    lambda claim: Ended(claim, "nonsense", 0.0, 0.0),
    lambda claim: Ended(claim, "succeeded", 0.0, 0.0, output={"kind": "json", "value": {1, 2}, "bytes": 1}),
    lambda claim: Ended(claim, "failed", 0.0, 0.0, error={"class": HUGE, "message": {}}),
    lambda claim: Started(claim, HUGE, "", "w" * 500, 0.0),
    lambda claim: Lines(claim, [(math.nan, "info", "x")]),
    lambda claim: Progress(claim, math.nan, None, math.inf),
    lambda claim: Sampled(claim, 0.0, HUGE, HUGE, True, HUGE, "x" * 500, HUGE),
    lambda claim: Stacks(claim, math.inf, "asked", {}),
]


def test_reports_that_cannot_be_stored_stop_nobody_else(engine: Engine) -> None:
    for report in REPORTS:
        if engine.remote and isinstance(report(""), Ended):
            # A host that reports an end has ended its process, which this one has not.
            continue
        run = engine.start(document([python("a", HANGS)]))
        claim = engine.reaches(run, "a", "running").claim
        engine.scheduler.inbox.extend([report(claim)])
        ends(engine)
        # Its process goes on where the report said that it had ended.
        engine.executor.kill(claim, "cancelled")
        if Run.objects.filter(pk=run.pk, state="running").exists():
            Command.objects.create(kind="cancel", run=run, created_at=clock.now())
        engine.finish(run)
