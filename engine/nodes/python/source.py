"""Parses the Python code of authors, which is never executed here."""

import ast
import re
import threading
import warnings

NOT_PARSED = (SyntaxError, ValueError, RecursionError, MemoryError)
"""Raised by `parse` for code that it cannot parse."""
_lock = threading.Lock()
"""For `catch_warnings`, which changes filters of the whole process: two at once could leave them changed."""


def parse(code: str) -> ast.Module:
    """Return the tree of `code`. Raises NOT_PARSED."""
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as one about an invalid escape in the author's code
        return ast.parse(code)


def lines_of(code: str) -> list[tuple[int, str]]:
    """Return (index of the first character, text) of each line, as Python's parser counts lines."""
    lines = []
    at = 0
    # Not `splitlines`, which splits at characters that the parser does not take for line breaks.
    for line in re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", code):
        lines.append((at, line))
        at += len(line)
    return lines


def main_of(tree: ast.Module) -> ast.stmt | None:
    """Return the last statement at the top level that binds the name `main`, also inside if, try, with or match."""
    main: ast.stmt | None = None
    waiting: list[ast.AST] = list(reversed(tree.body))
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.stmt) and _binds_main(part):
            main = part
        if not isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for name in ("finalbody", "orelse", "handlers", "cases", "body"):
                inside = getattr(part, name, ())
                waiting.extend(reversed(inside) if isinstance(inside, list) else ())
    return main


def _binds_main(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return statement.name == "main"
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return any((alias.asname or alias.name) in ("main", "*") for alias in statement.names)
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return any(isinstance(part, ast.Name) and part.id == "main" for target in targets for part in ast.walk(target))
    return False


def takes_two(args: ast.arguments) -> bool:
    """Return whether a function can be called with two positional arguments."""
    positional = len(args.posonlyargs) + len(args.args)
    required = positional - len(args.defaults)
    keyword_only = sum(default is None for default in args.kw_defaults)
    return required <= 2 and (positional >= 2 or args.vararg is not None) and keyword_only == 0
