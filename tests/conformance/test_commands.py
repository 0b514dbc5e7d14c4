"""Commands of users for a run that is active or has failed, on each database: cancel, retry and skip."""

import pytest

from engine import faults
from engine.actions import pools, runs
from engine.errors import WrongState
from engine.models import Attempt, Run
from engine.reads import node_runs, queries
from tests.support.engine import Engine, fold
from tests.support.factories import document, python

pytestmark = pytest.mark.django_db(transaction=True)


def test_cancel_of_a_run_kills_and_releases_the_slots(engine: Engine):
    pools.create("p", 2)
    slow = python("a", "import time\ndef main(inputs, ctx):\n    time.sleep(60)\n", pool="p", slots=2)
    run = engine.start(document([slow, "b"], "a>b"))
    engine.reaches(run, "a", "running")
    assert queries.pool("p")["in_use"] == 2
    assert queries.pool("p")["holders"][0]["node"] == "a"
    runs.cancel(run, by="me")
    engine.finish(run)
    assert run.state == "cancelled"
    (attempt,) = queries.attempts(run, "a")
    assert attempt["receipt"]["slots"] == 2
    pool = queries.pool("p")
    assert (pool["in_use"], pool["acquired"], pool["released"]) == (0, 2, 2)
    with pytest.raises(WrongState):
        runs.cancel(run, by="me")


def test_retry_of_a_failed_run_continues_with_what_is_left(engine: Engine, tmp_path):
    flag = tmp_path / "flag"
    code = f"import os\ndef main(inputs, ctx):\n    if not os.path.exists({str(flag)!r}): raise ValueError('not yet')\n"
    run = engine.run(document(["a", python("b", code), "c"], "a>b", "b>c"))
    assert run.state == "failed"
    flag.touch()
    runs.retry(run, by="me", policy={"b": {"soft_timeout": 5, "hard_timeout": 10}})
    run.refresh_from_db()
    engine.until(lambda: Run.objects.get(pk=run.pk).state == "succeeded")
    run.refresh_from_db()
    assert len(queries.attempts(run, "a")) == 1
    assert len(queries.attempts(run, "b")) == 2
    assert run.altered == {"b": {"soft_timeout": 5, "hard_timeout": 10}}
    assert queries.run_dict(run)["altered"] is True
    seen, nodes, _ = fold(run)
    assert seen == queries.run_dict(run)
    assert list(nodes.values()) == node_runs.node_runs(run)


def test_retry_of_a_running_node_opens_the_next_attempt(engine: Engine):
    slow = python("a", "import time\ndef main(inputs, ctx):\n    time.sleep(60 if ctx.attempt == 1 else 0)\n")
    run = engine.start(document([slow]))
    engine.reaches(run, "a", "running")
    runs.retry_node(run, "a", by="me")
    engine.finish(run)
    assert run.state == "succeeded"
    first, second = queries.attempts(run, "a")
    assert (first["state"], second["state"]) == ("cancelled", "succeeded")
    assert first["receipt"]["processes"] >= 1


@pytest.mark.parametrize(("verb", "state"), [(runs.cancel_node, "cancelled"), (runs.retry_node, "succeeded")])
def test_a_pending_action_is_read_again_when_memory_was_lost_before_the_kill(engine: Engine, verb, state):
    from django.db import OperationalError

    slow = python("a", "import time\ndef main(inputs, ctx):\n    time.sleep(60 if ctx.attempt == 1 else 0)\n")
    run = engine.start(document([slow]))
    engine.reaches(run, "a", "running")
    passed = 0

    def fail() -> None:
        nonlocal passed
        passed += 1
        if passed == 1:
            raise OperationalError("the connection is gone")

    faults.arm("tick.before_kill", fail)
    verb(run, "a", by="me")
    assert engine.finish(run).state == state
    assert passed == 2, "the kill was sent by memory that was read again"
    attempts = queries.attempts(run, "a")
    assert [attempt["state"] for attempt in attempts] == ["cancelled", "succeeded"][: 1 + (state == "succeeded")]
    action = "cancel" if state == "cancelled" else "retry"
    claim = Attempt.objects.get(run=run, number=1).claim
    assert engine.node(run, "a").pending_action == f"{action} {claim}"


def test_a_running_node_is_skipped_when_its_process_is_gone_and_the_next_gets_null(engine: Engine):
    slow = python("a", "import time\ndef main(inputs, ctx):\n    time.sleep(60)\n")
    after = python("b", "def main(inputs, ctx):\n    return repr(inputs)\n")
    run = engine.start(document([slow, after], "a>b"))
    engine.reaches(run, "a", "running")
    runs.skip_node(run, "a", by="me")
    engine.finish(run)
    assert run.state == "succeeded", node_runs.node_runs(run)
    shape = node_runs.node_run(run, "a")
    assert (shape["state"], shape["reason"], shape["output"]) == ("skipped", "skipped_by_person", None)
    (attempt,) = queries.attempts(run, "a")
    assert attempt["state"] == "cancelled"
    assert attempt["receipt"]["processes"] >= 1
    output = queries.node_output(run, "b")
    assert output is not None
    assert output["value"] == "{'a': None}"
    seen, nodes, _ = fold(run)
    assert seen == queries.run_dict(run)
    assert list(nodes.values()) == node_runs.node_runs(run)


def test_a_failed_run_goes_on_when_its_failed_node_is_skipped(engine: Engine):
    run = engine.run(document([python("a", "def main(inputs, ctx):\n    raise ValueError\n"), "b", "c"], "a>b"))
    assert run.state == "failed"
    runs.skip_node(run, "a", by="me")
    engine.until(lambda: Run.objects.get(pk=run.pk).state == "succeeded")
    assert {shape["node"]: shape["state"] for shape in node_runs.node_runs(run)} == {
        "a": "skipped",
        "b": "succeeded",
        "c": "succeeded",
    }
    assert node_runs.node_run(run, "a")["error"] is None
    with pytest.raises(WrongState, match="it was skipped"):
        runs.skip_node(run, "a", by="me")
    with pytest.raises(WrongState, match="succeeded"):
        runs.skip_node(run, "b", by="me")
