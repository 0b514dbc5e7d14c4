"""Everything that can be said about a definition without running it: what the validator finds, and what its SQL is
worth over the columns that are known."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings

from engine import definition
from engine.definition.validation.report import PROBLEMS_MAX
from engine.problems import Problem
from engine.sql.check import columns as sqlcheck
from versions import earlier_columns

Column = dict[str, str]
"""{name, type}, the type as DuckDB names it."""

TYPING_SECONDS: Final = 1.0
"""Time for the SQL of one check while somebody types; what is not reached is asked about the next time."""
PATIENT_SECONDS: Final = 10.0
"""The same for a check that is asked for once: before publishing, by a program."""
WAITED_FOR_SECONDS: Final = 3.0
"""The same where a person waits for what comes next, which tells what is wrong with a query that was not looked at: the
run of a draft, a version that is published."""
_CONFIG: Final = re.compile(r"nodes\[(\d+)\]\.(?:config|type)")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found."""

    problems: list[Problem]
    columns: dict[str, list[Column]] = field(default_factory=dict)
    """Of each node's output, as far as they are known."""
    columns_tag: str = ""
    """A short text that is another one when the columns are."""
    complete: bool = True
    """False: its time was over before all SQL was looked at. What was found is kept, so that the next check goes on."""

    @property
    def valid(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)


def check(
    document: Any,
    *,
    pools: Mapping[str, int] | None = None,
    workflow: str | None = None,
    user: str = "",
    seconds: float = PATIENT_SECONDS,
) -> Checked:
    """All problems of `document`, which may be any value, in document order as far as they have one.

    `workflow`: slug, whose earlier runs tell columns, those of drafts only where they are of `user`; None: none do.
    `seconds`: what DuckDB's part may take.
    """
    until = time.monotonic() + seconds
    problems = definition.problems(document, pools=pools)
    places = (_CONFIG.match(one.path) for one in problems if one.severity == "error")
    wrong = {int(place[1]) for place in places if place}
    config = settings.INTERLOCK
    found = sqlcheck.look(
        document,
        wrong=wrong,
        files=sqlcheck.Files(str(config.files), tuple(str(root) for root in config.data_roots)),
        earlier=lambda names: earlier_columns.columns(workflow, user, names, document) if workflow is not None else {},
        until=until,
    )
    more = found.problems[: max(0, PROBLEMS_MAX - len(problems))]
    return Checked([*problems, *more], found.columns, found.columns_tag, found.complete)
