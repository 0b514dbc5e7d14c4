"""What a node type is: the one class that built-in types and those of installed packages are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.problems import Finding

Config = Mapping[str, Any]
CATEGORIES = ("tables", "code", "flow", "services", "other")


def one_port(config: Config) -> tuple[str, ...]:
    """The ports of a type that has one output."""
    return ("out",)


def no_findings(config: Config) -> Iterable[Finding]:
    """The check of a type whose JSON Schema says everything."""
    return ()


@dataclass(frozen=True, eq=False)
class NodeType:
    """A kind of node. A package offers its own under the entry point group `interlock.nodes`."""

    type: str
    """The name in documents: `table.sql`."""
    name: str
    category: str
    """`tables`, `code`, `flow`, `services` or `other`: where the palette shows it."""
    icon: str
    """Name of a lucide icon."""
    description: str
    """One sentence: what it does to the data."""
    run: str
    """Module with `def run(task)`, imported only in node processes: `engine.nodes.noop.run`."""
    config: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {}, "additionalProperties": False}
    )
    """JSON Schema (draft 2020-12) of `config`.

    A property with `"x-expression": true` may hold `{{ }}` at any depth, one with `"sql"` as bound parameters; one with
    `"cel"` is an expression itself, `{{ }}` around it or not. `x-editor` (`python`, `sql`, `shell`, `path`,
    `expression`) is a hint to the form."""
    out_ports: Callable[[Config], tuple[str, ...]] = one_port
    """Ports of a node with this (valid) config, in order."""
    must_name_port: bool = False
    """Edges out of it say `source_port` (branch)."""
    python: bool = False
    """Runs in the interpreter that INTERLOCK_NODE_PYTHON names."""
    uses_inputs: bool = True
    """False: edges into it only order."""
    needs_input: bool = False
    """A node without an edge into it is a problem."""
    check: Callable[[Config], Iterable[Finding]] = no_findings
    """What the schema cannot say, about a config that fits the schema. Never runs anything of the author's."""

    def describe(self) -> dict[str, Any]:
        """What the editor needs of it, as JSON. `out_ports` null: they depend on the config."""
        return {
            "type": self.type,
            "name": self.name,
            "category": self.category,
            "icon": self.icon,
            "description": self.description,
            "config": self.config,
            "out_ports": list(self.out_ports({})) if not self.must_name_port else None,
            "uses_inputs": self.uses_inputs,
            "needs_input": self.needs_input,
        }
