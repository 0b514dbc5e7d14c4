import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.documents import chain
from versions.diff import changes


def kinds(older: Any, newer: Any) -> list[str]:
    return [change["kind"] for change in changes(older, newer)]


def test_equal_documents_have_no_changes() -> None:
    assert changes(chain("a", "b"), chain("a", "b")) == []


def test_a_changed_node_names_the_fields_that_a_person_edits() -> None:
    older = chain("a")
    older["nodes"][0] |= {"config": {"sql": "select 1", "x": {"y": 1}}, "position": {"x": 0, "y": 0}}
    newer = copy.deepcopy(older)
    newer["nodes"][0]["config"] = {"sql": "select 2", "x": {"y": 2}}
    newer["nodes"][0]["position"] = {"x": 5, "y": 0}
    newer["nodes"][0]["policy"] = {"retries": 1}
    assert changes(older, newer) == [
        {
            "kind": "node_changed",
            "node": "a",
            "name": "a",
            "fields": ["config.sql", "config.x", "policy.retries", "position"],
        }
    ]


def test_nodes_edges_settings_and_inputs_are_compared_separately() -> None:
    older, newer = chain("a", "b", priority=5), chain("a", "c", priority=1)
    newer["inputs"] = {"type": "object"}
    assert kinds(older, newer) == [
        "node_added",
        "node_removed",
        "edge_added",
        "edge_removed",
        "settings_changed",
        "inputs_changed",
    ]


def test_an_edge_with_its_defaults_written_out_is_the_same_edge() -> None:
    newer = chain("a", "b")
    newer["edges"] = [{"source": "a", "target": "b", "source_port": "out", "target_port": "a"}]
    assert changes(chain("a", "b"), newer) == []


def test_an_edge_that_only_orders_now_is_a_change_of_the_edge() -> None:
    newer = chain("a", "b")
    newer["edges"][0]["order"] = True
    (change,) = changes(chain("a", "b"), newer)
    assert (change["kind"], change["edge"]["order"]) == ("edge_changed", True)
    (back,) = changes(newer, chain("a", "b"))
    assert (back["kind"], back["edge"]["order"]) == ("edge_changed", False)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
DOCUMENT = st.dictionaries(st.sampled_from(["schema", "nodes", "edges", "settings", "inputs"]), ANY)


@given(DOCUMENT, DOCUMENT)
def test_invalid_documents_are_compared_too(older: Any, newer: Any) -> None:
    assert changes(older, older) == []
    assert isinstance(changes(older, newer), list)


def test_what_the_definition_requires_is_a_change_of_its_own() -> None:
    before = {"schema": "interlock/1", "nodes": [], "edges": []}
    after = {**before, "requires": {"pools": {"pg": 4}}}
    assert [change["kind"] for change in changes(before, after)] == ["requires_changed"]
