"""Wrong names in code and expressions: their spans, and fixes with a similar name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.definition import problems
from engine.nodes.python.inputs import input_reads


def document(code: str, *sources: str) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [{"id": name, "type": "noop"} for name in sources]
    nodes.append({"id": "code", "type": "python", "config": {"code": code}})
    edges = [{"source": name, "target": "code"} for name in sources]
    return {"schema": "interlock/1", "nodes": nodes, "edges": edges}


def main(body: str, head: str = "def main(inputs, ctx):") -> str:
    return f"{head}\n    {body}\n"


def test_reading_an_input_without_an_edge_is_a_warning_that_suggests_a_similar_one():
    code = '# ä🎉\ndef main(inputs, ctx):\n    é = "ä"; a = inputs["flihgts"]\n    return inputs[\'flihgts\']\n'
    (problem,) = problems(document(code, "flights", "weather"))
    assert (problem.code, problem.severity, problem.line) == ("unknown_port", "warning", 3)
    assert problem.path == "nodes[2].config.code"
    assert problem.fix is not None
    assert problem.fix.label.values == {"name": "flights"}
    assert problem.fix.changes[0]["value"] == code.replace("flihgts", "flights")
    assert problem.span is not None
    assert code[slice(*problem.span)] == '"flihgts"'


def test_the_only_input_is_suggested_whatever_its_name():
    (problem,) = problems(document(main('return inputs["x"]'), "flights"))
    assert problem.fix is not None
    assert problem.fix.label.values == {"name": "flights"}
    (problem,) = problems(document(main('return inputs["x"]')))
    assert problem.fix is None
    assert problem.sentence.values == {"name": "x", "names": ""}


@pytest.mark.parametrize(
    "code",
    [
        main('return inputs["flights"]'),
        main('return inputs.get("x")'),
        main("return inputs[name]"),
        main('return inputs["x"] if "x" in inputs else None'),
        main('inputs["x"] = 1'),
        main('try:\n        return inputs["x"]\n    except KeyError:\n        return None'),
        main('inputs = load()\n    return inputs["x"]'),
        main('return other["x"]'),
        'def helper(inputs):\n    return inputs["x"]\n\n\n' + main("return 1"),
        main('return data["flights"]', "def main(data, ctx):"),
    ],
)
def test_code_that_may_be_correct_gets_no_warning(code):
    assert [problem.code for problem in problems(document(code, "flights"))] == []


def test_the_first_argument_has_the_inputs_whatever_its_name():
    (problem,) = problems(document(main('return [data["x"] for _ in range(3)]', "def main(data, ctx):"), "flights"))
    assert problem.line == 2


@given(st.text(alphabet="ab\"'[]()ä🎉 \n\r\f\x1c:=,inputs", max_size=60))
def test_spans_are_right_for_all_kinds_of_line_ends(text):
    code = f'def main(inputs, ctx):\n    """{text}"""\n    return inputs["x"], "ä", inputs["y"]\n'
    found = input_reads({"code": code})
    assert found is not None
    for read in found.reads:
        assert code[slice(*read.span)] in (f'"{read.name}"', f"'{read.name}'")


def with_expression(text: str, kind: str = "table.sql", field: str = "sql", **more: Any) -> dict[str, Any]:
    return {
        "schema": "interlock/1",
        "nodes": [{"id": "load", "type": "noop"}, {"id": "one", "type": kind, "config": {field: text}}],
        "edges": [{"source": "load", "target": "one"}],
        **more,
    }


INPUTS = {"type": "object", "properties": {"month": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("text", "kind", "field", "code", "line", "fixed"),
    [
        ("select {{ inputs.mnth }}\n, {{ inputs . mnth }}", "table.sql", "sql", "unknown_input", 1,
         "select {{ inputs.month }}\n, {{ inputs . month }}"),
        ("select 1,\n{{ nodes.laod.output }}", "table.sql", "sql", "unknown_node", 2,
         "select 1,\n{{ nodes.load.output }}"),
        ("select {{ inputs['mnth'] }} as mnth", "table.sql", "sql", "unknown_input", 1,
         "select {{ inputs['month'] }} as mnth"),
        ("out/{{ inputs.mnth }}/inputs.mnth.csv", "table.write", "path", "unknown_input", None,
         "out/{{ inputs.month }}/inputs.mnth.csv"),
        ("inputs.mnth > 1", "branch", "condition", "unknown_input", None, "inputs.month > 1"),
    ],
)  # fmt: skip
def test_the_fix_of_an_expression_replaces_the_wrong_name(text, kind, field, code, line, fixed):
    found = [one for one in problems(with_expression(text, kind, field, inputs=INPUTS)) if one.code == code]
    (problem,) = found
    assert problem.line == line
    assert problem.fix is not None
    assert problem.span is not None
    assert text[slice(*problem.span)] in ("mnth", "laod")
    assert problem.fix.changes == [{"op": "replace", "path": f"/nodes/1/config/{field}", "value": fixed}]


def test_there_is_no_fix_without_a_similar_name():
    (problem,) = problems(with_expression("select {{ inputs.zzzzz }}", inputs=INPUTS))
    assert problem.fix is None
