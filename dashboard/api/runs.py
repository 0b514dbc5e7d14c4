"""Runs: start, list, show, cancel, retry, delete."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import bodies, shapes
from dashboard.api.base import BEFORE, LIMIT, ApiView, Query, integer_schema, list_of, page, parameter, parse_body
from dashboard.api.problems import CONTENT_TYPE, BadRequest
from engine.errors import NotAvailableYet
from engine.models import Run as RunRow
from engine.reads import queries as engine_queries
from engine.reads import skip_effects
from engine.states import RUN_STATES
from versions.actions import launch
from versions.actions import runs as run_actions

WAIT_SECONDS_MAX = 60


def run_url(run: RunRow) -> str:
    return f"/api/v1/runs/{run.pk}/"


def run_dicts(rows: list[RunRow]) -> list[dict[str, Any]]:
    return [engine_queries.run_dict(row) for row in rows]


class Launches(ApiView):
    rights = {"POST": Right.RUN}
    operations = {"POST": "start_run"}
    noun = "runs"

    @extend_schema(
        parameters=[
            parameter(
                "wait",
                "Seconds (0 to 60) to wait for the end of the run: 200 if it has ended by then, else 202.",
                {"type": "number", "minimum": 0, "maximum": WAIT_SECONDS_MAX},
            ),
            OpenApiParameter(
                "Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER, description="Not available yet (501)."
            ),
        ],
        request=bodies.Launch,
        responses={
            202: OpenApiResponse(shapes.Run, "Accepted; Location has its URL."),
            200: OpenApiResponse(shapes.Run, "The run ended within `wait`."),
            (409, CONTENT_TYPE): shapes.Problem,
            (422, CONTENT_TYPE): shapes.Problem,
        },
        description=(
            "Start a run of the live version, of `version`, or of the caller's draft (requires the right to edit). "
            "With `targets`, only those nodes and what they depend on run; the others are `skipped`, reason "
            "`not_asked`. 409 `nothing_live`, `no_draft`, `archived`; 422 if the inputs do not match, a target is "
            "unknown (`invalid_targets`) or the draft is invalid."
        ),
    )
    def post(self, request: Request, slug: str) -> Response:
        # `live.wait` waits for the end of the run outside Django, where waiting costs no thread. Only the value is
        # checked here.
        Query(request).number("wait", 0, WAIT_SECONDS_MAX)
        if "Idempotency-Key" in request.headers:
            raise NotAvailableYet("Idempotency-Key")
        workflow = access.workflow(request.user, slug, Right.RUN)
        wanted = parse_body(bodies.Launch, request)
        draft, version = wanted["draft"], wanted.get("version")
        if draft and version is not None:
            raise BadRequest(_("Specify a version or the draft, not both."), code="version_and_draft")
        if draft:
            # A draft contains unpublished code. An account that may only operate must not run it.
            access.require(request.user, Right.EDIT)
        run = launch.launch(
            workflow,
            version=version,
            draft_of=self.person if draft else None,
            inputs=wanted.get("inputs"),
            priority=wanted.get("priority"),
            targets=wanted.get("targets"),
            by=self.by,
        )
        return Response(engine_queries.run_dict(run), status=202, headers={"Location": run_url(run)})


class Runs(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "list_runs"}
    noun = "runs"

    @extend_schema(
        parameters=[
            parameter("workflow", "Slug."),
            parameter(
                "state",
                "States, separated by commas.",
                {"type": "array", "items": {"type": "string", "enum": shapes.RUN_STATE}},
                explode=False,
            ),
            parameter("version", "Version number.", integer_schema(1)),
            parameter("draft", "true: only runs of drafts; false: no runs of drafts.", OpenApiTypes.BOOL),
            parameter("created_by", "User name."),
            parameter("since", "Created at this time or later.", OpenApiTypes.DATETIME),
            parameter("until", "Created before this time.", OpenApiTypes.DATETIME),
            LIMIT,
            BEFORE,
        ],
        responses={200: list_of(shapes.Run)},
        description="Runs, newest first.",
    )
    def get(self, request: Request) -> Response:
        query = Query(request)
        states = query.choices("state", tuple(RUN_STATES))
        rows: QuerySet[RunRow] = engine_queries.runs(
            workflow=query.text("workflow") or None,
            states=states or None,
            version=query.optional_integer("version", 1),
            draft=query.flag("draft"),
            created_by=query.text("created_by") or None,
            since=query.timestamp("since"),
            until=query.timestamp("until"),
            before=query.before,
        )
        return page(request, rows, run_dicts, ordered=True)


class Run(ApiView):
    rights = {"GET": Right.VIEW, "DELETE": Right.RESOURCES}
    operations = {"GET": "get_run", "DELETE": "delete_run"}
    noun = "runs"

    @extend_schema(responses={200: shapes.Run}, description="One run.")
    def get(self, request: Request, run_id: str) -> Response:
        return Response(engine_queries.run_dict(access.run(request.user, run_id, outside_only=True)))

    @extend_schema(
        responses={204: None, (409, CONTENT_TYPE): shapes.Problem},
        description="Delete an ended run with its outputs and logs. 409 `wrong_state` until it has ended.",
    )
    def delete(self, request: Request, run_id: str) -> Response:
        run_actions.delete(access.run(request.user, run_id, Right.RESOURCES, outside_only=True), by=self.by)
        return Response(status=204)


class Command(ApiView):
    """Base of calls that write a command for the scheduler: 202 with the run, before the command is applied."""

    rights = {"POST": Right.RUN}
    noun = "runs"

    @staticmethod
    def accepted_response(run: RunRow) -> Response:
        run.refresh_from_db()
        return Response(engine_queries.run_dict(run), status=202)


_ACCEPTED = {202: shapes.Run, (409, CONTENT_TYPE): shapes.Problem}


class CancelRun(Command):
    operations = {"POST": "cancel_run"}

    @extend_schema(request=bodies.Nothing, responses=_ACCEPTED, description="Cancel a run with all its nodes.")
    def post(self, request: Request, run_id: str) -> Response:
        run = access.run(request.user, run_id, Right.RUN, outside_only=True)
        parse_body(bodies.Nothing, request)
        return self.accepted_response(run_actions.cancel(run, by=self.by))


class RetryRun(Command):
    operations = {"POST": "retry_run"}

    @extend_schema(
        request=bodies.Retry,
        responses={**_ACCEPTED, (422, CONTENT_TYPE): shapes.Problem},
        description=(
            "Retry nodes; without `nodes`, all that failed, timed out or were cancelled. Downstream nodes that did not "
            "run, and all that consumed an output which the retry changes, run again too; running ones are ended first."
        ),
    )
    def post(self, request: Request, run_id: str) -> Response:
        run = access.run(request.user, run_id, Right.RUN)
        wanted = parse_body(bodies.Retry, request)
        return self.accepted_response(
            run_actions.retry(
                run,
                nodes=wanted.get("nodes"),
                from_=wanted["from"],
                policy=_policies(wanted.get("policy")),
                by=self.by,
            )
        )


class RerunRun(Command):
    operations = {"POST": "rerun_run"}

    @extend_schema(
        request=bodies.Rerun,
        responses={
            202: OpenApiResponse(shapes.Run, "The new run; Location has its URL, `rerun_of` the earlier one."),
            (409, CONTENT_TYPE): shapes.Problem,
            (422, CONTENT_TYPE): shapes.Problem,
        },
        description=(
            "Start a new run of the same version with the same inputs, targets and priority. A run of a draft is "
            "repeated with the content that it had, only by its author. 409 `archived`; 422 if `inputs` do not match."
        ),
    )
    def post(self, request: Request, run_id: str) -> Response:
        earlier = access.run_to_repeat(request.user, run_id)
        run = launch.rerun(earlier, inputs=parse_body(bodies.Rerun, request).get("inputs"), by=self.by)
        return Response(engine_queries.run_dict(run), status=202, headers={"Location": run_url(run)})


class CancelNode(Command):
    operations = {"POST": "cancel_node"}
    noun = "nodes"

    @extend_schema(request=bodies.Nothing, responses=_ACCEPTED, description="Cancel one node.")
    def post(self, request: Request, run_id: str, node: str) -> Response:
        run = access.run(request.user, run_id, Right.RUN)
        parse_body(bodies.Nothing, request)
        return self.accepted_response(run_actions.cancel_node(run, node, by=self.by))


class SkipNode(Command):
    rights = {"GET": Right.VIEW, "POST": Right.RUN}
    operations = {"GET": "get_skip_effects", "POST": "skip_node"}
    noun = "nodes"

    @extend_schema(
        responses={200: shapes.SkipEffects},
        description=(
            "What a skip of the node would do: the nodes downstream that need its table and fail on null, and the "
            "schema of the empty table that it can hand on instead, taken from its most recent output in the workflow."
        ),
    )
    def get(self, request: Request, run_id: str, node: str) -> Response:
        run = access.run(request.user, run_id)
        readers, known = skip_effects.readers_failing_on_null(run, node), skip_effects.last_known_schema(run, node)
        return Response(
            {
                "fails_on_null": [reader.shape() for reader in readers],
                "empty_table": None if known is None else known.shape(),
            }
        )

    @extend_schema(
        request=bodies.SkipNode,
        responses={**_ACCEPTED, (422, CONTENT_TYPE): shapes.Problem},
        description=(
            "Let the run continue without one node: downstream nodes see it as succeeded, with output null or, if "
            "`output` says so, an empty table. A running node is killed first; skipping a failed node continues an "
            "ended run. 409 `wrong_state` if it has succeeded or is skipped already; 422 `no_known_schema` if no "
            "schema is known for an empty table."
        ),
    )
    def post(self, request: Request, run_id: str, node: str) -> Response:
        run = access.run(request.user, run_id, Right.RUN)
        output = parse_body(bodies.SkipNode, request).get("output")
        return self.accepted_response(run_actions.skip_node(run, node, output=output, by=self.by))


class RetryNode(Command):
    operations = {"POST": "retry_node"}
    noun = "nodes"

    @extend_schema(
        request=bodies.RetryNode,
        responses={**_ACCEPTED, (422, CONTENT_TYPE): shapes.Problem},
        description="Retry one node. Its attempt is ended first if it is running or retrying.",
    )
    def post(self, request: Request, run_id: str, node: str) -> Response:
        run = access.run(request.user, run_id, Right.RUN)
        wanted = parse_body(bodies.RetryNode, request)
        policy = _object(wanted.get("policy"), "policy")
        return self.accepted_response(
            run_actions.retry_node(run, node, from_=wanted["from"], policy=policy, by=self.by)
        )


def _policies(value: Any) -> dict[str, dict[str, Any]] | None:
    given = _object(value, "policy")
    if given is not None:
        for node, fields in given.items():
            _object(fields, f"policy.{node}")
    return given


def _object(value: Any, path: str) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise BadRequest(_("%(path)s must be an object.") % {"path": path}, code="invalid", path=path)
    return value
