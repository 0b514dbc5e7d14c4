from typing import Any

from engine.definition import inputs

SCHEMA = {
    "type": "object",
    "properties": {
        "month": {"type": "integer", "minimum": 1, "maximum": 12, "default": 1},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "where": {"type": "object", "properties": {"city": {"type": "string", "default": "JFK"}}},
        "code": {"type": "string", "pattern": "^(a+)+$"},
        "day": {"type": "string", "format": "date"},
    },
    "additionalProperties": False,
}


def paths(given):
    return [(problem.path, problem.code) for problem in inputs.accept(SCHEMA, given)[1]]


def test_defaults_are_filled_in_at_every_level():
    accepted, wrong = inputs.accept(SCHEMA, {"where": {}})
    assert not wrong
    assert accepted == {"month": 1, "where": {"city": "JFK"}}


def test_the_callers_inputs_are_not_changed():
    given: dict[str, Any] = {"where": {}}
    inputs.accept(SCHEMA, given)
    assert given == {"where": {}}


def test_every_problem_is_listed_with_its_path():
    assert sorted(paths({"month": 13, "tags": ["a", 1], "mnth": 2})) == [
        ("inputs.mnth", "unknown_field"),
        ("inputs.month", "out_of_range"),
        ("inputs.tags[1]", "wrong_type"),
    ]


def test_nul_is_refused_anywhere():
    assert paths({"tags": ["a\0"], "month": 2}) == [("inputs.tags[0]", "nul_character")]


def test_a_missing_required_input_is_reported():
    schema = {"type": "object", "properties": {"a": {}}, "required": ["a"]}
    (problem,) = inputs.accept(schema, {})[1]
    assert (problem.path, problem.code) == ("inputs.a", "missing_field")


def test_a_workflow_without_inputs_accepts_none():
    assert inputs.accept(None, None) == ({}, [])
    assert inputs.accept(None, {}) == ({}, [])
    (problem,) = inputs.accept(None, {"x": 1})[1]
    assert problem.code == "unknown_field"


def test_inputs_must_be_an_object():
    given: Any
    for given in ([], "x", 3, True):
        assert [problem.code for problem in inputs.accept(SCHEMA, given)[1]] == ["wrong_type"]


def test_a_pattern_takes_linear_time():
    assert paths({"code": "a" * 5000 + "b"}) == [("inputs.code", "wrong_value")]
    assert paths({"code": "a" * 5000}) == []


def test_formats_are_checked():
    assert paths({"day": "2024-02-30"}) == [("inputs.day", "wrong_value")]
    assert paths({"day": "2024-02-29"}) == []


def test_equal_entries_of_a_unique_list_are_refused():
    assert paths({"tags": ["a", "b", "a"]}) == [("inputs.tags", "wrong_value")]


def test_values_that_cannot_be_stored_are_refused():
    deep: object = "x"
    for _ in range(5000):
        deep = [deep]
    schema = {"type": "object"}
    for given in ({"a": deep}, {"a": float("nan")}, {"a": "\0"}, {"a": "\ud800"}, {"a": 10**5000}):
        assert inputs.accept(schema, given)[1], given
    assert [problem.code for problem in inputs.accept(schema, {"a": "x" * 2_000_000})[1]] == ["too_large"]
