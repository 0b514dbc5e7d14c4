"""Records of a run: stacks, timeline, samples and the history of a node."""

import re
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import shapes, trace_shapes
from dashboard.api.base import BEFORE, SEQ_MAX, ApiView, Query, integer_schema, list_of, next_url, parameter
from dashboard.api.problems import CONTENT_TYPE
from engine.actions import runs
from engine.errors import NotFound, WrongState
from engine.reads import history, stored_stacks, timeline

_AFTER = "[a-z][a-z0-9_]{0,62}:[0-9]{1,9}"


def _limit_parameter(what: str, most: int) -> OpenApiParameter:
    return parameter("limit", f"{what}; {most} by default and at most.", integer_schema(1, SEQ_MAX))


def _limit(query: Query, most: int) -> int:
    return min(query.integer("limit", most, 1, SEQ_MAX), most)


class Stack(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "node_stack"}
    noun = "nodes"

    @extend_schema(
        responses={
            200: OpenApiResponse(
                trace_shapes.Stack, "Captured now; for a node that is not running, the last stored one."
            ),
            (404, CONTENT_TYPE): shapes.Problem,
            (503, CONTENT_TYPE): shapes.Problem,
        },
        description=(
            "What the threads of a running node do, sampled a few times (up to two seconds; stacks captured within the "
            "last second are returned again). For a node that is not running: its last stored stacks, 404 `no_stack` "
            "if there are none. 503 `no_answer`: the scheduler did not capture them in time."
        ),
    )
    def get(self, request: Request, run_id: str, node: str) -> Response:
        run = access.run(request.user, run_id)
        try:
            captured = runs.take_stack(run, node, by=self.by)
        except WrongState:
            captured = None
        found = stored_stacks.newest(run, node) if captured is None else stored_stacks.stack_shape(captured)
        if found is None:
            raise NotFound(
                _('Node "%(node)s" of run %(run)s is not running, and no stack traces of it are stored.')
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
            _limit_parameter("Attempts per page", timeline.BARS_MAX),
            parameter(
                "after",
                "Start of the page; part of the URL in `next`.",
                {"type": "string", "pattern": f"^{_AFTER}$"},
            ),
        ],
        responses={200: trace_shapes.Timeline},
        description="When each attempt of a run waited, ran and ended, and which nodes are still to come.",
    )
    def get(self, request: Request, run_id: str) -> Response:
        query = Query(request)
        run = access.run(request.user, run_id)
        after = query.text("after")
        if after and not re.fullmatch(_AFTER, after):
            raise query.invalid("after", _("a value from `next`"))
        found = timeline.timeline(run, after=after or None, limit=_limit(query, timeline.BARS_MAX))
        following = found["next"]
        return Response({**found, "next": next_url(request, {"after": following} if following else None)})


class History(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "node_history"}
    noun = "nodes"

    @extend_schema(
        parameters=[_limit_parameter("Runs per page", history.HISTORY_MAX), BEFORE],
        responses={200: list_of(trace_shapes.PastRun)},
        description="This node in the runs of the same workflow, newest first; without runs of drafts.",
    )
    def get(self, request: Request, run_id: str, node: str) -> Response:
        query = Query(request)
        run = access.run(request.user, run_id)
        limit = _limit(query, history.HISTORY_MAX)
        found = history.node_history(run, node, limit, before=query.before)
        changed = {"before": found[-1]["run"]} if len(found) == limit else None
        return Response({"results": found, "next": next_url(request, changed)})


class Samples(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "node_samples"}
    noun = "nodes"

    @extend_schema(
        parameters=[_limit_parameter("Samples", history.SAMPLES_MAX)],
        responses={200: list_of(trace_shapes.Sample)},
        description="The last samples of the newest attempt's resource use, oldest first; `next` is always null.",
    )
    def get(self, request: Request, run_id: str, node: str) -> Response:
        query = Query(request)
        run = access.run(request.user, run_id)
        found: list[dict[str, Any]] = history.node_samples(run, node, _limit(query, history.SAMPLES_MAX))
        return Response({"results": found, "next": None})
