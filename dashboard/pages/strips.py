"""The last runs of many workflows, or of many versions of one, as bars, read with one query."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection

from dashboard.presenters import amounts
from dashboard.presenters.charts import RunBar, run_bars
from engine import clock
from engine.models import Run
from engine.states import RUN_TERMINAL

FAILED = ("failed", "timed_out")


@dataclass(slots=True)
class RecentRuns:
    """The last runs of one workflow or version, oldest first."""

    runs: list[Run] = field(default_factory=list)
    bars: list[RunBar] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Width of the strip in its own units."""
        return max(1, len(self.bars) * 7)

    @property
    def last(self) -> Run | None:
        return self.runs[-1] if self.runs else None

    @property
    def failed(self) -> int:
        return sum(run.state in FAILED for run in self.runs)

    @property
    def failing(self) -> bool:
        """Whether the newest ended run failed."""
        ended = [run for run in self.runs if run.state in RUN_TERMINAL]
        return bool(ended) and ended[-1].state in FAILED

    @property
    def typical(self) -> float | None:
        """Median duration of the successful runs, in seconds."""
        spans = [
            (run.finished_at - run.started_at).total_seconds()
            for run in self.runs
            if run.state == "succeeded" and run.started_at and run.finished_at
        ]
        return statistics.median(spans) if spans else None


_COLUMNS = "id, workflow, version, draft, state, created_by, created_at, started_at, finished_at"


def of_workflows(slugs: Iterable[str], count: int = 50) -> dict[str, RecentRuns]:
    """Return the last `count` runs of each workflow, without draft runs. Every slug is a key."""
    slugs = list(slugs)
    runs = _newest_of_each([("workflow = %s AND NOT draft", [slug]) for slug in slugs], count)
    found: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        found[run.workflow].append(run)
    return {slug: _recent_runs(found[slug]) for slug in slugs}


def of_versions(slug: str, numbers: Iterable[int], count: int = 21) -> dict[int, RecentRuns]:
    """Return the last `count` runs of each version of a workflow. Every number is a key."""
    numbers = list(numbers)
    runs = _newest_of_each([("workflow = %s AND version = %s", [slug, number]) for number in numbers], count)
    found: dict[int | None, list[Run]] = defaultdict(list)
    for run in runs:
        found[run.version].append(run)
    return {number: _recent_runs(found[number]) for number in numbers}


TALLIED_RUNS_MAX = 1000
"""How many of a version's newest runs are counted."""


class Tally(NamedTuple):
    """Counts of a version's newest runs by outcome. `runs` is TALLIED_RUNS_MAX + 1 if there are more."""

    runs: int = 0
    ended: int = 0
    failed: int = 0
    succeeded: int = 0


def tallies(versions: Iterable[tuple[str, int | None]]) -> dict[tuple[str, int | None], Tally]:
    """Return the tally of each (slug, version number); versions without runs are left out. Reads only an index."""
    wanted = list(dict.fromkeys(versions))
    if not wanted:
        return {}
    ended, failed = (", ".join(f"'{state}'" for state in sorted(states)) for states in (RUN_TERMINAL, FAILED))
    part = (
        f"SELECT workflow, version, count(*), count(*) FILTER (WHERE state IN ({ended})), "  # noqa: S608 - constants
        f"count(*) FILTER (WHERE state IN ({failed})), count(*) FILTER (WHERE state = 'succeeded') FROM "
        "(SELECT workflow, version, state FROM engine_run WHERE workflow = %s AND version = %s "
        f"ORDER BY id DESC LIMIT {TALLIED_RUNS_MAX + 1}) AS p{{n}} GROUP BY workflow, version"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(part.format(n=n) for n in range(len(wanted))), [value for one in wanted for value in one]
        )
        return {(slug, version): Tally(*counted) for slug, version, *counted in cursor.fetchall()}


def _newest_of_each(conditions: Sequence[tuple[str, list[Any]]], count: int) -> list[Run]:
    """Return the newest `count` runs for each condition, oldest first.

    A window function would read all runs; the limited parts each walk an index from its end.
    """
    if not conditions:
        return []
    table = connection.ops.quote_name(Run._meta.db_table)
    part = "SELECT * FROM (SELECT {columns} FROM {table} WHERE {where} ORDER BY id DESC LIMIT {count}) AS p{n}"
    sql = " UNION ALL ".join(
        part.format(columns=_COLUMNS, table=table, where=where, count=int(count), n=n)
        for n, (where, _params) in enumerate(conditions)
    )
    params = [value for _where, values in conditions for value in values]
    return sorted(Run.objects.raw(sql, params), key=lambda run: run.pk)


def _recent_runs(runs: list[Run]) -> RecentRuns:
    now = clock.now()
    bars = run_bars(
        [
            {
                "id": run.pk,
                "state": run.state,
                "seconds": amounts.seconds_between(run.started_at, run.finished_at or now),
            }
            for run in runs
        ]
    )
    return RecentRuns(runs, bars)
