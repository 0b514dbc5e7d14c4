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
    """The one query of the text, in the same lines, without what ends it.

    Raises SqlError. DuckDB's own parser decides what is a statement and of which kind.
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
        raise SqlError("The SQL is empty. Write a query: select, with or from.", line=1)
    if len(statements) > 1:
        ends = [place for place, token in enumerate(code) if sql[token.start] == ";"]
        second = code[ends[0] + 1] if ends else code[-1]
        raise SqlError(
            "The text holds more than one statement. Write one query; make the others nodes of their own.",
            line=lexer.line_of(sql, second.start),
        )
    kind = statements[0].type.name
    first = next((token for token in code if sql[token.start] != "("), code[0])
    word = sql[first.start : first.end]
    if kind not in ("SELECT", "MULTI") or word.lower() not in lexer.STARTS:
        raise SqlError(
            f'A query starts with select, with or from; this is "{word[:30]}" ({kind.lower()}). '
            "Only reading is possible here.",
            line=lexer.line_of(sql, first.start),
        )
    return "\n" * sql.count("\n", 0, code[0].start) + sql[code[0].start : code[-1].end]


def _sql_error(error: Exception, task: Task) -> SqlError:
    text, line = located(str(error), 1)
    missing = _MISSING.match(text) if type(error).__name__ == "CatalogException" else None
    if missing is not None:
        inputs = task.envelope.get("inputs") or {}
        # Names of tables are the same in capitals and small letters.
        port = next((port for port in sorted(inputs) if port.lower() == missing.group(1).lower()), None)
        if port is not None and inputs[port]["kind"] != "table":
            text = (
                f'The input "{port}" is {_kind(task.inputs[port])} and no table. '
                "JSON is a table when it is a list of objects, or one object, none of them empty."
            ) + text[missing.end() :]
        else:
            text += f"\nTables here are the inputs of this node: {', '.join(sorted(inputs)) or 'it has none'}."
    return SqlError(text, line=line)


def _kind(value: Any) -> str:
    """What a JSON value is that cannot be a table."""
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
    return "a JSON list of other things than objects with fields"


def located(text: str, ours: int) -> tuple[str, int | None]:
    """DuckDB's message with the line as the author counts, and that line; `ours`: lines in front of the query."""
    found = _LINE.search(text)
    if found is None:
        return text.strip(), None
    line = int(found.group(1)) - ours
    before, after = text[: found.start()], text[found.end() :]
    quoted, _, caret = after.partition("\n")
    # The mark stands under a place in the line, which moves when the number gets shorter.
    caret = caret[len(found.group(1)) - len(str(line)) :]
    return f"{before}LINE {line}: {quoted}\n{caret}".strip(), line
