"""Fingerprints of nodes: what they depend on, and what they do not."""

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.definition.fingerprints import fingerprints
from tests.support.factories import chain, document, node, python

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
IDS = st.sampled_from(["a", "b", "c", "d"])
NODES = st.lists(st.fixed_dictionaries({"id": IDS | JSON}, optional={"type": JSON, "config": JSON}) | JSON, max_size=6)
EDGES = st.lists(
    st.fixed_dictionaries(
        {"source": IDS | JSON, "target": IDS | JSON}, optional={"source_port": JSON, "target_port": JSON}
    )
    | JSON,
    max_size=8,
)


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    one, other = fingerprints(before), fingerprints(after)
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def test_a_changed_config_changes_the_node_and_all_downstream_nodes_only():
    before = document([python("a"), python("b"), python("c"), python("d")], "a>b", "b>c", "a>d")
    after = copy.deepcopy(before)
    after["nodes"][1]["config"]["code"] += "\n"
    assert changed(before, after) == {"b", "c"}


def test_names_notes_positions_policies_and_order_do_not_matter():
    before = document([python("a"), python("b"), python("c")], "a>c", "b>c")
    after = document([python("c", retries=3), python("b"), python("a")], "b>c", "a>c", priority=1)
    after["nodes"][0] |= {"name": "See", "notes": "x", "position": {"x": 1, "y": 2}}
    assert changed(before, after) == set()


def test_defaults_written_out_do_not_matter():
    before = document([node("a"), python("b")], "a>b")
    after = copy.deepcopy(before)
    after["nodes"][0]["config"] = {}
    after["edges"][0] |= {"source_port": "out", "target_port": "a"}
    assert changed(before, after) == set()
    after["edges"][0]["target_port"] = "x"
    assert changed(before, after) == {"b"}


def test_an_edge_that_only_orders_counts_for_what_it_lets_wait():
    before = document([python("a"), python("b")], "a>b")
    after = copy.deepcopy(before)
    after["edges"][0]["order"] = True
    assert changed(before, after) == {"b"}
    later = copy.deepcopy(after)
    later["nodes"][0]["config"]["code"] += "\n"
    assert changed(after, later) == {"a", "b"}


def test_a_new_edge_changes_its_target():
    before = document([python("a"), python("b")])
    assert changed(before, document([python("a"), python("b")], "a>b")) == {"b"}


def test_equal_numbers_are_equal_however_they_are_written():
    one = document([node("a", "x", {"n": 1.0, "m": [2.5, True]})])
    assert fingerprints(one) == fingerprints(document([node("a", "x", {"n": 1, "m": [2.5, True]})]))
    assert fingerprints(one) != fingerprints(document([node("a", "x", {"n": 1, "m": [2.5, 1]})]))


def test_nodes_on_a_cycle_or_downstream_of_one_have_no_fingerprint():
    assert fingerprints(document(["a", "b", "c", "d"], "a>b", "b>a", "b>c")).keys() == {"d"}


def test_a_chain_of_ten_thousand_nodes_has_fingerprints():
    assert len(fingerprints(chain(10_000))) == 10_000


@given(JSON | st.fixed_dictionaries({"nodes": NODES, "edges": EDGES}))
def test_fingerprints_of_any_json_are_deterministic(document):
    found = fingerprints(document)
    assert all(isinstance(name, str) and len(text) == 16 for name, text in found.items())
    assert fingerprints(json.loads(json.dumps(document))) == found


def test_a_node_that_is_nested_too_deeply_has_no_fingerprint():
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    made = document([node("a", "x", {"n": deep}), "b", "c"], "a>b")
    assert fingerprints(made).keys() == {"c"}
