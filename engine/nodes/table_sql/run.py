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
        query = _one_query(connection, sql)
        return Stored(tables.write_query(connection, query, parameters or None, staged, task))
    except duckdb.Error as error:
        raise _sql_error(error, task) from None
    finally:
        connection.close()


def _one_query(connection: Any, sql: str) -> str:
    """The one query of the text. Raises SqlError; DuckDB's own parser decides, not a look at the text."""
    statements = connection.extract_statements(sql)
    if not statements:
        raise SqlError("The SQL is empty. Write a query: select, with or from.", line=1)
    if len(statements) > 1:
        raise SqlError(
            "The text holds more than one statement. Write one query; make the others nodes of their own.",
            line=_line_of_second(sql, statements),
        )
    kind = statements[0].type.name
    code = [token for token in sqltext.tokens(sql) if token.kind not in ("space", "comment")]
    first = next((token for token in code if sql[token.start : token.end] not in ("(", ";")), None)
    word = sql[first.start : first.end] if first else ""
    if kind not in ("SELECT", "MULTI") or word.lower() not in sqltext.STARTS:
        raise SqlError(
            f'A query starts with select, with or from; this is "{word[:30]}" ({kind.lower()}). '
            "Only reading is possible here.",
            line=sqltext.line_of(sql, first.start) if first else 1,
        )
    query: str = statements[0].query
    return query


def _line_of_second(sql: str, statements: list[Any]) -> int:
    return sqltext.line_of(sql, min(len(statements[0].query), len(sql)))


def _sql_error(error: Exception, task: Task) -> SqlError:
    text, line = located(str(error))
    if type(error).__name__ == "CatalogException" and "Table with name" in text:
        ports = ", ".join(sorted(task.envelope.get("inputs") or {}))
        text += f"\nTables here are the inputs of this node: {ports or 'it has none'}."
    return SqlError(text, line=line)


def located(text: str) -> tuple[str, int | None]:
    """DuckDB's message with the line as the author counts, and that line: ours stands in front of the query."""
    found = _LINE.search(text)
    if found is None:
        return text.strip(), None
    line = int(found.group(1)) - 1
    before, after = text[: found.start()], text[found.end() :]
    quoted, _, caret = after.partition("\n")
    # The mark stands under a place in the line, which moves when the number gets shorter.
    caret = caret[len(found.group(1)) - len(str(line)) :]
    return f"{before}LINE {line}: {quoted}\n{caret}".strip(), line
