"""The value of an expression. Used in node processes only; the native code of `cel` is loaded when first needed."""

import functools
from collections.abc import Mapping
from typing import Any

from engine.expressions import cost, native, parser, variables
from engine.expressions.parser import Accessor, CelError, Tree
from engine.problems import format_value


class ExpressionError(Exception):
    """An expression has no usable value in this run; the message names it."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        """From 1, within the text that contains the expression; None: not known."""


def evaluate(source: str, context: Mapping[str, Any]) -> Any:
    """Return the value of one expression over `context` {inputs, nodes: {id: {output}}, run}.

    Beside JSON the value may be a datetime, timedelta or bytes. Raises ExpressionError, and ModuleNotFoundError if this
    interpreter (a user's own) has no `cel` and the expression does more than look something up.
    """
    try:
        variables.reads(source)
        tree = parser.parse(source)
    except CelError as error:
        raise _error(source, str(error)) from None
    keys = _plain_path(tree)
    if keys is not None:
        return _follow(source, context, keys)
    return _by_cel(source, tree, context)


def _error(source: str, why: str) -> ExpressionError:
    short = source if len(source) <= 200 else source[:199] + "…"
    return ExpressionError(f"{{{{ {short} }}}}: {why}")


def _plain_path(tree: Tree) -> list[str | int] | None:
    """Return the keys of an expression that only looks something up, such as `nodes.load.output["rows"][0]`; else None.

    A lookup in Python keeps the exact type of the value (CEL turns integers beyond 64 bits into floats) and needs no
    `cel`.
    """
    if tree.kind == "name":
        return [tree.text] if tree.text in variables.ROOTS else None
    if tree.kind != "path" or tree.parts[0].kind != "name" or tree.parts[0].text not in variables.ROOTS:
        return None
    keys: list[str | int] = [tree.parts[0].text]
    for accessor in tree.accessors:
        key = _key(accessor)
        if key is None:
            return None
        keys.append(key)
    return keys


def _key(accessor: Accessor) -> str | int | None:
    name = parser.accessor_key(accessor)
    if name is not None:
        return name
    if accessor.kind == "index" and accessor.parts[0].kind == "literal" and accessor.parts[0].text.isdecimal():
        return int(accessor.parts[0].text)
    return None


def _follow(source: str, context: Mapping[str, Any], keys: list[str | int]) -> Any:
    so_far = str(keys[0])
    value: Any = context.get(so_far, {})
    for key in keys[1:]:
        if isinstance(value, dict):
            if not isinstance(key, str) or key not in value:
                names = ", ".join(list(map(str, value))[:10])
                raise _error(source, f"{so_far} has no {key!r}" + (f", only {names}." if names else ": it is empty."))
            value = value[key]
        elif isinstance(value, list) and isinstance(key, int):
            if key >= len(value):
                raise _error(source, f"{so_far} has {len(value)} entries, so no entry {key} (counted from 0).")
            value = value[key]
        else:
            raise _error(source, f"{so_far} is {format_value(value)} and has no {key!r}.")
        so_far += f"[{key}]" if isinstance(key, int) else f".{key}"
    return value


def _by_cel(source: str, tree: Tree, context: Mapping[str, Any]) -> Any:
    context = _needed(source, context)
    try:
        cost.steps(tree, context)
    except cost.TooCostly:
        why = "with values of this size it may take too long or too much memory. Use a Python or SQL node."
        raise _error(source, why) from None
    try:
        program = _program(source)
    except ValueError as error:
        raise _error(source, _first_sentences(str(error))) from None
    try:
        return program.execute(context)
    except KeyError as error:
        raise _error(source, f"there is no {error}. Test for it with has(...).") from None
    except (ZeroDivisionError, OverflowError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise _error(source, _first_sentences(str(error))) from None
    except BaseException as error:
        # A panic of the native code is a BaseException, like SoftTimeout, which is passed on.
        if type(error).__name__ != "PanicException":
            raise
        raise _error(source, "it cannot be evaluated.") from None


def _needed(source: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of the context that the expression reads, because all of it is copied into CEL."""
    reads = variables.reads(source)
    nodes, inputs, run = (dict(context.get(root) or {}) for root in ("nodes", "inputs", "run"))
    if not reads.run_inputs:
        run.pop("inputs", None)
    return {
        "inputs": inputs if reads.all_inputs else {name: inputs[name] for name in reads.inputs if name in inputs},
        "nodes": {name: nodes[name] for name in reads.nodes if name in nodes},
        "run": run,
    }


@functools.lru_cache(maxsize=256)
def _program(source: str) -> Any:
    return native.load().compile(source)


def _first_sentences(text: str) -> str:
    """Return the library's message without its hints about the Python API."""
    return text.split(" Check ")[0].splitlines()[0][:300] if text else "it cannot be evaluated."
