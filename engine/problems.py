"""Problems of a definition or of a run's inputs: codes, sentences, places and fixes. Pure."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.sentences import Sentence, Text
from engine.sentences import gettext_noop as _

Path = tuple[str | int, ...]
Span = tuple[int, int]
"""Start and end in a text, in characters; the end is not included."""
FIX_LENGTH_MAX = 100_000
"""Characters of a text up to which a fix contains the whole corrected text."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that most likely solves a problem."""

    label: Sentence
    """For a button: `Use load`."""
    changes: Sequence[Mapping[str, Any]]
    """JSON Patch (RFC 6902), on the definition or, in a ConfigProblem, on the node's config."""

    @classmethod
    def use(cls, name: str, path: Path, value: Any = None) -> "Fix":
        """Write the right name, or a whole `value` that contains it, at `path`."""
        change = {"op": "replace", "path": pointer(path), "value": name if value is None else value}
        return cls(Sentence(_("Use {name}"), {"name": name}), [change])

    @classmethod
    def remove(cls, name: str, path: Path) -> "Fix":
        """Remove what is at `path`."""
        return cls(Sentence(_("Remove {name}"), {"name": name}), [{"op": "remove", "path": pointer(path)}])

    def below(self, path: Path) -> "Fix":
        """Return the same fix for a document that has the patched part at `path`."""
        base = pointer(path)
        moved = [{**one, **{key: base + one[key] for key in ("path", "from") if key in one}} for one in self.changes]
        return Fix(self.label, moved)


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """A problem inside one node's config or one of its texts, before its place in the definition is known."""

    code: str
    sentence: Sentence
    path: Path = ()
    """Within `config`, or within the text that was checked: empty."""
    line: int | None = None
    span: Span | None = None
    severity: str = "error"
    fix: Fix | None = None

    def below(self, path: Path) -> "ConfigProblem":
        """Return the same problem of a value that has the checked part at `path`."""
        return replace(self, path=(*path, *self.path), fix=self.fix.below(path) if self.fix else None)

    def in_definition(self, path: Path, node: str | None) -> "Problem":
        """Return the problem of a definition that has the config at `path`."""
        moved = self.below(path)
        place = path_text(moved.path)
        return Problem(self.code, self.sentence, place, node, self.severity, self.line, self.span, moved.fix)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a definition, and where."""

    code: str
    """Stable, for programs: `cycle`, `unknown_field`, `not_available_yet`, ..."""
    sentence: Sentence
    """For people: what was found and what to change."""
    path: str
    """Place in the document, as in `nodes[3].config.sql`; empty: the document itself."""
    node: str | None = None
    """Id of the node it belongs to; None: none, or its id cannot be used."""
    severity: str = "error"
    """`error` makes the document invalid, `warning` does not."""
    line: int | None = None
    """From 1, within the text (code, SQL) that `path` names."""
    span: Span | None = None
    """Within the text that `path` names."""
    fix: Fix | None = None

    @property
    def message(self) -> str:
        """The sentence in English."""
        return str(self.sentence)

    def as_dict(self, translate: Callable[[Sentence], str] = str) -> dict[str, Any]:
        """Return the shape that leaves the product: {node, path, code, message, severity, line?, span?, fix?}.

        `translate` gives the text of a sentence; by default in English.
        """
        shape: dict[str, Any] = {
            "node": self.node,
            "path": self.path,
            "code": self.code,
            "message": translate(self.sentence),
            "severity": self.severity,
        }
        if self.line is not None:
            shape["line"] = self.line
        if self.span is not None:
            shape["span"] = list(self.span)
        if self.fix is not None:
            shape["fix"] = {"label": translate(self.fix.label), "changes": list(self.fix.changes)}
        return shape


class InvalidDocument(Exception):
    """A definition that has errors; `problems` lists all of them."""

    code = "invalid_document"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        values = {"problem": self.problems[0].sentence, "n": len(self.problems) - 1}
        one, more = _("The definition is not valid: {problem}"), _("The definition is not valid: {problem} ({n} more)")
        self.sentence = Sentence(more if values["n"] else one, values)
        super().__init__(str(self.sentence))


def path_text(path: Iterable[str | int]) -> str:
    """Return `nodes[3].config.sql` for ("nodes", 3, "config", "sql"); other keys are quoted: `config["a b"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier():
            text += f".{part}" if text else part
        else:
            text += f"[{format_value(part)}]"
    return text


def pointer(path: Iterable[str | int]) -> str:
    """Return the JSON Pointer (RFC 6901) of `path`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def format_value(value: Any, limit: int = 60) -> Text:
    """Return `value`, which may be anything, as short printable JSON for a sentence, or `an object` and the like.

    Never raises.
    """
    if isinstance(value, dict):
        return Sentence(_("an object"))
    if isinstance(value, (list, tuple)):
        return Sentence(_("a list"))
    if isinstance(value, str):
        cut = value if len(value) <= limit else value[: limit - 1] + "…"
        return json.dumps("".join(c if c.isprintable() else "�" for c in cut), ensure_ascii=False)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**18:
        return Sentence(_("a very large number"))
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return type(value).__name__


def nearest(word: Any, names: Iterable[str]) -> str | None:
    """Return the name that `word` most likely means; None if none is similar."""
    import difflib  # takes a millisecond to load, and only invalid definitions need it

    if not isinstance(word, str) or len(word) > 100:
        return None
    by_lowercase = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.strip().lower().replace("-", "_"), by_lowercase, n=1, cutoff=0.6)
    return by_lowercase[close[0]] if close else None
