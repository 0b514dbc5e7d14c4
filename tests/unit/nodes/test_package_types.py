"""Node types of a package that no code of Interlock names: checks, columns, and their description for the editor."""

import time
from typing import Any

import pytest

from engine import definition
from engine.nodes import registry
from engine.sql.check.inference import ReadableFiles, infer
from tests.support import described_types
from tests.support.node_packages import install_types, packages
from tests.unit.definition.documents import changes, document, edge, node, only

CONFIG = {"script": "def main(inputs, ctx):\n    return inputs\n", "source": "in.csv"}


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    with packages(tmp_path, monkeypatch) as install:
        install_types(install)
        yield


def test_tests_of_the_editor_have_the_description() -> None:
    """static/src/editor/inspector/package-types.test.tsx shows what the editor makes of it."""
    described_types.compare("package-types.json", registry.describe()[-2:], indent=2)


def test_ports_come_from_marked_fields() -> None:
    routed = {**CONFIG, "routes": [{"to": "big", "when": "1 > 0"}], "rest": "small"}
    nodes = [node("a", "acme.sort", config=routed), node("b")]
    assert definition.problems(document(*nodes, edges=[edge("a", "b", source_port="big")])) == []
    problem = only(document(*nodes, edges=[edge("a", "b", source_port="smal")]), "unknown_source_port")
    assert changes(problem) == [{"op": "replace", "path": "/edges/0/source_port", "value": "small"}]
    assert only(document(*nodes, edges=[edge("a", "b")]), "missing_source_port").node == "a"


def test_the_config_is_checked_by_its_schema_and_marks() -> None:
    assert only(document(node("a", "acme.sort", config={"source": "in.csv"})), "missing_field").message == (
        "Enter a script."
    )
    problem = only(document(node("a", "acme.sort", config={**CONFIG, "source": "{{ input.month }}"})), "expression")
    assert problem.path == "nodes[0].config.source"
    problem = only(document(node("a", "acme.query", config={"query": "select '{{ run.id }}'"})), "sql_expression_place")
    assert problem.span == (8, 20)


def test_inputs_that_code_reads_are_checked() -> None:
    reading = {**CONFIG, "script": 'def main(inputs, ctx):\n    return inputs["rows"]\n'}
    nodes = [node("row"), node("a", "acme.sort", config=reading)]
    problem = only(document(*nodes, edges=[edge("row", "a")]), "unknown_port")
    assert (problem.path, problem.severity) == ("nodes[1].config.script", "warning")
    assert '"row"' in changes(problem)[0]["value"]


class FakeChecker:
    """Gives every file and query the same columns."""

    def __init__(self) -> None:
        self.questions: list[dict[str, Any]] = []

    def ask(self, question: dict[str, Any], *, until: float) -> dict[str, Any]:
        self.questions.append(question)
        return {"stamp": "1", "columns": [{"name": "n", "type": "BIGINT"}]}

    def ask_all(self, questions: list[dict[str, Any]], *, until: float) -> list[dict[str, Any]]:
        return [self.ask(question, until=until) for question in questions]


def test_columns_are_inferred_through_files_and_queries() -> None:
    checker = FakeChecker()
    nodes = [node("a", "acme.sort", config=CONFIG), node("b", "acme.query", config={"query": "from a"})]
    given = document(*nodes, edges=[edge("a", "b", source_port="main")])
    inferred = infer(
        given,
        wrong=(),
        files=ReadableFiles("/files"),
        earlier=lambda names: {},
        until=time.monotonic() + 5,
        by=checker,  # type: ignore[arg-type]
    )
    assert list(inferred.columns) == ["a", "b"]
    file, query = checker.questions
    assert (file["reader"], file["path"]) == ("acme_nodes_run", "in.csv")
    assert query["tables"] == {"a": [{"name": "n", "type": "BIGINT"}]}


def test_stacks_show_its_code() -> None:
    sort, query = registry.get("acme.sort"), registry.get("acme.query")
    assert sort is not None
    assert query is not None
    assert sort.python_code(CONFIG) == CONFIG["script"]
    assert query.python_code({"query": "from a"}) is None
