import copy
import json
import math

import jsonpatch
import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import definition, expressions, graph
from engine.definition.validation.problem_list import ProblemList
from engine.definition.validation.schemas import config_validator
from engine.definition.validation.values import check_json
from engine.nodes import registry
from engine.problems import pointer
from tests.unit.definition.documents import document, node

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["a", "b", "out", "true", "{{ nodes.a.output }}", "{{", "\0", "\ud800", "interlock/1", 10**200, -1]
    ),
)
NAMES = "schema nodes edges inputs settings id type config policy position x y name source target source_port"
MORE_NAMES = "target_port properties default pattern $ref items"
KEYS = st.one_of(st.text(max_size=6), st.sampled_from([*NAMES.split(), *MORE_NAMES.split(), "\ud800", "\0", "retrie"]))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)
IDS = st.sampled_from(["a", "b", "c", "d"])
TYPES = st.sampled_from([*(item.type for item in registry.all_types()), *registry.NOT_YET, "pyton"])
FIELDS = {
    "retries": st.integers(-1, 3),
    "soft_timeout": st.sampled_from([None, 0, 5, 500]),
    "hard_timeout": st.sampled_from([None, 1, 600]),
    "pool": st.sampled_from([None, "disk", "net"]),
    "slots": st.integers(0, 4),
    "trigger_rule": st.sampled_from(["all_success", "any"]),
    "map": st.none() | JSON,
}
CONFIGS = st.one_of(
    st.just({}),
    st.just({"code": "def main(inputs, ctx): ..."}),
    st.just({"sql": "select {{ nodes.a.output.row_count }}"}),
    st.just({"condition": "inputs.n > 1"}),
    st.just({"path": "x.csv"}),
    st.dictionaries(
        st.sampled_from(["code", "sql", "path", "condition", "cases", "args", "function", "env"]), JSON, max_size=3
    ),
    JSON,
)
NODES = st.fixed_dictionaries(
    {"id": IDS, "type": TYPES},
    optional={
        "config": CONFIGS,
        "policy": st.fixed_dictionaries({}, optional=FIELDS) | JSON,
        "position": st.just({"x": 1, "y": 2}) | JSON,
        "name": SCALARS,
        "extra": JSON,
    },
)
EDGES = st.fixed_dictionaries(
    {"source": IDS, "target": IDS},
    optional={"source_port": st.sampled_from(["out", "true", "x"]), "target_port": IDS | SCALARS},
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "schema": st.just("interlock/1"),
        "nodes": st.lists(NODES | JSON, max_size=5),
        "edges": st.lists(EDGES | JSON, max_size=5),
    },
    optional={"inputs": JSON | st.just({"type": "object", "properties": {"n": {}}}), "settings": JSON, "more": JSON},
)


def readable(found):
    for problem in found:
        assert problem.message
        assert problem.code.islower()
        problem.message.encode()
        json.dumps(problem.as_dict(), allow_nan=False, ensure_ascii=False).encode()


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_any_value_can_be_checked(value):
    readable(definition.problems(value, pools={"disk": 2}))


@given(DOCUMENTS)
@settings(max_examples=250, deadline=None)
def test_a_document_without_errors_can_be_parsed(value):
    before = copy.deepcopy(value)
    found = definition.problems(value, pools={"disk": 2})
    readable(found)
    assert json.dumps(value) == json.dumps(before)
    if any(problem.severity == "error" for problem in found):
        return
    parsed = definition.parse(value, trusted=True)
    assert len(parsed.order) == len(parsed.nodes) == len(parsed.by_id)
    assert len(definition.content_hash(value)) == 64
    for one in parsed.nodes:
        node_type = registry.get(one.type)
        assert node_type is not None
        for place in expressions.places(node_type.config, one.config):
            assert pointer(place.path).startswith("/")
            assert set(expressions.references(place).nodes) <= set(parsed.by_id)
        for rule in (one.policy.soft_timeout, one.policy.hard_timeout):
            assert rule is None or math.isfinite(rule)


@given(DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_an_applied_fix_solves_its_problem(value):
    found = definition.problems(value, pools={"disk": 2})
    for problem in found[:5]:
        if problem.fix is None:
            continue
        repaired = jsonpatch.apply_patch(copy.deepcopy(value), problem.fix.changes)
        after = definition.problems(repaired, pools={"disk": 2})
        assert problem not in after or after.count(problem) < found.count(problem) or problem.path.startswith("edges")


def deep(levels, wrap):
    value: object = "x"
    for _ in range(levels):
        value = wrap(value)
    return value


def test_deeply_nested_values_are_refused_everywhere():
    for value in (deep(100_000, lambda inner: [inner]), deep(100_000, lambda inner: {"a": inner})):
        for given_document in (
            document(node("a", "python.function", config={"function": "m.f", "args": {"x": value}})),
            document(node("a", policy={"map": value})),
            document(node("a"), inputs={"type": "object", "properties": {"x": value}}),
            document(node("a"), settings=value),
            document(value),
            document(node("a"), edges=[value]),
            {"nodes": value},
            value,
        ):
            assert definition.problems(given_document)
            del given_document


def test_inputs_nested_as_deeply_as_allowed_are_checked():
    schema = deep(15, lambda inner: {"type": "object", "properties": {"x": inner if isinstance(inner, dict) else {}}})
    assert definition.problems(document(node("a"), inputs=schema)) == []
    for levels in (28, 40, 62):
        schema = deep(levels, lambda inner: {"allOf": [inner if isinstance(inner, dict) else {}]})
        definition.problems(document(node("a"), inputs={"type": "object", **schema}))


@given(
    st.sampled_from(registry.all_types()),
    CONFIGS | st.dictionaries(st.text(max_size=4), JSON, max_size=2),
)
@settings(max_examples=250, deadline=None)
def test_verdicts_on_configs_are_those_of_jsonschema(node_type, config):
    if not check_json(config, (), ProblemList()):
        return
    validator = config_validator(node_type)
    expected = jsonschema.Draft202012Validator(node_type.config).is_valid(config)
    assert validator.is_valid(config) == expected
    assert (not list(validator.iter_errors(config))) == expected


@given(st.lists(st.tuples(IDS, IDS), max_size=8))
def test_a_document_is_valid_if_and_only_if_it_has_no_cycle(pairs):
    pairs = list(dict.fromkeys(pairs))
    given_document = document(*[node(name) for name in "abcd"], edges=[{"source": a, "target": b} for a, b in pairs])
    cycles = graph.find_cycles(list("abcd"), pairs)
    codes = {problem.code for problem in definition.problems(given_document)}
    assert codes == ({"cycle"} if cycles else set())


def test_fields_without_a_mark_have_no_expressions():
    assert expressions.places({"type": "object"}, {"a": "{{ x }}"}) == []
