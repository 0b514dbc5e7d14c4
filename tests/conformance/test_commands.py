"""Commands of users for a run that is active or has failed, on each database: cancel, retry and skip."""

import pytest
from django.conf import settings
from django.db import OperationalError

from engine import faults
from engine.actions import pools, runs
from engine.artifacts import artifacts_of
from engine.artifacts.outputs import table_rows
from engine.errors import InvalidValue, WrongState
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


def lose_memory_before_the_kill() -> list[str]:
    """Let the first tick that would kill fail, and return a list that grows at each such tick."""
    passed: list[str] = []

    def fail() -> None:
        passed.append("tick.before_kill")
        if len(passed) == 1:
            raise OperationalError("the connection is gone")

    faults.arm("tick.before_kill", fail)
    return passed


@pytest.mark.parametrize(("verb", "state"), [(runs.cancel_node, "cancelled"), (runs.retry_node, "succeeded")])
def test_a_pending_action_is_read_again_when_memory_was_lost_before_the_kill(engine: Engine, verb, state):
    slow = python("a", "import time\ndef main(inputs, ctx):\n    time.sleep(60 if ctx.attempt == 1 else 0)\n")
    run = engine.start(document([slow]))
    engine.reaches(run, "a", "running")
    passed = lose_memory_before_the_kill()
    verb(run, "a", by="me")
    assert engine.finish(run).state == state
    assert len(passed) == 2, "the kill was sent by memory that was read again"
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


ORDERS = """
def main(inputs, ctx):
    import duckdb
    {fails}
    return duckdb.sql('select 7 as "no", 1.50 as price')
"""
SUM = {"sql": 'select count(*) as orders, sum(a.price) as total from a where a."no" > 0'}


@pytest.fixture
def home(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let actions store artifacts where the engine reads them."""
    monkeypatch.setattr(settings, "INTERLOCK", engine.config)


def orders(fails: str = "") -> dict[str, object]:
    return python("a", ORDERS.format(fails=fails or "pass"))


@pytest.mark.usefixtures("home")
def test_a_run_goes_on_with_an_empty_table_of_the_last_known_schema(engine: Engine):
    graph = [{"id": "b", "type": "table.sql", "config": SUM}]
    assert engine.run(document([orders(), *graph], "a>b")).state == "succeeded"
    run = engine.run(document([orders("raise ValueError"), *graph], "a>b"))
    assert run.state == "failed"
    runs.skip_node(run, "a", output=runs.skip_output(run, "a", "empty_table"), by="me")
    engine.until(lambda: queries.run(run.pk).state != "failed")
    assert engine.finish(run).state == "succeeded", node_runs.node_runs(run)[1]
    table = queries.node_output(run, "a")
    assert table is not None
    assert (table["schema"], table["row_count"]) == (
        [{"name": "no", "type": "INTEGER"}, {"name": "price", "type": "DECIMAL(3,2)"}],
        0,
    )
    summed = queries.node_output(run, "b")
    assert summed is not None
    assert table_rows(summed, artifacts_of(settings.INTERLOCK), 0, 5)["rows"] == [{"orders": 0, "total": None}]
    shape = node_runs.node_run(run, "a")
    assert (shape["state"], shape["reason"], shape["output"]["row_count"]) == ("skipped", "skipped_by_person", 0)
    seen, nodes, _ = fold(run)
    assert list(nodes.values()) == node_runs.node_runs(run)
    assert seen == queries.run_dict(run)


@pytest.mark.usefixtures("home")
def test_the_empty_table_of_a_running_node_outlives_memory_that_was_lost_before_the_kill(engine: Engine):
    graph = [{"id": "b", "type": "table.sql", "config": SUM}]
    assert engine.run(document([orders(), *graph], "a>b")).state == "succeeded"
    run = engine.start(document([orders("import time; time.sleep(60)"), *graph], "a>b"))
    engine.reaches(run, "a", "running")
    passed = lose_memory_before_the_kill()
    runs.skip_node(run, "a", output=runs.skip_output(run, "a", "empty_table"), by="me")
    assert engine.finish(run).state == "succeeded", node_runs.node_runs(run)[1]
    assert len(passed) == 2, "the kill was sent by memory that was read again"
    output = queries.node_output(run, "a")
    assert output is not None
    assert output["row_count"] == 0


def test_without_an_empty_table_a_query_names_the_skipped_node_and_runs_when_that_is_retried(engine: Engine):
    graph = [{"id": "b", "type": "table.sql", "config": SUM}]
    run = engine.run(document([orders("if ctx.attempt == 1: raise ValueError"), *graph], "a>b"))
    with pytest.raises(InvalidValue, match="no schema of its table is known"):
        runs.skip_output(run, "a", "empty_table")
    runs.skip_node(run, "a", by="me")
    engine.until(lambda: node_runs.node_run(run, "b")["state"] == "failed")
    assert 'because the node "a" was skipped' in node_runs.node_run(run, "b")["error"]["message"]
    runs.retry(run, nodes=["a"], by="me")
    engine.until(lambda: Run.objects.get(pk=run.pk).state == "succeeded")
    assert node_runs.node_run(run, "b")["state"] == "succeeded"
