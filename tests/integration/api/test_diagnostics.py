import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from engine import clock
from engine.inspect import procfs
from engine.inspect.children import identify
from engine.models import Attempt, Leader, NodeRun, Pool, Run, Sample, Stack
from tests.support import run_rows
from tests.support.api import Api
from tests.support.factories import document, python
from versions.models import Deployment

MIB = 2**20


@pytest.fixture(autouse=True)
def _scheduler(db: None) -> None:
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now() + timedelta(seconds=30), "pid": 77})


def publish(api: Api, slug: str, *nodes: Any, edges: tuple[str, ...] = (), **settings: Any) -> None:
    if api.get(f"workflows/{slug}/").status == 404:
        api.post("workflows/", {"name": slug, "slug": slug})
    answer = api.post(
        f"workflows/{slug}/versions/", {"definition": document(nodes, *edges, **settings), "message": "m"}
    )
    assert answer.status == 201, answer


def started(api: Api, slug: str, **counts: int) -> Run:
    run = Run.objects.get(pk=int(api.post(f"workflows/{slug}/runs/").json["id"]))
    run.state, run.started_at = "running", clock.now() - timedelta(seconds=60)
    run.counts = counts
    run.save()
    return run


def running(run: Run, node: str, seconds: float, expected: float | None = None, **more: Any) -> NodeRun:
    at = clock.now() - timedelta(seconds=seconds)
    source = "none" if expected is None else "author"
    Attempt.objects.create(
        run=run, node=node, number=1, state="running", claim=f"c-{node}", worker="local/1", pid=4242, started_at=at
    )
    return NodeRun.objects.create(
        run=run, node=node, state="running", attempt=1, claim=f"c-{node}", ready_at=at, started_at=at,
        expected=expected, expected_from=source, **more,
    )  # fmt: skip


def ready(run: Run, node: str, **more: Any) -> NodeRun:
    return NodeRun.objects.create(run=run, node=node, state="ready", ready_at=clock.now(), **more)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_the_holder_of_a_lock_is_named_by_its_run_and_node_while_it_lives(
    editor: Api, sleeper: subprocess.Popen[bytes]
) -> None:
    publish(editor, "one", "hold")
    publish(editor, "two", python("want", expected_duration=2))
    first, second = started(editor, "one", running=1), started(editor, "two", running=1)
    running(first, "hold", 240)
    Attempt.objects.filter(run=first).update(pid=sleeper.pid)
    stack(first, "hold", {"kind": "sleep", "message": "a sleep of 600.0 s"})
    running(second, "want", 20, 2)
    Attempt.objects.filter(run=second).update(pid=os.getpid(), pid_started=str(procfs.start_of(os.getpid())))
    lock = {"kind": "file", "syscall": "flock", "message": "a lock on /x", "path": "/x", "pid": sleeper.pid}
    stack(second, "want", {**lock, "holder": identify(sleeper.pid)}, 7, "fcntl.flock(file, fcntl.LOCK_EX)")
    (one,) = diagnose(editor, second)["suggestions"]
    assert one["code"] == "file_lock"
    assert f'which is held by run {first.pk}, node "hold", for up to 4 m' in one["message"]
    assert any("sleeps in line 3: time.sleep(600)" in each["message"] for each in one["evidence"])
    assert one["action"]["path"] == f"/api/v1/runs/{first.pk}/nodes/hold/cancel/"
    sleeper.kill()
    sleeper.wait()
    (one,) = diagnose(editor, second)["suggestions"]
    assert "who holds it is not known" in one["message"]
    assert one["action"]["path"] == f"/api/v1/runs/{second.pk}/nodes/want/cancel/"


def stack(run: Run, node: str, wait: Any, line: int = 3, source: str = "time.sleep(600)") -> None:
    frame = {"file": f"<{node}>", "line": line, "function": "main", "source": source, "author": True}
    threads = [{"id": 4242, "name": "MainThread", "waits_on": wait, "frames": [frame]}]
    at = "2026-11-24T08:00:00.000000Z"
    body = {
        "samples": [{"at": at, "threads": threads}] * 3,
        "children": [],
        "moves": False,
        "cpu_percent": 0.0,
        "pid": 4242,
    }
    Stack.objects.create(run=run, node=node, attempt=1, taken_at=clock.now(), why="stuck", body=body)


def diagnose(api: Api, run: Run, node: str = "") -> Any:
    answer = api.get(f"runs/{run.pk}/diagnostics/" + (f"?node={node}" if node else ""))
    assert answer.status == 200, answer
    return answer.json


def test_a_stuck_node_has_a_cause_evidence_logs_stack_and_action(editor: Api) -> None:
    publish(editor, "one", python("a", expected_duration=2))
    run = started(editor, "one", running=1)
    running(run, "a", 20, 2)
    run_rows.lines(run, "a", 1, *[f"line {n}" for n in range(60)])
    run_rows.lines(run, "a", 61, "Marked stuck after 4 s (usually 2 s). Stack traces saved.")
    stack(run, "a", {"kind": "sleep", "message": "a sleep of 600.0 s"})
    for n in range(5):
        Sample.objects.create(
            run=run, node="a", attempt=1, at=clock.now() - timedelta(seconds=5 - n), cpu_percent=0.0,
            memory_bytes=8 * MIB, io_wait=False, network_bytes=10, network_scope="host",
        )  # fmt: skip
    found = diagnose(editor, run)
    assert (found["workflow_id"], found["run_id"], found["status"]) == ("one", str(run.pk), "running")
    assert 59 < found["duration"] < 70
    (stuck,) = found["stuck_nodes"]
    assert (stuck["node_id"], stuck["type"], stuck["expected"], stuck["expected_from"]) == ("a", "python", 2, "author")
    assert len(stuck["logs"]) == 50
    assert stuck["logs"][-1]["seq"] == 61
    assert stuck["stack"]["samples"][0]["threads"][0]["frames"][0]["author"] is True
    usage = found["resource_usage"]
    assert (usage["cpu_usage"], usage["io_wait"], usage["network_io"]) == (0, 0, 10)
    assert 0 < usage["memory_usage"] < 100
    assert found["resource_scopes"] == {
        "cpu_usage": "tree", "memory_usage": "tree", "io_wait": "tree", "network_io": "host",
    }  # fmt: skip
    (one,) = found["suggestions"]
    assert (one["code"], one["node_id"]) == ("sleeping", "a")
    assert one["action"] == {
        "label": "Retry with a 5 s limit",
        "method": "POST",
        "path": f"/api/v1/runs/{run.pk}/nodes/a/retry/",
        "body": {"policy": {"soft_timeout": 5, "hard_timeout": 10}},
    }
    sent = editor.call(one["action"]["method"], one["action"]["path"], one["action"]["body"])
    assert sent.status == 202


@pytest.mark.parametrize("expected", [0.05, 0.4, 1, 3, 21.6, 100, 299, 400, 5000, 100_000, 20_000_000])
def test_a_retry_with_a_limit_is_accepted_for_every_expected_duration(editor: Api, expected: float) -> None:
    publish(editor, "one", python("a", expected_duration=expected, soft_timeout=7, hard_timeout=8))
    run = started(editor, "one", running=1)
    running(run, "a", 2.5 * expected + 3, expected)
    action = next(one for one in diagnose(editor, run)["suggestions"][0]["actions"] if "retry" in one["path"])
    assert editor.call(action["method"], action["path"], action["body"]).status == 202


def test_a_pool_held_by_another_run_is_named_and_slots_can_be_added(admin: Api) -> None:
    Pool.objects.create(name="warehouse", slots=1, created_at=clock.now())
    publish(admin, "one", python("hold", pool="warehouse"))
    publish(admin, "two", python("want", pool="warehouse"), "late", edges=("want>late",))
    first, second = started(admin, "one", running=1), started(admin, "two", ready=1, pending=1)
    since = clock.iso(running(first, "hold", 840, pool="warehouse").started_at or clock.now())
    ready(second, "want", pool="warehouse")
    found = diagnose(admin, second)
    assert [one["node_id"] for one in found["waiting"]] == ["want", "late"]
    assert found["waiting_total"] == 2
    condition = found["waiting"][0]["conditions"][0]
    assert condition["code"] == "pool"
    assert condition["holders"] == [{"run": str(first.pk), "node": "hold", "slots": 1, "since": since}]
    (one,) = found["suggestions"]
    assert one["code"] == "pool_full"
    assert f'node "hold" of run {first.pk} has held its only slot for 14 m' in one["message"]
    holder = one["evidence"][0]
    assert (holder["pid"], holder["unit"], holder["at"]) == (4242, "seconds", since)
    assert 839 < holder["value"] < 860
    assert (one["action"]["path"], one["action"]["body"]) == ("/api/v1/pools/warehouse/", {"slots": 2})
    (behind,) = diagnose(admin, second, "late")["suggestions"]
    assert behind["message"] == (
        '"late" waits for "want", which is not running either: Waits for 1 slot of pool "warehouse": 1 of 1 are in use.'
    )
    assert admin.call("PATCH", one["action"]["path"], one["action"]["body"]).status == 200
    assert diagnose(admin, second)["suggestions"] == []


def test_a_normal_and_a_succeeded_run_have_no_suggestions(editor: Api) -> None:
    publish(editor, "one", python("a", expected_duration=100), "b", edges=("a>b",))
    run = started(editor, "one", running=1, pending=1)
    running(run, "a", 20, 100)
    found = diagnose(editor, run)
    assert (found["suggestions"], found["stuck_nodes"]) == ([], [])
    assert found["waiting"][0]["conditions"][0]["code"] == "upstream"
    ended = run_rows.ended(editor.post("workflows/one/runs/").json["id"], "succeeded", a="succeeded", b="succeeded")
    found = diagnose(editor, ended)
    assert (found["suggestions"], found["stuck_nodes"], found["waiting"], found["waiting_total"]) == ([], [], [], 0)
    assert set(found["resource_usage"].values()) == {None}


def test_a_waiting_node_is_explained_by_the_root_of_its_wait(editor: Api) -> None:
    publish(editor, "one", python("a", expected_duration=30), "b", "c", "d", edges=("a>b", "b>c", "c>d"))
    run = started(editor, "one", running=1, pending=3)
    running(run, "a", 20, 30)
    (one,) = diagnose(editor, run, "d")["suggestions"]
    assert one["code"] == "upstream"
    assert one["message"].startswith('"d" waits for "a", which has been running for 2')
    NodeRun.objects.update(started_at=clock.now() - timedelta(seconds=900))
    stuck, behind = diagnose(editor, run)["suggestions"]
    assert stuck["code"] == "not_determined"
    assert "3 nodes wait for it" in [one["message"] for one in stuck["evidence"]]
    assert (behind["code"], behind["node_id"]) == ("upstream", "b")
    assert diagnose(editor, run, "a")["suggestions"][0]["node_id"] == "a"


def test_a_node_waits_only_for_upstream_nodes_that_have_not_ended(editor: Api) -> None:
    publish(editor, "one", "a", "b", "c", edges=("a>c", "b>c"))
    run = started(editor, "one", succeeded=1, running=1, pending=1)
    run_rows.node_run(run, "a", "succeeded")
    running(run, "b", 2)
    (waits,) = diagnose(editor, run)["waiting"]
    assert waits["conditions"][0]["message"] == 'Waits for "b" to end.'


def test_a_failure_is_located_at_the_first_node_that_failed(editor: Api, operator: Api) -> None:
    publish(editor, "one", "a", "b", "c", edges=("a>c", "b>c"))
    run = run_rows.ended(
        editor.post("workflows/one/runs/").json["id"], "failed", a="failed", b="failed", c="upstream_failed"
    )
    NodeRun.objects.filter(node="b").update(finished_at=clock.now() - timedelta(seconds=5))
    run_rows.lines(run, "b", 1, "one", "two")
    (one,) = diagnose(editor, run)["suggestions"]
    assert (one["code"], one["node_id"]) == ("failed_value_error", "b")
    assert one["evidence"][0]["pid"] == 4242
    assert [each["message"] for each in one["evidence"] if each["kind"] == "log"] == ["one", "two"]
    # The author's code is at fault: it is edited, by those who may.
    assert one["action"] == {
        "label": "Edit this node", "method": "GET", "path": "/api/v1/workflows/one/draft/", "body": None
    }  # fmt: skip
    assert editor.get(one["action"]["path"].removeprefix("/api/v1/")).status == 200
    (shown,) = diagnose(operator, run)["suggestions"]
    assert shown["action"]["path"] == f"/api/v1/runs/{run.pk}/nodes/b/retry/"
    assert all("draft" not in action["path"] for action in shown["actions"])
    assert editor.call("POST", shown["action"]["path"], shown["action"]["body"]).status == 202
    (because,) = diagnose(editor, run, "c")["suggestions"]
    assert because["code"] == "upstream_failed"
    assert because["message"].startswith('"c" was not started because "b" failed: ValueError in line 3, bad.')


def ended(api: Api, slug: str, state: str) -> Run:
    return run_rows.ended(api.post(f"workflows/{slug}/runs/").json["id"], state, a=state)


def test_a_failure_since_the_live_version_offers_a_rollback(admin: Api) -> None:
    publish(admin, "one", "a")
    for _ in range(3):
        ended(admin, "one", "succeeded")
    publish(admin, "one", "a", "b")
    admin.post("workflows/one/deployments/", {"version": 2})
    runs = [ended(admin, "one", "failed") for _ in range(2)]
    failed, began = diagnose(admin, runs[0])["suggestions"]
    assert failed["code"] == "failed_value_error"
    assert began["code"] == "began_with_version"
    assert began["message"] == "Failing since v2; v1 worked."
    assert {one["kind"] for one in began["evidence"]} == {"history"}
    action = began["action"]
    assert (action["method"], action["path"]) == ("POST", "/api/v1/workflows/one/rollback/")
    assert action["body"]["version"] == 1
    assert f"v2 has been failing since run {runs[0].pk}: " in action["body"]["reason"]
    assert admin.call("POST", action["path"], action["body"]).status == 200
    assert Deployment.objects.get(state="live").version.number == 1
    # A version that was rolled back is not offered again.
    assert [one["code"] for one in diagnose(admin, runs[0])["suggestions"]] == ["failed_value_error"]


@pytest.mark.parametrize("case", ["the first version", "earlier one failed too", "this one succeeded once", "no pool"])
def test_a_rollback_is_offered_only_to_a_version_that_worked(admin: Api, case: str) -> None:
    pool = Pool.objects.create(name="p", slots=1, created_at=clock.now())
    publish(admin, "one", python("a", pool="p"))
    ended(admin, "one", "failed" if case == "earlier one failed too" else "succeeded")
    if case != "the first version":
        publish(admin, "one", "a", "b")
        admin.post("workflows/one/deployments/", {"version": 2})
    if case == "this one succeeded once":
        ended(admin, "one", "succeeded")
    run = ended(admin, "one", "failed")
    if case == "no pool":
        pool.delete()
    assert [one["code"] for one in diagnose(admin, run)["suggestions"]] == ["failed_value_error"]


def test_a_queued_run_names_the_run_that_it_waits_for(editor: Api) -> None:
    publish(editor, "one", "a", max_runs=1)
    first = started(editor, "one", running=1)
    second = Run.objects.get(pk=int(editor.post("workflows/one/runs/").json["id"]))
    found = diagnose(editor, second)
    assert found["duration"] is None
    (one,) = found["suggestions"]
    assert one["code"] == "workflow_limit"
    assert f"run {first.pk} has been running for 1 m" in one["message"]
    assert one["action"]["path"] == f"/api/v1/runs/{first.pk}/cancel/"


def test_a_missing_scheduler_is_reported_first(editor: Api) -> None:
    publish(editor, "one", "a")
    run = started(editor, "one", ready=1)
    ready(run, "a")
    Leader.objects.update(beat_at=clock.now() - timedelta(seconds=12))
    one = diagnose(editor, run)["suggestions"][0]
    assert one["code"] == "no_scheduler"
    assert one["evidence"][0]["pid"] == 77


def test_unknown_runs_and_nodes_are_404(editor: Api) -> None:
    publish(editor, "one", "a")
    run = started(editor, "one", pending=1)
    assert editor.get("runs/999/diagnostics/").status == 404
    assert editor.get(f"runs/{run.pk}/diagnostics/?node=zzz").status == 404
    assert editor.get(f"runs/{run.pk}/diagnostics/?what=x").status == 400


def test_the_cost_does_not_grow_with_the_nodes(editor: Api, django_assert_max_num_queries: Any) -> None:
    nodes = [python(f"n{n}", expected_duration=1) for n in range(400)]
    publish(editor, "one", *nodes, edges=tuple(f"n{n}>n{n + 10}" for n in range(390)))
    run = started(editor, "one", succeeded=200, running=4, ready=6, pending=190)
    for n in range(200):
        run_rows.node_run(run, f"n{n}", "succeeded")
    for n in range(200, 204):
        running(run, f"n{n}", 20, 1)
    for n in range(204, 210):
        ready(run, f"n{n}")
    with django_assert_max_num_queries(30):
        found = diagnose(editor, run)
    assert len(found["waiting"]) == 100
    assert found["waiting_total"] == 196


def test_a_slow_run_that_succeeded_names_its_bottleneck(admin: Api) -> None:
    Pool.objects.create(name="disk", slots=1, created_at=clock.now())
    publish(admin, "one", "a", python("b", pool="disk"), "side", edges=("a>b", "a>side"))
    run = run_rows.ended(
        admin.post("workflows/one/runs/").json["id"], "succeeded", a="succeeded", b="succeeded", side="succeeded"
    )
    began = clock.now() - timedelta(seconds=100)

    def ran(node: str, start: float, end: float, **more: Any) -> None:
        times = {"started_at": began + timedelta(seconds=start), "finished_at": began + timedelta(seconds=end)}
        NodeRun.objects.filter(run=run, node=node).update(**times, **more)
        Attempt.objects.filter(run=run, node=node).update(**times)

    ran("a", 1, 11)
    ran("b", 71, 81, pool="disk")
    ran("side", 12, 20)
    Run.objects.filter(pk=run.pk).update(started_at=began, finished_at=began + timedelta(seconds=81))
    (one,) = diagnose(admin, run)["suggestions"]
    assert (one["code"], one["node_id"]) == ("bottleneck", "b")
    assert 'went into waiting: "b" could start only after 1 m, 74 % of it.' in one["message"]
    told = [evidence["message"] for evidence in one["evidence"]]
    assert told[0] == "Critical path of 2 nodes: 20 s of work, 1 m 1 s of waiting"
    assert '"b" worked for 10 s and waited for 1 m before it (slots of pool disk)' in told
    assert admin.call(one["action"]["method"], one["action"]["path"], one["action"]["body"]).status == 200
    # Compared with runs that took as long, it is not slow.
    for _ in range(3):
        later = run_rows.ended(admin.post("workflows/one/runs/").json["id"], "succeeded")
        Run.objects.filter(pk=later.pk).update(started_at=began, finished_at=began + timedelta(seconds=81))
    newest = run_rows.ended(admin.post("workflows/one/runs/").json["id"], "succeeded", a="succeeded")
    Run.objects.filter(pk=newest.pk).update(started_at=began, finished_at=began + timedelta(seconds=81))
    assert diagnose(admin, newest)["suggestions"] == []
