"""Reads of what is unfinished must not cost what is finished: on SQLite each uses its partial index."""

from __future__ import annotations

import pytest
from django.db import connection

from engine.models import Command, EventBatch
from engine.models.conditions import failed_runs, holding_nodes, unfinished_nodes, unfinished_runs, with_artifact

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the plans are SQLite's"),
]


@pytest.mark.parametrize(
    ("queryset", "index"),
    [
        (lambda: unfinished_runs().order_by("id"), "run_unfinished"),
        (lambda: failed_runs().order_by("-finished_at")[:10], "run_failed"),
        (lambda: unfinished_nodes().filter(state="ready", pool="p", claim=""), "node_run_unfinished"),
        (lambda: holding_nodes().filter(pool="p"), "node_run_holds"),
        (lambda: with_artifact().filter(artifact__in=["a", "b"]), "node_run_artifact"),
        (lambda: Command.objects.filter(done_at=None).order_by("id"), "command_open"),
    ],
)
def test_a_read_of_what_is_unfinished_uses_its_partial_index(queryset, index):
    assert index in queryset().explain()


def test_events_are_read_by_bounds_on_their_index():
    sql = (
        "EXPLAIN QUERY PLAN SELECT first_seq, body FROM engine_eventbatch WHERE run_id = 1 AND first_seq <= 9 AND "
        "first_seq >= COALESCE((SELECT MAX(first_seq) FROM engine_eventbatch WHERE run_id = 1 AND first_seq <= 2), 0)"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert "run_id=? AND first_seq>? AND first_seq<?" in plan
    assert "SCAN" not in plan
    assert EventBatch.objects.count() == 0
