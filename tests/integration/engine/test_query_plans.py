"""Reads of what is unfinished must not cost what is finished: on SQLite each uses its partial index."""

import pytest
from django.db import connection
from django.db.models import Count, Q

from engine import clock
from engine.models import Attempt, Command, EventBatch, NodeRun, Run, Sample, Stack
from engine.models.conditions import (
    holding_nodes,
    running_attempts,
    runs_without_success,
    unfinished_nodes,
    unfinished_runs,
    with_artifact,
)
from engine.reads import queries
from engine.states import RUN_TERMINAL

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the plans are SQLite's"),
]


@pytest.mark.parametrize(
    ("queryset", "index"),
    [
        (lambda: unfinished_runs().order_by("id"), "run_unfinished"),
        (lambda: runs_without_success().filter(state="cancelled").order_by("-id")[:10], "run_no_success"),
        (lambda: unfinished_nodes().filter(state="ready", pool="p", claim=""), "node_run_unfinished"),
        (lambda: holding_nodes().filter(pool="p"), "node_run_holds"),
        (lambda: running_attempts().filter(run=1), "attempt_running"),
        (lambda: with_artifact().filter(artifact__in=["a", "b"]), "node_run_artifact"),
        (lambda: Command.objects.filter(done_at=None).order_by("id"), "command_open"),
    ],
)
def test_a_read_of_what_is_unfinished_uses_its_partial_index(queryset, index):
    assert index in queryset().explain()


@pytest.mark.parametrize(
    ("queryset", "found_by"),
    [
        (
            lambda: (
                Attempt.objects.filter(run=1, item=-1)
                .filter(node__gte="a")
                .filter(Q(node__gt="a") | Q(number__gt=1))
                .order_by("node", "item", "number")[:10]
            ),
            "(run_id=? AND node>?)",
        ),
        (
            lambda: Stack.objects.filter(run=1, node="a", item=-1, taken_at__gte=clock.now()).order_by("-taken_at"),
            "stack_node (run_id=? AND node=? AND taken_at>?)",
        ),
        (
            lambda: Sample.objects.filter(run=1, node="a", item=-1, attempt=1).order_by("-at")[:300],
            "sample_node (run_id=? AND node=?)",
        ),
        (
            lambda: Run.objects.filter(workflow="w", draft=False, pk__lt=9).order_by("-id").values("id")[:100],
            "run_workflow (workflow=? AND id<?)",
        ),
        (
            lambda: NodeRun.objects.filter(run_id__in=[1, 2], node="a", item=-1).order_by("-run_id"),
            "(run_id=? AND node=? AND item=?)",
        ),
    ],
)
def test_what_a_run_leaves_is_found_by_its_index_and_in_order(queryset, found_by):
    plan = queryset().explain()
    assert found_by in plan
    assert "SCAN" not in plan
    # Rows with one node or one time may be sorted among themselves.
    assert "TEMP B-TREE" not in plan or "TEMP B-TREE FOR LAST TERM" in plan


@pytest.mark.parametrize(
    ("queryset", "found_by"),
    [
        (lambda: queries.runs(states=["failed", "timed_out"])[:51], "SCAN engine_run USING INDEX run_no_success"),
        (lambda: queries.runs(states=["cancelled", "queued"])[:51], "SCAN engine_run USING INDEX run_no_success"),
        (lambda: queries.runs(states=["queued", "paused"])[:51], "SCAN engine_run USING INDEX run_unfinished"),
        (lambda: queries.runs(workflow="w")[50:101], "USING INDEX run_workflow (workflow=?)"),
        (lambda: queries.runs(workflow="w", states=["failed"])[:51], "USING INDEX run_workflow (workflow=?)"),
        (
            lambda: queries.runs(workflow="w", version=3, before=9)[:51],
            "run_version (workflow=? AND version=? AND id<?)",
        ),
        (lambda: queries.runs(created_by="a", states=["failed"])[:51], "USING INDEX run_by (created_by=?)"),
        (lambda: queries.runs(since=clock.now())[:51], "USING INDEX run_created (created_at>?)"),
        (lambda: queries.runs(until=clock.now())[:51], "USING INDEX run_created (created_at<?)"),
        (
            lambda: Run.objects.filter(workflow="w", draft=True, created_by="a").order_by("-id")[:1],
            "USING INDEX run_draft (workflow=? AND created_by=?)",
        ),
    ],
)
def test_a_page_of_runs_is_read_in_order_and_no_further(queryset, found_by):
    plan = queryset().explain()
    assert found_by in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    ("queryset", "index"),
    [
        (lambda: Run.objects.filter(workflow="w").order_by().values("workflow").annotate(n=Count("id")), "run_"),
        (
            lambda: (
                Run.objects.filter(workflow="w", version__in=[1, 2])
                .order_by()
                .values("version")
                .annotate(n=Count("id"), failed=Count("id", filter=Q(state__in=["failed", "timed_out"])))
            ),
            "run_version",
        ),
        (
            lambda: Run.objects.filter(finished_at__gte=clock.now()).order_by().values("state").annotate(n=Count("*")),
            "run_finished",
        ),
        (
            lambda: (
                EventBatch.objects.filter(run_id__in=[1, 2]).order_by().values("run_id").annotate(n=Count("run_id"))
            ),
            "engine_eventbatch",
        ),
    ],
)
def test_counts_are_taken_from_an_index_alone(queryset, index):
    plan = queryset().explain()
    assert "COVERING INDEX" in plan
    assert index in plan


def test_old_runs_are_found_for_deletion_by_when_they_ended():
    found = Run.objects.filter(finished_at__lt=clock.now(), state__in=RUN_TERMINAL).order_by("finished_at")[:50]
    plan = found.explain()
    assert "run_finished (finished_at<?)" in plan
    assert "TEMP B-TREE" not in plan


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
