"""What an installation has: node types, pools, workers, the audit log."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import bodies, shapes
from dashboard.api.base import (
    AFTER,
    BEFORE,
    LIMIT,
    ApiView,
    Query,
    accepted,
    listed,
    page,
    page_of_all,
    parameter,
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
        responses={200: listed(shapes.NodeType)},
        description="Node types with the JSON Schema of their config, built-in ones first.",
    )
    def get(self, request: Request) -> Response:
        query = Query(request)
        return page_of_all(request, query, registry.describe(), list)


class Pools(ApiView):
    rights = {"GET": Right.VIEW, "POST": Right.RESOURCES}
    operations = {"GET": "list_pools", "POST": "create_pool"}
    noun = "pools"

    @extend_schema(
        parameters=[LIMIT, AFTER],
        responses={200: listed(shapes.Pool)},
        description="Pools by name, with who holds their slots.",
    )
    def get(self, request: Request) -> Response:
        query = Query(request)
        return page_of_all(request, query, engine_queries.pools(), list)

    @extend_schema(
        request=bodies.NewPool,
        responses={201: shapes.Pool, (409, CONTENT_TYPE): shapes.Problem},
        description="Create a pool. 409 `already_exists`.",
    )
    def post(self, request: Request) -> Response:
        wanted = accepted(bodies.NewPool, request)
        pool = pools.create(wanted["name"], wanted["slots"], by=self.by)
        headers = {"Location": f"/api/v1/pools/{pool.name}/"}
        return Response(engine_queries.pool(pool.name), status=201, headers=headers)


class Pool(ApiView):
    rights = {"GET": Right.VIEW, "PATCH": Right.RESOURCES, "DELETE": Right.RESOURCES}
    operations = {"GET": "get_pool", "PATCH": "resize_pool", "DELETE": "delete_pool"}
    noun = "pools"

    @extend_schema(responses={200: shapes.Pool}, description="One pool.")
    def get(self, request: Request, name: str) -> Response:
        return Response(engine_queries.pool(name))

    @extend_schema(
        request=bodies.PoolChange,
        responses={200: shapes.Pool, (409, CONTENT_TYPE): shapes.Problem},
        description="Change the number of slots; what holds slots keeps them. 409 when a live version takes more.",
    )
    def patch(self, request: Request, name: str) -> Response:
        wanted = accepted(bodies.PoolChange, request)
        pools.resize(name, wanted["slots"], by=self.by)
        return Response(engine_queries.pool(name))

    @extend_schema(
        responses={204: None, (409, CONTENT_TYPE): shapes.Problem},
        description="Delete a pool. 409 `in_use_by_version` while a live version names it, `in_use` while a run does.",
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
        responses={200: listed(shapes.Worker)},
        description="Workers by name: their queues, capacity, last heartbeat and what each runs now. "
        "Lost ones stay for a day.",
    )
    def get(self, request: Request) -> Response:
        query = Query(request)
        return page_of_all(request, query, engine_workers.workers(), list)


class DrainWorker(ApiView):
    rights = {"POST": Right.RUN}
    operations = {"POST": "drain_worker"}
    noun = "workers"

    @extend_schema(
        request=bodies.Nothing,
        responses={200: shapes.Worker, (409, CONTENT_TYPE): shapes.Problem},
        description="Have a worker finish what it runs and take no more, until it is resumed or started again. "
        "409 `wrong_state` while it drains or is lost, and for the scheduler's own processes.",
    )
    def post(self, request: Request, name: str) -> Response:
        accepted(bodies.Nothing, request)
        return Response(workers.drain(clean_text(name), by=self.by))


class ResumeWorker(ApiView):
    rights = {"POST": Right.RUN}
    operations = {"POST": "resume_worker"}
    noun = "workers"

    @extend_schema(
        request=bodies.Nothing,
        responses={200: shapes.Worker, (409, CONTENT_TYPE): shapes.Problem},
        description="Have a draining worker take work again. 409 `wrong_state` unless it drains because it was asked "
        "to.",
    )
    def post(self, request: Request, name: str) -> Response:
        accepted(bodies.Nothing, request)
        return Response(workers.resume(clean_text(name), by=self.by))


class Audit(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "list_audit_entries"}
    noun = "audit"

    @extend_schema(
        parameters=[
            parameter("workflow", "Slug; without it the log of everything, which needs the role admin."),
            parameter("action", "Only this action."),
            parameter("by", "Only what this user did."),
            LIMIT,
            BEFORE,
        ],
        responses={200: listed(shapes.AuditEntry)},
        description="Who did what, when and why, newest first.",
    )
    def get(self, request: Request) -> Response:
        query = Query(request)
        slug = query.text("workflow")
        if not slug:
            access.require(request.user, Right.ADMIN)
        rows = queries.audit(workflow=slug or None, action=query.text("action") or None, by=query.text("by") or None)
        return page(request, query, rows, lambda found: [queries.audit_dict(entry) for entry in found])
