"""`table.sql`: one query over the inputs by their port names. The real check of the SQL is DuckDB's, at run time."""

from __future__ import annotations

from collections.abc import Iterator

from engine import expressions
from engine.caching import sized_cache
from engine.nodes.base import Config, NodeType
from engine.problems import Finding
from engine.sql import lexer


def check(config: Config) -> Iterator[Finding]:
    """Whether the text is one select, with or from."""
    sql = config["sql"]
    for fault in _faults(sql):
        yield Finding(fault.code, fault.message, ("sql",), fault.line)


# While a person types, all nodes but one are as they were at the last key.
@sized_cache(8 << 20, lambda faults, sql: 500 + 2 * len(sql) + 300 * len(faults))
def _faults(sql: str) -> list[lexer.Fault]:
    return lexer.query_faults(sql, expressions.closed_spans(sql))


NODE_TYPE = NodeType(
    type="table.sql",
    name="SQL",
    category="tables",
    icon="database",
    description="One DuckDB query over the inputs, which are tables named by their ports.",
    run="engine.nodes.table_sql.run",
    config={
        "type": "object",
        "properties": {
            "sql": {
                "type": "string",
                "title": "SQL",
                "description": "One select, with or from. {{ }} becomes a bound parameter.",
                "minLength": 1,
                "maxLength": 1_000_000,
                "x-editor": "sql",
                "x-expression": "sql",
            },
        },
        "required": ["sql"],
        "additionalProperties": False,
    },
    check=check,
)
