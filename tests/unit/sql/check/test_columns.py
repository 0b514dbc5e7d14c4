"""Columns from node to node, with a checker that is no process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from engine.sql.check import columns
from engine.sql.check.checker import Busy, Crashed
from engine.sql.check.columns import Files, look

AB = [{"name": "a", "type": "BIGINT"}, {"name": "b", "type": "VARCHAR"}]


class Told:
    """A checker that answers by the text, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[dict[str, Any]] = []
        self.together: list[int] = []

    def ask(self, question: dict[str, Any], *, until: float) -> dict[str, Any]:
        self.asked.append(question)
        answer: Any = self.answers.get(question.get("sql") or question["config"]["path"], {"columns": None})
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def ask_all(self, questions: Sequence[dict[str, Any]], *, until: float) -> list[Any]:
        self.together.append(len(questions))

        def one(question: dict[str, Any]) -> Any:
            try:
                return self.ask(question, until=until)
            except (Busy, Crashed) as error:
                return error

        return [one(question) for question in questions]


@pytest.fixture(autouse=True)
def nothing_kept():
    columns.forget()
    yield
    columns.forget()


def document(*nodes: tuple[str, str, dict[str, Any]], edges: str = "") -> dict[str, Any]:
    ends = [edge.split(">") for edge in edges.split()]
    return {
        "nodes": [{"id": name, "type": kind, "config": config} for name, kind, config in nodes],
        "edges": [{"source": source, "target": target} for source, target in ends],
    }


def looked(doc: Any, told: Told, earlier: Any = lambda names: {}, **more: Any) -> columns.Found:
    options: dict[str, Any] = {"wrong": (), "files": Files("/files"), "until": time.monotonic() + 5, **more}
    return look(doc, earlier=earlier, by=told, **options)  # type: ignore[arg-type]


def sql(name: str, text: str) -> tuple[str, str, dict[str, Any]]:
    return (name, "table.sql", {"sql": text})


READ = ("r", "table.read", {"path": "a.csv"})


def test_columns_go_from_a_file_through_queries_and_branches():
    told = Told(**{"a.csv": {"stamp": "1", "columns": AB}, "from r": {"columns": AB[:1]}, "from br": {"columns": AB}})
    branch = ("br", "branch", {"condition": "true"})
    found = looked(document(READ, sql("s", "from r"), branch, sql("t", "from br"), edges="r>s s>br br>t"), told)
    assert found.columns == {"r": AB, "s": AB[:1], "br": AB[:1], "t": AB}
    assert found.complete
    assert [question.get("tables") for question in told.asked] == [None, {"r": AB}, {"br": AB[:1]}]


def test_what_was_asked_once_is_not_asked_again_and_a_change_asks_only_for_what_it_touches():
    told = Told(**{"a.csv": {"stamp": "1", "columns": AB}, "from r": {"columns": AB}, "from s": {"columns": AB}})
    doc = document(READ, sql("s", "from r"), sql("t", "from s"), edges="r>s s>t")
    looked(doc, told)
    told.asked.clear()
    assert looked(doc, told).columns == {"r": AB, "s": AB, "t": AB}
    assert told.asked == []
    doc["nodes"][1]["config"]["sql"] = "from r where true"
    told.answers["from r where true"] = {"columns": AB}
    looked(doc, told)
    # The next one gets the same columns as before, so there is nothing new to ask about it.
    assert [question["sql"] for question in told.asked] == ["from r where true"]


def test_texts_that_do_not_need_each_other_are_asked_about_together():
    told = Told(**{"from r": {"columns": AB}, "from s": {"columns": AB}})
    nodes = [sql(f"s{number}", f"from r where {number} > 0") for number in range(5)]
    doc = document(READ, *nodes, sql("t", "from s0"), sql("u", "from s1"), edges="r>s0 r>s1 r>s2 r>s3 r>s4 s0>t s1>u")
    looked(doc, told)
    assert told.together == [5, 2]


def test_earlier_runs_are_asked_once_for_all_nodes_that_feed_a_query():
    asked: list[list[str]] = []

    def earlier(names: Any) -> dict[str, Any]:
        asked.append(list(names))
        return {"p": AB}

    told = Told(**{"from p": {"columns": AB}})
    nodes = [("p", "python", {}), ("q", "python", {}), ("z", "shell", {}), sql("s", "from p")]
    found = looked(document(*nodes, edges="p>s z>s"), told, earlier)
    assert asked == [["p", "z"]]
    assert found.columns == {"p": AB, "s": AB}
    assert told.asked[0]["tables"] == {"p": AB, "z": None}


def test_a_crash_is_told_once_and_not_provoked_again():
    told = Told(**{"from r": Crashed()})
    doc = document(sql("s", "from r"))
    for _ in range(2):
        (problem,) = looked(doc, told).problems
        assert (problem.code, problem.severity, problem.path) == ("sql_not_checked", "warning", "nodes[0].config.sql")
    assert len(told.asked) == 1


def test_no_time_left_is_no_answer_and_the_next_check_asks_again():
    told = Told(**{"from r": Busy()})
    doc = document(sql("s", "from r"))
    assert not looked(doc, told).complete
    told.answers["from r"] = {"columns": AB}
    found = looked(doc, told)
    assert found.complete
    assert found.columns == {"s": AB}


def test_unknown_names_are_put_aside_to_find_the_next_ones():
    text = "select xx, yyyyyy from r"
    unknown: dict[str, Any] = {"kind": "column", "message": "", "table": None, "candidates": []}
    told = Told(
        **{
            text: {"error": {**unknown, "name": "xx", "at": [7, 2]}},
            "select 1 , yyyyyy from r": {"error": {**unknown, "name": "yyyyyy", "at": [11, 6]}},
            "select 1 , NULL   from r": {"columns": AB},
        }
    )
    found = looked(document(sql("s", text)), told)
    assert [problem.message for problem in found.problems] == [
        "There is no column xx here.",
        "There is no column yyyyyy here.",
    ]
    assert found.columns == {}


def test_a_missing_file_is_a_warning_with_the_near_one_and_is_looked_for_again(monkeypatch):
    told = Told(**{"a.csv": {"missing": 'There is no file "a.csv".', "near": "b.csv"}})
    (problem,) = looked(document(READ), told).problems
    assert (problem.code, problem.severity, problem.path) == ("no_such_file", "warning", "nodes[0].config.path")
    change = {"op": "replace", "path": "/nodes/0/config/path", "value": "b.csv"}
    assert problem.fix == {"label": "Use b.csv", "changes": [change]}
    told.answers["a.csv"] = {"stamp": "1", "columns": AB}
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3)
    assert looked(document(READ), told).columns == {"r": AB}
    told.answers["a.csv"] = {"stamp": "1", "same": True}
    monkeypatch.setattr(time, "monotonic", lambda: now + 9)
    assert looked(document(READ), told).columns == {"r": AB}
    assert told.asked[-1]["stamp"] == "1"


@pytest.mark.parametrize("path", ["s3://bucket/a.csv", "{{ inputs.path }}.csv"])
def test_object_storage_and_computed_paths_are_not_touched(path):
    told = Told()
    assert looked(document(("r", "table.read", {"path": path})), told).columns == {}
    assert told.asked == []


@pytest.mark.parametrize(
    "strange",
    [None, 3, [], {}, {"nodes": 3}, {"nodes": [None, {}, {"id": 1}], "edges": [None, {"source": [], "target": {}}]},
     document(sql("a", "from b"), sql("b", "from a"), edges="a>b b>a a>a"),
     {"nodes": [{"id": "a", "type": "table.sql"}]}],
)  # fmt: skip
def test_any_value_is_taken(strange):
    assert looked(strange, Told()).columns == {}


def test_the_tag_is_another_one_when_columns_are():
    doc = document(READ)
    tags = set()
    for shape in (None, AB, AB[:1]):
        columns.forget()
        tags.add(looked(doc, Told(**{"a.csv": {"stamp": "1", "columns": shape}})).columns_tag)
    assert len(tags) == 3
