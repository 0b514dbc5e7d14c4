"""The queries of a request, and the indexes of their plans.

Run as a module in the environment of a product. It reads {name: [url, headers]} as JSON, requests each like a client,
and writes {name: {cpu_ms, database_ms, queries}}: the least time of this process and of the database, which depends
less on other load than a clock, and how each query about runs was read (see `describe`).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db import connection

if TYPE_CHECKING:
    from django.test import Client

HISTORY: Final = tuple(
    f"engine_{name}" for name in ("run", "noderun", "attempt", "eventbatch", "logbatch", "sample", "stack", "command")
)
"""Tables that grow with every run."""
REPEAT: Final = 3
SORTS: Final = ("Sort", "Incremental Sort")


class PlanNode(NamedTuple):
    """A node of a PostgreSQL plan after its execution."""

    node_type: str
    """`Index Scan`, `Seq Scan`, `Sort` ..."""
    table: str
    index_name: str
    rows: int
    """Rows read (or sorted), including those that a condition discarded."""
    discarded: int


@contextmanager
def queries() -> Iterator[list[tuple[str, Any]]]:
    """Collect (statement, parameters) of each executed read."""
    statements: list[tuple[str, Any]] = []

    def record(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        yield statements


def about_history(sql: str) -> bool:
    return any(f'"{table}"' in sql or f" {table} " in sql for table in HISTORY)


class QueryPlan(NamedTuple):
    milliseconds: float
    """Of the database, including planning."""
    nodes: list[PlanNode]
    """From the top."""


def plan(sql: str, params: Any) -> QueryPlan:
    """Execute the query again and return its plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        ((found,),) = cursor.fetchone()
    return QueryPlan(found["Planning Time"] + found["Execution Time"], list(_nodes(found["Plan"])))


def _nodes(node: Mapping[str, Any]) -> Iterator[PlanNode]:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    loops = node["Actual Loops"]
    rows, discarded = round(loops * (node["Actual Rows"] + removed)), round(loops * removed)
    yield PlanNode(node["Node Type"], node.get("Relation Name", ""), node.get("Index Name", ""), rows, discarded)
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def describe(found: list[PlanNode]) -> str:
    """Return how tables were read and what was sorted, like `Index Only Scan run_workflow 51, Sort 51`."""
    shown = (node for node in found if node.index_name or node.table or node.node_type in SORTS)
    return ", ".join(
        " ".join(filter(None, (node.node_type, node.index_name or node.table, f"{node.rows:,}"))) for node in shown
    )


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    from django.test import Client

    client = Client()
    json.dump({name: _measure(client, *page) for name, page in json.load(sys.stdin).items()}, sys.stdout)


def _measure(client: Client, address: str, headers: Mapping[str, str]) -> dict[str, Any]:
    def ask() -> None:
        answer = client.get(address, headers=headers)
        if answer.status_code != 200:
            raise SystemExit(f"GET {address}: {answer.status_code}")
        # Streaming may take queries too.
        b"".join(answer)

    with queries() as statements:
        ask()
    seconds = []
    for _ in range(REPEAT):
        begun = time.process_time()
        ask()
        seconds.append(time.process_time() - begun)
    took = [min((plan(*one) for _ in range(REPEAT)), key=lambda found: found.milliseconds) for one in statements]
    return {
        "cpu_ms": min(seconds) * 1000,
        "database_ms": sum(found.milliseconds for found in took),
        "queries": [
            describe(found.nodes) for found, (sql, _) in zip(took, statements, strict=True) if about_history(sql)
        ],
    }


if __name__ == "__main__":
    main()
