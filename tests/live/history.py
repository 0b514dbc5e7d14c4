"""A run whose history the test writes itself, in the form in which the scheduler stores it."""

from typing import Any

from django.db import transaction
from django.db.models import F

from engine import clock
from engine.actions import runs
from engine.models import EventBatch, LogBatch, NodeRun, Run
from engine.shapes import micros
from engine.text import dump


def document(nodes: int = 3) -> dict[str, Any]:
    """A chain of no-op nodes n0, n1, ..."""
    return {
        "schema": "interlock/1",
        "nodes": [{"id": f"n{number}", "type": "noop"} for number in range(nodes)],
        "edges": [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(nodes - 1)],
    }


class History:
    """Appends to one run. Every call is one transaction, with its numbers taken in it."""

    def __init__(self, nodes: int = 3, workflow: str = "live-test") -> None:
        definition = runs.store_definition(document(nodes))
        self.run: Run = runs.start(definition, workflow=workflow, inputs={}, by="test")
        self.ids = [f"n{number}" for number in range(nodes)]
        Run.objects.filter(pk=self.run.pk).update(counts={"pending": nodes})

    @property
    def pk(self) -> int:
        return int(self.run.pk)

    @property
    def seq(self) -> int:
        return Run.objects.values_list("seq", flat=True).get(pk=self.pk)

    def _take(self, count: int) -> int:
        """The first of `count` numbers."""
        Run.objects.filter(pk=self.pk).update(seq=F("seq") + count)
        return self.seq - count + 1

    def state(self, state: str) -> None:
        """The run takes a state."""
        now = clock.now()
        fields: dict[str, Any] = {"state": state}
        if state == "running":
            fields["started_at"] = now
        if state not in ("queued", "running", "paused"):
            fields["finished_at"] = now
        with transaction.atomic():
            first = self._take(1)
            Run.objects.filter(pk=self.pk).update(**fields)
            run = Run.objects.get(pk=self.pk)
            stored = {"s": state, "c": run.counts}
            stored.update({"b": micros(run.started_at)} if run.started_at else {})
            stored.update({"f": micros(run.finished_at)} if run.finished_at else {})
            self._events(first, [[first, micros(now), "r", stored]])

    def node(self, node: str, state: str) -> None:
        """A node takes a state."""
        now = clock.now()
        with transaction.atomic():
            first = self._take(1)
            row, _ = NodeRun.objects.get_or_create(run_id=self.pk, node=node, defaults={"state": state})
            row.state, row.attempt = state, 1
            if state == "running":
                row.started_at = now
            elif state != "ready":
                row.finished_at = now
            row.save()
            stored: dict[str, Any] = {"s": state, "a": 1}
            stored.update({"b": micros(row.started_at)} if row.started_at else {})
            stored.update({"f": micros(row.finished_at)} if row.finished_at else {})
            stored.update({"p": row.progress} if row.progress else {})
            counts: dict[str, int] = {}
            for one in NodeRun.objects.filter(run_id=self.pk).values_list("state", flat=True):
                counts[one] = counts.get(one, 0) + 1
            counts["pending"] = len(self.ids) - sum(counts.values())
            Run.objects.filter(pk=self.pk).update(counts=counts)
            self._events(first, [[first, micros(now), "n", node, stored]])

    def lines(self, count: int, node: str = "n0", text: str = "line") -> None:
        """Lines of a node, in batches of at most 200."""
        with transaction.atomic():
            first = self._take(count)
            at = clock.iso(clock.now())
            for start in range(first, first + count, 200):
                last = min(start + 199, first + count - 1)
                body = [[at, "info", f"{text} {number}"] for number in range(start, last + 1)]
                LogBatch.objects.create(
                    run_id=self.pk, node=node, attempt=1, first_seq=start, last_seq=last, body=dump(body)
                )

    def progress(self, node: str, fraction: float) -> None:
        now = clock.now()
        with transaction.atomic():
            first = self._take(1)
            NodeRun.objects.filter(run_id=self.pk, node=node).update(
                progress={"fraction": fraction, "message": None, "at": clock.iso(now)}
            )
            self._events(first, [[first, micros(now), "p", node, fraction, None]])

    def _events(self, first: int, stored: list[Any]) -> None:
        last = first + len(stored) - 1
        EventBatch.objects.create(run_id=self.pk, first_seq=first, last_seq=last, body=dump(stored))
