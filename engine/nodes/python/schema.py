"""`python`: the author's `main(inputs, ctx)`. The code is parsed here, never executed."""

from __future__ import annotations

import ast
import threading
import warnings
from collections.abc import Iterator

from engine.caching import sized_cache
from engine.nodes.base import Config, NodeType
from engine.problems import Finding

parsing = threading.Lock()
"""catch_warnings changes the process's filters: two at once could leave them changed."""
EXAMPLE = "def main(inputs, ctx):\n    return None\n"


def check(config: Config) -> tuple[Finding, ...]:
    """Whether the code parses and has a `main` that takes two arguments."""
    return _findings(config["code"])


# While a person types, all nodes but one are as they were at the last key.
@sized_cache(8 << 20, lambda found, code: (500 + 2 * len(code)) * (1 + len(found)))
def _findings(code: str) -> tuple[Finding, ...]:
    return tuple(_check(code))


def _check(code: str) -> Iterator[Finding]:
    try:
        with parsing, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in an author's string is not our warning
            tree = ast.parse(code)
    except SyntaxError as error:
        line = error.lineno or None
        at = f" in line {line}" if line else ""
        yield Finding("python_syntax", f"The code does not parse{at}: {error.msg}. Correct it there.", ("code",), line)
        return
    except (ValueError, RecursionError, MemoryError) as error:
        why = "it is nested too deeply" if not isinstance(error, ValueError) else str(error)
        yield Finding("python_syntax", f"The code does not parse: {why}.", ("code",))
        return
    main = main_of(tree)
    if main is None:
        yield Finding(
            "python_no_main",
            "The code defines no function main. Write `def main(inputs, ctx):` at the top level; what it returns is "
            "the node's output.",
            ("code",),
            fix=(
                "Add def main(inputs, ctx)",
                ({"op": "replace", "path": "/code", "value": _with_main(code)},),
            ),
        )
    elif isinstance(main, ast.AsyncFunctionDef):
        message = "main is an async function. Write `def main(inputs, ctx):`; call asyncio.run inside it."
        yield Finding("python_main_async", message, ("code",), main.lineno)
    elif isinstance(main, ast.FunctionDef) and not _takes_two(main.args):
        message = "main must take two arguments. Write `def main(inputs, ctx):`."
        yield Finding("python_main_arguments", message, ("code",), main.lineno)


def main_of(tree: ast.Module) -> ast.stmt | None:
    """The statement that binds the name `main` at the top level last, also inside if, try, with or match."""
    found: ast.stmt | None = None
    waiting: list[ast.AST] = list(reversed(tree.body))
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.stmt) and _binds_main(part):
            found = part
        if not isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for name in ("finalbody", "orelse", "handlers", "cases", "body"):
                inside = getattr(part, name, ())
                waiting.extend(reversed(inside) if isinstance(inside, list) else ())
    return found


def _binds_main(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return statement.name == "main"
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return any((alias.asname or alias.name) in ("main", "*") for alias in statement.names)
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return any(isinstance(part, ast.Name) and part.id == "main" for target in targets for part in ast.walk(target))
    return False


def _takes_two(args: ast.arguments) -> bool:
    positional = len(args.posonlyargs) + len(args.args)
    required = positional - len(args.defaults)
    keyword_only = sum(default is None for default in args.kw_defaults)
    return required <= 2 and (positional >= 2 or args.vararg is not None) and keyword_only == 0


def _with_main(code: str) -> str:
    return (code.rstrip("\n") + "\n\n\n" if code.strip() else "") + EXAMPLE


NODE_TYPE = NodeType(
    type="python",
    name="Python",
    category="code",
    icon="code",
    description="Runs your function main(inputs, ctx); what it returns is the output.",
    run="engine.nodes.python.run",
    config={
        "type": "object",
        "properties": {
            "code": {
                "type": "string",
                "title": "Code",
                "description": "Python with `def main(inputs, ctx)`. inputs[port] is a JSON value or a Table.",
                "default": EXAMPLE,
                "minLength": 1,
                "maxLength": 1_000_000,
                "x-editor": "python",
            },
        },
        "required": ["code"],
        "additionalProperties": False,
    },
    python=True,
    check=check,
)
