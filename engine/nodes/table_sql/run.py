"""Runs one query over the inputs, which are tables named by their ports."""

from __future__ import annotations

import re

from engine import sqltext
from engine.expressions import bind_sql
from engine.worker import duck, relations, tables
from engine.worker.errors import SqlError
from engine.worker.task import Stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.task import Task

BINDS = frozenset({"sql"})
"""Expressions in it become parameters, never text."""
_LINE = re.compile(r"^LINE (\d+): ", re.MULTILINE)


def run(task: Task) -> Stored:
    sql, parameters = bind_sql(task.config["sql"], task.expression_context)
    staged = task.artifacts.stage(task.claim, ".parquet")
    connection = relations.open_with_inputs(task, staged)
    duckdb = duck.package()
    try:
        query = _one_query(connection, sql, duckdb)
        return Stored(tables.write_query(connection, query, parameters or None, staged, task))
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
    code = [token for token in sqltext.tokens(sql) if token.kind not in ("space", "comment")]
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
            line=sqltext.line_of(sql, second.start),
        )
    kind = statements[0].type.name
    first = next((token for token in code if sql[token.start] != "("), code[0])
    word = sql[first.start : first.end]
    if kind not in ("SELECT", "MULTI") or word.lower() not in sqltext.STARTS:
        raise SqlError(
            f'A query starts with select, with or from; this is "{word[:30]}" ({kind.lower()}). '
            "Only reading is possible here.",
            line=sqltext.line_of(sql, first.start),
        )
    return "\n" * sql.count("\n", 0, code[0].start) + sql[code[0].start : code[-1].end]


def _sql_error(error: Exception, task: Task) -> SqlError:
    text, line = located(str(error), 1)
    if type(error).__name__ == "CatalogException" and "Table with name" in text:
        ports = ", ".join(sorted(task.envelope.get("inputs") or {}))
        text += f"\nTables here are the inputs of this node: {ports or 'it has none'}."
    return SqlError(text, line=line)


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
