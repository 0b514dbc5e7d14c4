"""Sentences of problems, node types and refusals in the reader's language."""

import ast
import re
from pathlib import Path

import pytest
from django.utils import translation

from dashboard.api import problems as api
from dashboard.presenters import node_types
from dashboard.presenters.changes import field_name
from dashboard.presenters.sentences import error_message, sentence_text, translated
from engine import definition, errors
from engine.actions import runs
from engine.artifacts import outputs, s3
from engine.diagnosis.threads import wait_text
from engine.nodes import registry
from engine.problems import Problem
from engine.sentences import Sentence, span

ENGINE = Path(errors.__file__).parent
CJK = re.compile("[\u4e00-\u9fff]")
REFUSALS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.InterlockError) and name != "LostLeadership"
}


@pytest.fixture
def chinese():
    with translation.override("zh-hant"):
        yield


def test_every_refusal_of_the_engine_is_a_sentence():
    """A refusal with plain text would stay English. (Node processes have errors of their own.)"""
    found = 0
    for source in ENGINE.rglob("*.py"):
        if source.relative_to(ENGINE).parts[0] in ("worker", "nodes") or source.name == "errors.py":
            continue
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in REFUSALS:
                found += 1
                assert not isinstance(call.args[0], ast.Constant | ast.JoinedStr), (source.name, call.lineno)
    assert found > 15


def test_a_refusal_is_translated_with_its_parts(chinese):
    values = {"run": 7, "node": "a", "why": runs._ended("timed_out")}
    error = errors.WrongState(Sentence('Node "{node}" of run {run} cannot be skipped: {why}.', values))
    assert str(error) == 'Node "a" of run 7 cannot be skipped: it has timed out.'
    shown = error_message(error)
    assert CJK.search(shown)
    assert not re.search(r"[A-Za-z]+ [A-Za-z]+", shown)
    assert api.exception_handler(error, {}).data["detail"] == shown


def test_a_state_in_a_refusal_has_the_pages_name():
    sentence = Sentence(
        "Run {run} cannot be deleted: it is {state}. Cancel it first.", {"run": 7, "state": "timed_out"}
    )
    assert translated(sentence) == "Run 7 cannot be deleted: it is timed out. Cancel it first."


def test_listed_problems_of_a_refusal_are_translated(chinese):
    sentence = Sentence('There is no node "{node}".', {"node": "a"})
    found = api.exception_handler(errors.InvalidTargets([Problem("unknown_node", sentence, "targets[0]")]), {}).data
    assert found["detail"] == found["errors"][0]["message"]
    assert CJK.search(found["detail"])


def test_an_unreadable_output_is_explained_with_the_stores_reason(chinese):
    store = s3.ArtifactStoreError(s3.ObjectStore("s3://lake/x")._sentence("read", "ab/c", PermissionError("Denied")))
    shown = error_message(outputs._unreadable({"artifact": "ab/c"}, store))
    assert "INTERLOCK_ARTIFACTS" in shown
    assert not re.search(r"[Cc]heck|cannot|denied", shown)


def test_problems_and_fixes_are_translated(chinese):
    document = {
        "schema": "interlock/1",
        "nodes": [
            {"id": "a", "type": "table.sqll"},
            {"id": "b", "type": "table.write", "config": {"path": "x.csv"}},
            {"id": "c", "type": "python", "config": {"code": "x = 1"}},
            {"id": "d", "type": "shell", "config": {"command": "", "env": 3}},
            {"id": "e", "type": "table.sql", "config": {"sql": "select {{ nodes.zzz.output }}"}},
            {"id": "f", "type": "noop", "policy": {"pool": "nowhere", "retries": -1}},
        ],
        "edges": [{"source": "c", "target": "c"}],
    }
    found = definition.problems(document, pools={"main": 2})
    assert len(found) > 8
    for problem in found:
        shape = problem.as_dict(sentence_text)
        assert CJK.search(shape["message"]), problem.message
        if problem.fix is not None:
            assert CJK.search(shape["fix"]["label"]), problem.fix.label
            assert shape["fix"]["changes"] == problem.fix.changes
    kind = next(problem for problem in found if problem.code == "no_input").sentence.values["kind"]
    assert CJK.search(sentence_text(kind))


def test_node_types_are_translated(chinese):
    for described in node_types.describe():
        assert CJK.search(described["description"]), described["type"]


def test_a_stored_wait_is_translated_with_its_parts(chinese):
    data = Sentence("data from {address}", {"address": "127.0.0.1:80"})
    closed = Sentence("{what}, which has closed the connection", {"what": data})
    assert sentence_text(wait_text({"kind": "socket", "sentence": closed.stored()})) == (
        "來自 127.0.0.1:80 的資料，對方已關閉連線"
    )
    sleep = Sentence("a sleep of {seconds}", {"seconds": span(7.5)})
    assert sentence_text(wait_text({"kind": "sleep", "sentence": sleep.stored()})) == "為時 7.5 秒 的睡眠結束"
    assert sentence_text(wait_text({"kind": "other", "message": "of an older release"})) == "of an older release"


def test_in_english_nothing_changes():
    with translation.override("en"):
        assert registry.describe(node_types.translate) == registry.describe()


@pytest.mark.parametrize(("field", "name"), [("config.sql", "SQL"), ("policy.retries", "重試次數")])
def test_names_of_fields_in_changes_are_translated(chinese, field, name):
    assert field_name(field, {"type": "table.sql"}) == name
