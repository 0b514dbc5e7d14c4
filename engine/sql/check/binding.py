"""SQL as a run gives it to DuckDB, with parameters for its expressions, and the way back to the author's text.

Pure. No expression is evaluated: a parameter stands for a value of the type that the workflow's inputs declare, or of
any type.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine import expressions

_INPUT = re.compile(r"inputs\.([A-Za-z_]\w*)\Z")
_VALUES: Mapping[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "string": "x"}


@dataclass(frozen=True, slots=True)
class Bound:
    """A query with parameters."""

    text: str
    parameters: dict[str, Any]
    pieces: tuple[tuple[int, int, int], ...]
    """(start in `text`, start in the author's text, length) of the text in both, in order."""

    def place(self, at: int) -> int:
        """Return the character of the author's text for a byte of `text`; for a parameter, that of its expression."""
        at = len(self.text.encode()[:at].decode(errors="ignore"))
        author_at = 0
        for start, author_start, length in self.pieces:
            if at < start:
                break
            author_at = author_start + min(at - start, length)
        return author_at


def declared_types(inputs: Any) -> dict[str, str]:
    """Return the types of a run's inputs by name, where the schema gives one scalar type."""
    properties = inputs.get("properties") if isinstance(inputs, dict) else None
    if not isinstance(properties, dict):
        return {}
    types = {}
    for name, schema in properties.items():
        kind = schema.get("type") if isinstance(schema, dict) else None
        if isinstance(kind, str) and kind in _VALUES:
            types[name] = kind
    return types


def bind(sql: str, types: Mapping[str, str]) -> Bound:
    """Return `sql` as `rendering.bind_sql` makes it, with a value of the right type for each expression."""
    texts: list[str] = []
    pieces: list[tuple[int, int, int]] = []
    parameters: dict[str, Any] = {}
    at = size = 0

    def keep(end: int) -> None:
        nonlocal size
        pieces.append((size, at, end - at))
        texts.append(sql[at:end])
        size += end - at

    for one in expressions.find(sql):
        keep(one.start)
        name = f"p{len(parameters) + 1}"
        match = _INPUT.match(one.source)
        parameters[name] = _VALUES.get(types.get(match[1], "")) if match else None
        # Line breaks inside the expression follow the parameter, as in a run.
        parameter = f"${name}" + "\n" * sql.count("\n", one.start, one.end)
        texts.append(parameter)
        size += len(parameter)
        at = one.end
    keep(len(sql))
    return Bound("".join(texts), parameters, tuple(pieces))
