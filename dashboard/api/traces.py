"""What a run leaves behind it, for whoever asks how it went: stacks, timeline, samples, a node's history."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import shapes, trace_shapes
from dashboard.api.base import BEFORE, SEQ_MAX, ApiView, Query, answer, listed, next_address, parameter, whole
from dashboard.api.problems import CONTENT_TYPE
from engine.actions import runs
from engine.errors import NotFound, WrongState
from engine.reads import history, stored_stacks, timeline

_AFTER = "[a-z][a-z0-9_]{0,62}:[0-9]{1,9}"


class Stack(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "node_stack"}
    noun = "nodes"

    @extend_schema(
        responses={
            200: answer(trace_shapes.Stack, "Taken now; of a node that does not run: the last that was kept."),
            (404, CONTENT_TYPE): shapes.Problem,
            (503, CONTENT_TYPE): shapes.Problem,
        },
        description=(
            "What the threads of a running node do, sampled a few times (up to two seconds; stacks of the last second "
            "are handed out again). A node that does not run: its last kept stacks, 404 `no_stack` when there are "
            "none. 503 `no_answer`: the scheduler did not take them in time."
        ),
    )
    def get(self, request: Request, run_id: str, node: str) -> Response:
        run = access.run(request.user, run_id)
        try:
            taken = runs.take_stack(run, node, by=self.by)
        except WrongState:
            taken = None
        found = stored_stacks.newest(run, node) if taken is None else stored_stacks.stack_shape(taken)
        if found is None:
            raise NotFound(
                _('Node "%(node)s" of run %(run)s does not run, and no stacks of it were kept.')
                % {"node": node, "run": run.pk},
                code="no_stack",
            )
        return Response(found)


class Timeline(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "run_timeline"}
    noun = "runs"

    @extend_schema(
        parameters=[
            parameter(
                "limit",
                f"Attempts in one answer; {timeline.BARS_MAX} by default and at most.",
                whole(1, SEQ_MAX),
            ),
            parameter(
                "after",
                "Where the answer begins; part of the address in `next`.",
                {"type": "string", "pattern": f"^{_AFTER}$"},
            ),
        ],
        responses={200: trace_shapes.Timeline},
        description="When each attempt of a run waited, ran and ended, and what is still to come.",
    )
    def get(self, request: Request, run_id: str) -> Response:
        query = Query(request)
        run = access.run(request.user, run_id)
        after = query.text("after")
        if after and not re.fullmatch(_AFTER, after):
            raise query.wrong("after", _("a value from `next`"))
        limit = min(query.integer("limit", timeline.BARS_MAX, 1, SEQ_MAX), timeline.BARS_MAX)
        found = timeline.timeline(run, after=after or None, limit=limit)
        following = found["next"]
        return Response({**found, "next": next_address(request, {"after": following} if following else None)})


class History(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "node_history"}
    noun = "nodes"

    @extend_schema(
        parameters=[
            parameter("limit", f"Runs on one page; {history.HISTORY_MAX} by default and at most.", whole(1, SEQ_MAX)),
            BEFORE,
        ],
        responses={200: listed(trace_shapes.PastRun)},
        description="This node in the runs of the same workflow, newest first; drafts' runs are left out.",
    )
    def get(self, request: Request, run_id: str, node: str) -> Response:
        query = Query(request)
        run = access.run(request.user, run_id)
        limit = _limit(query, history.HISTORY_MAX)
        found = history.node_history(run, node, limit, before=query.optional_integer("before", 0, SEQ_MAX))
        changed = {"before": found[-1]["run"]} if len(found) == limit else None
        return Response({"results": found, "next": next_address(request, changed)})


class Samples(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "node_samples"}
    noun = "nodes"

    @extend_schema(
        parameters=[
            parameter("limit", f"Samples; {history.SAMPLES_MAX} by default and at most.", whole(1, SEQ_MAX)),
        ],
        responses={200: listed(trace_shapes.Sample)},
        description="Resource use of a node's newest attempt, the last samples, oldest first; `next` is always null.",
    )
    def get(self, request: Request, run_id: str, node: str) -> Response:
        query = Query(request)
        run = access.run(request.user, run_id)
        found: list[dict[str, Any]] = history.node_samples(run, node, _limit(query, history.SAMPLES_MAX))
        return Response({"results": found, "next": None})


def _limit(query: Query, most: int) -> int:
    return min(query.integer("limit", most, 1, SEQ_MAX), most)
