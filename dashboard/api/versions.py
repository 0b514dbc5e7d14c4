"""Versions, deployments and rollback."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import bodies, shapes
from dashboard.api.base import BEFORE, INTEGER_MAX, LIMIT, ApiView, list_of, page, parse_body
from dashboard.api.problems import CONTENT_TYPE, BadRequest
from engine.clock import iso
from engine.errors import NotAvailableYet
from versions import queries
from versions.actions import deploy, publish, rollback
from versions.errors import UnknownVersion


class Versions(ApiView):
    rights = {"GET": Right.VIEW, "POST": Right.EDIT}
    operations = {"GET": "list_versions", "POST": "publish_version"}
    noun = "versions"

    @extend_schema(
        parameters=[LIMIT, BEFORE], responses={200: list_of(shapes.Version)}, description="Versions, newest first."
    )
    def get(self, request: Request, slug: str) -> Response:
        rows = queries.versions(access.workflow(request.user, slug))
        return page(request, rows, lambda found: [queries.version_dict(row) for row in found], key="number")

    @extend_schema(
        request=bodies.Publish,
        responses={
            201: shapes.Version,
            200: shapes.Version,
            (409, CONTENT_TYPE): shapes.PublishConflict,
            (422, CONTENT_TYPE): shapes.Problem,
        },
        description=(
            "Publish the next version. 200 if the newest one is identical. 409 `outdated_base_version` with the "
            "differences. 422 with every problem. The first version goes live automatically."
        ),
    )
    def post(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        wanted = parse_body(bodies.Publish, request)
        published = publish.publish(
            workflow,
            wanted.get("definition"),
            message=wanted.get("message", ""),
            base_version=wanted.get("base_version", publish.UNCHECKED),
            by=self.by,
            user=self.person,
        )
        shape = queries.version_dict(published.version)
        if not published.created:
            return Response(shape)
        address = f"/api/v1/workflows/{slug}/versions/{published.version.number}/"
        return Response(shape, status=201, headers={"Location": address})


class Version(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "get_version"}
    noun = "versions"

    @extend_schema(responses={200: shapes.VersionWithDefinition}, description="One version with its definition.")
    def get(self, request: Request, slug: str, number: int) -> Response:
        if number > INTEGER_MAX:
            workflow = access.workflow(request.user, slug)
            raise UnknownVersion(slug, number, queries.newest_number(workflow))
        version = access.version(request.user, slug, number)
        return Response(queries.version_dict(version, definition=True))


class Deployments(ApiView):
    rights = {"GET": Right.VIEW, "POST": Right.DEPLOY}
    operations = {"GET": "list_deployments", "POST": "deploy_version"}
    noun = "deployments"

    @extend_schema(
        parameters=[LIMIT, BEFORE],
        responses={200: list_of(shapes.Deployment)},
        description="Deployments, newest first.",
    )
    def get(self, request: Request, slug: str) -> Response:
        rows = queries.deployments(access.workflow(request.user, slug))
        return page(request, rows, lambda found: [queries.deployment_dict(row) for row in found])

    @extend_schema(
        request=bodies.Deploy,
        responses={201: shapes.Deployment, 200: shapes.Deployment},
        description="Put a version live: it is placed in the idle colour, which then goes live. 200 if it is live "
        "already.",
    )
    def post(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.DEPLOY)
        wanted = parse_body(bodies.Deploy, request)
        strategy = wanted["strategy"]
        if strategy != "immediate":
            raise NotAvailableYet(_("The strategy %(name)s") % {"name": strategy})
        if wanted.get("canary_percent") is not None:
            raise BadRequest(
                _("canary_percent can only be used with the strategy canary."),
                code="canary_only",
                path="canary_percent",
            )
        deployed = deploy.deploy(workflow, wanted["version"], strategy=strategy, by=self.by)
        return Response(queries.deployment_dict(deployed.deployment), status=201 if deployed.created else 200)


class Rollback(ApiView):
    rights = {"POST": Right.DEPLOY}
    operations = {"POST": "roll_back"}
    noun = "deployments"

    @extend_schema(
        request=bodies.Rollback,
        responses={200: shapes.Rollback, (409, CONTENT_TYPE): shapes.Problem},
        description=(
            "Put another version live at once, with a reason. Without a number, the version that was live before the "
            "current one. 409 `already_live`, `nothing_to_roll_back_to`."
        ),
    )
    def post(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.DEPLOY)
        wanted = parse_body(bodies.Rollback, request)
        done = rollback.rollback(workflow, version=wanted.get("version"), reason=wanted["reason"], by=self.by)
        return Response(
            {
                "from": done.from_version,
                "to": done.to_version,
                "reason": done.entry.reason,
                "by": done.entry.by,
                "at": iso(done.entry.at),
                "deployment": queries.deployment_dict(done.deployment),
            }
        )
