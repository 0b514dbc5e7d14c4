import copy
import json
from typing import Any

import duckdb
import pytest

from engine import expressions
from engine.expressions import Place, find, problems, variables
from engine.expressions.evaluation import ExpressionError, evaluate
from engine.expressions.rendering import bind_sql, render, render_at, truth
from engine.nodes import registry
from engine.nodes.base import NodeType

CONTEXT = {
    "inputs": {
        "n": 3,
        "half": 0.5,
        "text": 'it\'s "x"; drop table t --',
        "big": 2**70,
        "none": None,
        "list": [1, 2],
        "rows": [{"id": 1, "ok": True}, {"id": 2, "ok": False}],
        "odd-name": 1,
    },
    "nodes": {
        "load": {"output": {"row_count": 7, "schema": [{"name": "a", "type": "BIGINT"}]}},
        "value": {"output": {"a": {"b": [10, 20]}}},
    },
    "run": {"id": "12", "workflow": "daily", "version": 3, "inputs": {"n": 3}},
}


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("no expression", []),
        ("{{ a }}", ["a"]),
        ("x{{a}}y{{ b }}z", ["a", "b"]),
        ("{{ {'a': {'b': 1}} }}", ["{'a': {'b': 1}}"]),
        ("{{ {'a':{}}}}", ["{'a':{}}"]),
        ("{{ '}}' }}{{ \"}}\" }}", ["'}}'", '"}}"']),
        ("{{ '''}}''' }}", ["'''}}'''"]),
        ("{{ r'\\' }}", ["r'\\'"]),
        ("{{ 'a\\'}}' }}", ["'a\\'}}'"]),
        ("{ { a } }", []),
        ("{{ it's }}", ["it's"]),
        ("{{ 1 // c }}", ["1 // c"]),
        ("{{{ a }}}", ["{ a }"]),
    ],
)
def test_quotes_and_braces_inside_an_expression_do_not_end_it(text, sources):
    found = find(text)
    assert [one.source for one in found] == sources
    for one in found:
        assert text[one.start : one.start + 2] == "{{"
        assert text[one.end - 2 : one.end] == "}}"


def test_an_unclosed_expression_is_reported():
    assert not find("a {{ b")[0].closed
    (problem,) = problems(Place((), "a {{ b", "text"))
    assert (problem.code, problem.span) == ("expression", (2, 4))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ inputs.n }}", 3),
        (" {{ inputs.n }} ", 3),
        ("{{ inputs.n + 1 }}", 4),
        ("n={{ inputs.n }}", "n=3"),
        ("{{ inputs.n }}{{ inputs.n }}", "33"),
        ("{{ inputs.big }}", 2**70),
        ("{{ inputs.none }}", None),
        ("{{ inputs.list }}", [1, 2]),
        ("l={{ inputs.list }} {{ inputs.none }} {{ inputs.n > 2 }} {{ inputs.half }}", "l=[1,2] null true 0.5"),
        ("{{ nodes.load.output.row_count > 5 }}", True),
        ("{{ nodes.value.output.a.b[1] }}", 20),
        ('{{ nodes["value"].output["a"]["b"][0] + 1 }}', 11),
        ("{{ run.workflow + '/' + run.id }}", "daily/12"),
        ("{{ run.version }}", 3),
        ("{{ run.inputs.n }}", 3),
        ("{{ run.inputs.n + 1 }}", 4),
        ('{{ inputs["odd-name"] }}', 1),
        ("{{ inputs.rows.filter(r, r.ok).map(r, r.id) }}", [1]),
        ("{{ inputs.rows.exists(r, r.id == 2) ? 'yes' : 'no' }}", "yes"),
        ("{{ has(inputs.zzz) ? 1 : 2 }}", 2),
        ("{{ size(inputs.list) }}", 2),
        ("{{ inputs.text.startsWith('it') && !inputs.text.contains('zzz') }}", True),
        ("{{ timestamp('2024-05-06T07:08:09Z') }}", "2024-05-06T07:08:09Z"),
        ("{{ duration('90m') }}", "5400s"),
        ("{{ b'abc' }}", "YWJj"),
        ("{{ {'a': 1, 2: true} }}", {"a": 1, "2": True}),
        ("{{ int('5') + 1 }}", 6),
        ("{{ double(inputs.n) * 1.5 }}", 4.5),
        ("{{ type(inputs.n) == int }}", True),
        ("{{ '{{' }}", "{{"),
        ({"a": ["{{ inputs.n }}", 1], "b": {"c": "{{ inputs.n }}!"}}, {"a": [3, 1], "b": {"c": "3!"}}),
        (5, 5),
        (None, None),
    ],
)
def test_values_are_rendered_with_their_type(text, value):
    found = render(text, CONTEXT)
    assert found == value
    assert type(found) is type(value)
    json.dumps(found)


def test_rendering_changes_neither_the_config_nor_the_context():
    context = copy.deepcopy(CONTEXT)
    config = {"args": {"x": "{{ inputs.list }}"}}
    assert render_at(config, [["args", "x"]], context) == {"args": {"x": [1, 2]}}
    assert config == {"args": {"x": "{{ inputs.list }}"}}
    assert context == CONTEXT


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("inputs.zzz", "has no 'zzz'"),
        ("inputs.zzz + 1", "zzz"),
        ("inputs.n.x", "inputs.n is 3"),
        ("inputs.list[5]", "2 entries"),
        ("inputs.list[5] + 1", "5"),
        ("1 / 0", "zero"),
        ("inputs.n + 'a'", "string"),
        ("9223372036854775807 + inputs.n", "overflow"),
        ("0.0 / 0.0", "not valid in JSON"),
        ("timestamp('x')", "timestamp"),
        ("nodes.other.output", "has no 'other'"),
        ("inputs.list.map(x, x + 'a')", "string"),
        ("{1.5: 2}", "cannot"),
    ],
)
def test_the_error_says_why_an_expression_has_no_value(source, message):
    with pytest.raises(ExpressionError) as raised:
        render("{{ " + source + " }}", CONTEXT)
    if message != "cannot":
        assert message in str(raised.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "empty"),
        ("1 +", "Expected a value"),
        ("inputs.n)", "operator or the end"),
        ("foo", 'no variable "foo"'),
        ("input.n", '"inputs"'),
        ("len(inputs.list)", "no function"),
        ("inputs.list.size(", "Expected"),
        ("inputs.text.lower()", "no function"),
        ("startsWith(inputs.text, 'a')", "x.startsWith(y)"),
        ("inputs.text.int()", "int(x)"),
        ("inputs.text.contains()", "one argument"),
        ("inputs.list.size(1)", "no argument"),
        ("nodes.load", "nodes.<id>.output"),
        ("nodes", "nodes.<id>.output"),
        ("nodes[inputs.n].output", "nodes.<id>.output"),
        ("nodes.load.result", "nodes.<id>.output"),
        ("run.user", "run has no"),
        ("inputs.in", "name of a field"),
        ("9223372036854775808", "too large"),
        ("1e999", "too large"),
        ("'\\q'", "escape sequence"),
        ("inputs.list.map(x + 1, x)", "a name for each entry"),
        ("inputs.list.map(inputs, inputs)", "cannot be the name"),
        ("has(inputs)", "has takes one field"),
        ("'abc", "never closed"),
        ("'''abc", "never closed"),
        ("inputs.n = 3", "Unexpected"),
        ("inputs.n ?? 3", "Expected"),
        ("a@b", "Unexpected"),
        ("[1, 2", "Expected"),
        ("{1}", "Expected"),
        ("1 ? 2", "Expected"),
        ("Foo{a: 1}", "operator"),
        ("inputs{a: 1}", "operator"),
        (".inputs", "Expected"),
        ("inputs.`a-b`", "Unexpected"),
        ("+1", "Expected"),
        ("1 2", "operator"),
    ],
)
def test_invalid_expressions_are_reported(source, message):
    text = "{{ " + source + " }}"
    (problem,) = problems(Place((), text, "text"))
    assert message in str(problem.sentence)
    assert problem.span == (0, len(text))


def test_every_expression_of_a_text_is_checked():
    found = problems(Place((), "{{ a }}\n{{ inputs.b }} {{ 1 + }}", "text"))
    assert [(problem.line, problem.span) for problem in found] == [(1, (0, 7)), (2, (23, 32))]


def test_references_are_found_without_evaluation():
    text = "{{ nodes.one.output.x + nodes['two'].output }} {{ [1].map(x, nodes.three.output) }} {{ 1 + }}"
    assert expressions.references(Place((), text, "text")).nodes == ("one", "two", "three")


def node_type(name: str) -> NodeType:
    found = registry.get(name)
    assert found is not None
    return found


def test_places_follow_the_marks_of_the_schema():
    shell = node_type("shell").config
    config: dict[str, Any] = {"command": "echo {{ x }}", "env": {"A": "{{ inputs.n }}", "B": "plain"}}
    assert expressions.places(shell, config) == [Place(("env", "A"), "{{ inputs.n }}", "text")]
    branch = node_type("branch").config
    config = {"cases": [{"port": "a", "when": "inputs.n > 1"}, {"port": "b", "when": True}], "default": "c"}
    assert expressions.places(branch, config) == [Place(("cases", 0, "when"), "inputs.n > 1", "cel")]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [("{{ inputs.n > 1 }}", True), ("inputs.n > 5", False), (True, True), (False, False), ("true", True)],
)
def test_conditions_are_evaluated(condition, holds):
    assert truth(condition, CONTEXT) is holds


@pytest.mark.parametrize("condition", ["inputs.n", "{{ inputs.text }}", "null", "{{ 1 }}{{ 2 }}", "x {{ 1 }}"])
def test_a_condition_must_be_true_or_false(condition):
    with pytest.raises(ExpressionError):
        truth(condition, CONTEXT)


def test_an_invalid_condition_is_reported():
    assert problems(Place((), "{{ inputs.a }} > 3", "cel"))


def run_sql(sql, context=CONTEXT):
    text, parameters = bind_sql(sql, context)
    with duckdb.connect() as connection:
        return connection.execute(text, parameters).fetchall()


def test_values_are_bound_as_parameters_of_sql():
    injected = {**CONTEXT, "inputs": {"x": "' or 1=1; drop table t; --"}}
    text, parameters = bind_sql("select {{ inputs.x }} as a, {{ inputs.x == 'b' }} as b", injected)
    assert text == "select $p1 as a, $p2 as b"
    assert parameters == {"p1": "' or 1=1; drop table t; --", "p2": False}
    assert run_sql("select {{ inputs.x }}", injected) == [("' or 1=1; drop table t; --",)]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select {{ inputs.n }} + 1", [(4,)]),
        ("select a from (values (1), (3)) t(a) where a = {{ inputs.n }}", [(3,)]),
        ("select a from (values (1), (3)) t(a) where a in {{ inputs.list }}", [(1,)]),
        ("from range({{ inputs.n }})", [(0,), (1,), (2,)]),
        ("select {{ inputs.none }} is null", [(True,)]),
        ("select ({{ timestamp('2024-05-06T00:00:00Z') }})::date::varchar", [("2024-05-06",)]),
        ("select 1 limit {{ inputs.n }}", [(1,)]),
        ("select {{ inputs.rows }}[1].id", [(1,)]),
        ("select '{' || '{', {{ inputs.n }}", [("{{", 3)]),
        ("select 1", [(1,)]),
    ],
)
def test_bound_values_work_in_duckdb(sql, rows):
    assert run_sql(sql) == rows


def test_bound_sql_keeps_its_line_numbers():
    text, _ = bind_sql("select {{ inputs.n\n + 1 }},\n oops", CONTEXT)
    assert text.count("\n") == 2
    with pytest.raises(duckdb.Error, match="LINE 3"), duckdb.connect() as connection:
        connection.execute(text, {"p1": 4})


def test_an_error_of_an_expression_in_sql_has_its_line():
    with pytest.raises(ExpressionError) as raised:
        bind_sql("select\n\n{{ inputs.zzz }}", CONTEXT)
    assert raised.value.line == 3


def test_an_expression_in_quotes_is_not_bound():
    with pytest.raises(ExpressionError, match="inside quotes"):
        bind_sql("select '{{ inputs.n }}'", CONTEXT)


def test_lookups_need_no_cel(monkeypatch):
    def missing():
        raise ModuleNotFoundError("No module named 'cel'", name="cel")

    monkeypatch.setattr("engine.expressions.native.load", missing)
    assert render("{{ nodes.value.output.a.b[1] }}", CONTEXT) == 20
    with pytest.raises(ModuleNotFoundError):
        render("{{ nodes.value.output.a.b[1] + 4711 }}", CONTEXT)


def test_only_values_that_an_expression_reads_are_copied_into_cel(monkeypatch):
    seen = {}

    class Program:
        def execute(self, context):
            seen.update(context)
            return 1

    monkeypatch.setattr("engine.expressions.evaluation._program", lambda source: Program())
    render("{{ inputs.n + nodes.load.output.row_count }}", CONTEXT)
    assert seen["inputs"] == {"n": 3}
    assert set(seen["nodes"]) == {"load"}
    assert "inputs" not in seen["run"]
    render("{{ inputs.map(k, k) }}", CONTEXT)
    assert seen["inputs"] == CONTEXT["inputs"]


def test_all_allowed_functions_exist_in_cel():
    moment = "timestamp('2024-05-06T07:08:09Z')"
    for name in variables.FUNCTIONS - {"has"}:
        argument = "'x'" if name in variables._OF_TEXTS else ""
        values = ("1", "'x'", "'1'", "'1s'", "'2024-05-06T07:08:09Z'", moment)
        forms = []
        if name in variables._METHODS:
            forms += [f"{value}.{name}({argument})" for value in values]
        if name in variables._PLAIN:
            forms += [f"{name}({value})" for value in values]
        assert any(works(form) for form in forms), name


def works(source):
    try:
        evaluate(source, {})
    except ExpressionError:
        return False
    return True
