"""`python`: the author's `main(inputs, ctx)`. The code is parsed here, never executed."""

import ast
from collections.abc import Iterator

from engine.caching import sized_cache
from engine.nodes.base import Config, NodeType
from engine.nodes.python.inputs import input_reads
from engine.nodes.python.source import NOT_PARSED, lines_of, main_of, parse, takes_two
from engine.problems import ConfigProblem, Fix, Span
from engine.sentences import Sentence, Text
from engine.sentences import gettext_noop as _

EXAMPLE = "def main(inputs, ctx):\n    return None\n"
_PATH = ("code",)


def check(config: Config) -> tuple[ConfigProblem, ...]:
    """Check that the code parses and has a `main` that takes two arguments."""
    return _problems(config["code"])


# While a person types, all nodes but one are unchanged.
@sized_cache(8 << 20, lambda problems, code: (500 + 2 * len(code)) * (1 + len(problems)))
def _problems(code: str) -> tuple[ConfigProblem, ...]:
    return tuple(_check(code))


def _check(code: str) -> Iterator[ConfigProblem]:
    try:
        main = main_of(parse(code))
    except NOT_PARSED as error:
        yield _not_parsed(code, error)
        return
    if main is None:
        message = _("Define `def main(inputs, ctx):` at the top level. Its return value is the output.")
        corrected = (code.rstrip("\n") + "\n\n\n" if code.strip() else "") + EXAMPLE
        change = {"op": "replace", "path": "/code", "value": corrected}
        fix = Fix(Sentence(_("Add {name}"), {"name": "def main(inputs, ctx)"}), [change])
        yield ConfigProblem("python_no_main", Sentence(message), _PATH, fix=fix)
    elif isinstance(main, ast.AsyncFunctionDef):
        message = _("main must not be async. Write `def main(inputs, ctx):` and call asyncio.run inside it.")
        yield ConfigProblem("python_main_async", Sentence(message), _PATH, main.lineno)
    elif isinstance(main, ast.FunctionDef) and not takes_two(main.args):
        message = _("main must take two arguments: `def main(inputs, ctx):`.")
        yield ConfigProblem("python_main_arguments", Sentence(message), _PATH, main.lineno)


def _not_parsed(code: str, error: Exception) -> ConfigProblem:
    line = span = None
    reason: Text = str(error)
    if isinstance(error, SyntaxError):
        line, reason, span = error.lineno or None, error.msg, _span(code, error)
    elif not isinstance(error, ValueError):
        reason = Sentence(_("it is nested too deeply"))
    sentence = Sentence(_("The code is not valid Python: {error}."), {"error": reason})
    return ConfigProblem("python_syntax", sentence, _PATH, line, span)


def _span(code: str, error: SyntaxError) -> Span | None:
    """Return where the error is within its line; None if the parser does not say it."""
    lines = lines_of(code)
    if not error.lineno or not error.offset or error.lineno > len(lines):
        return None
    at, line = lines[error.lineno - 1]
    start = error.offset - 1
    width = len(line.rstrip("\r\n"))
    end = error.end_offset - 1 if error.end_lineno == error.lineno and error.end_offset else start + 1
    end = min(max(end, start + 1), width)
    return (at + start, at + end) if start < end else None


NODE_TYPE = NodeType(
    type="python",
    name=_("Python"),
    category="code",
    icon="code",
    description=_("Runs your function main(inputs, ctx). Its return value is the output."),
    run="engine.nodes.python.run",
    config={
        "type": "object",
        "properties": {
            "code": {
                "type": "string",
                "title": _("Code"),
                "description": _("Python that defines main(inputs, ctx). inputs[port] is a JSON value or a Table."),
                "default": EXAMPLE,
                "minLength": 1,
                "maxLength": 1_000_000,
                "x-editor": "python",
                "x-missing": _("Enter code."),
            },
        },
        "required": ["code"],
        "additionalProperties": False,
    },
    python=True,
    check=check,
    input_reads=input_reads,
    followed_by=("python", "table.sql", "table.write", "branch"),
    start_rank=2,
    between_rank=2,
)
