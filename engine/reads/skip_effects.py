"""What the skip of a node means to others: which of them fail on its null, and the last known schema of its table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from engine.definition import Document, Node, store
from engine.errors import NotFound
from engine.models import NodeRun, Run
from engine.nodes import registry
from engine.states import DID_NOT_RUN, KEPT_BY_SKIP

RUNS_MAX: Final = 500
"""How many of the newest runs of a workflow are searched for a schema."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A node that fails on null, and its input that is null."""

    node: str
    name: str
    input: str

    def shape(self) -> dict[str, str]:
        return {"node": self.node, "name": self.name, "input": self.input}


@dataclass(frozen=True, slots=True)
class KnownSchema:
    """The columns, as [{name, type}], of the table that a node handed on in `run`."""

    run: int
    columns: list[dict[str, str]]

    def shape(self) -> dict[str, Any]:
        return {"run": str(self.run), "columns": self.columns}


def readers_failing_on_null(run: Run, node: str) -> list[Reader]:
    """Return the nodes that would fail if `node` handed on null, in document order. Raises NotFound.

    A node that has run, or whose trigger rule starts it only after a failure, is not among them.
    """
    document = store.load(run.definition_id)
    if node not in document.by_id:
        raise NotFound.node(run.pk, node)
    found = {(reader.id, port): reader for reader, port in _readers(document, node)}
    names = {name for name, _ in found}
    rows = NodeRun.objects.filter(run=run, item=-1, node__in=names).values_list("node", "state", "reason")
    ended = {name for name, state, reason in rows if not _will_run(state, reason)}
    ended |= _not_asked(run, document, names)
    kept = [(reader, port) for (name, port), reader in found.items() if name not in ended]
    return [Reader(reader.id, reader.name, port) for reader, port in sorted(kept, key=lambda one: one[0].index)]


def _readers(document: Document, start: str) -> Iterator[tuple[Node, str]]:
    """Yield the nodes that fail on the null of `start`, with their input; nodes that hand their input on hand it on."""
    seen, stack = {start}, [start]
    while stack:
        for edge in document.downstream.get(stack.pop(), ()):
            reader = document.by_id[edge.target]
            node_type = registry.get(reader.type)
            if edge.order or node_type is None or reader.policy.trigger_rule == "all_failed":
                continue
            if node_type.fails_on_null(reader.config, edge.target_port):
                yield reader, edge.target_port
            elif node_type.output == "input" and reader.id not in seen:
                seen.add(reader.id)
                stack.append(reader.id)


def _will_run(state: str, reason: str) -> bool:
    """Return whether a node in this state runs after the skip of a node upstream."""
    return state == "pending" or (state in DID_NOT_RUN and reason not in KEPT_BY_SKIP)


def _not_asked(run: Run, document: Document, names: set[str]) -> set[str]:
    """Return those of `names` that no target of the run depends on."""
    if run.targets is None:
        return set()
    stack = [target for target in run.targets if target in document.by_id]
    asked = set(stack)
    while stack:
        for edge in document.upstream.get(stack.pop(), ()):
            if edge.source not in asked:
                asked.add(edge.source)
                stack.append(edge.source)
    return names - asked


def last_known_schema(run: Run, node: str) -> KnownSchema | None:
    """Return the schema of the node's most recent output in this workflow; None if there is none or it is no table.

    Runs of versions count for all runs. Draft runs count only for draft runs of the same person, because drafts are
    private.
    """
    visible = Q(draft=False)
    if run.draft:
        visible |= Q(draft=True, created_by=run.created_by)
    runs = Run.objects.filter(visible, workflow=run.workflow).order_by("-id").values_list("id", flat=True)[:RUNS_MAX]
    succeeded = NodeRun.objects.filter(run_id__in=list(runs), node=node, item=-1, state="succeeded")
    found = succeeded.order_by("-run_id").values_list("run_id", "output").first()
    if found is None or not found[1] or found[1]["kind"] != "table":
        return None
    return KnownSchema(found[0], found[1]["schema"])
