"""Inferred columns, with a fake checker instead of a process."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from engine.sql.check import inference
from engine.sql.check.checker import Busy, Crashed
from engine.sql.check.inference import Inferred, ReadableFiles, infer
from engine.sql.check.typed_graph import TypedGraph

AB = [{"name": "a", "type": "BIGINT"}, {"name": "b", "type": "VARCHAR"}]


class FakeChecker:
    """A checker with a fixed answer for each text. It records the questions."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.questions: list[dict[str, Any]] = []
        self.batches: list[int] = []

    def ask(self, question: dict[str, Any], *, until: float) -> dict[str, Any]:
        self.questions.append(question)
        answer: Any = self.answers.get(question.get("sql") or question["path"], {"columns": None})
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def ask_all(self, questions: Sequence[dict[str, Any]], *, until: float) -> list[Any]:
        self.batches.append(len(questions))

        def one(question: dict[str, Any]) -> Any:
            try:
                return self.ask(question, until=until)
            except (Busy, Crashed) as error:
                return error

        return [one(question) for question in questions]


@pytest.fixture(autouse=True)
def empty_cache():
    inference.clear_cache()
    yield
    inference.clear_cache()


def document(*nodes: tuple[str, str, dict[str, Any]], edges: str = "") -> dict[str, Any]:
    ends = [edge.split(">") for edge in edges.split()]
    return {
        "nodes": [{"id": name, "type": kind, "config": config} for name, kind, config in nodes],
        "edges": [{"source": source, "target": target} for source, target in ends],
    }


def inferred(doc: Any, checker: FakeChecker, earlier: Any = lambda names: {}, **more: Any) -> Inferred:
    options: dict[str, Any] = {"wrong": (), "files": ReadableFiles("/files"), "until": time.monotonic() + 5, **more}
    return infer(doc, earlier=earlier, by=checker, **options)  # type: ignore[arg-type]


def sql(name: str, text: str) -> tuple[str, str, dict[str, Any]]:
    return (name, "table.sql", {"sql": text})


READ = ("r", "table.read", {"path": "a.csv"})


def test_an_edge_that_only_orders_brings_no_table():
    doc = document(READ, sql("s", "from r"), edges="r>s")
    assert TypedGraph(doc).inputs == {"s": {"r": "r"}}
    doc["edges"][0]["order"] = True
    found = TypedGraph(doc)
    assert (found.inputs, found.order) == ({}, ["r", "s"])


def test_columns_are_inferred_from_a_file_through_queries_and_branches():
    checker = FakeChecker(
        **{"a.csv": {"stamp": "1", "columns": AB}, "from r": {"columns": AB[:1]}, "from br": {"columns": AB}}
    )
    branch = ("br", "branch", {"condition": "true"})
    found = inferred(document(READ, sql("s", "from r"), branch, sql("t", "from br"), edges="r>s s>br br>t"), checker)
    assert found.columns == {"r": AB, "s": AB[:1], "br": AB[:1], "t": AB}
    assert found.complete
    assert [question.get("tables") for question in checker.questions] == [None, {"r": AB}, {"br": AB[:1]}]


def test_only_changed_queries_are_asked_again():
    checker = FakeChecker(
        **{"a.csv": {"stamp": "1", "columns": AB}, "from r": {"columns": AB}, "from s": {"columns": AB}}
    )
    doc = document(READ, sql("s", "from r"), sql("t", "from s"), edges="r>s s>t")
    inferred(doc, checker)
    checker.questions.clear()
    assert inferred(doc, checker).columns == {"r": AB, "s": AB, "t": AB}
    assert checker.questions == []
    doc["nodes"][1]["config"]["sql"] = "from r where true"
    checker.answers["from r where true"] = {"columns": AB}
    inferred(doc, checker)
    # The columns of its input are unchanged, so the next node is not asked about again.
    assert [question["sql"] for question in checker.questions] == ["from r where true"]


def test_independent_queries_are_asked_together():
    checker = FakeChecker(**{"from r": {"columns": AB}, "from s": {"columns": AB}})
    nodes = [sql(f"s{number}", f"from r where {number} > 0") for number in range(5)]
    doc = document(READ, *nodes, sql("t", "from s0"), sql("u", "from s1"), edges="r>s0 r>s1 r>s2 r>s3 r>s4 s0>t s1>u")
    inferred(doc, checker)
    assert checker.batches == [5, 2]


def test_earlier_runs_are_queried_once_for_all_nodes():
    asked: list[list[str]] = []

    def earlier(names: Any) -> dict[str, Any]:
        asked.append(list(names))
        return {"p": AB}

    checker = FakeChecker(**{"from p": {"columns": AB}})
    nodes = [("p", "python", {}), ("q", "python", {}), ("z", "python.function", {}), sql("s", "from p")]
    found = inferred(document(*nodes, edges="p>s z>s"), checker, earlier)
    assert asked == [["p", "z"]]
    assert found.columns == {"p": AB, "s": AB}
    assert checker.questions[0]["tables"] == {"p": AB, "z": None}


def test_a_query_that_crashed_the_checker_is_not_asked_again_soon():
    checker = FakeChecker(**{"from r": Crashed()})
    doc = document(sql("s", "from r"))
    for _ in range(2):
        (problem,) = inferred(doc, checker).problems
        assert (problem.code, problem.severity, problem.path) == ("sql_not_checked", "warning", "nodes[0].config.sql")
    assert len(checker.questions) == 1


def test_without_time_left_there_is_no_answer_and_the_next_check_asks_again():
    checker = FakeChecker(**{"from r": Busy()})
    doc = document(sql("s", "from r"))
    assert not inferred(doc, checker).complete
    checker.answers["from r"] = {"columns": AB}
    found = inferred(doc, checker)
    assert found.complete
    assert found.columns == {"s": AB}


def test_unknown_names_are_replaced_to_find_the_next_ones():
    text = "select xx, yyyyyy from r"
    unknown: dict[str, Any] = {"kind": "column", "message": "", "table": None, "candidates": []}
    checker = FakeChecker(
        **{
            text: {"error": {**unknown, "name": "xx", "at": [7, 2]}},
            "select 1 , yyyyyy from r": {"error": {**unknown, "name": "yyyyyy", "at": [11, 6]}},
            "select 1 , NULL   from r": {"columns": AB},
        }
    )
    found = inferred(document(sql("s", text)), checker)
    assert [problem.sentence.values["name"] for problem in found.problems] == ["xx", "yyyyyy"]
    assert found.columns == {}


def test_a_missing_file_is_a_warning_that_suggests_a_similar_one_and_is_looked_for_again(monkeypatch):
    checker = FakeChecker(**{"a.csv": {"missing": 'There is no file "a.csv".', "near": "b.csv"}})
    (problem,) = inferred(document(READ), checker).problems
    assert (problem.code, problem.severity, problem.path) == ("no_such_file", "warning", "nodes[0].config.path")
    assert problem.fix is not None
    assert problem.fix.changes == [{"op": "replace", "path": "/nodes/0/config/path", "value": "b.csv"}]
    checker.answers["a.csv"] = {"stamp": "1", "columns": AB}
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3)
    assert inferred(document(READ), checker).columns == {"r": AB}
    checker.answers["a.csv"] = {"stamp": "1", "same": True}
    monkeypatch.setattr(time, "monotonic", lambda: now + 9)
    assert inferred(document(READ), checker).columns == {"r": AB}
    assert checker.questions[-1]["stamp"] == "1"


@pytest.mark.parametrize("path", ["s3://bucket/a.csv", "{{ inputs.path }}.csv"])
def test_object_storage_and_computed_paths_are_not_read(path):
    checker = FakeChecker()
    assert inferred(document(("r", "table.read", {"path": path})), checker).columns == {}
    assert checker.questions == []


@pytest.mark.parametrize(
    "value",
    [None, 3, [], {}, {"nodes": 3}, {"nodes": [None, {}, {"id": 1}], "edges": [None, {"source": [], "target": {}}]},
     document(sql("a", "from b"), sql("b", "from a"), edges="a>b b>a a>a"),
     {"nodes": [{"id": "a", "type": "table.sql"}]}],
)  # fmt: skip
def test_any_value_is_accepted(value):
    assert inferred(value, FakeChecker()).columns == {}


def test_the_tag_changes_with_the_columns():
    doc = document(READ)
    tags = set()
    for shape in (None, AB, AB[:1]):
        inference.clear_cache()
        tags.add(inferred(doc, FakeChecker(**{"a.csv": {"stamp": "1", "columns": shape}})).columns_tag)
    assert len(tags) == 3
