"""A million finished node runs or runs, made from a few real ones: their rows are copied to other runs and times."""

import json
import random
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.documents import chains, five
from tests.bench.http import Product
from tests.bench.workflows import PRINT_LINES, Document, layers, python

DAYS = 28
"""Less than the retention."""
OF_A_RUN = ("noderun", "attempt", "eventbatch", "logbatch", "sample", "stack")
TIMES = ("created_at", "started_at", "finished_at", "ready_at", "resumed_at", "at", "taken_at")
LOOK_SECONDS = 0.1
FAILS = "def main(inputs, ctx):\n    raise ValueError('the service answered 503')\n"


class Distribution(NamedTuple):
    """How copies are distributed over time and people."""

    days: int = DAYS
    """Until now."""
    people: Sequence[str | None] = ()
    """Users who started the copies, in turn; None: the user of the copied run."""


EVEN = Distribution()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Another outcome of a share of a workflow's runs."""

    state: str
    share: float
    inputs: Mapping[str, Any] = field(default_factory=dict)
    cancelled: bool = False
    """Whether a user cancels it."""
    draft: bool = False


@dataclass(frozen=True, slots=True)
class WorkflowKind:
    """A workflow, and its number of runs."""

    slug: str
    document: Document
    runs: int
    versions: int = 3
    failing: Document | None = None
    """Its last version, if that one fails."""
    outcomes: Sequence[Outcome] = ()


def kinds() -> list[WorkflowKind]:
    """Return about 1,000,000 node runs in 24,700 runs."""
    report = chains(10, 5, "python")
    for node in report["nodes"]:
        node["config"] = {"code": PRINT_LINES.format(lines=5, last="return 1")}
    broken = layers(200, 2)
    broken["nodes"][0] = python("n0", FAILS) | {"policy": {"retries": 1, "retry_delay": 0.01}}
    return [
        WorkflowKind("daily", five("python"), 12_000, 6),
        WorkflowKind("hourly", chains(1, 20, "noop"), 5_000, 4),
        WorkflowKind("wide", chains(10, 10, "noop"), 2_500),
        WorkflowKind("report", report, 4_000),
        WorkflowKind("batch", layers(1000, 2), 200, 1),
        WorkflowKind("flaky", layers(200, 2), 1_000, 3, broken),
    ]


def fill(
    product: Product, database: Path | str, wanted: Iterable[WorkflowKind], distribution: Distribution
) -> dict[str, float]:
    """Run each version of each workflow once, then stop the product and multiply its rows. Return the numbers of rows.

    `database` is SQLite's file, or the URL of a PostgreSQL database.
    """
    try:
        copies = [copy for kind in wanted for copy in _templates(product, kind)]
    finally:
        product.stop()
    begun = time.monotonic()
    if isinstance(database, str):
        from tests.bench import postgres

        counts = postgres.multiply(database, copies, distribution)
        return {**counts, "seconds": time.monotonic() - begun}
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        # There are no other clients, and a database lost by a power failure is created again.
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA cache_size=-262144")
        multiply(db, copies, distribution)
        counts = {
            f"{name}s": float(db.execute(f"SELECT count(*) FROM engine_{name}").fetchone()[0])
            for name in ("run", "noderun", "attempt", "eventbatch", "logbatch")
        }
    return {**counts, "seconds": time.monotonic() - begun, "database_mb": database.stat().st_size / 1e6}


def _templates(product: Product, kind: WorkflowKind) -> list[tuple[int, int]]:
    """Publish the versions and run each of them, the last one also with each other outcome. Return (run, number of
    copies)."""
    product.call("POST", "/api/v1/workflows/", {"name": kind.slug.title(), "slug": kind.slug})
    count_per_version = kind.runs * (1 - sum(outcome.share for outcome in kind.outcomes)) / kind.versions
    made = []
    for number in range(1, kind.versions + 1):
        last = number == kind.versions and kind.failing is not None
        document = dict(kind.failing if last and kind.failing else kind.document)
        own = document.get("inputs", {}).get("properties", {})
        properties = {**own, "change": {"type": "integer", "default": number}}
        document["inputs"] = {"type": "object", "properties": properties}
        address = f"/api/v1/workflows/{kind.slug}/"
        product.call("POST", f"{address}versions/", {"definition": document, "message": f"change {number}"})
        made.append(
            (
                _run(product, address, Outcome("failed" if last else "succeeded", 1), {"version": number}),
                count_per_version,
            )
        )
    for outcome in kind.outcomes:
        body = {"draft": True} if outcome.draft else {"version": kind.versions}
        if outcome.draft:
            _draft(product, address, document)
        made.append((_run(product, address, outcome, body), kind.runs * outcome.share))
    return [(run, max(1, round(count))) for run, count in made]


def _run(product: Product, address: str, outcome: Outcome, body: Mapping[str, Any]) -> int:
    wait = 0 if outcome.cancelled else 50
    run = product.call("POST", f"{address}runs/?wait={wait}", {**body, "inputs": dict(outcome.inputs)})
    if outcome.cancelled:
        product.call("POST", f"/api/v1/runs/{run['id']}/cancel/", {})
        while run["finished_at"] is None:
            time.sleep(LOOK_SECONDS)
            run = product.call("GET", f"/api/v1/runs/{run['id']}/")
    if run["state"] != outcome.state:
        raise RuntimeError(f"A run is to be {outcome.state} and is {run['state']}: {run['counts']}.")
    return int(run["id"])


def _draft(product: Product, address: str, document: Document) -> None:
    connection = product.connect()
    headers = {**product.headers, "If-Match": "*"}
    connection.request("PUT", f"{address}draft/", json.dumps({"definition": document}), headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"Saving a draft: {answer.status} {answer.read()[:300].decode(errors='replace')}")
    connection.close()


def spread(copies: Sequence[tuple[int, int]], distribution: Distribution) -> list[tuple[int, int, int, str | None]]:
    """Return (number, run, seconds ago, user) of each copy in random order; user None: that of the copied run."""
    order = [run for run, count in copies for _ in range(count)]
    random.Random(8).shuffle(order)
    span, people = distribution.days * 86400, distribution.people or (None,)
    return [(n, run, span - span * n // len(order), people[n % len(people)]) for n, run in enumerate(order)]


def multiply(db: sqlite3.Connection, copies: Sequence[tuple[int, int]], distribution: Distribution = EVEN) -> None:
    """Add copies of the given runs, (run, number) each."""
    first = db.execute("SELECT max(id) FROM engine_run").fetchone()[0] + 1
    db.execute("CREATE TEMP TABLE copy (id INTEGER PRIMARY KEY, source INTEGER, later TEXT, who TEXT)")
    rows = [(first + n, run, f"-{ago} seconds", who) for n, run, ago, who in spread(copies, distribution)]
    db.execute("BEGIN")
    db.executemany("INSERT INTO copy VALUES (?, ?, ?, ?)", rows)
    _copy(db, "run", "id", key="id")
    for name in OF_A_RUN:
        _copy(db, name, "run_id", key="run_id")
    db.execute("DROP TABLE copy")
    db.execute("COMMIT")


def _copy(db: sqlite3.Connection, name: str, ours: str, *, key: str) -> None:
    """Insert the rows of the sources again for the copies."""
    columns: list[Any] = [row[1] for row in db.execute(f"PRAGMA table_info(engine_{name})")]
    wanted = [column for column in columns if column != "id" or key == "id"]
    values = [
        "c.id"
        if column == key
        # Shifts by whole seconds and keeps the fraction.
        else f"datetime(t.{column}, c.later) || substr(t.{column}, 20)"
        if column in TIMES
        else "coalesce(c.who, t.created_by)"
        if column == "created_by"
        else f't."{column}"'
        for column in wanted
    ]
    db.execute(
        f"INSERT INTO engine_{name} ({', '.join(wanted)}) SELECT {', '.join(values)} "
        f"FROM copy c CROSS JOIN engine_{name} t ON t.{ours} = c.source ORDER BY c.id, t.id"
    )
