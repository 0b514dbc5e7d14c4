"""A definition compiled for the scheduler: nodes by index, neighbours as tuples, node types looked up once. Pure.

All runs of a definition share its plan.
"""

from collections.abc import Iterable, Mapping

from engine import expressions
from engine.admission.rules import CLEAN_UP_RULES
from engine.definition import Document, Edge, Node, Policy, Settings
from engine.nodes import registry

EARLY: Mapping[str, frozenset[str]] = {
    "all_success": frozenset({"failed", "timed_out", "cancelled", "upstream_failed"}),
    "none_failed": frozenset({"failed", "timed_out", "cancelled", "upstream_failed"}),
    "one_success": frozenset({"succeeded"}),
    "all_failed": frozenset({"succeeded", "skipped"}),
    "all_done": frozenset(),
}
"""Upstream states that may decide a rule before all upstream nodes have ended (see engine.policy.decide)."""


class PlanNode:
    """One node, with its neighbours as indexes."""

    __slots__ = (
        "branches",
        "clean_up",
        "config",
        "consumes",
        "early",
        "entry",
        "expected",
        "expressions",
        "feeds",
        "id",
        "index",
        "inputs",
        "name",
        "own_python",
        "policy",
        "ports",
        "references",
        "rule",
        "shared",
        "sources",
        "targets",
        "type",
        "uses_inputs",
    )

    def __init__(self, node: Node) -> None:
        self.id = node.id
        self.index = node.index
        self.type = node.type
        self.name = node.name
        self.config = node.config
        self.policy: Policy = node.policy
        self.rule = node.policy.trigger_rule
        self.early = EARLY[self.rule]
        self.clean_up = self.rule in CLEAN_UP_RULES
        """It still runs when its run has stopped."""
        self.expected = node.policy.expected_duration
        node_type = registry.get(node.type)
        self.entry = node_type.run if node_type else ""
        """The module that runs it; empty: the package of its type is no longer installed."""
        self.own_python = bool(node_type and node_type.python)
        """It runs in the interpreter that INTERLOCK_NODE_PYTHON names."""
        self.uses_inputs = bool(node_type and node_type.uses_inputs)
        self.branches = bool(node_type and node_type.must_name_port)
        """The ports of its output decide which of its edges are taken."""
        self.expressions: list[list[str | int]] = []
        """Paths of the texts in `config` that hold expressions."""
        self.references: tuple[int, ...] = ()
        """Indexes of the nodes whose output its expressions read."""
        self.consumes: frozenset[int] = frozenset()
        """Indexes of the nodes whose output its code or its expressions read."""
        self.inputs: tuple[tuple[int, str, str], ...] = ()
        """Edges into it that hand a value on, in document order: (source, source port, target port)."""
        self.sources: tuple[int, ...] = ()
        """The sources of all edges into it, each once."""
        self.ports: tuple[frozenset[str], ...] = ()
        """By source, the ports from which edges lead here: the source counts as taken when one of them is."""
        self.targets: tuple[int, ...] = ()
        """Nodes that it has an edge to, each once."""
        self.feeds = False
        """Another node reads its output."""
        self.shared = ""
        """The part of the envelope that all attempts of it share, as JSON; made by engine.scheduler.envelopes."""


class Plan:
    """A whole definition."""

    __slots__ = ("by_id", "definition_id", "nodes", "order", "roots", "settings", "upstream_counts")

    def __init__(self, definition_id: int, document: Document) -> None:
        self.definition_id = definition_id
        self.settings: Settings = document.settings
        self.nodes = [PlanNode(node) for node in document.nodes]
        self.by_id = {node.id: node.index for node in self.nodes}
        self.order = [self.by_id[name] for name in document.order]
        """Indexes, every source before its targets."""
        for node in self.nodes:
            into: tuple[Edge, ...] = document.upstream.get(node.id, ())
            ports: dict[int, set[str]] = {}
            for edge in into:
                ports.setdefault(self.by_id[edge.source], set()).add(edge.source_port)
            node.inputs = tuple(
                (self.by_id[edge.source], edge.source_port, edge.target_port) for edge in into if not edge.order
            )
            node.sources = tuple(ports)
            node.ports = tuple(frozenset(names) for names in ports.values())
            out: tuple[Edge, ...] = document.downstream.get(node.id, ())
            node.targets = tuple(dict.fromkeys(self.by_id[edge.target] for edge in out))
            self._find_expressions(node)
        for node in self.nodes:
            inputs = [source for source, _port, _target in node.inputs] if node.uses_inputs else []
            node.consumes = frozenset([*node.references, *inputs])
            for index in node.consumes:
                self.nodes[index].feeds = True
        self.roots = [node.index for node in self.nodes if not node.sources]
        self.upstream_counts = [len(node.sources) for node in self.nodes]

    def with_upstream(self, ids: Iterable[str]) -> frozenset[int]:
        """Return the indexes of these nodes, as far as they exist, and of everything upstream of them."""
        stack = [self.by_id[name] for name in ids if name in self.by_id]
        found = set(stack)
        while stack:
            for source in self.nodes[stack.pop()].sources:
                if source not in found:
                    found.add(source)
                    stack.append(source)
        return frozenset(found)

    def _find_expressions(self, node: PlanNode) -> None:
        node_type = registry.get(node.type)
        if node_type is None or not node.config:
            return
        places = expressions.places(node_type.config, node.config)
        if not places:
            return
        node.expressions = [list(place.path) for place in places]
        names = {name for place in places for name in expressions.references(place).nodes}
        node.references = tuple(sorted(self.by_id[name] for name in names if name in self.by_id))
