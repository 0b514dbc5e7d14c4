"""Collects problems while a definition is checked."""

import itertools
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from engine.problems import ConfigProblem, Fix, Path, Problem, Span, format_value, nearest, path_text, pointer
from engine.sentences import Sentence, Text
from engine.sentences import gettext_noop as _

PROBLEMS_MAX = 1000
"""Problems that are listed; further ones are only counted."""
NEAR_MAX = 20
"""Names of nodes for which a similar one is searched. Each is compared with the names of many nodes."""
NEAR_AMONG = 1000
"""Nodes that a name is compared with."""
CPU_SECONDS_MAX = 5.0
"""CPU time of one check. The largest legal definition takes a fraction of it."""


class OutOfTime(Exception):
    """The check has used its CPU time."""


class ProblemList:
    """The problems found so far, in order."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.omitted = 0
        self._until = time.thread_time() + CPU_SECONDS_MAX
        self._near_left = NEAR_MAX

    def check_time(self) -> None:
        """Raise OutOfTime when the CPU time of the check is used up. Called for each node, edge and expression."""
        if time.thread_time() > self._until:
            raise OutOfTime

    def near_node(self, word: Any, ids: Iterable[str]) -> str | None:
        """Return the id that `word` most likely means, for the first few words; None for all others."""
        if self._near_left <= 0:
            return None
        self._near_left -= 1
        return nearest(word, itertools.islice(ids, NEAR_AMONG))

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

    def refuse(self, code: str, sentence: Sentence) -> None:
        """Put a problem of the whole definition first, also when no more are listed."""
        self.problems.insert(0, Problem(code, sentence, ""))

    def wrong_type(self, field: Text, expected: Text, value: Any, path: Path, *, node: str | None = None) -> None:
        """Add a `wrong_type` problem: `field` must be as `expected`, and is `value`."""
        values = {"field": field, "expected": expected, "value": format_value(value)}
        self.add("wrong_type", Sentence(_("{field} must be {expected}, not {value}."), values), path, node=node)

    def not_available_yet(
        self, value: Mapping[str, Any], names: Iterable[str], path: Path, node: str | None = None
    ) -> None:
        """Refuse those of the fields `names` that are part of the contract, but not built yet."""
        for name in names:
            if value.get(name) is not None:
                place = (*path, name)
                sentence = Sentence(_("{name} is not available yet."), {"name": name})
                self.add("not_available_yet", sentence, place, node=node, fix=Fix.remove(name, place))

    def unknown_fields(
        self, value: Mapping[Any, Any], names: Collection[str], path: Path, node: str | None = None
    ) -> None:
        """Add a problem for every text key of `value` that is not in `names`."""
        for key in value:
            if key in names or not isinstance(key, str):
                continue
            if len(self.problems) >= PROBLEMS_MAX:
                self.omitted += 1
                continue
            values: dict[str, Any] = {"field": format_value(key)}
            fix: Fix | None = None
            if near := nearest(key, [name for name in names if name not in value]):
                message = _('There is no field {field}. Did you mean "{near}"?')
                values["near"] = near
                move = {"op": "move", "from": pointer((*path, key)), "path": pointer((*path, near))}
                fix = Fix(Sentence(_("Rename to {name}"), {"name": near}), [move])
            else:
                message = _("There is no field {field} here.")
                if names:
                    message = _("There is no field {field}. Available fields: {names}.")
                    values["names"] = ", ".join(names)
                fix = Fix.remove(str(values["field"]), (*path, key))
            if not key.isprintable():
                # A name that cannot be stored cannot be part of a fix either.
                fix = None
            self.add("unknown_field", Sentence(message, values), (*path, key), node=node, fix=fix)

    def finish(self) -> list[Problem]:
        """Return all problems; if some are not listed, the last one counts them."""
        if self.omitted:
            message = _("{n} more problems are not listed. Fix the ones above and check again.")
            self.problems.append(Problem("more_problems", Sentence(message, {"n": self.omitted}), ""))
            self.omitted = 0
        return self.problems
