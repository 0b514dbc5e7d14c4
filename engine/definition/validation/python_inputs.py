"""Which inputs the code of a `python` node reads by name. The code is parsed, never executed."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from engine.caching import sized_cache
from engine.definition.validation.edges import Link
from engine.definition.validation.report import Report
from engine.nodes.python.schema import main_of, parsing
from engine.problems import Fix, Path, listed, nearest, pointer, shown

FIX_LENGTH_MAX = 100_000
"""Of a text that is offered whole, repaired."""
_SHOWN = 8


class Read(NamedTuple):
    """One `inputs["name"]`; `start` and `end` are where the text in the brackets stands in the code, in characters."""

    name: str
    line: int
    start: int
    end: int


# While a person types, all nodes but one are as they were at the last key.
@sized_cache(8 << 20, lambda found, code: 500 + 2 * len(code) + 200 * len(found))
def reads(code: str) -> tuple[Read, ...]:
    """What `main` reads of its inputs by a name that stands there, and must be there when it does; () when the code
    does not parse, or gives the name of the inputs another value."""
    try:
        with parsing, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
        main = main_of(tree)
        if not isinstance(main, ast.FunctionDef | ast.AsyncFunctionDef):
            return ()
        names = [argument.arg for argument in (*main.args.posonlyargs, *main.args.args)]
        if not names:
            return ()
        found: list[Read] = []
        lines = _starts(code)
        asked: set[str] = set()
        for node, guarded in _walk(main):
            if isinstance(node, ast.Name) and node.id == names[0] and not isinstance(node.ctx, ast.Load):
                return ()
            if isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant):
                # `if "x" in inputs` says that it may not be there.
                asked.add(str(node.left.value))
            if guarded or not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
                continue
            key = node.slice
            if not (isinstance(node.value, ast.Name) and node.value.id == names[0]):
                continue
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.end_col_offset is not None:
                start = _place(lines, key.lineno, key.col_offset)
                end = _place(lines, key.end_lineno or key.lineno, key.end_col_offset)
                found.append(Read(key.value, key.lineno, start, end))
        return tuple(sorted((read for read in found if read.name not in asked), key=lambda read: read.start))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _walk(main: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Every part of a function, and whether it stands where an error is caught."""
    waiting: list[tuple[ast.AST, bool]] = [(main, False)]
    while waiting:
        node, guarded = waiting.pop()
        yield node, guarded
        inside = guarded or (isinstance(node, ast.Try) and bool(node.handlers))
        waiting.extend((child, inside) for child in ast.iter_child_nodes(node))


def _starts(code: str) -> list[tuple[int, bytes]]:
    """(place of the first character, bytes) of each line, as the parser counts them."""
    found = []
    at = 0
    # Not splitlines, which knows more line breaks than the parser does.
    for line in re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", code):
        found.append((at, line.encode()))
        at += len(line)
    return found


def _place(lines: list[tuple[int, bytes]], line: int, column: int) -> int:
    at, raw = lines[line - 1]
    return at + len(raw[:column].decode(errors="ignore"))


def check_python_inputs(nodes: Sequence[Any], links: Sequence[Link], report: Report) -> None:
    """Warn of code that reads an input which no edge brings."""
    ports: dict[str, list[str]] = {}
    for link in links:
        ports.setdefault(link.target, []).append(link.target_port)
    seen: set[str] = set()
    for index, node in enumerate(nodes):
        name = node.get("id") if isinstance(node, dict) else None
        if not isinstance(name, str) or name in seen:
            continue
        seen.add(name)
        config = node.get("config")
        code = config.get("code") if node.get("type") == "python" and isinstance(config, dict) else None
        if not isinstance(code, str) or "" in ports.get(name, ()):
            # An edge whose port is wrong may be the one that is read.
            continue
        told: set[str] = set()
        for read in reads(code):
            known = ports.get(name, [])
            if read.name in known or read.name in told:
                continue
            told.add(read.name)
            _report(read, known, code, name, index, report)


def _report(read: Read, known: list[str], code: str, name: str, index: int, report: Report) -> None:
    near = nearest(read.name, known) or (known[0] if len(known) == 1 else None)
    has = f"it has {listed(known[:_SHOWN])}" if known else "no edge leads to it"
    message = f"The code reads inputs[{shown(read.name)}], and the node has no such input: {has}."
    path: Path = ("nodes", index, "config", "code")
    fix: Fix | None = None
    if near is not None and len(code) <= FIX_LENGTH_MAX:
        changed = code
        for one in sorted(reads(code), key=lambda one: -one.start):
            if one.name == read.name:
                quote = code[one.start] if code[one.start] in "'\"" else '"'
                changed = f"{changed[: one.start]}{quote}{near}{quote}{changed[one.end :]}"
        fix = (f"Use {near}", [{"op": "replace", "path": pointer(path), "value": changed}])
    report.add("unknown_port", message, path, node=name, severity="warning", line=read.line, fix=fix)
