"""Collects problems while a document is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.problems import Fix, Path, Problem, nearest, path_text, pointer, shown

PROBLEMS_MAX = 1000
"""More are counted, not listed: 10,000 nodes with one fault each help nobody."""


class Report:
    """The problems found so far, in the order of finding."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.left_out = 0

    def add(
        self,
        code: str,
        message: str,
        path: Path = (),
        *,
        node: str | None = None,
        severity: str = "error",
        line: int | None = None,
        fix: Fix | None = None,
    ) -> None:
        """One more problem."""
        if len(self.problems) >= PROBLEMS_MAX:
            self.left_out += 1
            return
        repair = {"label": fix[0], "changes": fix[1]} if fix else None
        self.problems.append(Problem(code, message, path_text(path), node, severity, line, repair))

    def unknown_fields(
        self, given: Mapping[str, Any], known: Iterable[str], path: Path, what: str, node: str | None = None
    ) -> None:
        """A problem for every key of `given` that is not in `known`."""
        known = list(known)
        for key in given:
            if key not in known:
                near = nearest(key, [name for name in known if name not in given])
                hint = f"Known here: {', '.join(known)}." if known else "It has none."
                if near:
                    hint = f'Did you mean "{near}"?'
                place = pointer((*path, key))
                # A name that cannot be stored could not leave the product inside a fix either.
                fix: Fix | None = (
                    (f"Rename it to {near}", [{"op": "move", "from": place, "path": pointer((*path, near))}])
                    if near
                    else (f"Remove {shown(key)}", [{"op": "remove", "path": place}])
                )
                if not key.isprintable():
                    fix = None
                message = f"{what} has no field {shown(key)}. {hint}"
                self.add("unknown_field", message, (*path, key), node=node, fix=fix)

    def finished(self) -> list[Problem]:
        """All problems, with one that counts those left out."""
        if self.left_out:
            message = f"{self.left_out} more problems are not listed. Correct the first ones and check again."
            self.problems.append(Problem("more_problems", message, ""))
            self.left_out = 0
        return self.problems
