"""Facts about a draft's nodes beside their definition: learned durations, and the version of the last change."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cachetools import LRUCache, cached

from engine.models import NodeStat
from versions import queries
from versions.diff import nodes_by_id
from versions.models import Workflow, WorkflowVersion

VERSIONS_MAX: Final = 50
"""How many of the newest versions are examined."""
NODES_MAX: Final = 60_000
"""How many nodes in them are examined. Older changes are not dated."""


def node_facts(workflow: Workflow, draft: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return {node id: {learned, version, edited}} for the nodes of `draft` with such facts.

    `learned`: median seconds of the last successes. `version`: the version that last changed the newest version's node,
    except its position. `edited`: the draft's node differs from the newest version's.
    """
    newest = queries.newest_version(workflow)
    versions = _last_changes(newest) if newest is not None else {}
    published = nodes_by_id(queries.document_of(newest)) if newest is not None else {}
    learned = dict(NodeStat.objects.filter(workflow=workflow.slug, median__isnull=False).values_list("node", "median"))
    found: dict[str, dict[str, Any]] = {}
    for name, node in nodes_by_id(draft).items():
        facts: dict[str, Any] = {}
        if name in learned:
            facts["learned"] = learned[name]
        if name in published:
            if name in versions:
                facts["version"] = versions[name]
            if _without_position(published[name]) != _without_position(node):
                facts["edited"] = True
        if facts:
            found[name] = facts
    return found


@cached(LRUCache(maxsize=32), key=lambda newest: newest.pk, lock=threading.Lock())
def _last_changes(newest: WorkflowVersion) -> Mapping[str, int]:
    """Return {node id of `newest`: version that last changed it}."""
    found: dict[str, int] = {}
    unchanged: dict[str, Any] = {}
    last = newest.number
    for number, nodes in _history(newest):
        if number == newest.number:
            unchanged = {name: _without_position(node) for name, node in nodes.items()}
            continue
        changed = [
            name
            for name, content in unchanged.items()
            if name not in nodes or _without_position(nodes[name]) != content
        ]
        for name in changed:
            found[name] = last
            del unchanged[name]
        last = number
        if not unchanged:
            break
    if last == 1:
        found.update(dict.fromkeys(unchanged, 1))
    return found


def _history(newest: WorkflowVersion) -> Iterator[tuple[int, dict[str, Mapping[str, Any]]]]:
    """Yield versions from the newest on, one at a time, because each may be large."""
    nodes_read = 0
    versions = WorkflowVersion.objects.filter(workflow_id=newest.workflow_id, number__lte=newest.number)
    rows = versions.select_related("definition").order_by("-number")[:VERSIONS_MAX]
    for version in rows.iterator(chunk_size=1):
        nodes_read += version.definition.node_count
        if nodes_read > NODES_MAX and version.number != newest.number:
            return
        yield version.number, nodes_by_id(queries.document_of(version))


def _without_position(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key != "position"}
