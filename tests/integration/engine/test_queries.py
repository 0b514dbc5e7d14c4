"""Reads: shapes, what a node waits for, logs, events."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from engine import clock
from engine.actions import runs
from engine.errors import EventsGone, NotFound, WrongState
from engine.models import EventBatch, LogBatch, NodeRun, Pool, Run
from engine.reads import events, logs, node_runs, queries
from engine.shapes import iso, micros
from tests.support.factories import chain, document, node

pytestmark = pytest.mark.django_db

AT = 1_700_000_000_000_000


def made(doc=None, state: str = "running", **given) -> Run:
    run = runs.start(runs.store_definition(doc or chain(3)), workflow="w", by="me", **given)
    run.state, run.started_at = state, clock.now()
    run.save()
    return run


def event_batch(run: Run, *stored: list[Any]) -> None:
    EventBatch.objects.create(run=run, first_seq=stored[0][0], last_seq=stored[-1][0], body=json.dumps(stored))
    Run.objects.filter(pk=run.pk).update(seq=stored[-1][0])


def lines(run: Run, first: int, *messages: str, node: str = "n0", level: str = "info") -> None:
    body = [["2026-01-01T00:00:00.000000Z", level, message] for message in messages]
    LogBatch.objects.create(
        run=run, node=node, attempt=1, first_seq=first, last_seq=first + len(body) - 1, body=json.dumps(body)
    )


def noted(seq: int, state: str = "ready") -> list[Any]:
    return [seq, AT, "n", "n0", {"s": state}]


def test_a_run_has_the_contracts_shape():
    run = made(version=4)
    shape = queries.run_dict(run)
    assert {key: shape[key] for key in ("id", "workflow", "version", "state", "counts")} == {
        "id": str(run.pk),
        "workflow": "w",
        "version": 4,
        "state": "running",
        "counts": {"pending": 3},
    }
    assert shape["created_at"].endswith("Z")
    assert len(shape["created_at"]) == len("2026-01-01T00:00:00.000000Z")


def test_all_nodes_are_listed_in_document_order_including_pending_ones():
    run = made(document(["c", "a", "b"], "a>b"))
    shapes = node_runs.node_runs(run)
    assert [shape["node"] for shape in shapes] == ["c", "a", "b"]
    assert shapes[2]["waiting_for"][0]["message"] == 'Waits for "a" to end.'


def test_a_node_waits_for_nodes_by_their_names():
    run = made(document([{**node("a"), "name": "Clean"}, "b"], "a>b"))
    (waits,) = node_runs.node_run(run, "b")["waiting_for"]
    assert waits["message"] == 'Waits for "Clean" to end.'
    assert waits["params"]["nodes"] == ["a"]


def test_a_queued_run_says_why_its_nodes_wait():
    run = made(chain(2, max_runs=1), state="queued")
    condition = node_runs.node_run(run, "n0")["waiting_for"][0]
    assert condition["code"] == "run_queued"
    assert "at most 1" in condition["message"]


def test_the_explanation_of_a_ready_node_is_that_of_the_admission():
    Pool.objects.create(name="p", slots=2, created_at=clock.now())
    doc = document(
        [node("a", pool="p", slots=2), node("b", pool="p"), node("c", pool="p", slots=3), "d", node("e", pool="gone")]
    )
    run = made(doc)
    at = clock.now()
    for name, slots, pool, claim in [("a", 2, "p", ""), ("b", 1, "p", ""), ("c", 3, "p", ""), ("d", 1, "", ""),
                                     ("e", 1, "gone", "")]:  # fmt: skip
        NodeRun.objects.create(run=run, node=name, state="ready", ready_at=at, slots=slots, pool=pool, claim=claim)
    other = made(document([node("x", pool="p")]))
    NodeRun.objects.create(run=other, node="x", state="running", ready_at=at, started_at=at, pool="p", claim="c")
    codes = {shape["node"]: [one["code"] for one in shape["waiting_for"]] for shape in node_runs.node_runs(run)}
    assert codes == {"a": ["pool"], "b": ["pool_line"], "c": ["pool_too_small"], "d": ["worker"], "e": ["pool_missing"]}


def test_the_advice_for_a_pool_that_is_too_small_can_be_followed():
    Pool.objects.create(name="p", slots=2, created_at=clock.now())
    run = made(document([node("a", pool="p", slots=3)]))
    NodeRun.objects.create(run=run, node="a", state="ready", ready_at=clock.now(), slots=3, pool="p")
    with pytest.raises(WrongState):
        runs.retry_node(run, "a", policy={"slots": 2}, by="p")
    assert "cancel the node and retry it with fewer" in node_runs.node_run(run, "a")["waiting_for"][0]["message"]
    runs.cancel_node(run, "a", by="p")


def test_a_limit_of_the_run_is_explained():
    run = made(document(["a", "b"], max_concurrent=1))
    NodeRun.objects.create(run=run, node="a", state="running", ready_at=clock.now(), claim="c")
    NodeRun.objects.create(run=run, node="b", state="ready", ready_at=clock.now())
    assert node_runs.node_run(run, "b")["waiting_for"][0]["code"] == "run_limit"


def test_a_node_in_quarantine_waits_for_another_one():
    run = made(document(["a", "b", "c"]))
    NodeRun.objects.create(run=run, node="a", state="running", ready_at=clock.now(), claim="c", losses=3)
    NodeRun.objects.create(run=run, node="b", state="ready", ready_at=clock.now(), losses=3)
    NodeRun.objects.create(run=run, node="c", state="ready", ready_at=clock.now(), losses=2)
    said = {shape["node"]: shape["waiting_for"] for shape in node_runs.node_runs(run)}
    assert [one["code"] for one in said["b"]] == ["suspect"]
    assert said["b"][0]["params"] == {"losses": 3}
    assert [one["code"] for one in said["c"]] == ["worker"]


def test_reads_of_unknown_runs_and_nodes_raise_not_found():
    run = made()
    for read in (
        lambda: queries.run(10**30),
        lambda: queries.run("abc"),
        lambda: queries.run(run.pk + 1),
        lambda: node_runs.node_run(run, "nope"),
        lambda: queries.attempts(run, "nope"),
        lambda: logs.logs(run, node="nope"),
        lambda: events.head(run.pk + 1),
        lambda: events.read(run.pk + 1, 0, 10),
    ):
        with pytest.raises(NotFound):
            read()


def test_lines_are_filtered_and_paged():
    run = made()
    lines(run, 1, *(f"line {number}" for number in range(200)))
    lines(run, 201, "Bad thing", level="error")
    lines(run, 202, "other", node="n1")
    found, after = logs.logs(run, limit=150)
    assert (len(found), after) == (150, 150)
    assert after is not None
    found, after = logs.logs(run, after=after, limit=150)
    assert ([line["seq"] for line in found], after) == (list(range(151, 203)), None)
    assert [line["message"] for line in logs.logs(run, node="n1")[0]] == ["other"]
    assert [line["seq"] for line in logs.logs(run, level="warning")[0]] == [201]
    assert [line["seq"] for line in logs.logs(run, q="bAd")[0]] == [201]
    assert logs.logs(run, after=202) == ([], None)
    assert logs.logs(run, limit=202)[1] is None, "the last page says so"


def test_events_and_lines_are_merged_by_number():
    run = made()
    event_batch(run, noted(1), noted(4, "running"))
    lines(run, 2, "x", "y")
    found, last = events.read(run.pk, 0, 10)
    assert [event["seq"] for event in found] == [1, 2, 3, 4]
    assert [event["type"] for event in found] == ["node", "log", "log", "node"]
    assert last == 4
    assert events.read(run.pk, 2, 1)[0][0]["line"]["message"] == "y"
    assert events.read(run.pk, 4, 10) == ([], 4)
    assert events.head(run.pk) == 4


def test_a_read_of_events_stops_at_a_gap():
    run = made()
    event_batch(run, noted(1))
    event_batch(run, noted(3))
    assert events.read(run.pk, 0, 10)[1] == 1


@pytest.mark.parametrize("batches", [1, 2, 5, 100])
def test_long_lines_end_a_read_sooner_and_nothing_is_left_out(monkeypatch: pytest.MonkeyPatch, batches: int):
    monkeypatch.setattr(events, "READ_CHARACTERS", 1000)
    monkeypatch.setattr(events, "FIRST_BATCHES", batches)
    run = made()
    for seq in range(1, 50, 5):
        lines(run, seq, *["x" * 200] * 3)
        event_batch(run, noted(seq + 3), noted(seq + 4))
    after, reads = 0, []
    while found := events.read(run.pk, after, 1000)[0]:
        assert [event["seq"] for event in found] == list(range(after + 1, after + len(found) + 1))
        after += len(found)
        reads.append(len(found))
    assert after == 50
    assert max(reads) <= 10


def test_events_that_are_not_kept_any_more_are_named():
    run = made()
    event_batch(run, noted(50))
    with pytest.raises(EventsGone) as caught:
        events.read(run.pk, 10, 100)
    assert caught.value.after == 10


def test_a_progress_event_has_the_contracts_shape():
    run = made()
    event_batch(run, [1, AT, "p", "n0", 0.5, "half"])
    assert events.read(run.pk, 0, 10)[0] == [
        {"seq": 1, "at": "2023-11-14T22:13:20.000000Z", "type": "progress", "node": "n0", "fraction": 0.5,
         "message": "half"}
    ]  # fmt: skip


def test_counters_include_running_and_queued_runs_and_failures_of_today():
    made()
    made(state="queued")
    failed = made(state="failed")
    Run.objects.filter(pk=failed.pk).update(finished_at=clock.now() - timedelta(minutes=1))
    old = made(state="failed")
    Run.objects.filter(pk=old.pk).update(finished_at=clock.now() - timedelta(days=2))
    counters = queries.counters()
    assert (counters["runs_running"], counters["runs_queued"], counters["failed_today"]) == (1, 1, 1)
    assert [run.pk for run in queries.runs(states=["failed", "timed_out"])] == [old.pk, failed.pk]
    assert not queries.scheduler_alive()


def test_runs_are_filtered_by_creation_time_even_if_a_clock_was_set_back():
    start = clock.now()
    ids = [made().pk for _ in range(6)]
    for run_id, minutes in zip(ids, (0, 10, 20, 15, 30, 40), strict=True):
        Run.objects.filter(pk=run_id).update(created_at=start + timedelta(minutes=minutes))
    since, until = start + timedelta(minutes=10), start + timedelta(minutes=40)
    newest_first = [ids[4], ids[2], ids[3], ids[1]]
    assert [run.pk for run in queries.runs(since=since, until=until)] == newest_first
    assert [run.pk for run in queries.runs(since=since)] == [ids[5], *newest_first]
    Run.objects.update(state="failed")
    assert {run.pk for run in queries.runs(since=since, until=until, states=["failed"])} == set(newest_first)
    # Page by page none is left out and none comes twice.
    paged: list[int] = []
    while found := queries.runs(until=until, before=paged[-1] if paged else None)[:1]:
        paged.append(found[0].pk)
    assert paged == [*newest_first, ids[0]]
    # Also where the last of a page was deleted since.
    Run.objects.filter(pk=ids[1]).delete()
    assert [run.pk for run in queries.runs(until=until, before=ids[1])] == [ids[0]]
    assert not queries.runs(since=since, before=ids[0])


def test_reads_of_a_large_run_cost_a_bounded_number_of_queries(django_assert_max_num_queries):
    run = made(chain(300))
    for number in range(300):
        NodeRun.objects.create(run=run, node=f"n{number}", state="ready", ready_at=clock.now(), pool="p")
    queries.document(run)
    with django_assert_max_num_queries(8):
        node_runs.node_runs(run)


def test_node_runs_of_some_nodes_equal_those_in_a_read_of_all():
    doc = document(
        [node("a", retries=3), node("b", pool="p", expected_duration=4), "c", "d", "e", "f"],
        *("a>b", "b>c", "d>e", "a>e", "e>f"),
    )
    run = made(doc)
    at = clock.now()
    NodeRun.objects.create(
        run=run, node="a", state="retrying", attempt=1, retries=1, ready_at=at, started_at=at, finished_at=at,
        retry_at=at, error={"class": "E", "message": "bad", "node": "a", "line": None, "traceback": None},
    )  # fmt: skip
    NodeRun.objects.create(run=run, node="b", state="ready", ready_at=at.replace(microsecond=0), pool="p")
    NodeRun.objects.create(
        run=run, node="d", state="succeeded", attempt=2, ready_at=at, started_at=at, finished_at=at,
        output={"kind": "json", "value": 1, "bytes": 1, "ports": ["out"]}, progress={"fraction": 1.0, "message": "x"},
    )  # fmt: skip
    whole = node_runs.node_runs(run)
    for shape in whole:
        assert node_runs.node_run(run, shape["node"]) == shape
    assert node_runs.node_runs(run, ["f", "a", "a"]) == [whole[0], whole[5]]
    assert node_runs.node_runs(run, []) == []
    assert whole[4]["waiting_for"][0]["message"] == 'Waits for "a" to end.'
    assert whole[0]["waiting_for"][0]["until"] == iso(micros(at))


def test_a_wide_fan_in_names_three_and_counts_the_rest(django_assert_max_num_queries):
    names = [f"n{number}" for number in range(2000)]
    run = made(document([*names, "last"], *(f"{name}>last" for name in names)))
    NodeRun.objects.create(run=run, node="n0", state="succeeded")
    queries.document(run)
    with django_assert_max_num_queries(4):
        condition = node_runs.node_run(run, "last")["waiting_for"][0]
    assert condition["message"] == 'Waits for "n1", "n2", "n3" and 1996 more to end.'
    assert node_runs.node_runs(run)[-1]["waiting_for"] == [condition]


def test_nodes_are_found_by_state_in_document_order():
    run = made(document(["c", "b", "a", "d"]))
    run.counts = {"failed": 2, "running": 1, "pending": 1}
    for name, state in (("a", "failed"), ("c", "failed"), ("b", "running")):
        NodeRun.objects.create(run=run, node=name, state=state, started_at=clock.now())
    assert node_runs.nodes_in(run, ["failed", "timed_out"]) == ["c", "a"]
    assert node_runs.nodes_in(run, ["cancelled"]) == []
    assert [shape["node"] for shape in node_runs.running_nodes(run)] == ["b"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite compresses nothing")
def test_postgresql_keeps_log_text_in_the_form_that_it_reads_back_quickest():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
        if not (cursor.fetchone() or [False])[0]:
            pytest.skip("this server was built without LZ4")
        cursor.execute(
            "SELECT attcompression FROM pg_attribute WHERE attrelid = 'engine_logbatch'::regclass AND attname = 'body'"
        )
        assert cursor.fetchone() == ("l",)
