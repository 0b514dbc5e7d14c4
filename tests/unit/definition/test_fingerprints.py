"""Fingerprints of nodes: what they hang on, and what they do not."""

from __future__ import annotations

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


def test_a_change_of_config_reaches_all_that_lies_behind_and_nothing_else():
    before = document([python("a"), python("b"), python("c"), python("d")], "a>b", "b>c", "a>d")
    after = copy.deepcopy(before)
    after["nodes"][1]["config"]["code"] += "\n"
    assert changed(before, after) == {"b", "c"}


def test_names_notes_places_limits_and_the_order_in_the_document_do_not_count():
    before = document([python("a"), python("b"), python("c")], "a>c", "b>c")
    after = document([python("c", retries=3), python("b"), python("a")], "b>c", "a>c", priority=1)
    after["nodes"][0] |= {"name": "See", "notes": "x", "position": {"x": 1, "y": 2}}
    assert changed(before, after) == set()


def test_what_a_document_says_by_default_is_the_same_when_it_is_said():
    before = document([node("a"), python("b")], "a>b")
    after = copy.deepcopy(before)
    after["nodes"][0]["config"] = {}
    after["edges"][0] |= {"source_port": "out", "target_port": "a"}
    assert changed(before, after) == set()
    after["edges"][0]["target_port"] = "x"
    assert changed(before, after) == {"b"}


def test_a_new_edge_counts_for_its_target():
    before = document([python("a"), python("b")])
    assert changed(before, document([python("a"), python("b")], "a>b")) == {"b"}


def test_numbers_are_as_a_browser_writes_them():
    one = document([node("a", "x", {"n": 1.0, "m": [2.5, True]})])
    assert fingerprints(one) == fingerprints(document([node("a", "x", {"n": 1, "m": [2.5, True]})]))
    assert fingerprints(one) != fingerprints(document([node("a", "x", {"n": 1, "m": [2.5, 1]})]))


def test_nodes_on_a_cycle_and_behind_it_have_none():
    assert fingerprints(document(["a", "b", "c", "d"], "a>b", "b>a", "b>c")).keys() == {"d"}


def test_a_chain_of_ten_thousand_is_no_matter():
    assert len(fingerprints(chain(10_000))) == 10_000


@given(JSON | st.fixed_dictionaries({"nodes": NODES, "edges": EDGES}))
def test_any_json_whatever_has_its_prints_and_they_hang_on_nothing_else(document):
    found = fingerprints(document)
    assert all(isinstance(name, str) and len(text) == 16 for name, text in found.items())
    assert fingerprints(json.loads(json.dumps(document))) == found


def test_what_is_nested_beyond_reading_has_none_and_spoils_nothing_else():
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    made = document([node("a", "x", {"n": deep}), "b", "c"], "a>b")
    assert fingerprints(made).keys() == {"c"}
