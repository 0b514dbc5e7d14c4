"""The nodes and edges of a definition as far as they are valid, with the types of the nodes."""

from dataclasses import dataclass
from typing import Any

from engine import graph
from engine.nodes import registry
from engine.nodes.base import NodeType
from engine.sql.check.binding import declared_types


@dataclass(frozen=True, slots=True)
class TypedNode:
    """A node with its type; None: the type is not installed."""

    index: int
    """Place in the definition."""
    type: NodeType | None
    config: dict[str, Any]

    @property
    def sql_field(self) -> str | None:
        """The field with a query over the node's inputs; None if there is none."""
        code = self.type.code if self.type is not None and self.type.names_inputs else None
        return code.field if code is not None and code.language == "sql" else None

    @property
    def passes_input(self) -> bool:
        return self.type is not None and self.type.output == "input"


class TypedGraph:
    """The valid nodes and edges of a definition, which may be any value."""

    def __init__(self, document: Any) -> None:
        whole = document if isinstance(document, dict) else {}
        self.types = declared_types(whole.get("inputs"))
        self.by_id: dict[str, TypedNode] = {}
        nodes, edges = whole.get("nodes"), whole.get("edges")
        for index, node in enumerate(nodes if isinstance(nodes, list) else ()):
            if isinstance(node, dict) and isinstance(node.get("id"), str) and isinstance(node.get("type"), str):
                config = node.get("config")
                found = TypedNode(index, registry.get(node["type"]), config if isinstance(config, dict) else {})
                self.by_id.setdefault(node["id"], found)
        self.inputs: dict[str, dict[str, str]] = {}
        """Source by port, by target; edges that only order bring none."""
        self.order: list[str] = []
        """Ids without nodes on a cycle or downstream of one; empty if no node has columns before a run."""
        if not any(one.sql_field or (one.type and one.type.file_reader) for one in self.by_id.values()):
            return
        pairs: list[tuple[str, str]] = []
        for edge in edges if isinstance(edges, list) else ():
            if not isinstance(edge, dict):
                continue
            source, target = edge.get("source"), edge.get("target")
            if not (isinstance(source, str) and isinstance(target, str)):
                continue
            if source not in self.by_id or target not in self.by_id:
                continue
            pairs.append((source, target))
            if edge.get("order") is not True:
                port = edge.get("target_port")
                self.inputs.setdefault(target, {})[port if isinstance(port, str) and port else source] = source
        self.order = graph.topological(list(self.by_id), pairs)

    def levels(self) -> list[list[str]]:
        """Return the nodes of `order` in lists; no node depends on another one in its list."""
        levels: list[list[str]] = []
        level: dict[str, int] = {}
        for name in self.order:
            level[name] = 1 + max((level[source] for source in self.inputs.get(name, {}).values()), default=-1)
            if level[name] == len(levels):
                levels.append([])
            levels[level[name]].append(name)
        return levels

    def read_by_sql(self) -> set[str]:
        """Return the nodes whose columns some query reads, directly or through nodes that pass their input on."""
        read: set[str] = set()
        for name in reversed(self.order):
            node = self.by_id[name]
            if node.sql_field or (node.passes_input and name in read):
                read.update(self.inputs.get(name, {}).values())
        return read
