"""What the checks say of a definition, in the reader's language: real problems of one that has many."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from dashboard import problem_words
from engine import definition

CJK = re.compile("[\u4e00-\u9fff]")
NODES = [
    {"id": "a", "type": "table.sql", "config": {"sql": ""}},
    {"id": "b", "type": "table.sqll"},
    {"id": "c", "type": "table.sql", "config": {}},
    {"id": "d", "type": "table.sql", "config": {"sql": "select 1", "sqk": 1}},
    {"id": "e", "type": "table.write", "config": {"path": "x.csv"}},
    {"id": "f", "type": "branch", "config": {}},
    {"id": "g", "type": "python", "config": {"code": "x ="}},
    {"id": "h", "type": "python", "config": {"code": "x = 1"}},
    {"id": "i", "type": "python", "config": {"code": "def main(inputs, ctx):\n    return inputs['nothing']\n"}},
    {"id": "j", "type": "noop", "policy": {"pool": "nowhere"}},
    {"id": "k", "type": "noop", "policy": {"slots": 2}},
    {"id": "l"},
    {"id": "m", "type": "table.sql", "config": {"sql": "select {{ nodes.zzz.output }}"}},
    {"id": "n", "type": "table.sql", "config": {"sql": "select 1; select 2"}},
]
EDGES = [
    {"source": "a", "target": "d"},
    {"source": "a", "target": "d"},
    {"source": "d", "target": "a"},
    {"source": "h", "target": "h"},
    {"source": "a", "target": "nobody"},
    {"source": "a", "source_port": "left", "target": "i"},
    {"source": "f", "target": "k"},
]


def problems():
    document = {"schema": "interlock/1", "nodes": NODES, "edges": EDGES}
    return [problem.as_dict() for problem in definition.problems(document, pools={"main": 2})]


def test_the_usual_problems_and_their_repairs_are_said_in_the_readers_language():
    found = problems()
    assert len({problem["code"] for problem in found}) > 12
    with translation.override("zh-hant"):
        for problem in found:
            said = problem_words.said(problem)
            assert CJK.search(said["message"]), problem["message"]
            assert not re.search(r"Did you mean|Correct it|Add it", said["message"]), said["message"]
            if said.get("fix"):
                assert CJK.search(said["fix"]["label"]), problem["fix"]["label"]
                assert said["fix"]["changes"] == problem["fix"]["changes"]
    with translation.override("en"):
        assert [problem_words.said(problem) for problem in found] == found


@pytest.mark.parametrize("text", ["", "something else", "x" * 1000, "The config of"])
def test_other_texts_stay(text):
    with translation.override("zh-hant"):
        assert problem_words.problem_words(text) == text


def test_the_name_of_a_node_type_in_a_sentence_is_said_too():
    with translation.override("zh-hant"):
        said = problem_words.problem_words(
            "Write table has no input. Draw an edge to it from the node whose output it takes."
        )
    assert said.startswith("寫出表格")
