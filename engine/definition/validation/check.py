"""Walks a whole document and reports everything that is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.definition.validation import fields
from engine.definition.validation.edges import NAME, NAME_WORDS, Ports, check_cycles, check_edges
from engine.definition.validation.python_inputs import check_python_inputs
from engine.definition.validation.references import Reader, check_expressions, check_references
from engine.definition.validation.report import Report
from engine.definition.validation.run_inputs import check_inputs_schema
from engine.definition.validation.schemas import check_value, fits_config
from engine.definition.validation.values import sound
from engine.nodes import registry
from engine.nodes.base import NodeType
from engine.problems import Path, nearest, pointer, shown

SCHEMA = "interlock/1"
NODES_MAX = 10_000
EDGES_MAX = 50_000
_FIELDS = ("schema", "inputs", "nodes", "edges", "settings")
_NODE_FIELDS = ("id", "type", "name", "notes", "config", "policy", "position")
_NODE_FIELD_SET = frozenset(_NODE_FIELDS)
_NAME_MAX = 200
_NOTES_MAX = 20_000
_LIST_MAX = 3
"""How many of the nodes above the limit the message counts out; all are counted."""
_NO_CONFIG: dict[str, Any] = {}


def check_document(document: Any, report: Report, pools: Mapping[str, int] | None) -> None:
    """Report every problem of `document`, which may be any value."""
    if not isinstance(document, dict):
        what = "null" if document is None else shown(document)
        report.add("not_an_object", f"A definition must be an object with schema, nodes and edges, not {what}.")
        return
    report.unknown_fields({key: 0 for key in document if isinstance(key, str)}, _FIELDS, (), "A definition")
    for key in document:
        if key not in ("nodes", "edges", "inputs"):
            sound({key: document[key]}, (), report)
    _check_schema(document, report)
    _check_settings(document, report, pools)
    declared = document.get("inputs")
    if declared is not None and sound(declared, ("inputs",), report):
        check_inputs_schema(declared, report)
    nodes = _list_of(document, "nodes", NODES_MAX, report)
    edges = _list_of(document, "edges", EDGES_MAX, report)
    if nodes is not None and not nodes:
        report.add("no_nodes", "The definition has no nodes. Add at least one.", ("nodes",))
    if nodes is None:
        return
    ports, hungry, readers = _check_nodes(nodes, report, pools)
    links = []
    for index, edge in enumerate(edges or ()):
        if not (isinstance(edge, dict) and all(type(value) is str and value.isascii() for value in edge.values())):
            sound(edge, ("edges", index), report)
    if edges is not None:
        links = check_edges(edges, ports, report)
        _check_needed_inputs(hungry, {link.target for link in links}, report)
        check_python_inputs(nodes, links, report)
    ids = list(ports)
    acyclic = check_cycles(ids, links, report)
    pairs = [(link.source, link.target) for link in links]
    check_references(readers, ids, pairs if acyclic else None, declared, report)


def _check_schema(document: Mapping[str, Any], report: Report) -> None:
    if "schema" not in document:
        fix = (f"Add schema {SCHEMA}", [{"op": "add", "path": "/schema", "value": SCHEMA}])
        report.add("missing_field", f'A definition needs "schema": "{SCHEMA}". Add it.', ("schema",), fix=fix)
    elif document["schema"] != SCHEMA:
        fix = (f"Use {SCHEMA}", [{"op": "replace", "path": "/schema", "value": SCHEMA}])
        message = f'schema must be "{SCHEMA}", not {shown(document["schema"])}.'
        report.add("unknown_schema", message, ("schema",), fix=fix)


def _check_settings(document: Mapping[str, Any], report: Report, pools: Mapping[str, int] | None) -> None:
    settings = document.get("settings")
    if settings is None:
        return
    if not isinstance(settings, dict):
        report.add("wrong_type", f"settings must be an object, not {shown(settings)}.", ("settings",))
        return
    named = {key: value for key, value in settings.items() if isinstance(key, str)}
    report.unknown_fields(named, fields.SETTINGS, ("settings",), "settings")
    fields.check_fields(named, fields.SETTINGS, ("settings",), report)


def _list_of(document: Mapping[str, Any], name: str, most: int, report: Report) -> list[Any] | None:
    if name not in document:
        fix = (f"Add {name}", [{"op": "add", "path": f"/{name}", "value": []}])
        report.add("missing_field", f'A definition needs "{name}", a list. Add it.', (name,), fix=fix)
        return None if name == "nodes" else []
    found = document[name]
    if not isinstance(found, list):
        report.add("wrong_type", f"{name} must be a list, not {shown(found)}.", (name,))
        return None if name == "nodes" else []
    if len(found) > most:
        message = (
            f"The definition has {len(found):,} {name}; at most {most:,} are allowed. Remove {len(found) - most:,}."
        )
        report.add(f"too_many_{name}", message, (name,))
        return found[:most]
    return found


def _check_nodes(
    nodes: list[Any], report: Report, pools: Mapping[str, int] | None
) -> tuple[dict[str, Ports], list[tuple[int, str, NodeType]], list[Reader]]:
    """(ports by id of all nodes that edges may name, (index, id, type) of those that need an input, readers)."""
    ports: dict[str, Ports] = {}
    first: dict[str, int] = {}
    hungry: list[tuple[int, str, NodeType]] = []
    readers: list[Reader] = []
    for index, node in enumerate(nodes):
        path: Path = ("nodes", index)
        if not isinstance(node, dict):
            report.add("wrong_type", f"A node must be an object, not {shown(node)}.", path)
            continue
        name = _check_id(node, path, first, report)
        is_sound = sound(node, path, report, name)
        if not node.keys() <= _NODE_FIELD_SET:
            named = {key: value for key, value in node.items() if isinstance(key, str)}
            report.unknown_fields(named, _NODE_FIELDS, path, "A node", name)
        _check_texts(node, path, report, name)
        if node.get("policy") is not None and is_sound:
            fields.check_policy(node["policy"], (*path, "policy"), report, name, pools)
        node_type = _check_type(node, path, report, name)
        names = None
        is_first = name is not None and name not in ports
        if is_sound and node_type is not None and _check_config(node, node_type, path, report, name):
            names = _ports_of(node_type, node)
            config = node.get("config")
            found = check_expressions(config, node_type, (*path, "config"), name, report) if config else []
            if name is not None and is_first:
                readers.extend(Reader(name, whole, place, reads) for whole, place, reads in found)
                if node_type.needs_input:
                    hungry.append((index, name, node_type))
        if name is not None and is_first:
            ports[name] = Ports(names, node_type is not None and node_type.must_name_port)
    return ports, hungry, readers


def _check_id(node: Mapping[str, Any], path: Path, first: dict[str, int], report: Report) -> str | None:
    """The node's id, when edges can name it."""
    given = node.get("id")
    place = (*path, "id")
    if isinstance(given, str) and NAME.match(given):
        if given in first:
            message = f'Nodes {first[given]} and {path[1]} both have the id "{given}". Give one of them another id.'
            report.add("duplicate_id", message, place, node=given)
        else:
            first[given] = int(path[1])
        return given
    if given is None:
        report.add("missing_field", f'A node needs "id": {NAME_WORDS}. Add it.', place)
    elif not isinstance(given, str):
        report.add("wrong_type", f"id must be a text, not {shown(given)}.", place)
    else:
        report.add("wrong_name", f"The id {shown(given)} cannot be used. Write {NAME_WORDS}.", place)
    return None


def _check_texts(node: Mapping[str, Any], path: Path, report: Report, name: str | None) -> None:
    for field, most in (("name", _NAME_MAX), ("notes", _NOTES_MAX)):
        text = node.get(field)
        if text is None:
            continue
        if not isinstance(text, str):
            report.add("wrong_type", f"{field} must be a text, not {shown(text)}.", (*path, field), node=name)
        elif len(text) > most:
            message = f"{field} has {len(text):,} characters; at most {most:,} are allowed. Shorten it."
            report.add("too_long", message, (*path, field), node=name)
    position = node.get("position")
    if position is None:
        return
    if not isinstance(position, dict):
        message = f"position must be an object with x and y, not {shown(position)}."
        report.add("wrong_type", message, (*path, "position"), node=name)
        return
    named = {key: value for key, value in position.items() if isinstance(key, str)}
    report.unknown_fields(named, ("x", "y"), (*path, "position"), "position", name)
    for axis in ("x", "y"):
        value = position.get(axis)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9 or math.isnan(value):
            text = "a number" if axis in position else "given, a number"
            message = f"{axis} must be {text} between -1e9 and 1e9, not {shown(value)}."
            report.add("wrong_type", message, (*path, "position", axis), node=name)


def _check_type(node: Mapping[str, Any], path: Path, report: Report, name: str | None) -> NodeType | None:
    given = node.get("type")
    place = (*path, "type")
    if given is None:
        report.add("missing_field", 'A node needs "type", the name of a node type. Add it.', place, node=name)
        return None
    if not isinstance(given, str):
        report.add("wrong_type", f"type must be a text, not {shown(given)}.", place, node=name)
        return None
    node_type = registry.get(given)
    if node_type is not None:
        return node_type
    if given in registry.NOT_YET:
        message = f'Node type "{given}" is not available yet. Use another type.'
        report.add("not_available_yet", message, place, node=name)
        return None
    known = [item.type for item in registry.all_types()]
    near = nearest(given, known)
    hint = f'Did you mean "{near}"?' if near else f"Known types: {', '.join(known)}."
    broken = registry.broken_packages()
    if broken and not near:
        hint += " Node types of these packages could not be loaded: " + "; ".join(str(package) for package in broken)
    fix = (f"Use {near}", [{"op": "replace", "path": pointer(place), "value": near}]) if near else None
    report.add("unknown_node_type", f"There is no node type {shown(given)}. {hint}", place, node=name, fix=fix)
    return None


def _check_config(node: Mapping[str, Any], node_type: NodeType, path: Path, report: Report, name: str | None) -> bool:
    """Whether the config fits the type's schema; its own findings are reported, too."""
    config = node.get("config")
    place = (*path, "config")
    if config is None:
        config = _NO_CONFIG
    if not fits_config(node_type, config) and not check_value(
        node_type.config, config, place, report, node=name, what=f"The config of {node_type.type}"
    ):
        return False
    try:
        findings = list(node_type.check(config))
    except Exception as error:  # a package's own check: its fault must not hide the other problems
        message = f"The check of node type {node_type.type} failed: {type(error).__name__}: {error}"
        report.add("broken_node_type", message, place, node=name)
        return False
    for finding in findings:
        fix = None
        if finding.fix:
            base = pointer(place)
            fix = (finding.fix[0], [{**change, "path": base + change["path"]} for change in finding.fix[1]])
        report.add(finding.code, finding.message, (*place, *finding.path), node=name, line=finding.line, fix=fix)
    return True


def _check_needed_inputs(hungry: list[tuple[int, str, NodeType]], reached: set[str], report: Report) -> None:
    for index, name, node_type in hungry:
        if name not in reached:
            message = f"{node_type.name} has no input. Draw an edge to it from the node whose output it takes."
            report.add("no_input", message, ("nodes", index), node=name)


def _ports_of(node_type: NodeType, node: Mapping[str, Any]) -> tuple[str, ...] | None:
    try:
        return tuple(node_type.out_ports(node.get("config") or {}))
    except Exception:  # a package's own function; its config was found to fit, so this is the package's fault
        return None
