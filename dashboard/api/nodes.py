"""Nodes of a run: state, attempts, logs and outputs."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import shapes
from dashboard.api.base import (
    AFTER,
    BEFORE,
    BINARY_BODY,
    LIMIT,
    SEQ_MAX,
    ApiView,
    Query,
    integer_schema,
    list_of,
    next_url,
    parameter,
    slice_page,
)
from dashboard.api.problems import BadRequest
from engine.artifacts import Artifacts, artifacts_of, outputs
from engine.errors import NotFound
from engine.models import Run as RunRow
from engine.reads import logs, node_runs
from engine.reads import queries as engine_queries
from engine.text import dump

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}


class Nodes(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "list_nodes"}
    noun = "nodes"

    @extend_schema(
        parameters=[LIMIT, AFTER],
        responses={200: list_of(shapes.NodeRun)},
        description="All nodes of a run in the order of its definition, including those still pending.",
    )
    def get(self, request: Request, run_id: str) -> HttpResponse:
        run = access.run(request.user, run_id)
        nodes, following = slice_page(request, engine_queries.document(run).nodes)
        # They are stored as JSON already; do not parse and serialize them again.
        results = ",".join(text for _, text in node_runs.node_texts(run, [node.id for node in nodes]))
        return HttpResponse(f'{{"results":[{results}],"next":{dump(following)}}}', content_type="application/json")


class Node(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "get_node"}
    noun = "nodes"

    @extend_schema(responses={200: shapes.NodeRun}, description="One node of a run.")
    def get(self, request: Request, run_id: str, node: str) -> Response:
        return Response(node_runs.node_run(access.run(request.user, run_id), node))


class Attempts(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "list_attempts"}
    noun = "nodes"

    @extend_schema(
        parameters=[LIMIT, BEFORE],
        responses={200: list_of(shapes.Attempt)},
        description="Attempts of one node, newest first; lost ones stay in the list.",
    )
    def get(self, request: Request, run_id: str, node: str) -> Response:
        query = Query(request)
        found = engine_queries.attempts(access.run(request.user, run_id), node)[::-1]
        before, limit = query.before, query.limit
        if before is not None:
            found = [attempt for attempt in found if attempt["number"] < before]
        changed = {"before": found[limit - 1]["number"]} if len(found) > limit else None
        return Response({"results": found[:limit], "next": next_url(request, changed)})


class Logs(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "list_log_lines"}
    noun = "runs"

    @extend_schema(
        parameters=[
            parameter("node", "Only lines of this node."),
            parameter("attempt", "Only lines of this attempt.", integer_schema(1)),
            parameter("after", "Only lines with a greater `seq`.", integer_schema(0, SEQ_MAX)),
            parameter("level", "This level and more severe ones.", enum=list(shapes.LEVELS)),
            parameter("q", "Only lines that contain this text (case-insensitive)."),
            LIMIT,
        ],
        responses={200: list_of(shapes.LogLine)},
        description="Log lines in the order of `seq`, including those of running attempts. `next` is null if there "
        "are no more yet.",
    )
    def get(self, request: Request, run_id: str) -> Response:
        query = Query(request)
        run = access.run(request.user, run_id)
        lines, after = logs.logs(
            run,
            node=query.text("node") or None,
            attempt=query.optional_integer("attempt", 1),
            after=query.integer("after", 0, 0, SEQ_MAX),
            level=query.choice("level", shapes.LEVELS) or None,
            q=query.text("q") or None,
            limit=query.limit,
        )
        changed = None if after is None else {"after": after}
        return Response({"results": lines, "next": next_url(request, changed)})


def _stored_output(run: RunRow, node: str) -> dict[str, Any]:
    stored = engine_queries.node_output(run, node)
    if stored is None:
        raise NotFound(
            _('Node "%(node)s" of run %(run)s has no output, because it has not succeeded.')
            % {"node": node, "run": run.pk},
            code="no_output",
        )
    return stored


def _artifacts() -> Artifacts:
    return artifacts_of(settings.INTERLOCK)


class Output(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "get_output"}
    noun = "nodes"

    @extend_schema(
        parameters=[
            parameter("offset", "Rows of a table to skip.", integer_schema(0, SEQ_MAX)),
            LIMIT,
        ],
        responses={
            200: PolymorphicProxySerializer(
                component_name="Output",
                serializers={"json": shapes.JSONOutput, "table": shapes.TableOutput},
                resource_type_field_name="kind",
            )
        },
        description="The output of a node that succeeded. 404 `no_output` if there is none.",
    )
    def get(self, request: Request, run_id: str, node: str) -> Response:
        query = Query(request)
        offset, limit = query.integer("offset", 0, 0, SEQ_MAX), query.limit
        stored = _stored_output(access.run(request.user, run_id), node)
        if stored["kind"] == "table":
            rows = outputs.table_rows(stored, _artifacts(), offset, limit)
            return Response({"kind": "table", **rows})
        return Response({"kind": "json", "value": outputs.load_value(stored, _artifacts())})


class Download(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "download_output"}
    noun = "nodes"

    @extend_schema(
        parameters=[parameter("format", "File format; json by default.", enum=list(FORMATS))],
        responses={(200, media.partition(";")[0]): BINARY_BODY for media in FORMATS.values()},
        description="The whole output as a file. Tables are available as csv, parquet or json, JSON values as json.",
    )
    def get(self, request: Request, run_id: str, node: str) -> StreamingHttpResponse:
        query = Query(request)
        form = query.choice("format", tuple(FORMATS), "json")
        run = access.run(request.user, run_id)
        stored = _stored_output(run, node)
        if stored["kind"] != "table" and form != "json":
            raise BadRequest(
                _("The output is a JSON value, not a table. Download it as json."), code="not_a_table", path="format"
            )
        chunks: Iterator[bytes] = iter(outputs.export(stored, _artifacts(), form))
        response = StreamingHttpResponse(chunks, content_type=FORMATS[form])
        # An output must never be rendered in the pages' origin, whatever it holds.
        name = f"run-{run.pk}-{node}.{form}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        return response
