"""Outputs that the editor shows: the newest of each node, and whose runs they come from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.conf import settings

from engine.artifacts import Artifacts
from engine.definition import store
from engine.definition.fingerprints import fingerprints
from tests.support import run_rows
from tests.support.documents import chain
from tests.support.people import person
from versions import preview as previews
from versions.actions import drafts, publish, workflows
from versions.actions.launch import launch
from versions.models import Workflow

VALUE = {"kind": "json", "value": {"n": 1}, "bytes": 7, "ports": ["out"]}
OUTPUTS = "/workflows/flow/edit/outputs/"


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifacts:
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, artifacts=str(tmp_path / "artifacts")))
    return Artifacts(tmp_path / "artifacts")


@pytest.fixture
def pair(db) -> Workflow:
    """A workflow `flow` with a > b as v1, and a run of it (1) in which both succeeded."""
    store.clear_cache()
    made = workflows.create("Flow", slug="flow", by="editor-person")
    publish.publish(made, chain("a", "b"), by="editor-person")
    run_of(made, a=VALUE, b=VALUE)
    return made


def run_of(workflow: Workflow, draft_of: Any = None, by: str = "editor-person", **nodes: dict[str, Any] | None) -> Any:
    """Create an ended run. Nodes with an output succeeded, the others failed."""
    run = launch(workflow, draft_of=draft_of, by=by)
    run_rows.ended(run.pk, "succeeded")
    for node, output in nodes.items():
        run_rows.node_run(run, node, "failed" if output is None else "succeeded", output=output)
    run.refresh_from_db()
    states = ["failed" if output is None else "succeeded" for output in nodes.values()]
    run.counts = {state: states.count(state) for state in states}
    run.save()
    return run


def table(artifacts: Artifacts, sql: str) -> dict[str, Any]:
    Path(artifacts.staging).mkdir(parents=True, exist_ok=True)
    staged = artifacts.stage("test", ".parquet")
    connection = duckdb.connect()
    connection.execute(f"COPY ({sql}) TO '{staged}' (FORMAT parquet, USE_TMP_FILE false)")
    described = connection.execute(f"DESCRIBE {sql}").fetchall()
    rows = connection.execute(f"SELECT count(*) FROM ({sql})").fetchone()
    assert rows is not None
    return {
        "kind": "table",
        "artifact": artifacts.add_staged(staged, ".parquet"),
        "schema": [{"name": name, "type": kind} for name, kind, *_ in described],
        "row_count": rows[0],
        "bytes": 1,
        "ports": ["out"],
    }


def save_draft(workflow: Workflow, who: str, document: dict[str, Any]) -> Any:
    user = person("editor", who)
    drafts.save(workflow, user, document, base_version=1, expected_saves=None)
    return user


def test_each_node_has_the_output_of_the_newest_run_in_which_it_succeeded(pair, browser):
    second = run_of(pair, a={**VALUE, "value": 2}, b=None)
    answer = browser("editor").get(OUTPUTS).json()
    found = answer["outputs"]
    assert {node: (shape["run"], shape["version"]) for node, shape in found.items()} == {
        "a": (str(second.pk), 1),
        "b": (str(second.pk - 1), 1),
    }
    assert (found["a"]["kind"], found["a"]["rows"], found["a"]["columns"]) == ("json", None, None)
    assert found["a"]["at"].endswith("Z")
    assert answer["run"] is None


def test_unchanged_outputs_are_not_sent_again(pair, browser):
    tag = browser("editor").get(OUTPUTS).json()["tag"]
    assert browser("editor").get(f"{OUTPUTS}?tag={tag}").json() == {"outputs": None, "tag": tag, "run": None}
    run_of(pair, a=VALUE)
    assert browser("editor").get(f"{OUTPUTS}?tag={tag}").json()["outputs"]


def test_a_file_shows_its_first_rows_before_anything_has_run(pair, browser, monkeypatch, tmp_path):
    # The checker process may have to start first.
    monkeypatch.setattr(previews, "SECONDS", 30)
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, home=tmp_path))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "x.csv").write_text("n,t\n" + "".join(f"{n},<b>\n" for n in range(150)) + ",\n")

    def preview(config: Any) -> Any:
        body = {"type": "table.read", "config": config}
        url = "/workflows/flow/edit/preview/"
        return browser("editor").post(url, body, content_type="application/json").json()

    shown = preview({"path": "x.csv"})
    assert [(column["name"], column["number"]) for column in shown["columns"]] == [("n", True), ("t", False)]
    assert (shown["kind"], len(shown["rows"]), shown["rows"][1]) == ("table", 100, ["1", "<b>"])
    assert preview({"path": "y.csv"})["kind"] == "none"
    assert "y.csv" in preview({"path": "y.csv"})["why"]
    (tmp_path / "secret_key").write_text("secret")
    closed = preview({"path": str(tmp_path / "secret_key"), "format": "csv"})
    assert (closed["kind"], "files folder" in closed["why"]) == ("none", True)
    for config in ({"path": "{{ inputs.x }}.csv"}, {"path": "s3://a/b.csv"}, {}, None, "x", {"path": "x.csv", "z": 1}):
        assert preview(config)["kind"] == "none"


def test_a_table_has_its_rows_and_columns(pair, browser, artifacts):
    run_of(pair, a=table(artifacts, "select range n, 'x' t from range(5)"))
    shape = browser("editor").get(OUTPUTS).json()["outputs"]["a"]
    assert (shape["kind"], shape["rows"]) == ("table", 5)
    assert shape["columns"] == [{"name": "n", "type": "BIGINT"}, {"name": "t", "type": "VARCHAR"}]


def test_outputs_carry_the_fingerprint_of_what_ran(pair, browser):
    changed = chain("a", "b")
    changed["nodes"][0]["type"] = "python"
    changed["nodes"][0]["config"] = {"code": "def main(inputs, ctx):\n    return 1\n"}
    publish.publish(pair, changed, by="editor-person", base_version=1)
    found = browser("editor").get(OUTPUTS).json()["outputs"]
    assert {node: shape["fingerprint"] for node, shape in found.items()} == fingerprints(chain("a", "b"))
    assert found["a"]["fingerprint"] != fingerprints(changed)["a"]


def test_only_runs_of_the_own_draft_count(pair, browser):
    user = save_draft(pair, "editor-person", chain("a", "b"))
    run = run_of(pair, draft_of=user, by="editor-person", a=VALUE)
    assert browser("editor").get(OUTPUTS).json()["outputs"]["a"] == {
        **browser("editor").get(OUTPUTS).json()["outputs"]["a"],
        "run": str(run.pk),
        "version": None,
    }
    assert browser("admin").get(OUTPUTS).json()["outputs"]["a"]["version"] == 1
    data = f"/workflows/flow/edit/data/{run.pk}/a/"
    assert browser("editor").get(data).json()["kind"] == "json"
    assert browser("admin").get(data).status_code == 404


def test_a_draft_run_in_progress_is_shown_only_to_its_author(pair, browser):
    user = save_draft(pair, "editor-person", chain("a", "b"))
    run = launch(pair, draft_of=user, by="editor-person")
    assert browser("editor").get(OUTPUTS).json()["run"] == str(run.pk)
    assert browser("admin").get(OUTPUTS).json()["run"] is None


def test_runs_of_other_workflows_are_not_read_here(pair, browser):
    other = workflows.create("Other", slug="other", by="editor-person")
    publish.publish(other, chain("a"), by="editor-person")
    run = run_of(other, a=VALUE)
    assert browser("editor").get(f"/workflows/flow/edit/data/{run.pk}/a/").status_code == 404
    assert browser("editor").get(OUTPUTS).json()["outputs"]["a"]["run"] != str(run.pk)


def test_outputs_take_few_queries_for_any_history(pair, browser, django_assert_max_num_queries):
    for _ in range(5):
        run_of(pair, a=VALUE, b=VALUE)
    client = browser("editor")
    client.get(OUTPUTS)
    # Session, user, workflow, runs, rows, the newest draft's run.
    with django_assert_max_num_queries(6):
        client.get(OUTPUTS)


def test_rows_come_as_text_with_counts_of_nulls_and_values(pair, browser, artifacts):
    sql = "select range::double n, if(range % 4 = 0, null, '<b>' || (range % 3)) t, range % 2 = 0 b from range(450)"
    run = run_of(pair, a=table(artifacts, sql))
    shown = browser("editor").get(f"/workflows/flow/edit/data/{run.pk}/a/").json()
    assert shown["columns"] == [
        {"name": "n", "type": "DOUBLE", "nulls": 0, "distinct": None, "number": True},
        {"name": "t", "type": "VARCHAR", "nulls": 113, "distinct": 3, "number": False},
        {"name": "b", "type": "BOOLEAN", "nulls": 0, "distinct": 2, "number": False},
    ]
    assert (shown["row_count"], shown["counted"], len(shown["rows"])) == (450, 450, 200)
    assert shown["rows"][:2] == [["0.0", None, "true"], ["1.0", "<b>1", "false"]]


def test_a_value_comes_as_indented_text(pair, browser, artifacts):
    run = run_of(pair, a=VALUE)
    shown = browser("editor").get(f"/workflows/flow/edit/data/{run.pk}/a/").json()
    assert shown == {"kind": "json", "value": '{\n  "n": 1\n}', "cut": False, "bytes": 7}


def test_missing_outputs_have_a_kind_of_their_own(pair, browser, artifacts):
    stored = table(artifacts, "select 1 n")
    run = run_of(pair, a=stored, b=None)
    artifacts.delete(stored["artifact"])
    assert browser("editor").get(f"/workflows/flow/edit/data/{run.pk}/a/").json()["kind"] == "unreadable"
    assert browser("editor").get(f"/workflows/flow/edit/data/{run.pk}/b/").json() == {"kind": "none"}
    assert browser("editor").get(f"/workflows/flow/edit/data/{run.pk}/nobody/").status_code == 404
