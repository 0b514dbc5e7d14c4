"""Columns that nodes had in earlier runs of their workflow."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cachetools import LRUCache, cached
from django.db.models import Q

from engine.definition import Document, store
from engine.models import NodeRun, Run

RUNS_MAX: Final = 20
"""How many of the newest runs are examined."""
Column = dict[str, str]


def columns(workflow: str, user: str, names: Sequence[str], document: Any) -> dict[str, list[Column]]:
    """Return the columns by node, for those of `names` whose newest table had the same type and config as in
    `document`.

    Draft runs are used only for the draft's author.
    """
    nodes = (node for node in document["nodes"] if isinstance(node, dict))
    given = {node["id"]: node for node in nodes if isinstance(node.get("id"), str)}
    found: dict[str, list[Column]] = {}
    loaded: dict[int, Document] = {}
    for name, definition_id, schema in _tables(workflow, user, tuple(names)):
        if name in found or name not in given:
            continue
        ran = loaded.get(definition_id) or loaded.setdefault(definition_id, store.load(definition_id))
        node = ran.by_id.get(name)
        now = given[name]
        if node is not None and node.type == now.get("type") and node.config == (now.get("config") or {}):
            found[name] = schema
    return found


def _tables(workflow: str, user: str, names: tuple[str, ...]) -> list[tuple[str, int, list[Column]]]:
    """Return (node, definition, columns) of the nodes' tables in the newest runs, newest first."""
    seen_by = Run.objects.filter(Q(draft=False) | Q(created_by=user), workflow=workflow)
    runs = seen_by.order_by("-id").values_list("pk", "seq", "definition_id")[:RUNS_MAX]
    return _tables_in(names, tuple(runs))


# Called several times a second while somebody types. As long as a run's seq is the same, its outputs are the same.
@cached(LRUCache(maxsize=32), lock=threading.Lock())
def _tables_in(names: tuple[str, ...], runs: tuple[tuple[int, int, int], ...]) -> list[tuple[str, int, list[Column]]]:
    definitions = {pk: definition for pk, _, definition in runs}
    rows = (
        NodeRun.objects.filter(run_id__in=definitions, node__in=names, state="succeeded", artifact__endswith=".parquet")
        .order_by("-run_id")
        .values_list("node", "run_id", "output")
    )
    seen: set[tuple[str, int]] = set()
    found = []
    for name, run, output in rows.iterator():
        definition = definitions[run]
        # A definition has one config per node, so its newest run is enough.
        if (name, definition) not in seen and (schema := _schema(output)):
            seen.add((name, definition))
            found.append((name, definition, schema))
    return found


def _schema(output: Mapping[str, Any] | None) -> list[Column] | None:
    if not output or output.get("kind") != "table" or not isinstance(output.get("schema"), list):
        return None
    return [{"name": str(column["name"]), "type": str(column["type"])} for column in output["schema"]]
