"""What is wrong with a document or with the inputs of a run, as plain data for people and programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
Fix = tuple[str, list[dict[str, Any]]]
"""(label, JSON Patch on the document)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where it is, and what to change."""

    code: str
    """Stable, for programs: `cycle`, `unknown_field`, `not_available_yet`, ..."""
    message: str
    """For people: what was found, what was expected, what to change."""
    path: str
    """Place in the document, as in `nodes[3].config.sql`; empty: the document itself."""
    node: str | None = None
    """Id of the node it belongs to; None: none, or its id cannot be used."""
    severity: str = "error"
    """`error` makes the document invalid, `warning` does not."""
    line: int | None = None
    """From 1, within the text (code, SQL) that `path` names."""
    fix: dict[str, Any] | None = None
    """{label, changes: JSON Patch (RFC 6902) on the document}, where one repair is the obvious one."""

    def as_dict(self) -> dict[str, Any]:
        """The shape that leaves the product: {node, path, code, message, severity, line?, fix?}."""
        shape: dict[str, Any] = {
            "node": self.node,
            "path": self.path,
            "code": self.code,
            "message": self.message,
            "severity": self.severity,
        }
        if self.line is not None:
            shape["line"] = self.line
        if self.fix is not None:
            shape["fix"] = self.fix
        return shape


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem seen from inside one node's `config`, before it is known where the node stands."""

    code: str
    message: str
    path: Path = ()
    """Within `config`."""
    line: int | None = None
    fix: tuple[str, tuple[dict[str, Any], ...]] | None = None
    """(label, JSON Patch whose paths start inside `config`)."""


class InvalidDocument(Exception):
    """A document that has errors; `problems` lists all of them."""

    code = "invalid_document"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        first = self.problems[0].message if self.problems else "It cannot be read."
        more = f" ({len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(f"The document is not valid: {first}{more}")


def path_text(path: Iterable[str | int]) -> str:
    """`nodes[3].config.sql` for ("nodes", 3, "config", "sql"); odd keys are quoted: `config["a b"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier():
            text += f".{part}" if text else part
        else:
            text += f"[{shown(part)}]"
    return text


def pointer(path: Iterable[str | int]) -> str:
    """The JSON Pointer (RFC 6901) of `path`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def shown(value: Any, limit: int = 60) -> str:
    """`value` as short, printable ASCII-safe JSON for a message; never raises, whatever the value."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str):
        cut = value if len(value) <= limit else value[: limit - 1] + "…"
        return json.dumps("".join(c if c.isprintable() else "�" for c in cut), ensure_ascii=False)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**18:
        return "a very large number"
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return f"a {type(value).__name__}"


def listed(names: Iterable[str]) -> str:
    """`a, b or c`, in quotes."""
    quoted = [f'"{name}"' for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return ", ".join(quoted[:-1]) + " or " + quoted[-1]


def nearest(word: Any, known: Iterable[str]) -> str | None:
    """The known name that `word` most likely means; None: nothing is near."""
    import difflib  # costs a millisecond that only a wrong document pays

    if not isinstance(word, str) or len(word) > 100:
        return None
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.strip().lower().replace("-", "_"), names, n=1, cutoff=0.6)
    return names[close[0]] if close else None
