from datetime import timedelta
from typing import Any

import pytest

from engine import clock
from engine.models import Command, Run
from tests.support import run_rows
from tests.support.api import Answer, Api
from tests.support.documents import chain, with_input

START = "workflows/one/runs/"


@pytest.fixture
def api(editor: Api) -> Api:
    editor.post("workflows/", {"name": "One"})
    editor.post("workflows/one/versions/", {"definition": with_input(), "message": ""})
    editor.post("workflows/one/versions/", {"definition": chain("a", "b"), "message": ""})
    return editor


def start(api: Api, **body: Any) -> Answer:
    return api.post(START, body)


def test_a_run_starts_on_the_live_version_with_its_defaults(api: Api) -> None:
    answer = start(api)
    assert answer.status == 202
    run = answer.json
    assert answer.headers["Location"] == f"/api/v1/runs/{run['id']}/"
    assert (run["workflow"], run["version"], run["state"], run["priority"]) == ("one", 1, "queued", 5)
    assert (run["inputs"], run["created_by"]) == ({"month": 1}, "editor-person")
    assert run["counts"] == {"pending": 1}
    assert api.get(f"runs/{run['id']}/").json == run
    assert Command.objects.filter(run_id=int(run["id"]), kind="start").count() == 1


def test_a_run_starts_without_a_body(api: Api) -> None:
    assert api.post(START).status == 202


def test_version_inputs_and_priority_are_accepted(api: Api) -> None:
    assert start(api, version=2, priority=1).json["priority"] == 1
    assert start(api, inputs={"month": 7}).json["inputs"] == {"month": 7}
    missing = start(api, version=9)
    assert (missing.status, missing.code) == (404, "unknown_version")


@pytest.mark.parametrize("inputs", [{"month": "x"}, {"moth": 1}, [], "x", 3])
def test_invalid_inputs_start_nothing(api: Api, inputs: Any) -> None:
    answer = start(api, inputs=inputs)
    assert (answer.status, answer.code) == (422, "invalid_inputs")
    assert answer.json["errors"][0]["path"].startswith("inputs")
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"priority": 0},
        {"priority": 10},
        {"priority": "high"},
        {"version": "latest"},
        {"version": -1},
        {"version": 10**30},
        {"draft": "maybe"},
        {"draft": True, "version": 1},
        {"inputs": {}, "wait": 3},
    ],
)
def test_an_invalid_body_starts_nothing(api: Api, body: dict[str, Any]) -> None:
    assert start(api, **body).status == 400
    assert not Run.objects.exists()


@pytest.mark.parametrize("wait", ["-1", "61", "x", "nan", "inf", "1e9", ""])
def test_a_wait_out_of_its_range_starts_nothing(api: Api, wait: str) -> None:
    assert api.post(f"{START}?wait={wait}").code == "bad_parameter"
    assert not Run.objects.exists()


def test_a_wait_within_its_range_is_accepted(api: Api) -> None:
    assert api.post(f"{START}?wait=0").status == 202
    assert api.post(f"{START}?wait=60").status == 202


def test_a_missing_feature_is_refused_by_name_and_starts_nothing(api: Api) -> None:
    key = api.post(START, {}, headers={"Idempotency-Key": "k"})
    assert (key.status, key.code) == (501, "not_available_yet")
    assert not Run.objects.exists()


def test_targets_are_stored_with_the_run(api: Api) -> None:
    run = start(api, version=2, targets=["a", "a"])
    assert (run.status, run.json["counts"]) == (202, {"pending": 2})
    assert Run.objects.get(pk=run.json["id"]).targets == ["a"]


def test_null_targets_are_as_omitted_ones(api: Api) -> None:
    run = start(api, targets=None)
    assert run.status == 202
    assert Run.objects.get(pk=run.json["id"]).targets is None


@pytest.mark.parametrize("targets", [["nobody"], ["a", "nobody", ""], []])
def test_unknown_targets_start_nothing(api: Api, targets: list[str]) -> None:
    answer = start(api, targets=targets)
    assert answer.status in (400, 422)
    assert not Run.objects.exists()


def test_each_unknown_target_is_named(api: Api) -> None:
    answer = start(api, targets=["x", "a", "y"])
    assert (answer.status, answer.code) == (422, "invalid_targets")
    assert [error["path"] for error in answer.json["errors"]] == ["targets[0]", "targets[2]"]


@pytest.mark.parametrize("targets", ["a", [1], {"a": 1}, ["x" * 64]])
def test_targets_of_another_shape_are_refused(api: Api, targets: Any) -> None:
    assert start(api, targets=targets).status == 400
    assert not Run.objects.exists()


def test_without_a_live_version_there_is_nothing_to_run(api: Api) -> None:
    api.post("workflows/", {"name": "Two"})
    answer = api.post("workflows/two/runs/")
    assert (answer.status, answer.code) == (409, "nothing_live")


def test_a_draft_runs_when_it_is_saved_and_valid(api: Api) -> None:
    none = start(api, draft=True)
    assert (none.status, none.code) == (409, "no_draft")
    api.put("workflows/one/draft/", {"definition": {"schema": "x"}}, headers={"If-Match": "*"})
    invalid = start(api, draft=True)
    assert (invalid.status, invalid.code) == (422, "invalid_document")
    assert invalid.json["errors"]
    api.put("workflows/one/draft/", {"definition": chain("d", "e", "f")}, headers={"If-Match": "*"})
    run = start(api, draft=True)
    assert run.status == 202
    assert (run.json["version"], run.json["draft"], run.json["counts"]) == (None, True, {"pending": 3})


def test_an_operator_may_run_versions_but_no_draft(api: Api, operator: Api) -> None:
    assert start(operator).status == 202
    answer = start(operator, draft=True)
    assert (answer.status, answer.code) == (403, "forbidden")


def test_a_run_keeps_its_version_whatever_is_published(api: Api) -> None:
    run = start(api).json["id"]
    for number in range(3, 8):
        api.post("workflows/one/versions/", {"definition": chain(f"n{number}"), "message": ""})
        api.post("workflows/one/deployments/", {"version": number})
    assert api.get(f"runs/{run}/").json["version"] == 1
    assert [node["node"] for node in api.all(f"runs/{run}/nodes/")] == ["a"]


def test_a_rerun_has_the_version_inputs_targets_and_priority_of_the_earlier_run(api: Api, operator: Api) -> None:
    first = start(api, version=1, inputs={"month": 7}, priority=2, targets=["a"]).json
    assert first["rerun_of"] is None
    api.post("workflows/one/deployments/", {"version": 2})
    answer = operator.post(f"runs/{first['id']}/rerun/", {})
    assert answer.status == 202
    again = answer.json
    assert answer.headers["Location"] == f"/api/v1/runs/{again['id']}/"
    assert again["id"] != first["id"]
    assert (again["rerun_of"], again["created_by"], again["state"]) == (first["id"], "operator-person", "queued")
    for name in ("workflow", "version", "inputs", "priority", "counts"):
        assert again[name] == first[name], name
    assert Run.objects.get(pk=again["id"]).targets == ["a"]
    assert api.get(f"runs/{again['id']}/").json["rerun_of"] == first["id"]
    assert operator.post(f"runs/{first['id']}/rerun/", {"inputs": {"month": 8}}).json["inputs"] == {"month": 8}
    api.patch("workflows/one/", {"archived": True})
    refused = operator.post(f"runs/{first['id']}/rerun/")
    assert (refused.status, refused.code) == (409, "archived")


def test_a_drafts_run_is_repeated_with_its_own_content_and_by_its_author(api: Api, admin: Api) -> None:
    api.put("workflows/one/draft/", {"definition": chain("d", "e", "f")}, headers={"If-Match": "*"})
    first = start(api, draft=True).json
    api.put("workflows/one/draft/", {"definition": chain("other")}, headers={"If-Match": "*"})
    again = api.post(f"runs/{first['id']}/rerun/").json
    assert (again["draft"], again["counts"]) == (True, {"pending": 3})
    refused = admin.post(f"runs/{first['id']}/rerun/")
    assert (refused.status, refused.code) == (403, "forbidden")


def test_the_list_filters_and_goes_on_by_next(api: Api, operator: Api) -> None:
    ids = [start(api).json["id"], start(api, version=2).json["id"], start(operator).json["id"]]
    run_rows.ended(ids[1], "failed")

    def found(query: str) -> list[str]:
        return [run["id"] for run in api.all(f"runs/?{query}")]

    assert found("limit=1") == ids[::-1]
    assert found("state=failed") == [ids[1]]
    assert found("state=failed,queued") == ids[::-1]
    assert found("state=failed&state=queued&limit=2") == ids[::-1]
    assert found("version=2") == [ids[1]]
    assert found("created_by=operator-person") == [ids[2]]
    assert found("workflow=one&draft=false") == ids[::-1]
    assert found("workflow=other") == []
    assert found("draft=true") == []
    Run.objects.filter(pk=int(ids[0])).update(created_at=clock.now() - timedelta(days=2))
    yesterday = clock.iso(clock.now() - timedelta(days=1))
    assert found(f"since={yesterday}") == ids[:0:-1]
    assert found(f"until={yesterday}") == [ids[0]]


@pytest.mark.parametrize(
    "query", ["state=dancing", "since=yesterday", "since=2026-99-99T00:00:00Z", "version=x", "draft=1", "until=%00"]
)
def test_invalid_filters_are_refused(api: Api, query: str) -> None:
    assert api.get(f"runs/?{query}").code == "bad_parameter"


def test_the_list_takes_no_query_per_row(api: Api, django_assert_max_num_queries) -> None:
    for _number in range(10):
        start(api)
    api.get("runs/")
    with django_assert_max_num_queries(3):
        assert len(api.get("runs/").json["results"]) == 10


@pytest.mark.parametrize("run", ["0", "999", "x", "-1", "9" * 30, "1e3", "%F0%9F%9A%82", "٣"])
def test_an_unknown_run_is_not_found(api: Api, run: str) -> None:
    paths = ("", "nodes/", "nodes/a/", "logs/", "nodes/a/output/", "nodes/a/attempts/", "timeline/", "nodes/a/stack/")
    for path in (*paths, "nodes/a/history/", "nodes/a/samples/"):
        assert api.get(f"runs/{run}/{path}").status == 404
    for path in ("cancel/", "retry/", "nodes/a/cancel/", "nodes/a/retry/", "nodes/a/skip/"):
        assert api.post(f"runs/{run}/{path}").status == 404
    assert api.delete(f"runs/{run}/").status == 404


def test_commands_are_accepted_audited_and_refused_in_the_wrong_state(api: Api, admin: Api) -> None:
    run = start(api).json["id"]
    assert api.post(f"runs/{run}/retry/").code == "wrong_state"
    assert api.post(f"runs/{run}/nodes/a/retry/").code == "wrong_state"
    assert api.delete(f"runs/{run}/").code == "wrong_state"
    cancelled = api.post(f"runs/{run}/cancel/")
    assert (cancelled.status, cancelled.json["id"]) == (202, run)
    assert api.post(f"runs/{run}/nodes/a/cancel/").status == 202
    run_rows.ended(run, "failed", a="failed")
    assert api.post(f"runs/{run}/cancel/").code == "wrong_state"
    assert api.post(f"runs/{run}/nodes/a/cancel/").code == "wrong_state"
    assert api.post(f"runs/{run}/retry/", {"nodes": ["a"], "from": "start"}).status == 202
    assert api.post(f"runs/{run}/nodes/a/retry/", {"policy": {"soft_timeout": 5}}).status == 202
    actions = [(entry["action"], entry["run"], entry["node"]) for entry in admin.all("audit/?workflow=one")][:4]
    assert actions == [
        ("node_retried", run, "a"),
        ("run_retried", run, None),
        ("node_cancelled", run, "a"),
        ("run_cancelled", run, None),
    ]
    assert list(Command.objects.order_by("id").values_list("kind", flat=True)) == [
        "start",
        "cancel",
        "cancel_node",
        "retry",
        "retry",
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"nodes": ["ghost"]}, 404),
        ({"nodes": []}, 422),
        ({"nodes": "a"}, 400),
        ({"nodes": [7, None]}, 400),
        ({"from": "middle"}, 400),
        ({"policy": []}, 400),
        ({"policy": {"a": 3}}, 400),
        ({"policy": {"ghost": {}}}, 404),
        ({"policy": {"a": {"retries": 3}}}, 422),
        ({"policy": {"a": {"soft_timeout": -1}}}, 422),
        ({"policy": {"a": {"pool": "none"}}}, 422),
        ({"node": "a"}, 400),
    ],
)
def test_an_invalid_retry_writes_nothing(api: Api, body: dict[str, Any], status: int) -> None:
    run = start(api).json["id"]
    run_rows.ended(run, "failed", a="failed")
    before = Command.objects.count()
    answer = api.post(f"runs/{run}/retry/", body)
    assert answer.status == status, answer
    assert Command.objects.count() == before


@pytest.mark.parametrize("state", ["failed", "timed_out", "cancelled", "upstream_failed"])
def test_an_ended_node_is_skipped_and_audited(api: Api, admin: Api, state: str) -> None:
    run = start(api, version=2).json["id"]
    run_rows.ended(run, "failed", a=state, b="upstream_failed")
    answer = api.post(f"runs/{run}/nodes/a/skip/")
    assert (answer.status, answer.json["id"]) == (202, run)
    assert Command.objects.filter(kind="skip", run_id=int(run), node="a", by="editor-person").count() == 1
    entry = admin.all("audit/")[0]
    assert (entry["action"], entry["run"], entry["node"]) == ("node_skipped", run, "a")


@pytest.mark.parametrize("state", ["succeeded", "skipped"])
def test_a_node_that_needs_no_skip_is_refused(api: Api, admin: Api, state: str) -> None:
    run = start(api, version=2).json["id"]
    run_rows.ended(run, "failed", a=state, b="failed")
    answer = api.post(f"runs/{run}/nodes/a/skip/")
    assert (answer.status, answer.code) == (409, "wrong_state")
    assert api.post(f"runs/{run}/nodes/ghost/skip/").status == 404
    assert api.post(f"runs/{run}/nodes/b/skip/", {"why": 1}).status == 400
    assert not Command.objects.filter(kind="skip").exists()
    assert not [entry for entry in admin.all("audit/") if entry["action"] == "node_skipped"]


def test_a_failed_node_of_a_stopping_run_is_not_skipped(api: Api) -> None:
    run = start(api, version=2).json["id"]
    run_rows.ended(run, "running", a="failed")
    Run.objects.filter(pk=int(run)).update(stopping="cancelled", finished_at=None)
    answer = api.post(f"runs/{run}/nodes/a/skip/")
    assert (answer.status, answer.code) == (409, "wrong_state")
    assert "is being stopped" in answer.json["detail"]


def test_a_pending_node_is_skipped_also_while_its_run_is_queued(api: Api) -> None:
    run = start(api, version=2).json["id"]
    assert api.post(f"runs/{run}/nodes/b/skip/").status == 202


def test_an_ended_run_is_deleted_and_the_audit_log_stays(api: Api, admin: Api) -> None:
    run = start(api).json["id"]
    row = run_rows.ended(run, "succeeded", a="succeeded")
    run_rows.lines(row, "a", 1, "one")
    assert api.delete(f"runs/{run}/").status == 204
    assert api.get(f"runs/{run}/").status == 404
    assert admin.all("audit/")[0]["action"] == "run_deleted"


# --- nodes, attempts, logs ---


def test_nodes_are_listed_in_order_with_pending_ones(api: Api) -> None:
    run = start(api, version=2).json["id"]
    nodes = api.get(f"runs/{run}/nodes/").json["results"]
    assert [(node["node"], node["state"], node["attempt"]) for node in nodes] == [
        ("a", "pending", 0),
        ("b", "pending", 0),
    ]
    assert nodes[0]["waiting_for"]
    assert [node["node"] for node in api.all(f"runs/{run}/nodes/?limit=1")] == ["a", "b"]
    assert api.get(f"runs/{run}/nodes/b/").json == nodes[1]
    assert api.get(f"runs/{run}/nodes/zzz/").status == 404


def test_a_failed_node_shows_its_error_and_attempts_newest_first(api: Api) -> None:
    run = start(api, version=2).json["id"]
    row = run_rows.ended(run, "failed")
    run_rows.node_run(row, "a", "failed", attempts=3)
    node = api.get(f"runs/{run}/nodes/a/").json
    assert (node["state"], node["error"]["class"], node["error"]["line"]) == ("failed", "ValueError", 3)
    attempts = api.all(f"runs/{run}/nodes/a/attempts/?limit=2")
    assert [attempt["number"] for attempt in attempts] == [3, 2, 1]
    assert api.get(f"runs/{run}/nodes/b/attempts/").json == {"results": [], "next": None}
    assert api.get(f"runs/{run}/nodes/zzz/attempts/").status == 404


def test_log_lines_are_filtered_and_go_on_by_next(api: Api) -> None:
    run = start(api, version=2).json["id"]
    row = run_rows.ended(run, "failed", a="failed", b="upstream_failed")
    run_rows.lines(row, "a", 1, "one", "TWO <b>", "three")
    run_rows.lines(row, "b", 5, "broken", level="error")

    def found(query: str) -> list[str]:
        return [line["message"] for line in api.all(f"runs/{run}/logs/?{query}")]

    assert found("") == ["one", "TWO <b>", "three", "broken"]
    assert found("limit=1") == ["one", "TWO <b>", "three", "broken"]
    assert found("node=a") == ["one", "TWO <b>", "three"]
    assert found("after=2") == ["three", "broken"]
    assert found("level=warning") == ["broken"]
    assert found("q=two") == ["TWO <b>"]
    assert api.get(f"runs/{run}/logs/?node=zzz").status == 404
    assert api.get(f"runs/{run}/logs/?level=loud").status == 400
    assert api.get(f"runs/{run}/logs/?after=-1").status == 400
