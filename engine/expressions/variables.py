"""What a CEL expression reads, and that it uses only names and functions that there are. Pure."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from engine.expressions.parser import CACHED_LENGTH_MAX, CelError, Step, Tree, parse, step_key
from engine.problems import listed, nearest, shown

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


@dataclass(frozen=True, slots=True)
class Reads:
    """What an expression reads."""

    nodes: tuple[str, ...]
    """Ids in `nodes.<id>.output`, each once."""
    inputs: tuple[str, ...]
    """First names after `inputs.`, each once; a computed one is left out."""
    all_inputs: bool
    """Reads `inputs` as a whole or by a computed name."""
    run_inputs: bool
    """Reads `run.inputs`, or `run` as a whole."""


def reads(source: str) -> Reads:
    """Parse and check an expression: known names, functions and shapes only. Raises CelError."""
    return _reads_cached(source) if len(source) <= CACHED_LENGTH_MAX else _reads(source)


def _reads(source: str) -> Reads:
    found: dict[str, dict[str, None]] = {"nodes": {}, "inputs": {}, "whole": {}}
    _check(parse(source), frozenset(), found)
    whole = found["whole"]
    return Reads(tuple(found["nodes"]), tuple(found["inputs"]), "inputs" in whole, "run" in whole)


_reads_cached = functools.lru_cache(maxsize=2048)(_reads)


def _check(tree: Tree, bound: frozenset[str], found: dict[str, dict[str, None]]) -> None:
    base = tree.parts[0] if tree.kind == "path" else tree
    if tree.kind == "name" or (tree.kind == "path" and base.kind == "name"):
        _check_root(base.text, tree.steps, bound, found)
    elif tree.kind == "path":
        _check(base, bound, found)
    elif tree.kind == "call":
        _check_call(tree.text, tree.parts, bound, found, method=False)
    else:
        for part in tree.parts:
            _check(part, bound, found)
    for step in tree.steps:
        if step.kind == "call" and step.name in MACROS:
            variable = step.parts[0] if step.parts else None
            if len(step.parts) not in (2, 3) or variable is None or variable.kind != "name":
                raise CelError(f"{step.name} is written {step.name}(x, ...) with a name for each entry.")
            if variable.text in (*ROOTS, "secrets"):
                raise CelError(
                    f'"{variable.text}" cannot be the name of an entry. Take another, as in {step.name}(x, ...).'
                )
            for part in step.parts[1:]:
                _check(part, bound | {variable.text}, found)
        elif step.kind == "call":
            _check_call(step.name, step.parts, bound, found, method=True)
        else:
            for part in step.parts:
                _check(part, bound, found)


def _check_call(
    name: str, parts: tuple[Tree, ...], bound: frozenset[str], found: dict[str, dict[str, None]], *, method: bool
) -> None:
    if name not in FUNCTIONS:
        near = nearest(name, (*FUNCTIONS, *MACROS))
        hint = f"Did you mean {near}?" if near else f"Known: {', '.join(sorted((*FUNCTIONS, *MACROS)))}."
        raise CelError(f'There is no function "{name}" in expressions. {hint}')
    if method and name not in _METHODS:
        raise CelError(f"{name} stands before its value: {name}(x).")
    if not method and name not in _PLAIN:
        raise CelError(f"{name} stands after its value: x.{name}({'y' if name in _OF_TEXTS else ''}).")
    wanted = (0, 1) if name in _OF_DATES + _OF_TIMES else (0, 0) if method and name == "size" else (1, 1)
    if not wanted[0] <= len(parts) <= wanted[1]:
        raise CelError(f"{name} takes {'no argument' if not wanted[1] else 'one argument'}, and has {len(parts)}.")
    if name == "has" and not (parts[0].kind == "path" and parts[0].steps[-1].kind == "field"):
        raise CelError("has takes one field, as in has(inputs.month).")
    for part in parts:
        _check(part, bound, found)


def _check_root(name: str, steps: tuple[Step, ...], bound: frozenset[str], found: dict[str, dict[str, None]]) -> None:
    if name in bound:
        return
    if name == "secrets":
        raise CelError("Secrets in expressions are not available yet. Remove the expression.", "not_available_yet")
    if name in TYPE_NAMES and not steps:
        return
    if name not in ROOTS:
        near = nearest(name, ROOTS)
        hint = f'Did you mean "{near}"?' if near else f"Known are {listed(ROOTS)}; texts stand in quotes."
        raise CelError(f'"{name}" is unknown in expressions. {hint}')
    if name == "nodes":
        keys = [step_key(step) for step in steps[:2]]
        if len(keys) < 2 or keys[0] is None or keys[1] != "output":
            raise CelError("After nodes comes the id of one node and then output: nodes.<id>.output.")
        found["nodes"][keys[0]] = None
        return
    key = step_key(steps[0]) if steps else None
    if key is None:
        found["whole"][name] = None
    elif name == "inputs":
        found["inputs"][key] = None
    elif key not in RUN_FIELDS:
        raise CelError(f"run has no {shown(key)}; it has {listed(RUN_FIELDS)}.")
    elif key == "inputs":
        found["whole"]["run"] = None
