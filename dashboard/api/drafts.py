"""The caller's own working copy of a workflow, guarded by its tag."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import bodies, shapes
from dashboard.api.base import ApiView, accepted
from dashboard.api.parsers import JSONPatchParser, StrictJSONParser
from dashboard.api.problems import BadRequest
from engine.clock import iso
from engine.models.fields import clean_text
from versions.actions import drafts
from versions.actions.drafts import WorkingCopy
from versions.errors import StaleDraft

IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=False,
    description="The ETag of what this is based on. Without it 428, with a stale one 412; * takes whatever is there.",
)
ETAG = OpenApiParameter(
    "ETag", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[200], description="Counts the caller's saves; strong."
)
_TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*(?:,|\Z)')


class Draft(ApiView):
    rights = {"GET": Right.EDIT, "PUT": Right.EDIT, "PATCH": Right.EDIT, "DELETE": Right.EDIT}
    operations = {"GET": "get_draft", "PUT": "save_draft", "PATCH": "patch_draft", "DELETE": "discard_draft"}
    noun = "drafts"

    def initialize_request(self, request: Any, *arguments: Any, **named: Any) -> Request:
        # Only PATCH takes a patch: in a PUT it would be a definition that is a list.
        self.parser_classes = [JSONPatchParser] if request.method == "PATCH" else [StrictJSONParser]
        return super().initialize_request(request, *arguments, **named)

    @extend_schema(
        parameters=[ETAG],
        responses={200: shapes.Draft},
        description="The caller's working copy; when nothing is saved, the newest version or an empty document.",
    )
    def get(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        return _shown(drafts.load(workflow, self.person))

    @extend_schema(
        parameters=[IF_MATCH, ETAG],
        request=bodies.DraftSave,
        responses={200: shapes.Draft},
        description="Save the working copy, valid or not. 422 for a `base_version` that never was.",
    )
    def put(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        expected = _expected(request, workflow.slug, drafts.saves(workflow, self.person))
        wanted = accepted(bodies.DraftSave, request)
        base = wanted.get("base_version") if "base_version" in wanted else drafts.KEEP
        return _shown(
            drafts.save(workflow, self.person, wanted.get("definition"), expected_saves=expected, base_version=base)
        )

    @extend_schema(
        parameters=[IF_MATCH, ETAG],
        request={"application/json-patch+json": {"type": "array", "items": {"type": "object"}}},
        responses={200: shapes.Draft},
        description="Apply a JSON Patch (RFC 6902) to the definition of the working copy.",
    )
    def patch(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        expected = _expected(request, workflow.slug, drafts.saves(workflow, self.person))
        return _shown(drafts.patch(workflow, self.person, request.data, expected_saves=expected))

    @extend_schema(
        parameters=[IF_MATCH],
        responses={204: OpenApiResponse(None, "Nothing is saved now.")},
        description="Discard the working copy. An If-Match that is sent must fit.",
    )
    def delete(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        expected = None
        if "If-Match" in request.headers:
            expected = _expected(request, workflow.slug, drafts.saves(workflow, self.person))
        drafts.discard(workflow, self.person, expected_saves=expected)
        return Response(status=204)


def _shown(copy: WorkingCopy) -> Response:
    shape = {
        "definition": copy.definition,
        "base_version": copy.base_version,
        "saved_at": None if copy.saved_at is None else iso(copy.saved_at),
    }
    return Response(shape, headers={"ETag": f'"{copy.saves}"'})


def _expected(request: Request, slug: str, saves: int) -> int | None:
    """The number of saves that the caller has seen; None for `*`. Raises BadRequest (428), StaleDraft.

    Of several tags one that is current is enough; weak ones never match (RFC 9110, strong comparison). What is said
    to match here is compared again inside the saving transaction.
    """
    header = clean_text(request.headers.get("If-Match", "")).strip()
    if not header:
        raise BadRequest(
            _("Send the ETag of the draft that this is based on as If-Match: GET tells it."),
            code="precondition_required",
            status=428,
        )
    if header == "*":
        return None
    strong = [tag for weak, tag in _TAG.findall(header) if not weak]
    if str(saves) in strong:
        return saves
    seen = next((int(tag) for tag in strong if tag.isascii() and tag.isdigit() and len(tag) < 10), -1)
    raise StaleDraft(slug, seen, saves)
