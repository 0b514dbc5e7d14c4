"""`table.sql`: one query over the inputs by their port names. The real check of the SQL is DuckDB's, at run time."""

from engine import expressions
from engine.caching import sized_cache
from engine.nodes.base import Config, NodeType
from engine.problems import ConfigProblem
from engine.sentences import gettext_noop as _
from engine.sql import lexer


def check(config: Config) -> list[ConfigProblem]:
    """Check that the text is one query that starts with select, with or from."""
    return _problems(config["sql"])


# While a person types, all nodes but one are unchanged.
@sized_cache(8 << 20, lambda problems, sql: 500 + 2 * len(sql) + 500 * len(problems))
def _problems(sql: str) -> list[ConfigProblem]:
    return [one.below(("sql",)) for one in lexer.query_problems(sql, expressions.closed_spans(sql))]


def names_table(config: Config, port: str) -> bool:
    """Return whether the query names the table of this port: then it fails if the input is none."""
    sql: str = config["sql"]
    words = (sql[token.start : token.end] for token in lexer.tokens(sql, expressions.closed_spans(sql)))
    return any(word.strip('"').lower() == port for word in words)


NODE_TYPE = NodeType(
    type="table.sql",
    name=_("SQL"),
    category="tables",
    icon="database",
    description=_("Runs one DuckDB query over its inputs, which are tables named by their ports."),
    run="engine.nodes.table_sql.run",
    config={
        "type": "object",
        "properties": {
            "sql": {
                "type": "string",
                "title": _("SQL"),
                "description": _(
                    "One SELECT statement; it may start with WITH or FROM. {{ }} values are passed as parameters."
                ),
                "minLength": 1,
                "maxLength": 1_000_000,
                "x-editor": "sql",
                "x-expression": "sql",
                "x-missing": _("Enter a query."),
            },
        },
        "required": ["sql"],
        "additionalProperties": False,
    },
    output="table",
    check=check,
    fails_on_null=names_table,
    followed_by=("table.write", "table.sql", "python", "branch"),
    preceded_by=("table.read", "table.sql", "python"),
    between_rank=1,
)
