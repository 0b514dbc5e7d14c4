"""Node types, pools, workers and the audit log."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import bodies, installation_shapes, shapes
from dashboard.api.base import (
    AFTER,
    BEFORE,
    LIMIT,
    ApiView,
    Query,
    list_of,
    page,
    page_of_list,
    parameter,
    parse_body,
)
from dashboard.api.problems import CONTENT_TYPE
from engine.nodes import registry
from engine.reads import queries as engine_queries
from engine.reads import workers as engine_workers
from engine.text import clean_text
from versions import queries
from versions.actions import pools, workers


class NodeTypes(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "list_node_types"}
    noun = "node types"

    @extend_schema(
        parameters=[LIMIT, AFTER],
        responses={200: list_of(installation_shapes.NodeType)},
        description="Node types with the JSON Schema of their config; built-in types first.",
    )
    def get(self, request: Request) -> Response:
        return page_of_list(request, registry.describe())


class Pools(ApiView):
    rights = {"GET": Right.VIEW, "POST": Right.RESOURCES}
    operations = {"GET": "list_pools", "POST": "create_pool"}
    noun = "pools"

    @extend_schema(
        parameters=[LIMIT, AFTER],
        responses={200: list_of(installation_shapes.Pool)},
        description="Pools by name, with the holders of their slots.",
    )
    def get(self, request: Request) -> Response:
        return page_of_list(request, engine_queries.pools())

    @extend_schema(
        request=bodies.NewPool,
        responses={201: installation_shapes.Pool, (409, CONTENT_TYPE): shapes.Problem},
        description="Create a pool. 409 `already_exists`.",
    )
    def post(self, request: Request) -> Response:
        wanted = parse_body(bodies.NewPool, request)
        pool = pools.create(wanted["name"], wanted["slots"], by=self.by)
        headers = {"Location": f"/api/v1/pools/{pool.name}/"}
        return Response(engine_queries.pool(pool.name), status=201, headers=headers)


class Pool(ApiView):
    rights = {"GET": Right.VIEW, "PATCH": Right.RESOURCES, "DELETE": Right.RESOURCES}
    operations = {"GET": "get_pool", "PATCH": "resize_pool", "DELETE": "delete_pool"}
    noun = "pools"

    @extend_schema(responses={200: installation_shapes.Pool}, description="One pool.")
    def get(self, request: Request, name: str) -> Response:
        return Response(engine_queries.pool(name))

    @extend_schema(
        request=bodies.PoolChange,
        responses={200: installation_shapes.Pool, (409, CONTENT_TYPE): shapes.Problem},
        description="Change the number of slots. Holders keep their slots. 409 if a live version needs more.",
    )
    def patch(self, request: Request, name: str) -> Response:
        wanted = parse_body(bodies.PoolChange, request)
        pools.resize(name, wanted["slots"], by=self.by)
        return Response(engine_queries.pool(name))

    @extend_schema(
        responses={204: None, (409, CONTENT_TYPE): shapes.Problem},
        description="Delete a pool. 409 `in_use_by_version` while a live version uses it, `in_use` while a run does.",
    )
    def delete(self, request: Request, name: str) -> Response:
        pools.delete(name, by=self.by)
        return Response(status=204)


class Workers(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "list_workers"}
    noun = "workers"

    @extend_schema(
        parameters=[LIMIT, AFTER],
        responses={200: list_of(installation_shapes.Worker)},
        description="Workers by name, with their queues, capacity, last heartbeat and what each runs now. "
        "Lost workers stay listed for a day.",
    )
    def get(self, request: Request) -> Response:
        return page_of_list(request, engine_workers.workers())


class DrainWorker(ApiView):
    rights = {"POST": Right.RUN}
    operations = {"POST": "drain_worker"}
    noun = "workers"

    @extend_schema(
        request=bodies.Nothing,
        responses={200: installation_shapes.Worker, (409, CONTENT_TYPE): shapes.Problem},
        description="Let a worker finish what it runs and accept nothing more until it is resumed or restarted. "
        "409 `wrong_state` while it drains or is lost, and for the scheduler's own processes.",
    )
    def post(self, request: Request, name: str) -> Response:
        parse_body(bodies.Nothing, request)
        return Response(workers.drain(clean_text(name), by=self.by))


class ResumeWorker(ApiView):
    rights = {"POST": Right.RUN}
    operations = {"POST": "resume_worker"}
    noun = "workers"

    @extend_schema(
        request=bodies.Nothing,
        responses={200: installation_shapes.Worker, (409, CONTENT_TYPE): shapes.Problem},
        description="Let a draining worker accept work again. 409 `wrong_state` unless it drains on request.",
    )
    def post(self, request: Request, name: str) -> Response:
        parse_body(bodies.Nothing, request)
        return Response(workers.resume(clean_text(name), by=self.by))


class Audit(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "list_audit_entries"}
    noun = "audit"

    @extend_schema(
        parameters=[
            parameter("workflow", "Slug of a workflow. If omitted, the whole log, which requires the admin role."),
            parameter("action", "Only this action."),
            parameter("by", "Only entries by this user."),
            LIMIT,
            BEFORE,
        ],
        responses={200: list_of(shapes.AuditEntry)},
        description="Who did what, when and why, newest first.",
    )
    def get(self, request: Request) -> Response:
        query = Query(request)
        slug = query.text("workflow")
        if not slug:
            access.require(request.user, Right.ADMIN)
        rows = queries.audit(workflow=slug or None, action=query.text("action") or None, by=query.text("by") or None)
        return page(request, rows, lambda found: [queries.audit_dict(entry) for entry in found])
