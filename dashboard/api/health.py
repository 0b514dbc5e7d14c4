"""/healthz, /readyz and /metrics."""

import ipaddress
from typing import Any

from django.db import Error, connection
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import Right, SignedOut, can
from dashboard.api import installation_shapes, shapes
from dashboard.api.base import ApiView
from dashboard.api.problems import CONTENT_TYPE, problem
from dashboard.models import ApiToken
from engine.database import schema
from engine.errors import NotAvailableYet
from engine.reads import queries as engine_queries


class Open(ApiView):
    """Base of calls that need no account and read no cookie."""

    authentication_classes = []
    permission_classes = []
    noun = "health"


class Healthz(Open):
    operations = {"GET": "healthz"}

    @extend_schema(responses={200: installation_shapes.Health}, auth=[], description="The process is alive.")
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


class Readyz(Open):
    operations = {"GET": "readyz"}

    @extend_schema(
        responses={200: installation_shapes.Health, (503, CONTENT_TYPE): installation_shapes.NotReady},
        auth=[],
        description="Database, schema and scheduler are available. 503 names the part that is not. A backlog never "
        "makes this fail.",
    )
    def get(self, request: Request) -> Response:
        part = _failing_part()
        if part is None:
            return Response({"status": "ok"})
        details = {
            "database": _("The database is not reachable."),
            "schema": _("The database schema does not match this release."),
            "scheduler": _("No scheduler is running."),
        }
        return problem(503, "not_ready", details[part], failing=part)


_schema_is_current = False


def _failing_part() -> str | None:
    """Return the first part that fails; None if all work."""
    global _schema_is_current
    try:
        if not _schema_is_current:
            # Checked until it is current: later migrations only add, or every process is stopped for them.
            _schema_is_current = schema.is_current()
            if not _schema_is_current:
                return "schema"
        return None if engine_queries.scheduler_alive() else "scheduler"
    except schema.SchemaError:
        return _database_or_schema()
    except Error:
        connection.close()
        return "database"


def _database_or_schema() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        connection.close()
        return "database"
    return "schema"


class Metrics(ApiView):
    """Has its own access rule: a token of scope metrics, any account, or a client on this host."""

    permission_classes = []
    scope = "metrics"
    noun = "health"
    operations = {"GET": "metrics"}

    @extend_schema(
        responses={(501, CONTENT_TYPE): shapes.Problem}, description="Prometheus metrics; not available yet."
    )
    def get(self, request: Request) -> Response:
        token = request.auth if isinstance(request.auth, ApiToken) else None
        limited = token is not None and bool(token.scopes) and self.scope not in token.scopes
        if limited or not (can(request.user, Right.VIEW) or _is_local(request)):
            raise SignedOut
        raise NotAvailableYet("metrics")


def _is_local(request: Request) -> bool:
    """Return whether the client is on loopback, and is not a proxy that forwards the request of another client."""
    meta: dict[str, Any] = request.META
    if any(name in meta for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")):
        return False
    try:
        return ipaddress.ip_address(meta.get("REMOTE_ADDR") or "").is_loopback
    except ValueError:
        return False
