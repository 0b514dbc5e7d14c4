"""The skip of a node whose table others need: what it would do, and the empty table."""

from typing import Any

import pytest
from django.conf import settings

from engine.artifacts import Artifacts
from engine.models import Command, NodeRun, Run
from tests.support import run_rows
from tests.support.api import Api
from tests.support.factories import document, node, python

COLUMNS = [{"name": 'the "day"', "type": "DATE"}, {"name": "parts", "type": "STRUCT(a INTEGER, b VARCHAR[])"}]
TABLE = {
    "kind": "table",
    "artifact": f"ab/{'ab' * 32}.parquet",
    "schema": COLUMNS,
    "row_count": 9,
    "bytes": 300,
    "ports": ["out"],
}
GRAPH = document(
    [
        python("read"),
        node("split", "branch", {"condition": "true"}),
        node("sum", "table.sql", {"sql": "select count(*) from READ -- not split"}),
        node("other", "table.sql", {"sql": "select 1 -- read"}),
        node("save", "table.write", {"path": "out/a.csv"}),
        node("after_failure", "table.write", {"path": "out/b.csv"}, trigger_rule="all_failed"),
        node("later", "table.write", {"path": "out/c.csv"}),
        python("code"),
    ],
    "read>split",
    "read>sum",
    "read>other",
    "split.true>save",
    "read>after_failure",
    "sum>later",
    "read>code",
)


@pytest.fixture
def api(editor: Api) -> Api:
    editor.post("workflows/", {"name": "One"})
    answer = editor.post("workflows/one/versions/", {"definition": GRAPH, "message": ""})
    assert answer.status == 201, answer
    return editor


def start(api: Api, **body: Any) -> str:
    return str(api.post("workflows/one/runs/", body).json["id"])


def earlier(api: Api, output: dict[str, Any] = TABLE, **body: Any) -> str:
    """Return a run in which `read` succeeded."""
    run = start(api, **body)
    run_rows.node_run(Run.objects.get(pk=int(run)), "read", "succeeded", output=output)
    return run


def failed(api: Api, **body: Any) -> str:
    run = start(api, **body)
    run_rows.ended(run, "failed", read="failed")
    return run


def test_the_effects_of_a_skip_name_the_nodes_that_fail_on_null_and_no_others(api: Api, viewer: Api) -> None:
    effects = viewer.get(f"runs/{failed(api)}/nodes/read/skip/")
    assert effects.status == 200
    assert effects.json == {
        "fails_on_null": [
            {"node": "sum", "name": "sum", "input": "read"},
            {"node": "save", "name": "save", "input": "split"},
        ],
        "empty_table": None,
    }
    assert viewer.get(f"runs/{failed(api)}/nodes/ghost/skip/").status == 404


@pytest.mark.parametrize("states", [{"sum": "succeeded", "save": "failed"}, {"sum": "skipped", "save": "succeeded"}])
def test_nodes_that_have_run_or_were_skipped_by_a_person_do_not_fail(api: Api, states: dict[str, str]) -> None:
    run = failed(api)
    run_rows.ended(run, "failed", **states)
    NodeRun.objects.filter(run_id=int(run), state="skipped").update(reason="skipped_by_person")
    assert api.get(f"runs/{run}/nodes/read/skip/").json["fails_on_null"] == []


def test_nodes_that_wait_for_the_failed_one_are_named_and_those_outside_of_the_run_are_not(api: Api) -> None:
    run = failed(api, targets=["sum"])
    run_rows.ended(run, "failed", sum="upstream_failed")
    assert [one["node"] for one in api.get(f"runs/{run}/nodes/read/skip/").json["fails_on_null"]] == ["sum"]


def test_the_known_schema_is_that_of_the_newest_output(api: Api) -> None:
    earlier(api, {**TABLE, "schema": [{"name": "old", "type": "DATE"}]})
    newest = earlier(api)
    run = failed(api)
    assert api.get(f"runs/{run}/nodes/read/skip/").json["empty_table"] == {"run": newest, "columns": COLUMNS}
    earlier(api, {"kind": "json", "value": [1], "bytes": 3, "ports": ["out"]})
    assert api.get(f"runs/{run}/nodes/read/skip/").json["empty_table"] is None


def test_the_schema_of_a_draft_is_known_only_to_draft_runs_of_its_author(api: Api) -> None:
    draft = earlier(api)
    Run.objects.filter(pk=int(draft)).update(draft=True, version=None)
    run = failed(api)
    path = f"runs/{run}/nodes/read/skip/"
    assert api.get(path).json["empty_table"] is None
    Run.objects.filter(pk=int(run)).update(draft=True, version=None)
    assert api.get(path).json["empty_table"]["run"] == draft
    Run.objects.filter(pk=int(draft)).update(created_by="another")
    assert api.get(path).json["empty_table"] is None


def test_a_skip_with_an_empty_table_stores_it_with_the_command_and_the_audit_says_so(api: Api, admin: Api) -> None:
    earlier(api)
    answer = api.post(f"runs/{failed(api)}/nodes/read/skip/", {"output": "empty_table"})
    assert answer.status == 202, answer
    output = Command.objects.get(kind="skip").body["output"]
    assert (output["kind"], output["schema"], output["row_count"]) == ("table", COLUMNS, 0)
    assert Artifacts(settings.INTERLOCK.artifacts).exists(output["artifact"])
    assert admin.all("audit/")[0]["action"] == "node_skipped"


@pytest.mark.parametrize("body", [None, {}, {"output": None}])
def test_a_skip_hands_on_null_unless_it_asks_for_an_empty_table(api: Api, body: dict[str, Any] | None) -> None:
    earlier(api)
    assert api.post(f"runs/{failed(api)}/nodes/read/skip/", body).status == 202
    assert Command.objects.get(kind="skip").body == {}


def test_an_empty_table_without_a_known_schema_is_refused_and_nothing_is_written(api: Api, admin: Api) -> None:
    run = failed(api)
    answer = api.post(f"runs/{run}/nodes/read/skip/", {"output": "empty_table"})
    assert (answer.status, answer.code) == (422, "no_known_schema")
    assert "no schema of its table is known" in answer.json["detail"]
    assert not Command.objects.filter(kind="skip").exists()
    assert not [entry for entry in admin.all("audit/") if entry["action"] == "node_skipped"]


@pytest.mark.parametrize("kind", ["GONE", "INTEGER) AS a, (SELECT 1", "INTEGER) AS a); SELECT (1", ""])
def test_a_schema_with_a_type_that_duckdb_does_not_have_counts_as_unknown(api: Api, kind: str) -> None:
    earlier(api, {**TABLE, "schema": [{"name": "a", "type": kind}]})
    answer = api.post(f"runs/{failed(api)}/nodes/read/skip/", {"output": "empty_table"})
    assert (answer.status, answer.code) == (422, "no_known_schema")


@pytest.mark.parametrize("output", ["null", "", 1, ["empty_table"], {"kind": "table"}])
def test_another_output_is_refused(api: Api, output: Any) -> None:
    earlier(api)
    answer = api.post(f"runs/{failed(api)}/nodes/read/skip/", {"output": output})
    assert answer.status == 400, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Command.objects.filter(kind="skip").exists()
