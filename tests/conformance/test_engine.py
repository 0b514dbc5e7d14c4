"""What the engine guarantees on each database: real scheduler, supervisor and node processes."""

import os

import pytest

from engine import faults
from engine.actions import deletion, pools, runs
from engine.errors import WrongState
from engine.models import Attempt, EventBatch, LogBatch, NodeRun, NodeStat, Pool, Run, Sample
from engine.models.conditions import holding_nodes
from engine.reads import events, logs, node_runs, queries
from engine.states import NODE_TRANSITIONS
from tests.support.engine import Engine, fold
from tests.support.factories import chain, document, node, python

pytestmark = pytest.mark.django_db(transaction=True)

BAD = "def main(inputs, ctx):\n    raise ValueError\n"


def test_a_chain_of_noops_runs_with_claim_and_pid(engine: Engine):
    run = engine.run(chain(10))
    assert run.state == "succeeded"
    rows = list(Attempt.objects.filter(run=run))
    assert len(rows) == 10
    assert all(row.claim and row.pid > 1 and row.state == "succeeded" for row in rows)
    assert run.counts == {"succeeded": 10}


def test_values_are_passed_along_the_edges(engine: Engine):
    run = engine.run(
        document(
            [
                python("a", "def main(inputs, ctx):\n    return {'n': 41}\n"),
                python("b", "def main(inputs, ctx):\n    return inputs['a']['n'] + 1\n"),
            ],
            "a>b",
        )
    )
    assert run.state == "succeeded", node_runs.node_runs(run)
    assert queries.node_output(run, "b") == {"kind": "json", "value": 42, "bytes": 2, "ports": ["out"]}


def test_a_large_value_travels_as_an_artifact(engine: Engine):
    run = engine.run(
        document(
            [
                python("a", "def main(inputs, ctx):\n    return 'x' * 100_000\n"),
                python("b", "def main(inputs, ctx):\n    return len(inputs['a'])\n"),
            ],
            "a>b",
        )
    )
    assert run.state == "succeeded", node_runs.node_runs(run)
    assert engine.node(run, "a").artifact
    assert queries.node_output(run, "b") == {"kind": "json", "value": 100_000, "bytes": 6, "ports": ["out"]}


def test_an_error_names_its_class_and_line(engine: Engine):
    run = engine.run(
        document([python("a", "def main(inputs, ctx):\n    x = 1\n    raise ValueError('no')\n"), "b"], "a>b")
    )
    assert run.state == "failed"
    shape = node_runs.node_run(run, "a")
    assert (shape["error"]["class"], shape["error"]["message"], shape["error"]["line"]) == ("ValueError", "no", 3)
    assert shape["error"]["node"] == "a"
    assert node_runs.node_run(run, "b")["state"] == "upstream_failed"


def test_events_fold_to_the_rows_and_have_no_gap(engine: Engine):
    code = (
        "def main(inputs, ctx):\n"
        "    for i in range(300):\n"
        "        print('line', i)\n"
        "    ctx.progress(0.5, 'half')\n"
        "    if ctx.attempt < 2:\n"
        "        raise ValueError('again')\n"
        "    return 1\n"
    )
    run = engine.run(document([python("a", code, retries=2, retry_delay=0.05), python("b"), "c"], "a>b", "b>c"))
    assert run.state == "succeeded", node_runs.node_runs(run)
    seen, nodes, numbers = fold(run)
    assert numbers == list(range(1, run.seq + 1))
    assert list(nodes.values()) == node_runs.node_runs(run)
    assert seen == queries.run_dict(run)
    lines, _ = logs.logs(run, node="a", limit=1000)
    assert len([line for line in lines if line["level"] == "info"]) == 600
    assert {line["attempt"] for line in lines} == {1, 2}
    failed, _ = logs.logs(run, node="a", level="error")
    assert [line["message"] for line in failed][-1] == "ValueError: again"
    assert {line["attempt"] for line in failed} == {1}


def test_every_event_is_a_transition_of_the_table(engine: Engine):
    failing = python("b", BAD, retries=1, retry_delay=0.05)
    run = engine.run(document(["a", failing, "c"], "a>b", "b>c", on_failure="continue"))
    steps = {(state, to) for (state, _), states in NODE_TRANSITIONS.items() for to in states}
    states: dict[str, str] = {}
    for event in events.read(run.pk, 0, 10_000)[0]:
        if event["type"] == "node":
            name, to = event["node"]["node"], event["node"]["state"]
            assert (states.get(name, "pending"), to) in steps
            states[name] = to
    assert states == {"a": "succeeded", "b": "failed", "c": "upstream_failed"}


def test_the_hard_limit_kills_and_leaves_a_receipt(engine: Engine):
    code = (
        "import time\n"
        "def main(inputs, ctx):\n"
        "    while True:\n"
        "        try: time.sleep(60)\n"
        "        except BaseException: pass\n"
    )
    # A limit that passes before the code catches it is another case.
    run = engine.run(document([python("a", code, soft_timeout=1, hard_timeout=1.5)]))
    assert run.state == "failed"
    shape = node_runs.node_run(run, "a")
    assert shape["state"] == "timed_out"
    assert shape["error"]["class"] == "HardTimeout"
    (attempt,) = queries.attempts(run, "a")
    assert attempt["state"] == "timed_out"
    assert attempt["receipt"]["processes"] >= 1


def test_the_soft_limit_is_raised_in_the_code(engine: Engine):
    code = (
        "import time\n"
        "def main(inputs, ctx):\n"
        "    try:\n"
        "        time.sleep(60)\n"
        "    except ctx.SoftTimeout:\n"
        "        ctx.log('told')\n"
        "        return 1\n"
    )
    run = engine.run(document([python("a", code, soft_timeout=1)]))
    assert node_runs.node_run(run, "a")["state"] == "timed_out"
    told, error = logs.logs(run)[0]
    assert (told["message"], told["level"]) == ("told", "info")
    assert error["level"] == "error"
    assert error["message"].startswith("SoftTimeout: ")


def test_a_killed_node_process_is_a_loss_and_the_node_starts_again(engine: Engine):
    code = (
        "import os, signal\n"
        "def main(inputs, ctx):\n"
        "    if ctx.attempt == 1: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return 1\n"
    )
    run = engine.run(document([python("a", code)]))
    assert run.state == "succeeded", node_runs.node_runs(run)
    states = [attempt["state"] for attempt in queries.attempts(run, "a")]
    assert states == ["lost", "succeeded"]
    row = engine.node(run, "a")
    assert (row.losses, row.retries) == (1, 0)
    assert "SIGKILL" in queries.attempts(run, "a")[0]["error"]["message"]


def test_a_node_that_always_kills_its_process_fails(engine: Engine):
    code = "import os, signal\ndef main(inputs, ctx):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    run = engine.run(document([python("a", code, lost_retries=1)]))
    assert run.state == "failed"
    assert node_runs.node_run(run, "a")["error"]["class"] == "WorkerLost"
    assert len(queries.attempts(run, "a")) == 2


def test_waiting_nodes_have_their_waiting_condition(engine: Engine):
    pools.create("p", 1)
    slow = "import time\ndef main(inputs, ctx):\n    time.sleep(60)\n"
    run = engine.start(
        document(
            [
                python("a", slow, pool="p"),
                python("b", slow, pool="p"),
                python("c", BAD, retries=1, retry_delay=300),
                "d",
            ],
            "a>d",
        )
    )
    engine.reaches(run, "a", "running")
    engine.reaches(run, "c", "retrying")
    engine.reaches(run, "b", "ready")
    run.refresh_from_db()
    waits = {shape["node"]: shape["waiting_for"] for shape in node_runs.node_runs(run)}
    assert waits["a"] == []
    assert waits["b"][0]["code"] == "pool"
    assert waits["b"][0]["holders"][0]["node"] == "a"
    assert waits["c"][0]["code"] == "retry_delay"
    assert waits["d"][0]["code"] == "upstream"
    assert queries.pool("p")["waiting"] == 1
    runs.cancel(run, by="me")
    assert engine.finish(run).state == "cancelled"


def test_ten_runs_never_take_more_slots_than_a_pool_has(engine: Engine, tmp_path):
    """Two processes are free, but two nodes would take four slots of three."""
    pools.create("three", 3)
    ledger = tmp_path / "ledger"
    code = (
        "import os, time\n"
        "def main(inputs, ctx):\n"
        f"    fd = os.open({str(ledger)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
        "    os.write(fd, b'+')\n"
        "    time.sleep(0.01)\n"
        "    os.write(fd, b'-')\n"
    )
    started = [
        engine.start(document([python(f"n{i}", code, pool="three", slots=2) for i in range(3)])) for _ in range(10)
    ]
    for run in started:
        assert engine.finish(run).state == "succeeded"
    assert ledger.read_text() == "+-" * 30
    pool = Pool.objects.get(name="three")
    assert (pool.acquired, pool.released) == (60, 60)
    assert not holding_nodes().exists()


def test_text_that_databases_refuse_is_made_safe(engine: Engine):
    code = (
        "def main(inputs, ctx):\n"
        "    print('nul \\x00 here')\n"
        "    ctx.log('lone \\ud800 surrogate')\n"
        "    ctx.progress(0.1, 'nul \\x00')\n"
        "    raise ValueError('bad \\x00 \\ud800')\n"
    )
    run = engine.run(document([python("a", code)]))
    assert run.state == "failed"
    messages = [line["message"] for line in logs.logs(run)[0]]
    assert messages[:2] == ["nul \u2400 here", "lone ? surrogate"]
    assert messages[-1] == "ValueError: bad \u2400 ?"
    assert node_runs.node_run(run, "a")["error"]["class"] == "ValueError"


def test_expected_durations_are_stored_when_runs_end(engine: Engine):
    for _ in range(3):
        engine.run(chain(2), workflow="learned")
    engine.until(lambda: NodeStat.objects.filter(workflow="learned", median__isnull=False).count() == 2)
    run = engine.run(chain(2), workflow="learned")
    assert node_runs.node_run(run, "n0")["expected_from"] == "learned"
    engine.run(chain(2), workflow="drafts", draft=True)
    engine.run(chain(1))
    assert not NodeStat.objects.filter(workflow="drafts").exists()


def test_a_run_is_deleted_with_everything_that_is_its_own(engine: Engine):
    big = python("a", "def main(inputs, ctx):\n    print('x')\n    return 'y' * 50_000\n")
    run, twin = engine.run(document([big])), engine.run(document([big]))
    name = engine.node(run, "a").artifact
    path = engine.executor.config.artifacts + "/" + name
    from django.test import override_settings

    with override_settings(INTERLOCK=engine.config):
        deletion.delete(run)
        assert os.path.exists(path), "the other run has the same content"
        deletion.delete(twin)
        assert not os.path.exists(path)
    for model in (NodeRun, Attempt, EventBatch, LogBatch, Sample):
        assert not model.objects.exists()


def test_a_long_chain_of_skips_ends(engine: Engine):
    run = engine.run(
        document(
            [python("n0", BAD), *(f"n{i}" for i in range(1, 2000))],
            *(f"n{i}>n{i + 1}" for i in range(1999)),
        ),
        timeout=60,
    )
    assert run.counts == {"failed": 1, "upstream_failed": 1999}


def test_samples_reach_the_table(engine: Engine, tmp_path):
    seen = tmp_path / "seen"
    code = f"import os\ndef main(inputs, ctx):\n    while not os.path.exists({str(seen)!r}): pass\n"
    run = engine.start(document([python("a", code)]))
    engine.until(lambda: Sample.objects.filter(run=run, node="a", memory_bytes__gt=0).exists())
    seen.touch()
    assert engine.finish(run).state == "succeeded"


def test_a_node_of_a_removed_type_fails_with_its_name(engine: Engine):
    bad = document([node("a", "noop"), node("b", "gone.type")], "a>b")
    run = engine.run(bad)
    assert run.state == "failed"
    assert "gone.type" in node_runs.node_run(run, "b")["error"]["message"]


def test_a_run_up_to_a_node_leaves_the_others_out_and_its_events_show_that(engine: Engine):
    made = document(
        [python("a"), python("b", "def main(inputs, ctx):\n    return inputs['a'] + 1\n"), python("c"), "d"],
        "a>b",
        "b>c",
        "a>d",
    )
    run = engine.run(made, targets=["b"])
    assert (run.state, run.counts, run.targets) == ("succeeded", {"succeeded": 2, "skipped": 2}, ["b"])
    assert queries.node_output(run, "b") == {"kind": "json", "value": 2, "bytes": 1, "ports": ["out"]}
    assert [(shape["state"], shape["reason"]) for shape in node_runs.node_runs(run)] == [
        ("succeeded", None),
        ("succeeded", None),
        ("skipped", "not_asked"),
        ("skipped", "not_asked"),
    ]
    assert {row.node for row in Attempt.objects.filter(run=run)} == {"a", "b"}
    seen, nodes, numbers = fold(run)
    assert numbers == list(range(1, len(numbers) + 1))
    assert (seen["state"], seen["counts"]) == ("succeeded", {"succeeded": 2, "skipped": 2})
    assert (nodes["c"]["state"], nodes["c"]["reason"]) == ("skipped", "not_asked")


def test_a_retry_of_a_run_up_to_a_node_starts_no_other(engine: Engine):
    made = document(
        [python("a", "def main(inputs, ctx):\n    if ctx.attempt == 1: raise ValueError\n    return 1\n"), "b", "c"],
        "a>b",
        "b>c",
    )
    run = engine.run(made, targets=["b"])
    assert run.state == "failed"
    with pytest.raises(WrongState, match="it is not part of this run"):
        runs.retry(run, nodes=["c"], by="tester")
    runs.retry(run, by="tester")
    engine.until(lambda: Run.objects.filter(pk=run.pk, state="succeeded").exists())
    run.refresh_from_db()
    assert run.counts == {"succeeded": 2, "skipped": 1}
    assert node_runs.node_run(run, "c")["reason"] == "not_asked"


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_requested_targets_are_read_again_when_memory_was_lost(engine: Engine, lost):
    from django.db import OperationalError

    passed = 0

    def fail() -> None:
        nonlocal passed
        passed += 1
        if passed == lost:
            raise OperationalError("the connection is gone")

    run = engine.start(chain(6, python), targets=["n2"])
    faults.arm("tick.after_commit", fail)
    engine.finish(run)
    assert passed >= lost
    assert (run.state, run.counts) == ("succeeded", {"succeeded": 3, "skipped": 3})
    assert {row.node for row in Attempt.objects.filter(run=run)} == {"n0", "n1", "n2"}
