import json
import textwrap

import jsonschema
import pytest

from engine import definition
from engine.nodes import registry
from engine.nodes.base import CATEGORIES
from tests.support.node_packages import packages
from tests.unit.definition.documents import document, edge, node, only


@pytest.fixture
def install(tmp_path, monkeypatch):
    with packages(tmp_path, monkeypatch) as install:
        yield install


GOOD = """
    from engine.nodes.base import NodeType

    GREET = NodeType(
        type="greet", name="Greet", category="other", icon="hand", description="Greets.", run="nodes_of_good_run",
        config={
            "type": "object",
            "properties": {"who": {"type": "string", "x-expression": True}},
            "required": ["who"],
            "additionalProperties": False,
        },
        out_ports=lambda config: ("hello", "bye"),
        must_name_port=True,
    )
    ALL = [GREET]
"""


def test_the_types_of_the_contract_are_registered():
    assert [item.type for item in registry.all_types()] == [
        "table.read",
        "table.sql",
        "table.write",
        "python",
        "python.function",
        "shell",
        "branch",
        "noop",
    ]
    found = registry.get("table.read")
    assert found is not None
    assert found.run == "engine.nodes.table_read.run"
    assert registry.get("nothing") is None


def test_every_type_describes_itself_for_the_editor():
    for described in registry.describe():
        json.dumps(described)
        assert described["description"].endswith(".")
        assert described["category"] in CATEGORIES
        assert described["icon"]
        jsonschema.Draft202012Validator.check_schema(described["config"])
        assert described["config"]["additionalProperties"] is False
        for field in described["config"]["properties"].values():
            assert field["title"]


def test_only_types_with_python_code_run_in_the_authors_interpreter():
    assert {item.type for item in registry.all_types() if item.python} == {"python", "python.function"}


@pytest.mark.parametrize("entry", ["greet = nodes_of_good:GREET", "greet = nodes_of_good:ALL"])
def test_a_type_of_an_installed_package_is_registered(install, entry):
    install("nodes_of_good", GOOD, entry)
    assert registry.broken_packages() == []
    found = registry.get("greet")
    assert found is not None
    assert found.name == "Greet"
    assert registry.describe()[-1]["type"] == "greet"
    given = document(
        node("a"),
        node("b", "greet", config={"who": "{{ nodes.a.output }}"}),
        node("c"),
        edges=[edge("a", "b"), edge("b", "c", source_port="bye")],
    )
    parsed = definition.parse(given)
    assert [edge.source_port for edge in parsed.edges] == ["out", "bye"]
    assert only(document(node("b", "greet")), "missing_field").path == "nodes[0].config.who"


def replaced(what, by):
    code = textwrap.dedent(GOOD)
    assert what in code
    return code.replace(what, by)


@pytest.mark.parametrize(
    ("code", "entry", "reason"),
    [
        ("raise RuntimeError('no licence')", "nodes_of_bad:GREET", "RuntimeError: no licence"),
        ("import sys\nsys.exit(3)", "nodes_of_bad:GREET", "SystemExit"),
        ("x = 1", "nodes_of_bad:GREET", "GREET"),
        ("GREET = 3", "nodes_of_bad:GREET", "of type int, not a NodeType"),
        ("GREET = ['a']", "nodes_of_bad:GREET", "contains a value of type str"),
        ("import nothing_like_this", "nodes_of_bad", "nothing_like_this"),
        (replaced('type="greet"', 'type="table.sql"'), "nodes_of_bad:ALL", "already exists"),
        (replaced('type="greet"', 'type="wait"'), "nodes_of_bad:ALL", "already exists"),
        (replaced('type="greet"', 'type="Greet me"'), "nodes_of_bad:ALL", "not a valid name"),
        (replaced('category="other"', 'category="misc"'), "nodes_of_bad:ALL", "category"),
        (replaced('"type": "string"', '"type": "text"'), "nodes_of_bad:ALL", "not a valid JSON Schema"),
        (replaced('"type": "object",', ""), "nodes_of_bad:ALL", '"type": "object"'),
        (replaced("ALL = [GREET]", "ALL = [GREET, GREET]"), "nodes_of_bad:ALL", "already exists"),
    ],
)
def test_a_broken_package_is_reported_and_does_not_affect_others(install, code, entry, reason):
    install("nodes_of_bad", code, f"bad = {entry}")
    install("nodes_of_good", GOOD, "greet = nodes_of_good:GREET")
    (broken,) = registry.broken_packages()
    assert (broken.package, broken.entry_point) == ("nodes_of_bad", "bad")
    assert reason in str(broken)
    assert registry.get("greet") is not None
    assert registry.get("noop") is not None
    problem = only(document(node("a", "zzz")), "unknown_node_type")
    assert "nodes_of_bad" in problem.sentence.values["packages"]


def test_a_packages_check_that_fails_is_reported_with_the_other_problems(install):
    code = replaced("must_name_port=True,", "check=lambda config: 1 / 0,").replace(
        'lambda config: ("hello", "bye")', "lambda config: config['nothing']"
    )
    install("nodes_of_good", code, "greet = nodes_of_good:GREET")
    given = document(node("a", "greet", config={"who": "x"}), node("b", "pyton"), edges=[edge("a", "b")])
    problems = definition.problems(given)
    assert [problem.code for problem in problems] == ["broken_node_type", "unknown_node_type"]
    assert "ZeroDivisionError" in problems[0].sentence.values["error"]


@pytest.mark.parametrize("schema", ['"$ref": "http://127.0.0.1:9/schema.json"', '"pattern": "(?=a)"'])
def test_a_schema_that_needs_the_network_or_unbounded_time_is_refused(install, schema):
    install("nodes_of_good", replaced('"type": "string", "x-expression": True', schema), "greet = nodes_of_good:GREET")
    (broken,) = registry.broken_packages()
    assert "not a valid JSON Schema" in broken.reason
