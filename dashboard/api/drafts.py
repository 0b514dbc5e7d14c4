"""The caller's draft of a workflow, guarded by its ETag."""

import re
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import bodies, shapes
from dashboard.api.base import ApiView, Query, parse_body
from dashboard.api.parsers import JSONPatchParser, StrictJSONParser
from dashboard.api.problems import BadRequest
from engine.clock import iso
from engine.text import clean_text, dump
from versions.actions import drafts
from versions.actions.drafts import StoredCopy, WorkingCopy
from versions.errors import StaleDraft

IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=False,
    description="The ETag of the draft that this change is based on. 428 if missing, 412 if stale; `*` matches any.",
)
ETAG = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    response=[200],
    description="Strong; it counts the caller's saves and discards.",
)
PREFER = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=False,
    description="`return=minimal` (RFC 7240): answer 204 with the new ETag and without the document, for clients that "
    "save often and have it already. If omitted: 200 with the draft.",
)
START = OpenApiParameter(
    "start",
    {"type": "string", "enum": ["newest", "live"], "default": "newest"},
    required=False,
    description="The version that is returned while no draft is saved: the `newest`, or for `live` the workflow's "
    "`draft_base`, which is the live version after a rollback.",
)
ON = OpenApiParameter(
    "on",
    {"type": "string", "pattern": "^(draft|empty|[0-9]{1,9})$"},
    required=False,
    description="What the patch was made from: `draft`, the caller's saved draft; if none is saved, the number of "
    "the newest version or of `draft_base`, or `empty` if there is no version either. The ETag cannot tell these "
    "apart, because it counts the caller's saves only, while others publish. 412 if this is no longer so; nothing is "
    "changed then. If omitted, the patch is applied to whatever is there.",
)
SAVED = {200: shapes.Draft, 204: OpenApiResponse(None, "Saved; the answer to `Prefer: return=minimal`.")}


def _operation(names: list[str], **members: Any) -> dict[str, Any]:
    members = {"op": {"enum": names}, "path": {"type": "string"}, **members}
    return {"type": "object", "properties": members, "required": list(members)}


_OPERATIONS = [
    _operation(["add", "replace", "test"], value={}),
    _operation(["remove"]),
    _operation(["move", "copy"], **{"from": {"type": "string"}}),
]
_MINIMAL = re.compile(r"(?:^|[,;\s])return\s*=\s*\"?minimal\"?\s*(?:$|[,;])", re.IGNORECASE)
_TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*(?:,|\Z)')


class Draft(ApiView):
    rights = {"GET": Right.EDIT, "PUT": Right.EDIT, "PATCH": Right.EDIT, "DELETE": Right.EDIT}
    operations = {"GET": "get_draft", "PUT": "save_draft", "PATCH": "patch_draft", "DELETE": "discard_draft"}
    noun = "drafts"

    def initialize_request(self, request: Any, *arguments: Any, **named: Any) -> Request:
        # Only PATCH takes a patch: in a PUT it would pass as a definition that is a list.
        self.parser_classes = [JSONPatchParser] if request.method == "PATCH" else [StrictJSONParser]
        return super().initialize_request(request, *arguments, **named)

    @extend_schema(
        parameters=[START, ETAG],
        responses={200: shapes.Draft},
        description="The caller's draft; if none is saved, a version or an empty document.",
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        copy = drafts.stored(workflow, self.person, start=_start(request))
        # Send the stored JSON text: parsing 10,000 nodes and serializing them again takes longer than all else.
        rest = dump(_metadata(copy))
        text = f'{{"definition":{copy.text},{rest[1:]}'
        return HttpResponse(text, content_type="application/json", headers={"ETag": f'"{copy.saves}"'})

    @extend_schema(
        parameters=[IF_MATCH, PREFER, ETAG],
        request=bodies.DraftSave,
        responses=SAVED,
        description="Save the draft, valid or not. 422 if `base_version` does not exist.",
    )
    def put(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        expected = _expected(request, workflow.slug, drafts.saves(workflow, self.person))
        wanted = parse_body(bodies.DraftSave, request)
        base = wanted.get("base_version") if "base_version" in wanted else drafts.KEEP
        copy = drafts.save(workflow, self.person, wanted.get("definition"), expected_saves=expected, base_version=base)
        return _save_response(request, copy)

    @extend_schema(
        parameters=[IF_MATCH, PREFER, ON, ETAG],
        request={"application/json-patch+json": {"type": "array", "items": {"oneOf": _OPERATIONS}}},
        responses=SAVED,
        description="Apply a JSON Patch (RFC 6902) to the definition that GET returns and save it, valid or not.",
    )
    def patch(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        expected = _expected(request, workflow.slug, drafts.saves(workflow, self.person))
        made_from = _made_from(request)
        copy = drafts.patch(workflow, self.person, request.data, expected_saves=expected, made_from=made_from)
        return _save_response(request, copy)

    @extend_schema(
        parameters=[IF_MATCH],
        responses={204: OpenApiResponse(None, "No draft is saved now.")},
        description="Discard the draft. If-Match is optional here.",
    )
    def delete(self, request: Request, slug: str) -> Response:
        workflow = access.workflow(request.user, slug, Right.EDIT)
        expected = None
        if "If-Match" in request.headers:
            expected = _expected(request, workflow.slug, drafts.saves(workflow, self.person))
        drafts.discard(workflow, self.person, expected_saves=expected)
        return Response(status=204)


def _full_response(copy: WorkingCopy) -> Response:
    return Response({"definition": copy.definition, **_metadata(copy)}, headers={"ETag": f'"{copy.saves}"'})


def _metadata(copy: WorkingCopy | StoredCopy) -> dict[str, Any]:
    return {"base_version": copy.base_version, "saved_at": None if copy.saved_at is None else iso(copy.saved_at)}


def _save_response(request: Request, copy: WorkingCopy) -> Response:
    if not _MINIMAL.search(request.headers.get("Prefer", "")):
        return _full_response(copy)
    return Response(status=204, headers={"ETag": f'"{copy.saves}"', "Preference-Applied": "return=minimal"})


def _start(request: Request) -> drafts.Start:
    """Return the value of the parameter `start`. Raises BadRequest."""
    text = request.query_params.get("start", "newest")
    if text == "newest":
        return "newest"
    if text == "live":
        return "live"
    raise Query.invalid("start", _("newest or live"))


def _made_from(request: Request) -> Any:
    """Return what the parameter `on` names. Raises BadRequest."""
    text = request.query_params.get("on")
    if text is None:
        return drafts.KEEP
    if text == "draft":
        return drafts.SAVED_DRAFT
    if text == "empty":
        return None
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise Query.invalid("on", _("draft, empty, or a version number"))


def _expected(request: Request, slug: str, saves: int) -> int | None:
    """Return the number of saves that the caller has seen; None for `*`. Raises BadRequest (428), StaleDraft.

    Of several tags, one that is current is enough; weak tags never match (strong comparison, RFC 9110). The number is
    compared again inside the saving transaction.
    """
    header = clean_text(request.headers.get("If-Match", "")).strip()
    if not header:
        raise BadRequest(
            _("Send If-Match with the ETag of the draft that this change is based on; GET returns it."),
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
