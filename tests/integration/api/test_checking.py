"""SQL checks and inferred columns in validation, publishing and runs: an error stops them, a warning does not."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import call_command

from dashboard.models import Role
from engine.models import Attempt, Run
from engine.sql.check import inference
from engine.sql.check.checker import Busy, Checker, Crashed, checker
from tests.support.people import person
from tests.support.run_rows import node_run
from versions import checking, earlier_columns
from versions.actions import drafts, publish, workflows
from versions.actions.launch import launch
from versions.models import Workflow


@pytest.fixture(autouse=True)
def empty_caches():
    inference.clear_cache()
    earlier_columns._tables_in.cache_clear()
    # The checker process may have to start first, which takes a while on a busy machine.
    checker.ask({"op": "sql", "sql": "select 1", "parameters": {}, "tables": {}}, until=time.monotonic() + 60)
    yield
    inference.clear_cache()
    earlier_columns._tables_in.cache_clear()


@pytest.fixture
def flow(db) -> Workflow:
    return workflows.create("Flow", slug="flow", by="editor-person")


@pytest.fixture
def flights(home) -> None:
    (home / "files").mkdir(exist_ok=True)
    (home / "files" / "flights.csv").write_text("carrier,dep_delay\nUA,2\n")


def document(sql: str, source: str = "table.read", config: Any = None) -> dict[str, Any]:
    return {
        "schema": "interlock/1",
        "nodes": [
            {"id": "flights", "type": source, "config": config or {"path": "flights.csv"}},
            {"id": "delays", "type": "table.sql", "config": {"sql": sql}},
        ],
        "edges": [{"source": "flights", "target": "delays"}],
    }


UNKNOWN = "select avg(dep_dely) as d\nfrom flights"
BROKEN = "select *\nfrom from flights"
PYTHON = {"code": "def main(inputs, ctx):\n    return None\n"}


def validate(editor, definition: Any) -> dict[str, Any]:
    answer = editor.post("workflows/flow/validate/", {"definition": definition})
    assert answer.status == 200
    body: dict[str, Any] = answer.json
    assert body.keys() == {"valid", "problems"}
    return body


def test_an_unknown_column_is_a_warning_with_place_line_and_repair(editor, flow, flights):
    found = validate(editor, document(UNKNOWN))
    assert found["valid"]
    assert found["problems"] == [
        {
            "node": "delays",
            "path": "nodes[1].config.sql",
            "code": "unknown_column",
            "message": "flights has no column dep_dely.",
            "severity": "warning",
            "line": 1,
            "span": [UNKNOWN.index("dep_dely"), UNKNOWN.index("dep_dely") + len("dep_dely")],
            "fix": {
                "label": "Use dep_delay",
                "changes": [
                    {
                        "op": "replace",
                        "path": "/nodes/1/config/sql",
                        "value": UNKNOWN.replace("dep_dely", "dep_delay"),
                    }
                ],
            },
        }
    ]


def test_a_syntax_error_is_refused_with_its_line_and_a_warning_is_not(editor, flow, flights):
    found = validate(editor, document(BROKEN))
    assert not found["valid"]
    assert [(one["code"], one["line"], one["severity"]) for one in found["problems"]] == [("sql_syntax", 2, "error")]
    refused = editor.post("workflows/flow/versions/", {"definition": document(BROKEN)})
    assert refused.status == 422
    assert refused.json["errors"][0]["code"] == "sql_syntax"
    published = editor.post("workflows/flow/versions/", {"definition": document(UNKNOWN)})
    assert published.status == 201


def test_a_draft_with_an_error_is_refused_and_one_with_a_warning_runs(editor, flow, flights, monkeypatch):
    # On a busy machine the checker answers late.
    monkeypatch.setattr(checking, "BLOCKING_SECONDS", 30)
    for sql, status in ((BROKEN, 422), ("select 1 from flihgts", 422), (UNKNOWN, 202)):
        copy = drafts.load(flow, person(Role.EDITOR))
        drafts.save(flow, person(Role.EDITOR), document(sql), expected_saves=copy.saves)
        assert editor.post("workflows/flow/runs/", {"draft": True}).status == status, sql


def test_columns_of_an_earlier_run_are_used_while_the_node_is_unchanged(editor, flow, operator):
    definition = document("select dep_delay from flights", "python", PYTHON)
    publish.publish(flow, definition, by="editor-person")
    run = Run.objects.get(pk=launch(flow, by="operator-person").pk)
    schema = [{"name": "dep_delay", "type": "DOUBLE"}]
    output = {
        "kind": "table",
        "artifact": "ab/cd.parquet",
        "schema": schema,
        "row_count": 1,
        "bytes": 1,
        "ports": ["out"],
    }
    node_run(run, "flights", "succeeded", output=output)
    assert [one["code"] for one in validate(editor, document(UNKNOWN, "python", PYTHON))["problems"]] == [
        "unknown_column"
    ]
    other = {"code": PYTHON["code"] + "\n# another\n"}
    assert validate(editor, document(UNKNOWN, "python", other))["problems"] == []
    assert validate(editor, document(UNKNOWN, "python.function", {"function": "a.b"}))["problems"] == []


def test_columns_of_a_draft_run_are_used_only_for_its_owner(editor, admin, flow):
    mine = person(Role.EDITOR)
    drafts.save(flow, mine, document("from flights", "python", PYTHON), expected_saves=0)
    run = Run.objects.get(pk=launch(flow, draft_of=mine, by=mine.username).pk)
    schema = [{"name": "dep_delay", "type": "DOUBLE"}]
    node_run(run, "flights", "succeeded", output={"kind": "table", "artifact": "a.parquet", "schema": schema})
    definition = document(UNKNOWN, "python", PYTHON)
    assert len(validate(editor, definition)["problems"]) == 1
    assert validate(admin, definition)["problems"] == []


def test_columns_of_earlier_runs_take_few_queries_for_any_number_of_nodes(editor, flow, django_assert_max_num_queries):
    definition = document("from flights", "python", PYTHON)
    for number in range(50):
        definition["nodes"].append({"id": f"p{number}", "type": "python", "config": PYTHON})
        definition["edges"].append({"source": f"p{number}", "target": "delays"})
    publish.publish(flow, definition, by="editor-person")
    run = Run.objects.get(pk=launch(flow, by="operator-person").pk)
    for number in range(50):
        schema = [{"name": "a", "type": "BIGINT"}]
        node_run(
            run, f"p{number}", "succeeded", output={"kind": "table", "artifact": f"{number}.parquet", "schema": schema}
        )
    earlier_columns._tables_in.cache_clear()
    with django_assert_max_num_queries(4):
        found = checking.check(definition, workflow="flow", user="editor-person")
    assert found.columns["p49"] == [{"name": "a", "type": "BIGINT"}]


@pytest.mark.parametrize("fault", [Busy, Crashed])
def test_without_an_answer_of_the_checker_all_other_checks_run(editor, flow, flights, monkeypatch, fault):
    monkeypatch.setattr(Checker, "ask_all", lambda self, questions, *, until: [fault() for _ in questions])
    found = validate(editor, document(BROKEN))
    assert found["valid"]
    assert all(one["severity"] == "warning" for one in found["problems"])
    assert checking.check(document(BROKEN)).complete is (fault is Crashed)
    definition = document(BROKEN)
    definition["nodes"][0]["type"] = "table.raed"
    assert not validate(editor, definition)["valid"]


def test_a_draft_run_does_not_wait_long_for_a_busy_checker(editor, flow, flights, monkeypatch):
    allowed: list[float] = []

    def ask_all(self: Checker, questions: Any, *, until: float) -> Any:
        allowed.append(until - time.monotonic())
        return [Busy() for _ in questions]

    monkeypatch.setattr(Checker, "ask_all", ask_all)
    mine = person(Role.EDITOR)
    drafts.save(flow, mine, document("from flights"), expected_saves=0)
    launch(flow, draft_of=mine, by=mine.username)
    assert allowed
    assert max(allowed) <= checking.BLOCKING_SECONDS


def test_a_missing_file_is_a_warning_that_suggests_a_similar_name(editor, flow, flights):
    definition = document("from flights", config={"path": "flight.csv"})
    (problem,) = validate(editor, definition)["problems"]
    assert (problem["code"], problem["severity"], problem["path"]) == (
        "no_such_file",
        "warning",
        "nodes[0].config.path",
    )
    assert problem["fix"]["label"] == "Use flights.csv"


def test_the_command_reports_the_same_problems(db, home, flights, tmp_path, capsys):
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(document(UNKNOWN)))
    call_command("validate", str(file))
    output = capsys.readouterr().out
    assert "line 1 (node delays): warning: flights has no column dep_dely. [unknown_column]" in output
    assert "is valid: 2 nodes" in output
    file.write_text(json.dumps(document(BROKEN)))
    with pytest.raises(SystemExit):
        call_command("validate", str(file))
    assert "sql_syntax" in capsys.readouterr().out


def test_a_second_check_uses_the_cache(editor, flow, flights, monkeypatch):
    validate(editor, document(UNKNOWN))
    asked: list[Any] = []
    ask = Checker.ask

    def count(self: Checker, question: Any, *, until: float) -> Any:
        asked.append(question)
        return ask(self, question, until=until)

    monkeypatch.setattr(Checker, "ask", count)
    started = time.monotonic()
    validate(editor, document(UNKNOWN))
    if time.monotonic() - started < 1:
        assert asked == []
    assert checker.pid is not None


def retrying(*names: str, code: str = PYTHON["code"]) -> dict[str, Any]:
    node = {"id": "a", "type": "python", "config": {"code": code}, "policy": {"retries": 1, "retry_on": list(names)}}
    return {"schema": "interlock/1", "nodes": [node], "edges": []}


def test_an_error_class_that_no_attempt_had_is_a_warning(editor, flow, operator):
    found = validate(editor, retrying("KeyError", "HardTimeout", "KeyEror", "requests.exceptions.RequestException"))
    assert found["valid"]
    assert [(one["code"], one["path"], one["node"], one["severity"]) for one in found["problems"]] == [
        ("unknown_error_class", "nodes[0].policy.retry_on[2]", "a", "warning"),
        ("unknown_error_class", "nodes[0].policy.retry_on[3]", "a", "warning"),
    ]
    assert found["problems"][0]["fix"]["changes"] == [
        {"op": "replace", "path": "/nodes/0/policy/retry_on/2", "value": "KeyError"}
    ]
    own = "class Flaky(Exception): pass\n" + PYTHON["code"]
    assert validate(editor, retrying("Flaky", code=own))["problems"] == []


def test_an_error_class_that_an_attempt_had_is_known_and_so_are_its_bases(editor, flow, operator):
    publish.publish(flow, retrying("RequestException"), by="editor-person")
    run = Run.objects.get(pk=launch(flow, by="operator-person").pk)
    bases = ["requests.exceptions.Timeout", "requests.exceptions.RequestException", "OSError", "Exception"]
    error = {"class": "Timeout", "bases": bases, "message": "m", "line": None, "traceback": None, "node": "a"}
    node_run(run, "a", "failed")
    Attempt.objects.filter(run=run, node="a").update(error=error)
    assert validate(editor, retrying("requests.exceptions.RequestException", "Timeout"))["problems"] == []
    assert [one["path"] for one in validate(editor, retrying("requests.Timeout"))["problems"]] == [
        "nodes[0].policy.retry_on[0]"
    ]
    (listed,) = editor.get(f"runs/{run.pk}/nodes/a/attempts/").json["results"]
    assert listed["error"].keys() == {"class", "message", "line", "traceback", "node"}


def test_a_queue_that_no_worker_can_serve_is_a_warning(editor, flow, settings):
    def queued(queue: str) -> dict[str, Any]:
        node = {"id": "a", "type": "noop", "policy": {"queue": queue}}
        return {"schema": "interlock/1", "nodes": [node], "edges": []}

    found = validate(editor, queued("gpu"))
    assert found["valid"]
    (problem,) = found["problems"]
    assert (problem["code"], problem["path"], problem["severity"]) == (
        "queue_unused",
        "nodes[0].policy.queue",
        "warning",
    )
    assert problem["fix"]["changes"] == [{"op": "remove", "path": "/nodes/0/policy/queue"}]
    assert validate(editor, queued("default"))["problems"] == []
    settings.INTERLOCK = replace(settings.INTERLOCK, executor="celery")
    assert validate(editor, queued("gpu"))["problems"] == []


def requiring(pools: Any, slots: int = 2) -> dict[str, Any]:
    node = {"id": "a", "type": "noop", "policy": {"pool": "pg", "slots": slots}}
    return {"schema": "interlock/1", "requires": {"pools": pools}, "nodes": [node], "edges": []}


def test_a_definition_that_requires_a_pool_is_valid_without_it_and_publishing_says_what_to_make(editor, admin, flow):
    assert validate(editor, requiring({"pg": 4})) == {"valid": True, "problems": []}
    above = validate(editor, requiring({"pg": 1}))["problems"]
    assert [one["code"] for one in above] == ["slots_above_pool"]
    refused = editor.post("workflows/flow/versions/", {"definition": requiring({"pg": 4})})
    assert refused.status == 422
    assert refused.json["errors"][0]["message"] == (
        'The definition requires pool "pg" with 4 slots. Create it under Resources.'
    )
    assert admin.post("pools/", {"name": "pg", "slots": 3}).status == 201
    published = editor.post("workflows/flow/versions/", {"definition": requiring({"pg": 4})})
    assert published.status == 201


@pytest.mark.parametrize(
    ("requires", "path", "code"),
    [
        ([], "requires", "wrong_type"),
        ({"pool": {}}, "requires.pool", "unknown_field"),
        ({"pools": ["pg"]}, "requires.pools", "wrong_type"),
        ({"pools": {"pg": 0}}, "requires.pools.pg", "wrong_type"),
        ({"pools": {"pg": True}}, "requires.pools.pg", "wrong_type"),
        ({"secrets": ["key"]}, "requires.secrets", "not_available_yet"),
        ({"connections": ["db"]}, "requires.connections", "not_available_yet"),
    ],
)
def test_what_a_definition_requires_is_checked(editor, flow, requires, path, code):
    made = {"schema": "interlock/1", "requires": requires, "nodes": [{"id": "a", "type": "noop"}], "edges": []}
    assert [(one["path"], one["code"]) for one in validate(editor, made)["problems"]] == [(path, code)]
