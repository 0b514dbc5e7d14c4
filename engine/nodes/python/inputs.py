"""Finds the inputs that the code of a `python` node reads by name. The code is parsed, never executed."""

import ast
from collections.abc import Iterator

from engine.caching import sized_cache
from engine.nodes.base import Config, InputRead, InputReads
from engine.nodes.python.source import NOT_PARSED, lines_of, main_of, parse


def input_reads(config: Config) -> InputReads | None:
    """Return the inputs that `main` reads by constant names, unless it handles that they are missing."""
    code = config.get("code")
    return _input_reads(code) if isinstance(code, str) else None


# While a person types, all nodes but one are unchanged.
@sized_cache(8 << 20, lambda result, code: 500 + 2 * len(code) + 200 * len(result.reads))
def _input_reads(code: str) -> InputReads:
    return InputReads(("code",), code, _reads(code))


def _reads(code: str) -> tuple[InputRead, ...]:
    """Return () if the code cannot be parsed or assigns to the name of the inputs."""
    try:
        main = main_of(parse(code))
        if not isinstance(main, ast.FunctionDef | ast.AsyncFunctionDef):
            return ()
        names = [argument.arg for argument in (*main.args.posonlyargs, *main.args.args)]
        return _reads_of(main, names[0], lines_of(code)) if names else ()
    except NOT_PARSED:
        return ()


def _reads_of(main: ast.AST, inputs: str, lines: list[tuple[int, str]]) -> tuple[InputRead, ...]:
    reads: list[InputRead] = []
    optional: set[str] = set()
    for node, guarded in _walk(main):
        if isinstance(node, ast.Name) and node.id == inputs and not isinstance(node.ctx, ast.Load):
            return ()
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant):
            # `if "x" in inputs` handles that it is missing.
            optional.add(str(node.left.value))
        if guarded or not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
            continue
        key = node.slice
        if not (isinstance(node.value, ast.Name) and node.value.id == inputs):
            continue
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.end_col_offset is not None:
            start = _offset(lines, key.lineno, key.col_offset)
            end = _offset(lines, key.end_lineno or key.lineno, key.end_col_offset)
            reads.append(InputRead(key.value, key.lineno, (start, end)))
    return tuple(sorted((read for read in reads if read.name not in optional), key=lambda read: read.span))


def _walk(main: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every part of a function, and whether it is inside a `try` that catches errors."""
    waiting: list[tuple[ast.AST, bool]] = [(main, False)]
    while waiting:
        node, guarded = waiting.pop()
        yield node, guarded
        inside = guarded or (isinstance(node, ast.Try) and bool(node.handlers))
        waiting.extend((child, inside) for child in ast.iter_child_nodes(node))


def _offset(lines: list[tuple[int, str]], line: int, column: int) -> int:
    """Return the index of the character at a line (from 1) and a column, which the parser counts in UTF-8 bytes."""
    at, text = lines[line - 1]
    return at + len(text.encode()[:column].decode(errors="ignore"))
