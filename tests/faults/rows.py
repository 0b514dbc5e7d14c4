"""The database at one moment, read without the product, on SQLite and on PostgreSQL."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol


def moment_ns(text: str | None) -> int | None:
    """Return the Unix time of a stored moment."""
    if text is None:
        return None
    at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(at.timestamp()) * 10**9 + at.microsecond * 1000


class Database(Protocol):
    """A connection for reading either database. Moments are text in UTC, placeholders are question marks."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Any: ...


def table(db: Database, query: str) -> list[dict[str, Any]]:
    """Return rows as dictionaries by column."""
    cursor = db.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


@dataclass
class Rows:
    """The database at one moment."""

    runs: dict[str, dict[str, Any]]
    nodes: dict[tuple[str, str], dict[str, Any]]
    attempts: dict[tuple[str, str], list[dict[str, Any]]]
    """In the order of their numbers."""
    documents: dict[int, tuple[str, dict[str, Any]]]
    """{definition: (hash, document)}."""
    events: dict[str, list[list[Any]]]
    lines: dict[str, list[tuple[int, int]]]
    """{run: (first number, number of lines) of each batch}."""
    pools: dict[str, dict[str, Any]]
    epoch: int
    open_commands: int

    @classmethod
    def read(cls, db: Database) -> "Rows":
        """Read everything in one transaction."""

        def all_of(name: str, order: str = "id") -> list[dict[str, Any]]:
            return table(db, f"SELECT * FROM {name} ORDER BY {order}")

        db.execute("BEGIN")
        try:
            attempts: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
            for row in all_of("engine_attempt", "number"):
                attempts[str(row["run_id"]), row["node"]].append(row)
            events: dict[str, list[list[Any]]] = defaultdict(list)
            for row in all_of("engine_eventbatch", "first_seq"):
                events[str(row["run_id"])] += json.loads(row["body"])
            lines: dict[str, list[tuple[int, int]]] = defaultdict(list)
            for row in all_of("engine_logbatch", "first_seq"):
                lines[str(row["run_id"])].append((row["first_seq"], len(json.loads(row["body"]))))
            leaders = all_of("engine_leader")
            return cls(
                runs={str(row["id"]): row for row in all_of("engine_run")},
                nodes={(str(row["run_id"]), row["node"]): row for row in all_of("engine_noderun")},
                attempts=attempts,
                documents={
                    row["id"]: (row["hash"], json.loads(row["document"])) for row in all_of("engine_definition")
                },
                events=events,
                lines=lines,
                pools={row["name"]: row for row in all_of("engine_pool")},
                epoch=leaders[0]["epoch"] if leaders else 0,
                open_commands=sum(row["done_at"] is None for row in all_of("engine_command")),
            )
        finally:
            db.execute("ROLLBACK")

    @classmethod
    def of_pools(cls, db: Database) -> "Rows":
        """Read only pools and the nodes that hold their slots, which is quick enough to be repeated."""
        db.execute("BEGIN")
        try:
            holding = table(db, "SELECT * FROM engine_noderun WHERE pool <> '' AND claim <> ''")
            pools = table(db, "SELECT * FROM engine_pool")
            open_ = db.execute("SELECT count(*) FROM engine_command WHERE done_at IS NULL").fetchone()[0]
        finally:
            db.execute("ROLLBACK")
        return cls(
            runs={}, attempts={}, documents={}, events={}, lines={}, epoch=0, open_commands=open_,
            nodes={(str(row["run_id"]), row["node"]): row for row in holding},
            pools={row["name"]: row for row in pools},
        )  # fmt: skip

    def document(self, run: str) -> dict[str, Any]:
        return self.documents[self.runs[run]["definition_id"]][1]

    def policy(self, run: str, node: str) -> dict[str, Any]:
        found = next((one for one in self.document(run)["nodes"] if one["id"] == node), None)
        assert found is not None, (run, node)
        policy: dict[str, Any] = found.get("policy") or {}
        return policy
