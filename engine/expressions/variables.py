"""What a CEL expression reads. Also checks that its names and functions exist. Pure."""

import functools
from dataclasses import dataclass
from typing import Any

from engine.expressions.parser import CACHED_LENGTH_MAX, Accessor, CelError, Tree, accessor_key, parse
from engine.problems import format_value, nearest
from engine.sentences import any_of
from engine.sentences import gettext_noop as _

ROOTS = ("inputs", "nodes", "run")
RUN_FIELDS = ("id", "workflow", "version", "inputs")
MACROS = ("all", "exists", "exists_one", "map", "filter")
_CONVERSIONS = ("int", "uint", "double", "string", "bytes", "timestamp", "duration", "dyn")
_OF_TEXTS = ("contains", "startsWith", "endsWith", "matches")
_OF_DATES = ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear")
_OF_TIMES = ("getHours", "getMinutes", "getSeconds", "getMilliseconds")
_METHODS = frozenset({"size", *_OF_TEXTS, *_OF_DATES, *_OF_TIMES})
"""Written after their value: `x.startsWith("a")`."""
_PLAIN = frozenset({"has", "size", "type", *_CONVERSIONS})
"""Written before it: `int(x)`."""
FUNCTIONS = _METHODS | _PLAIN
TYPE_NAMES = frozenset(("int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type"))


_Found = dict[str, dict[Any, None]]
"""What has been read so far, each once: `nodes`, `parts`, `inputs`, and the roots that are read as a `whole`."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What an expression reads."""

    nodes: tuple[str, ...]
    """Ids in `nodes.<id>.output`, each once."""
    parts: tuple[tuple[str, str], ...]
    """Of outputs: the id of the node and the first name or number after `output`, each once."""
    inputs: tuple[str, ...]
    """First names after `inputs.`, each once; computed names are left out."""
    all_inputs: bool
    """Reads `inputs` as a whole or by a computed name."""
    run_inputs: bool
    """Reads `run.inputs`, or `run` as a whole."""


def reads(source: str) -> Reads:
    """Parse and check an expression: only known names, functions and forms. Raises CelError."""
    return _reads_cached(source) if len(source) <= CACHED_LENGTH_MAX else _reads(source)


def _reads(source: str) -> Reads:
    found: _Found = {"nodes": {}, "parts": {}, "inputs": {}, "whole": {}}
    _check(parse(source), frozenset(), found)
    whole = found["whole"]
    return Reads(
        tuple(found["nodes"]), tuple(found["parts"]), tuple(found["inputs"]), "inputs" in whole, "run" in whole
    )


_reads_cached = functools.lru_cache(maxsize=2048)(_reads)


def _check(tree: Tree, bound: frozenset[str], found: _Found) -> None:
    base = tree.parts[0] if tree.kind == "path" else tree
    if tree.kind == "name" or (tree.kind == "path" and base.kind == "name"):
        _check_root(base.text, tree.accessors, bound, found)
    elif tree.kind == "path":
        _check(base, bound, found)
    elif tree.kind == "call":
        _check_call(tree.text, tree.parts, bound, found, method=False)
    else:
        for part in tree.parts:
            _check(part, bound, found)
    for accessor in tree.accessors:
        if accessor.kind == "call" and accessor.name in MACROS:
            variable = accessor.parts[0] if accessor.parts else None
            if len(accessor.parts) not in (2, 3) or variable is None or variable.kind != "name":
                raise CelError(
                    _("Write {name} as {name}(x, ...), with a name for each entry."), {"name": accessor.name}
                )
            if variable.text in (*ROOTS, "secrets"):
                message = _('"{variable}" cannot be the name of an entry. Choose another, such as {name}(x, ...).')
                raise CelError(message, {"variable": variable.text, "name": accessor.name})
            for part in accessor.parts[1:]:
                _check(part, bound | {variable.text}, found)
        elif accessor.kind == "call":
            _check_call(accessor.name, accessor.parts, bound, found, method=True)
        else:
            for part in accessor.parts:
                _check(part, bound, found)


def _check_call(name: str, parts: tuple[Tree, ...], bound: frozenset[str], found: _Found, *, method: bool) -> None:
    if name not in FUNCTIONS:
        near = nearest(name, (*FUNCTIONS, *MACROS))
        message = (
            _('Expressions have no function "{name}". Did you mean {near}?')
            if near
            else _('Expressions have no function "{name}". Available functions: {names}.')
        )
        raise CelError(message, {"name": name, "near": near, "names": ", ".join(sorted((*FUNCTIONS, *MACROS)))})
    if method and name not in _METHODS:
        raise CelError(_("{name} is written before its value: {name}(x)."), {"name": name})
    if not method and name not in _PLAIN:
        values = {"name": name, "argument": "y" if name in _OF_TEXTS else ""}
        raise CelError(_("{name} is written after its value: x.{name}({argument})."), values)
    least, most = (0, 1) if name in _OF_DATES + _OF_TIMES else (0, 0) if method and name == "size" else (1, 1)
    if not least <= len(parts) <= most:
        message = _("{name} takes one argument, but has {n}.") if most else _("{name} takes no argument, but has {n}.")
        raise CelError(message, {"name": name, "n": len(parts)})
    if name == "has" and not (parts[0].kind == "path" and parts[0].accessors[-1].kind == "field"):
        raise CelError(_("has takes one field, such as has(inputs.month)."))
    # `has` may ask for what cannot be there.
    inner = {**found, "parts": {}} if name == "has" else found
    for part in parts:
        _check(part, bound, inner)


def _check_root(name: str, accessors: tuple[Accessor, ...], bound: frozenset[str], found: _Found) -> None:
    if name in bound:
        return
    if name == "secrets":
        raise CelError(_("Secrets are not available in expressions yet."), code="not_available_yet")
    if name in TYPE_NAMES and not accessors:
        return
    if name not in ROOTS:
        near = nearest(name, ROOTS)
        message = (
            _('Expressions have no variable "{name}". Did you mean "{near}"?')
            if near
            else _('Expressions have no variable "{name}". Use {names}, and put text in quotes.')
        )
        raise CelError(message, {"name": name, "near": near, "names": any_of(ROOTS)})
    if name == "nodes":
        keys = [accessor_key(accessor) for accessor in accessors[:2]]
        if len(keys) < 2 or keys[0] is None or keys[1] != "output":
            raise CelError(_("Write the id of a node and output after nodes: nodes.<id>.output."))
        found["nodes"][keys[0]] = None
        if len(accessors) > 2 and (part := _part(accessors[2])) is not None:
            found["parts"][keys[0], part] = None
        return
    key = accessor_key(accessors[0]) if accessors else None
    if key is None:
        found["whole"][name] = None
    elif name == "inputs":
        found["inputs"][key] = None
    elif key not in RUN_FIELDS:
        raise CelError(_("run has no {field}. Use {names}."), {"field": format_value(key), "names": any_of(RUN_FIELDS)})
    elif key == "inputs":
        found["whole"]["run"] = None


def _part(accessor: Accessor) -> str | None:
    """Return the name or number that `.field`, `["field"]` or `[0]` names; None: it is computed, or none."""
    key = accessor_key(accessor)
    if key is None and accessor.kind == "index" and accessor.parts[0].kind == "literal":
        return accessor.parts[0].text
    return key
