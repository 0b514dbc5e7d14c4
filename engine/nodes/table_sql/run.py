"""Runs one query over the inputs, which are tables named by their ports."""

from __future__ import annotations

import re

from engine.expressions.rendering import bind_sql
from engine.sql import lexer
from engine.worker import duck, input_views, table_output
from engine.worker.errors import SqlError
from engine.worker.task import StoredOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.task import Task

BINDS = frozenset({"sql"})
"""Expressions in it become parameters, never text."""
_LINE = re.compile(r"^LINE (\d+): ", re.MULTILINE)
_MISSING = re.compile(r"\A[^\n]*Table with name (.+?) does not exist![^\n]*(?:\nDid you mean [^\n]*)?")


def run(task: Task) -> StoredOutput:
    sql, parameters = bind_sql(task.config["sql"], task.expression_context)
    staged = task.artifacts.stage(task.claim, ".parquet")
    connection = input_views.open_with_inputs(task, staged)
    duckdb = duck.package()
    try:
        query = _one_query(connection, sql, duckdb)
        return StoredOutput(table_output.write_query(connection, query, parameters or None, staged, task))
    except duckdb.Error as error:
        raise _sql_error(error, task) from None
    finally:
        connection.close()


def _one_query(connection: Any, sql: str, duckdb: Any) -> str:
    """Return the query of the text, without semicolons and with each line at its number.

    Raises SqlError unless it is one query by DuckDB's parser.
    """
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        text, line = located(str(error), 0)
        raise SqlError(text, line=line) from None
    code = [token for token in lexer.tokens(sql) if token.kind not in ("space", "comment")]
    while code and sql[code[-1].start] == ";":
        code.pop()
    while code and sql[code[0].start] == ";":
        code.pop(0)
    if not statements or not code:
        raise SqlError("Enter a query that starts with SELECT, WITH or FROM.", line=1)
    if len(statements) > 1:
        ends = [place for place, token in enumerate(code) if sql[token.start] == ";"]
        second = code[ends[0] + 1] if ends else code[-1]
        raise SqlError(
            "Enter one query only. Move further statements to nodes of their own.",
            line=lexer.line_of(sql, second.start),
        )
    kind = statements[0].type.name
    first = next((token for token in code if sql[token.start] != "("), code[0])
    word = sql[first.start : first.end]
    if kind not in ("SELECT", "MULTI") or word.lower() not in lexer.STARTS:
        raise SqlError(
            f'A query starts with SELECT, WITH or FROM, not with "{word[:30]}" ({kind.lower()}). '
            "A query can only read.",
            line=lexer.line_of(sql, first.start),
        )
    return "\n" * sql.count("\n", 0, code[0].start) + sql[code[0].start : code[-1].end]


def _sql_error(error: Exception, task: Task) -> SqlError:
    text, line = located(str(error), 1)
    missing = _MISSING.match(text) if type(error).__name__ == "CatalogException" else None
    if missing is not None:
        inputs = task.envelope.get("inputs") or {}
        # DuckDB ignores the case of table names.
        port = next((port for port in sorted(inputs) if port.lower() == missing.group(1).lower()), None)
        if port is not None and inputs[port]["kind"] != "table":
            text = (
                input_views.null_by_skip(task, port)
                or f'The input "{port}" is {_kind(task.inputs[port])}, not a table. '
                "JSON is a table if it is an object or a list of objects, none of them empty."
            ) + text[missing.end() :]
        else:
            names = ", ".join(sorted(inputs))
            text += f"\nThe tables are this node's inputs: {names}." if names else "\nThis node has no inputs."
    return SqlError(text, line=line)


def _kind(value: Any) -> str:
    """Describe a JSON value that cannot be a table."""
    if value is None:
        return "a JSON null"
    if isinstance(value, bool):
        return "a JSON boolean"
    if isinstance(value, int | float):
        return "a JSON number"
    if isinstance(value, str):
        return "a JSON string"
    if isinstance(value, dict):
        return "an empty JSON object"
    if not value:
        return "an empty JSON list"
    return "a JSON list with elements other than non-empty objects"


def located(text: str, offset: int) -> tuple[str, int | None]:
    """Return DuckDB's message with the line number of the author's text, and that line.

    `offset`: the number of lines that were put before the author's text.
    """
    match = _LINE.search(text)
    if match is None:
        return text.strip(), None
    line = int(match.group(1)) - offset
    before, after = text[: match.start()], text[match.end() :]
    quoted, _, caret = after.partition("\n")
    # Keep the caret under its place if the number has become shorter.
    caret = caret[len(match.group(1)) - len(str(line)) :]
    return f"{before}LINE {line}: {quoted}\n{caret}".strip(), line
