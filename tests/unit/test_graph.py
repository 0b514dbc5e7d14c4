import itertools

from hypothesis import given
from hypothesis import strategies as st

from engine import graph

EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20)


def names(pairs):
    return [(f"n{source}", f"n{target}") for source, target in pairs]


NODES = [f"n{index}" for index in range(8)]


def test_order_keeps_the_documents_order_where_edges_leave_it_open():
    assert graph.topological(["c", "a", "b"], [("b", "c")]) == ["a", "b", "c"]


def test_a_cycle_is_named_in_the_direction_of_its_edges():
    cycles = graph.find_cycles(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")])
    assert cycles == [["b", "c"]]


def test_each_component_has_one_cycle():
    edges = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "c"), ("e", "e")]
    assert [sorted(cycle) for cycle in graph.find_cycles(["a", "b", "c", "d", "e"], edges)] == [
        ["c", "d"],
        ["a", "b"],
        ["e"],
    ]


@given(EDGES)
def test_order_and_cycle_agree(pairs):
    edges = names(pairs)
    order = graph.topological(NODES, edges)
    cycles = graph.find_cycles(NODES, edges)
    assert (len(order) == len(NODES)) == (not cycles)
    place = {node: index for index, node in enumerate(order)}
    assert all(place[source] < place[target] for source, target in edges if source in place and target in place)
    for cycle in cycles:
        assert len(set(cycle)) == len(cycle)
        assert all(step in edges for step in zip(cycle, [*cycle[1:], cycle[0]], strict=True))


@given(EDGES)
def test_ancestors_are_what_can_be_reached_backwards(pairs):
    edges = [(f"n{min(a, b)}", f"n{max(a, b)}") for a, b in pairs if a != b]
    order = graph.topological(NODES, edges)
    above = graph.ancestors(order, edges)
    for node in NODES:
        reached: set[str] = set()
        waiting = [node]
        while waiting:
            here = waiting.pop()
            for source, target in edges:
                if target == here and source not in reached:
                    reached.add(source)
                    waiting.append(source)
        assert {order[bit] for bit in range(len(order)) if above[node] >> bit & 1} == reached


def test_a_chain_of_ten_thousand_needs_no_recursion():
    nodes = [f"n{index}" for index in range(10_000)]
    edges = list(itertools.pairwise(nodes))
    assert graph.topological(nodes, edges) == nodes
    assert graph.find_cycles(nodes, [*edges, (nodes[-1], nodes[0])]) == [nodes]
