"""What is known of the nodes of a draft beside their definition: how long each usually takes, and since which version
it is as it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cachetools import LRUCache, cached

from engine.models import NodeStat
from versions import queries
from versions.diff import nodes_by_id
from versions.models import Workflow, WorkflowVersion

VERSIONS_MAX: Final = 50
"""Versions that are looked at, the newest first."""
NODES_MAX: Final = 60_000
"""Nodes that are looked at in them: what was not changed in so long is not dated."""


def node_facts(workflow: Workflow, draft: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """{node id: {learned, version, edited}} of the nodes of `draft`, as far as there is something to say.

    `learned`: seconds, the median of its last successes; `version`: the one since which the newest version's node is as
    it is, its place aside; `edited`: the draft's node is another one than the newest version's.
    """
    newest = queries.newest_version(workflow)
    dated = _since(newest) if newest is not None else {}
    published = nodes_by_id(queries.document_of(newest)) if newest is not None else {}
    learned = dict(NodeStat.objects.filter(workflow=workflow.slug, median__isnull=False).values_list("node", "median"))
    found: dict[str, dict[str, Any]] = {}
    for name, node in nodes_by_id(draft).items():
        facts: dict[str, Any] = {}
        if name in learned:
            facts["learned"] = learned[name]
        if name in published:
            if name in dated:
                facts["version"] = dated[name]
            if _said(published[name]) != _said(node):
                facts["edited"] = True
        if facts:
            found[name] = facts
    return found


@cached(LRUCache(maxsize=32), key=lambda newest: newest.pk, lock=threading.Lock())
def _since(newest: WorkflowVersion) -> Mapping[str, int]:
    """{node id of `newest`: version that brought it as it is}."""
    dated: dict[str, int] = {}
    open_: dict[str, Any] = {}
    last = newest.number
    for number, nodes in _history(newest):
        if number == newest.number:
            open_ = {name: _said(node) for name, node in nodes.items()}
            continue
        for name in [name for name, said in open_.items() if name not in nodes or _said(nodes[name]) != said]:
            dated[name] = last
            del open_[name]
        last = number
        if not open_:
            break
    if last == 1:
        dated.update(dict.fromkeys(open_, 1))
    return dated


def _history(newest: WorkflowVersion) -> Iterator[tuple[int, dict[str, Mapping[str, Any]]]]:
    """Versions from the newest on, one at a time: each may be large."""
    seen = 0
    versions = WorkflowVersion.objects.filter(workflow_id=newest.workflow_id, number__lte=newest.number)
    rows = versions.select_related("definition").order_by("-number")[:VERSIONS_MAX]
    for version in rows.iterator(chunk_size=1):
        seen += version.definition.node_count
        if seen > NODES_MAX and version.number != newest.number:
            return
        yield version.number, nodes_by_id(queries.document_of(version))


def _said(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key != "position"}
