"""Workflows: list, create, change, delete; validate a definition."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import bodies, shapes
from dashboard.api.base import BEFORE, LIMIT, ApiView, Query, list_of, page, parameter, parse_body
from dashboard.api.parsers import StrictJSONParserWithNul
from versions import checking, queries
from versions.actions import workflows


class Workflows(ApiView):
    rights = {"GET": Right.VIEW, "POST": Right.EDIT}
    operations = {"GET": "list_workflows", "POST": "create_workflow"}
    noun = "workflows"

    @extend_schema(
        parameters=[
            parameter("search", "Words in the name, slug or description (case-insensitive)."),
            parameter("tags", "Tags separated by commas; a workflow must have all of them."),
            parameter(
                "archived", "true: only archived workflows; all: archived ones too.", enum=["true", "false", "all"]
            ),
            LIMIT,
            BEFORE,
        ],
        responses={200: list_of(shapes.Workflow)},
        description="Workflows, newest first; without archived ones by default.",
    )
    def get(self, request: Request) -> Response:
        query = Query(request)
        archived = query.choice("archived", ("true", "false", "all"), "false")
        rows = queries.workflows(
            search=query.text("search"),
            tags=query.values_of("tags"),
            archived=None if archived == "all" else archived == "true",
        )
        return page(request, rows, queries.workflow_dicts)

    @extend_schema(
        request=bodies.NewWorkflow,
        responses={201: shapes.Workflow, (409, "application/problem+json"): shapes.Problem},
        description="Create an empty workflow. 409 `slug_taken` when the slug exists.",
    )
    def post(self, request: Request) -> Response:
        wanted = parse_body(bodies.NewWorkflow, request)
        workflow = workflows.create(**wanted, by=self.by)
        shape = queries.workflow_dict(workflow)
        return Response(shape, status=201, headers={"Location": f"/api/v1/workflows/{workflow.slug}/"})


class Workflow(ApiView):
    rights = {"GET": Right.VIEW, "PATCH": Right.EDIT, "DELETE": Right.ADMIN}
    operations = {"GET": "get_workflow", "PATCH": "change_workflow", "DELETE": "delete_workflow"}
    noun = "workflows"

    @extend_schema(responses={200: shapes.Workflow}, description="One workflow.")
    def get(self, request: Request, slug: str) -> Response:
        return Response(queries.workflow_dict(access.workflow(request.user, slug)))

    @extend_schema(
        request=bodies.WorkflowChange,
        responses={200: shapes.Workflow},
        description="Change name, description or tags; `archived: true` archives. The slug never changes.",
    )
    def patch(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        wanted = parse_body(bodies.WorkflowChange, request)
        return Response(queries.workflow_dict(workflows.change(workflow, **wanted, by=self.by)))

    @extend_schema(
        responses={204: None, (409, "application/problem+json"): shapes.Problem},
        description="Delete a workflow with all its runs. 409 `run_in_progress` while one runs.",
    )
    def delete(self, request: Request, slug: str) -> Response:
        workflows.delete(access.workflow(request.user, slug, Right.ADMIN), by=self.by)
        return Response(status=204)


class Validate(ApiView):
    rights = {"POST": Right.EDIT}
    operations = {"POST": "validate_definition"}
    noun = "workflows"
    parser_classes = [StrictJSONParserWithNul]

    @extend_schema(
        request=bodies.Validate,
        responses={200: OpenApiResponse(shapes.Validation, "Whether the definition is valid, and every problem.")},
        description="Validate a definition without storing or running it.",
    )
    def post(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        wanted = parse_body(bodies.Validate, request)
        found = checking.check(
            wanted.get("definition"), pools=queries.pool_sizes(), workflow=workflow.slug, user=self.by
        )
        return Response({"valid": found.valid, "problems": [problem.as_dict() for problem in found.problems]})
