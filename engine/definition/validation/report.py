"""Collects problems while a definition is checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.problems import ConfigProblem, Fix, Path, Problem, Span, format_value, nearest, path_text, pointer
from engine.sentences import Sentence, Text
from engine.sentences import gettext_noop as _

PROBLEMS_MAX = 1000
"""Problems that are listed; more are only counted: 10,000 nodes with one problem each help nobody."""


class Report:
    """The problems found so far, in the order of finding."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.omitted = 0

    @property
    def count(self) -> int:
        """Number of problems so far, also of those that are not listed."""
        return len(self.problems) + self.omitted

    def add(
        self,
        code: str,
        sentence: Sentence,
        path: Path = (),
        *,
        node: str | None = None,
        severity: str = "error",
        line: int | None = None,
        span: Span | None = None,
        fix: Fix | None = None,
    ) -> None:
        if len(self.problems) >= PROBLEMS_MAX:
            self.omitted += 1
        else:
            self.problems.append(Problem(code, sentence, path_text(path), node, severity, line, span, fix))

    def add_in(self, path: Path, problem: ConfigProblem, node: str | None) -> None:
        """Add a problem of what is at `path`."""
        if len(self.problems) >= PROBLEMS_MAX:
            self.omitted += 1
        else:
            self.problems.append(problem.in_definition(path, node))

    def wrong_type(self, field: Text, expected: Sentence, value: Any, path: Path, *, node: str | None = None) -> None:
        """Add a `wrong_type` problem: `field` must be as `expected`, and is `value`."""
        values = {"field": field, "expected": expected, "value": format_value(value)}
        self.add("wrong_type", Sentence(_("{field} must be {expected}, not {value}."), values), path, node=node)

    def unknown_fields(
        self, given: Mapping[Any, Any], known: Collection[str], path: Path, node: str | None = None
    ) -> None:
        """Add a problem for every key of `given` that is not in `known`; keys that are no text are left out."""
        for key in given:
            if key in known or not isinstance(key, str):
                continue
            values: dict[str, Any] = {"field": format_value(key)}
            fix: Fix | None = None
            if near := nearest(key, [name for name in known if name not in given]):
                message = _('There is no field {field}. Did you mean "{near}"?')
                values["near"] = near
                move = {"op": "move", "from": pointer((*path, key)), "path": pointer((*path, near))}
                fix = Fix(Sentence(_("Rename to {name}"), {"name": near}), [move])
            else:
                message = _("There is no field {field} here.")
                if known:
                    message = _("There is no field {field}. Available fields: {names}.")
                    values["names"] = ", ".join(known)
                fix = Fix.remove(str(values["field"]), (*path, key))
            if not key.isprintable():
                # A name that cannot be stored could not leave the product inside a fix either.
                fix = None
            self.add("unknown_field", Sentence(message, values), (*path, key), node=node, fix=fix)

    def finish(self) -> list[Problem]:
        """All problems, the last one counting those that are not listed."""
        if self.omitted:
            message = _("{n} more problems are not listed. Fix the ones above and check again.")
            self.problems.append(Problem("more_problems", Sentence(message, {"n": self.omitted}), ""))
            self.omitted = 0
        return self.problems
