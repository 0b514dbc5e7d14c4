"""Names and descriptions of the built-in node types and of their fields, in the reader's language.

The engine and the API say them in English. What a package's own type says is shown as it is, unless it says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from engine.sentences import gettext_noop

WORDS: Final = frozenset(
    (
        gettext_noop("Read table"),
        gettext_noop("Reads CSV, JSON or Parquet, also compressed, many at once, or from object storage, as a table."),
        gettext_noop("Path"),
        gettext_noop(
            "Under the files folder, an absolute path, or a URL (s3, gs, gcs, abfs, abfss, az); also a glob (*.csv). "
            "Credentials for a URL come from the variables that INTERLOCK_NODE_ENV names."
        ),
        gettext_noop("Format"),
        gettext_noop("auto: by the file's ending"),
        gettext_noop("Options"),
        gettext_noop("Delimiter (CSV)"),
        gettext_noop("First line holds the names (CSV)"),
        gettext_noop("Quote (CSV)"),
        gettext_noop("Escape (CSV)"),
        gettext_noop("Lines to skip (CSV)"),
        gettext_noop("Texts that mean null (CSV)"),
        gettext_noop("Read every column as text (CSV)"),
        gettext_noop("Decimal separator (CSV)"),
        gettext_noop("Date format (CSV, JSON)"),
        gettext_noop("Timestamp format (CSV, JSON)"),
        gettext_noop("Encoding (CSV)"),
        gettext_noop("Leave out lines that do not parse (CSV, JSON)"),
        gettext_noop("Rows looked at to guess types (CSV, JSON)"),
        gettext_noop("Types by column name"),
        gettext_noop("Compression"),
        gettext_noop("Match columns of several files by name"),
        gettext_noop("Add a column with the file's name"),
        gettext_noop("Columns from folders named key=value"),
        gettext_noop("Objects become columns (JSON)"),
        gettext_noop("One value a line (JSON)"),
        gettext_noop("SQL"),
        gettext_noop("One DuckDB query over the inputs, which are tables named by their ports."),
        gettext_noop("One select, with or from. {{ }} becomes a bound parameter."),
        gettext_noop("Write table"),
        gettext_noop("Writes its one input as CSV, JSON or Parquet; gives path, row_count and bytes."),
        gettext_noop("Under the files folder, or an absolute path."),
        gettext_noop("When the file exists"),
        gettext_noop("Python"),
        gettext_noop("Runs your function main(inputs, ctx); what it returns is the output."),
        gettext_noop("Code"),
        gettext_noop("Python with `def main(inputs, ctx)`. inputs[port] is a JSON value or a Table."),
        gettext_noop("Python function"),
        gettext_noop("Calls function(inputs, ctx, **args) of an installed package; what it returns is the output."),
        gettext_noop("Function"),
        gettext_noop("Dotted path: package.module.function"),
        gettext_noop("Arguments"),
        gettext_noop("Passed by name; values may hold {{ }} expressions."),
        gettext_noop("Shell"),
        gettext_noop("Runs a command with /bin/sh in a folder of its own; gives its exit code and what it wrote."),
        gettext_noop("Command"),
        gettext_noop("Inputs are files named by $INTERLOCK_INPUT_<PORT>. No {{ }} here: use env."),
        gettext_noop("Environment"),
        gettext_noop("Variables for the command; values may hold {{ }} expressions."),
        gettext_noop("Branch"),
        gettext_noop(
            "Hands its input on through one port: true or false by a condition, or the first case that holds."
        ),
        gettext_noop("Condition"),
        gettext_noop("An expression that gives true or false: {{ nodes.load.output.row_count > 0 }}"),
        gettext_noop("Cases"),
        gettext_noop("The first whose expression is true is taken."),
        gettext_noop("Port"),
        gettext_noop("Default port"),
        gettext_noop("Taken when no case holds; without it nothing is taken then."),
        gettext_noop("When"),
        gettext_noop("No operation"),
        gettext_noop("Does nothing and gives null; nodes after it wait for all nodes before it."),
    )
)
_SAID: Final = ("title", "description")
_NAMED: Final = ("properties", "patternProperties", "$defs", "dependentSchemas")
"""Parts of a JSON Schema that hold schemas by name."""
_VALUES: Final = ("default", "const", "enum", "examples")


def say(text: str) -> str:
    """A name, title or description of a node type."""
    return _(text) if text in WORDS else text


def said(kind: Mapping[str, Any]) -> dict[str, Any]:
    """What `NodeType.describe` gives, for people."""
    words = {part: say(kind[part]) for part in ("name", "description")}
    return {**kind, **words, "config": _worded(kind["config"], say)}


def texts(kind: Mapping[str, Any]) -> list[str]:
    """All that `said` says of it, in English."""
    found = [kind["name"], kind["description"]]

    def note(text: str) -> str:
        found.append(text)
        return text

    _worded(kind["config"], note)
    return found


def _worded(schema: Any, word: Callable[[str], str]) -> Any:
    """A JSON Schema with other titles and descriptions."""
    if isinstance(schema, list):
        return [_worded(part, word) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for name, part in schema.items():
        if name in _NAMED and isinstance(part, Mapping):
            made[name] = {key: _worded(one, word) for key, one in part.items()}
        elif name in _SAID and isinstance(part, str):
            made[name] = word(part)
        else:
            made[name] = part if name in _VALUES else _worded(part, word)
    return made
