"""Checks a whole definition and reports everything that is wrong with it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.definition.validation import fields
from engine.definition.validation.edges import NAME, NAME_RULE, Ports, check_cycles, check_edges
from engine.definition.validation.input_names import check_input_names
from engine.definition.validation.outputs import check_single_tables, tables
from engine.definition.validation.problem_list import OutOfTime, ProblemList
from engine.definition.validation.references import Reader, check_expressions, check_references
from engine.definition.validation.requires import check_requires
from engine.definition.validation.run_inputs import check_inputs_schema
from engine.definition.validation.schemas import check_value, config_validator
from engine.definition.validation.values import check_json
from engine.nodes import registry
from engine.nodes.base import InputReads, NodeType
from engine.problems import Fix, Path, format_value, nearest
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

SCHEMA = "interlock/1"
NODES_MAX = 10_000
EDGES_MAX = 50_000
UNCHECKED = frozenset({"too_many_nodes", "too_many_edges", "check_too_long"})
"""Codes of problems for which the rest of a definition was not checked."""
_FIELDS = ("schema", "requires", "inputs", "nodes", "edges", "settings")
_NODE_FIELDS = ("id", "type", "name", "notes", "config", "policy", "position")
_NODE_FIELD_SET = frozenset(_NODE_FIELDS)
_NAME_MAX = 200
_NOTES_MAX = 20_000
_NO_CONFIG: dict[str, Any] = {}
_OBJECT = Sentence(_("an object"))
_TEXT = Sentence(_("text"))


def check_document(document: Any, problems: ProblemList, pools: Mapping[str, int] | None, installed: bool) -> None:
    """Report every problem of `document`, which may be any value, or that it is too large to be checked.

    `installed`: the pools that it requires must exist; otherwise it is enough that it requires them.
    """
    try:
        _check_document(document, problems, pools, installed)
    except OutOfTime:
        message = _("The check took too long and was ended. Split the workflow into smaller ones.")
        problems.refuse("check_too_long", Sentence(message))


def _check_document(document: Any, problems: ProblemList, pools: Mapping[str, int] | None, installed: bool) -> None:
    if not isinstance(document, dict):
        message = _("A definition must be a JSON object with schema, nodes and edges, not {value}.")
        problems.add("not_an_object", Sentence(message, {"value": format_value(document)}))
        return
    if _is_too_large(document, problems):
        return
    problems.unknown_fields(document, _FIELDS, ())
    for key in document:
        if key not in ("nodes", "edges", "inputs"):
            check_json({key: document[key]}, (), problems)
    _check_schema(document, problems)
    _check_settings(document, problems)
    required = check_requires(document.get("requires"), problems, pools if installed else None)
    if pools is not None and not installed:
        pools = {**pools, **required}
    declared = document.get("inputs")
    if declared is not None and check_json(declared, ("inputs",), problems):
        check_inputs_schema(declared, problems)
    nodes = _list_of(document, "nodes", problems)
    edges = _list_of(document, "edges", problems)
    if nodes is None:
        return
    if not nodes:
        problems.add("no_nodes", Sentence(_("Add at least one node.")), ("nodes",))
    summary = _Nodes()
    for index, node in enumerate(nodes):
        problems.check_time()
        _check_node(index, node, summary, problems, pools)
    links = []
    for index, edge in enumerate(edges or ()):
        if not (isinstance(edge, dict) and all(type(value) is str and value.isascii() for value in edge.values())):
            check_json(edge, ("edges", index), problems)
    if edges is not None:
        links = check_edges(edges, summary.ports, problems)
        _check_needed_inputs(summary.needing_input, {link.target for link in links if not link.order}, problems)
        check_input_names(summary.input_reads, links, problems)
    ids = list(summary.ports)
    acyclic = check_cycles(ids, links, problems)
    pairs = [(link.source, link.target) for link in links]
    found_tables = tables(summary.types, links)
    check_single_tables(summary.types, summary.all_success, links, found_tables, problems)
    check_references(summary.readers, ids, pairs if acyclic else None, declared, problems, found_tables)


def _check_schema(document: Mapping[str, Any], problems: ProblemList) -> None:
    change = {"path": "/schema", "value": SCHEMA}
    if "schema" not in document:
        sentence = Sentence(_('Add "schema": "{schema}".'), {"schema": SCHEMA})
        fix = Fix(Sentence(_("Add {name}"), {"name": "schema"}), [{"op": "add", **change}])
        problems.add("missing_field", sentence, ("schema",), fix=fix)
    elif document["schema"] != SCHEMA:
        values = {"schema": SCHEMA, "value": format_value(document["schema"])}
        sentence = Sentence(_('schema must be "{schema}", not {value}.'), values)
        problems.add("unknown_schema", sentence, ("schema",), fix=Fix.use(SCHEMA, ("schema",)))


def _check_settings(document: Mapping[str, Any], problems: ProblemList) -> None:
    settings = document.get("settings")
    if settings is None:
        return
    if not isinstance(settings, dict):
        problems.wrong_type("settings", _OBJECT, settings, ("settings",))
        return
    problems.unknown_fields(settings, fields.SETTINGS, ("settings",))
    fields.check_fields(settings, fields.SETTINGS, ("settings",), problems)


_TOO_MANY = {
    "nodes": _("The definition has {n:,} nodes; at most {most:,} are allowed."),
    "edges": _("The definition has {n:,} edges; at most {most:,} are allowed."),
}


def _is_too_large(document: Mapping[str, Any], problems: ProblemList) -> bool:
    """Report and return whether there are more nodes or edges than allowed. Nothing else is checked then."""
    for name, most in (("nodes", NODES_MAX), ("edges", EDGES_MAX)):
        items = document.get(name)
        if isinstance(items, list) and len(items) > most:
            sentence = Sentence(_TOO_MANY[name], {"n": len(items), "most": most})
            problems.add(f"too_many_{name}", sentence, (name,))
    return problems.count > 0


def _list_of(document: Mapping[str, Any], name: str, problems: ProblemList) -> list[Any] | None:
    """Return the nodes or edges. If there is no list: [] for edges, None for nodes."""
    if name not in document:
        fix = Fix(Sentence(_("Add {name}"), {"name": name}), [{"op": "add", "path": f"/{name}", "value": []}])
        problems.add("missing_field", Sentence(_('Add "{field}", a list.'), {"field": name}), (name,), fix=fix)
        return None if name == "nodes" else []
    items = document[name]
    if not isinstance(items, list):
        problems.wrong_type(name, Sentence(_("a list")), items, (name,))
        return None if name == "nodes" else []
    return items


@dataclass(slots=True)
class _Nodes:
    """What the checks of edges and expressions need from nodes. Of two with the same id the first counts."""

    index: dict[str, int] = field(default_factory=dict)
    ports: dict[str, Ports] = field(default_factory=dict)
    types: dict[str, NodeType] = field(default_factory=dict)
    all_success: set[str] = field(default_factory=set)
    """Nodes that start when everything upstream has succeeded."""
    needing_input: list[tuple[int, str, NodeType]] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    input_reads: dict[str, tuple[Path, InputReads]] = field(default_factory=dict)


def _check_node(index: int, node: Any, summary: _Nodes, problems: ProblemList, pools: Mapping[str, int] | None) -> None:
    path: Path = ("nodes", index)
    if not isinstance(node, dict):
        problems.wrong_type(Sentence(_("A node")), _OBJECT, node, path)
        return
    name = _check_id(node, index, path, summary, problems)
    is_json = check_json(node, path, problems, name)
    if not node.keys() <= _NODE_FIELD_SET:
        problems.unknown_fields(node, _NODE_FIELDS, path, name)
    _check_texts(node, path, problems, name)
    _check_position(node.get("position"), (*path, "position"), problems, name)
    if node.get("policy") is not None and is_json:
        fields.check_policy(node["policy"], (*path, "policy"), problems, name, pools)
    node_type = _check_type(node, path, problems, name)
    is_first = name is not None and name not in summary.ports
    config, place = node.get("config"), (*path, "config")
    config = _NO_CONFIG if config is None else config
    names = None
    if is_json and node_type is not None and _check_config(config, node_type, place, problems, name):
        names = _ports_of(node_type, config)
        texts = check_expressions(config, node_type, place, name, problems) if config else []
        if name is not None and is_first:
            summary.readers.extend(Reader(name, whole, text, reads) for whole, text, reads in texts)
            if node_type.needs_input:
                summary.needing_input.append((index, name, node_type))
    if name is not None and is_first:
        summary.ports[name] = Ports(names, node_type is not None and node_type.must_name_port)
        if node_type is not None:
            summary.types[name] = node_type
        policy = node.get("policy")
        if not isinstance(policy, dict) or policy.get("trigger_rule", "all_success") == "all_success":
            summary.all_success.add(name)
        code = node_type.input_reads(config) if node_type is not None and isinstance(config, dict) else None
        if code is not None and code.reads:
            summary.input_reads[name] = (place, code)


def _check_id(node: Mapping[str, Any], index: int, path: Path, summary: _Nodes, problems: ProblemList) -> str | None:
    """Return the node's id if it is valid."""
    value = node.get("id")
    place = (*path, "id")
    if isinstance(value, str) and NAME.match(value):
        first = summary.index.setdefault(value, index)
        if first != index:
            message = _('Nodes {a} and {b} have the same id "{id}". Give one of them another id.')
            problems.add("duplicate_id", Sentence(message, {"a": first, "b": index, "id": value}), place, node=value)
        return value
    if value is None:
        problems.add("missing_field", Sentence(_("Add an id: {rule}."), {"rule": NAME_RULE}), place)
    elif not isinstance(value, str):
        problems.wrong_type("id", _TEXT, value, place)
    else:
        values = {"value": format_value(value), "rule": NAME_RULE}
        problems.add("wrong_name", Sentence(_("The id {value} is not valid. Use {rule}."), values), place)
    return None


def _check_texts(node: Mapping[str, Any], path: Path, problems: ProblemList, name: str | None) -> None:
    for key, most in (("name", _NAME_MAX), ("notes", _NOTES_MAX)):
        text = node.get(key)
        if text is None:
            continue
        if not isinstance(text, str):
            problems.wrong_type(key, _TEXT, text, (*path, key), node=name)
        elif len(text) > most:
            values = {"field": key, "n": len(text), "most": most}
            message = _("{field} has {n:,} characters; at most {most:,} are allowed.")
            problems.add("too_long", Sentence(message, values), (*path, key), node=name)


def _check_position(position: Any, path: Path, problems: ProblemList, name: str | None) -> None:
    if position is None:
        return
    if not isinstance(position, dict):
        problems.wrong_type("position", _OBJECT, position, path, node=name)
        return
    problems.unknown_fields(position, ("x", "y"), path, name)
    for axis in ("x", "y"):
        value = position.get(axis)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9 or math.isnan(value):
            problems.wrong_type(axis, Sentence(_("a number between -1e9 and 1e9")), value, (*path, axis), node=name)


def _check_type(node: Mapping[str, Any], path: Path, problems: ProblemList, name: str | None) -> NodeType | None:
    value = node.get("type")
    place = (*path, "type")
    if isinstance(value, str) and (node_type := registry.get(value)) is not None:
        return node_type
    if value is None:
        problems.add("missing_field", Sentence(_("Choose a node type.")), place, node=name)
    elif not isinstance(value, str):
        problems.wrong_type("type", _TEXT, value, place, node=name)
    elif value in registry.NOT_YET:
        sentence = Sentence(_('The node type "{type}" is not available yet.'), {"type": value})
        problems.add("not_available_yet", sentence, place, node=name)
    else:
        names = [one.type for one in registry.all_types()]
        near = nearest(value, names)
        broken = registry.broken_packages()
        if near:
            message = _('There is no node type {type}. Did you mean "{near}"?')
        elif broken:
            message = _(
                "There is no node type {type}. Available types: {names}. The node types of these packages cannot be "
                "loaded: {packages}"
            )
        else:
            message = _("There is no node type {type}. Available types: {names}.")
        packages = "; ".join(map(str, broken))
        values = {"type": format_value(value), "near": near, "names": ", ".join(names), "packages": packages}
        fix = Fix.use(near, place) if near else None
        problems.add("unknown_node_type", Sentence(message, values), place, node=name, fix=fix)
    return None


def _check_config(config: Any, node_type: NodeType, path: Path, problems: ProblemList, name: str | None) -> bool:
    """Report problems of a config by its type's schema and check; return whether it fits the schema."""
    validator = config_validator(node_type)
    if not validator.is_valid(config):
        check_value(node_type.config, validator, config, path, problems, node=name, name="config")
        return False
    try:
        own = list(node_type.check(config))
    except Exception as error:  # a package's check: its error must not hide the other problems
        message = _("The check of node type {type} failed: {error}")
        values = {"type": node_type.type, "error": f"{type(error).__name__}: {error}"}
        problems.add("broken_node_type", Sentence(message, values), path, node=name)
        return False
    for problem in own:
        problems.add_in(path, problem, name)
    return True


def _check_needed_inputs(nodes: list[tuple[int, str, NodeType]], reached: set[str], problems: ProblemList) -> None:
    for index, name, node_type in nodes:
        if name not in reached:
            message = _("Connect an input: {kind} needs the output of another node.")
            sentence = Sentence(message, {"kind": Sentence(node_type.name)})
            problems.add("no_input", sentence, ("nodes", index), node=name)


def _ports_of(node_type: NodeType, config: Mapping[str, Any]) -> tuple[str, ...] | None:
    try:
        return tuple(node_type.out_ports(config))
    except Exception:  # a package's function, although the config fits its schema
        return None
