"""The document that people draw and the engine runs: its parsed form, its problems and its hash.

Pure: no Django, no files. `problems` takes any value and never raises; `parse` gives the immutable form that the
scheduler works with.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from engine import graph
from engine.definition.validation.check import check_document
from engine.definition.validation.problem_list import ProblemList
from engine.problems import InvalidDocument, Problem


@dataclass(frozen=True, slots=True)
class Policy:
    """How a node is retried, limited and scheduled, in seconds. docs/definitions.md describes the fields."""

    retries: int = 0
    lost_retries: int = 3
    """Starts after a lost worker, not counted as retries."""
    retry_delay: float = 5
    retry_backoff: str = "exponential"
    retry_max_delay: float = 300
    retry_on: tuple[str, ...] | None = None
    """Error classes; None: all."""
    soft_timeout: float | None = 300
    hard_timeout: float | None = 600
    """Default: the larger of 600 and twice the soft limit; None: no limit."""
    expected_duration: float | None = None
    """None: taken from earlier runs."""
    pool: str | None = None
    slots: int = 1
    priority: int | None = None
    """None: the run's."""
    queue: str = "default"
    memory_mb: int | None = None
    trigger_rule: str = "all_success"


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a definition."""

    id: str
    type: str
    name: str
    """The id, when the document gives none."""
    notes: str
    config: dict[str, Any]
    """With its `{{ }}` expressions. Must not be changed."""
    policy: Policy
    position: tuple[float, float] | None
    index: int
    """Place in the document, from 0."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge, with both of its ports."""

    source: str
    target: str
    source_port: str
    target_port: str
    order: bool = False
    """It hands no value on, but counts for the order and the trigger rule."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a whole run."""

    priority: int = 5
    max_concurrent: int | None = None
    max_runs: int | None = None
    timeout: float | None = None
    """Seconds from `started_at`, without pauses."""
    on_failure: str = "stop"


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document and its graph."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    settings: Settings
    inputs: dict[str, Any] | None
    """JSON Schema of a run's inputs; None: it has no inputs."""
    by_id: dict[str, Node]
    upstream: dict[str, tuple[Edge, ...]]
    """Edges into each node, in document order."""
    downstream: dict[str, tuple[Edge, ...]]
    order: tuple[str, ...]
    """All ids, every source before its targets, otherwise in document order."""


_DEFAULT_POLICY = Policy()
_POLICY_FIELDS = frozenset(field.name for field in fields(Policy))
_SETTINGS_FIELDS = frozenset(field.name for field in fields(Settings))
_WHOLE_NUMBERS = ("retries", "lost_retries", "slots", "priority", "memory_mb", "max_concurrent", "max_runs")


def problems(document: Any, *, pools: Mapping[str, int] | None = None, installed: bool = False) -> list[Problem]:
    """Return everything that is wrong with `document`, which may be any value; [] for a valid one. Never raises.

    `pools`: name -> slots of the pools that exist; None: pools are not checked. `installed`: the document is to run
    here, so the pools that it requires must exist too; otherwise it is enough that it requires them.
    """
    found = ProblemList()
    check_document(document, found, pools, installed)
    return found.finish()


def parse(document: Any, *, trusted: bool = False, pools: Mapping[str, int] | None = None) -> Document:
    """Return the parsed form of a valid document. Raises InvalidDocument with all problems, warnings included.

    `trusted`: nothing is checked, because the document was valid when it was stored.
    """
    if not trusted:
        found = problems(document, pools=pools, installed=True)
        if any(problem.severity == "error" for problem in found):
            raise InvalidDocument(found)
    nodes = tuple(_node(index, node) for index, node in enumerate(document["nodes"]))
    edges = tuple(_edge(edge) for edge in document["edges"])
    upstream: dict[str, list[Edge]] = {node.id: [] for node in nodes}
    downstream: dict[str, list[Edge]] = {node.id: [] for node in nodes}
    for edge in edges:
        upstream[edge.target].append(edge)
        downstream[edge.source].append(edge)
    ids = [node.id for node in nodes]
    return Document(
        nodes=nodes,
        edges=edges,
        settings=Settings(**_arguments(document.get("settings") or {}, _SETTINGS_FIELDS, nulls=("priority",))),
        inputs=document.get("inputs"),
        by_id={node.id: node for node in nodes},
        upstream={node: tuple(into) for node, into in upstream.items()},
        downstream={node: tuple(out_of) for node, out_of in downstream.items()},
        order=tuple(graph.topological(ids, [(edge.source, edge.target) for edge in edges])),
    )


def canonical(document: Any) -> str:
    """Return the document as JSON with sorted keys and no spaces, so that equal documents are equal texts."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(document: Any) -> str:
    """Return the SHA-256 of the canonical text in hex, also for an invalid draft with lone surrogates."""
    return hashlib.sha256(canonical(document).encode(errors="surrogatepass")).hexdigest()


def _arguments(values: Mapping[str, Any], names: frozenset[str], nulls: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the fields in `names` as arguments; those in `nulls` are left out when null."""
    arguments = {key: value for key, value in values.items() if key in names and not (value is None and key in nulls)}
    for key in _WHOLE_NUMBERS:
        if isinstance(arguments.get(key), float):
            arguments[key] = int(arguments[key])
    return arguments


def _policy(policy: Mapping[str, Any]) -> Policy:
    if not policy:
        return _DEFAULT_POLICY
    values = _arguments(policy, _POLICY_FIELDS)
    if values.get("retry_on") is not None:
        values["retry_on"] = tuple(values["retry_on"])
    if "hard_timeout" not in values:
        values["hard_timeout"] = max(600, 2 * (values.get("soft_timeout", 300) or 0))
    return Policy(**values)


def _node(index: int, node: Mapping[str, Any]) -> Node:
    position = node.get("position")
    return Node(
        id=node["id"],
        type=node["type"],
        name=node.get("name") or node["id"],
        notes=node.get("notes") or "",
        config=node.get("config") or {},
        policy=_policy(node.get("policy") or {}),
        position=(position["x"], position["y"]) if position else None,
        index=index,
    )


def _edge(edge: Mapping[str, Any]) -> Edge:
    source = edge["source"]
    ports = edge.get("source_port") or "out", edge.get("target_port") or source
    return Edge(source, edge["target"], *ports, order=edge.get("order") is True)
