"""What all API views share: the base class, strict bodies, query parameters, pages of lists, their documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.access import Right
from dashboard.api.openapi import ProblemSchema, query_parameters
from dashboard.api.parsers import StrictJSONParser
from dashboard.api.problems import BadRequest
from dashboard.models import User
from engine.models.fields import clean_text

LIMIT_DEFAULT, LIMIT_MAX = 100, 1000
INTEGER_MAX = 2**31 - 1
SEQ_MAX = 2**63 - 1


class AnyAccept(DefaultContentNegotiation):
    """Answers what it has when the client asks for something else: a download is no JSON, and a problem always is."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            return renderers[0], renderers[0].media_type


class ApiView(APIView):
    """Base of every call. `rights` names the right that each method needs; a method without one is denied."""

    rights: Mapping[str, Right] = {}
    operations: Mapping[str, str] = {}
    """Method -> operation id in the OpenAPI document, unique there."""
    noun = "other"
    """Tag in the OpenAPI document."""
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    parser_classes = [StrictJSONParser]
    content_negotiation_class = AnyAccept
    schema = ProblemSchema()

    def initial(self, request: Request, *arguments: Any, **named: Any) -> None:
        """Who asks and whether they may; then whether the request is one that this call knows."""
        super().initial(request, *arguments, **named)
        _refuse_coding(request)
        call = getattr(type(self), "get" if request.method == "HEAD" else str(request.method).lower(), None)
        if call is not None:
            _refuse_unknown(request, query_parameters(call))

    def finalize_response(self, request: Request, response: Any, *arguments: Any, **named: Any) -> Any:
        response = super().finalize_response(request, response, *arguments, **named)
        # Outputs and logs are nobody's to keep, and what is live changes.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @property
    def person(self) -> User:
        """Who asks. Only in methods that need a right: an anonymous request does not get there."""
        assert isinstance(self.request.user, User)
        return self.request.user

    @property
    def by(self) -> str:
        """Name of who asks, as the audit log keeps it."""
        return self.person.username


# --- bodies ------------------------------------------------------------------------------------------------------


class Body(serializers.Serializer[Any]):
    """A body in which every field is known: one that is not is an error, never ignored."""

    closed = True
    """The OpenAPI document says so too."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"non_field_errors": [_("The body must be a JSON object.")]})
        unknown = [key for key in data if key not in self.fields]
        if unknown:
            known = ", ".join(name for name, field in self.fields.items() if not field.read_only)
            if known:
                message = _("There is no such field; the fields are %(known)s.") % {"known": known}
            else:
                message = _("There is no such field; this call takes none.")
            raise serializers.ValidationError(
                {str(key)[:100]: [serializers.ErrorDetail(message, "unknown_field")] for key in unknown}
            )
        return super().to_internal_value(data)


def accepted(body: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The request's body as `body` has it. Raises ValidationError (400) with every field that is wrong."""
    filled = body(data=request.data)
    filled.is_valid(raise_exception=True)
    validated: dict[str, Any] = filled.validated_data
    return validated


def _refuse_coding(request: Request) -> None:
    """Raises BadRequest (415) for a body that is compressed."""
    coding = clean_text(request.headers.get("Content-Encoding", "")).strip()
    if coding.lower() not in ("", "identity"):
        raise BadRequest(
            _('The body has the content coding "%(coding)s"; send it as it is.') % {"coding": coding[:60]},
            code="unsupported_content_coding",
            status=415,
        )


# --- query parameters --------------------------------------------------------------------------------------------


class Query:
    """Typed query parameters of one request. One that is wrong is a 400 that names it."""

    def __init__(self, request: Request) -> None:
        self.values = request.query_params

    def text(self, name: str, default: str = "") -> str:
        return clean_text(self.values.get(name, default))

    def words(self, name: str) -> list[str]:
        """Values given several times or parted by commas."""
        return [word for part in self.values.getlist(name) for word in clean_text(part).split(",") if word]

    def integer(self, name: str, default: int, low: int = 0, high: int = INTEGER_MAX) -> int:
        found = self.optional_integer(name, low, high)
        return default if found is None else found

    def optional_integer(self, name: str, low: int = 0, high: int = INTEGER_MAX) -> int | None:
        text = self.values.get(name)
        if text is None:
            return None
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and low <= int(text) <= high):
            raise self.wrong(name, _("a whole number from %(low)d to %(high)d") % {"low": low, "high": high})
        return int(text)

    def number(self, name: str, low: float, high: float) -> float | None:
        text = self.values.get(name)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise self.wrong(name, _("a number from %(low)g to %(high)g") % {"low": low, "high": high})
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str = "") -> str:
        text = self.values.get(name)
        if text is None:
            return default
        if text not in choices:
            raise self.wrong(name, _("one of %(choices)s") % {"choices": ", ".join(choices)})
        return text

    def choices(self, name: str, known: tuple[str, ...]) -> list[str]:
        words = self.words(name)
        if any(word not in known for word in words):
            raise self.wrong(name, _("some of %(choices)s") % {"choices": ", ".join(known)})
        return words

    def flag(self, name: str) -> bool | None:
        text = self.choice(name, ("true", "false"))
        return None if not text else text == "true"

    def moment(self, name: str) -> datetime | None:
        text = self.values.get(name)
        if text is None:
            return None
        try:
            # A plus that was not quoted arrives as a space.
            moment = parse_datetime(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
            if moment is not None:
                # At the ends of the calendar another zone has no such time.
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise self.wrong(name, _("a time such as 2026-11-24T08:00:00Z"))

    @property
    def limit(self) -> int:
        return min(self.integer("limit", LIMIT_DEFAULT, 1, SEQ_MAX), LIMIT_MAX)

    @property
    def before(self) -> int | None:
        return self.optional_integer("before", 0, SEQ_MAX)

    @staticmethod
    def wrong(name: str, wanted: str) -> BadRequest:
        return BadRequest(
            _('The parameter "%(name)s" must be %(wanted)s.') % {"name": name, "wanted": wanted},
            code="bad_parameter",
            path=name,
        )


def _refuse_unknown(request: Request, known: tuple[str, ...]) -> None:
    """Raises BadRequest for a parameter that the OpenAPI document does not have: it would go unheard."""
    for name in request.query_params:
        if name not in known:
            said = clean_text(name)[:60]
            raise BadRequest(
                _('There is no parameter "%(name)s" here; there are: %(known)s.')
                % {"name": said, "known": ", ".join(known) or "-"},
                code="unknown_parameter",
                path=said,
            )


# --- pages of lists ----------------------------------------------------------------------------------------------

Row = TypeVar("Row", bound=Model)
T = TypeVar("T")


def page(
    request: Request,
    query: Query,
    rows: QuerySet[Row],
    render: Callable[[list[Row]], list[dict[str, Any]]],
    *,
    key: str = "id",
    begun: bool = False,
) -> Response:
    """One page of rows from the highest `key` (unique) down, by keyset: `before` is the last of the page before.
    `begun`: `rows` are in their order and follow `before` already."""
    if not begun:
        before = query.before
        rows = (rows if before is None else rows.filter(**{f"{key}__lt": before})).order_by(f"-{key}")
    limit = query.limit
    found = list(rows[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    after = {"before": getattr(found[-1], key)} if more else None
    return Response({"results": render(found), "next": next_address(request, after)})


def page_of_all(
    request: Request,
    query: Query,
    entries: Sequence[T],
    render: Callable[[Sequence[T]], Sequence[Mapping[str, Any]]],
) -> Response:
    """One page of a list that is whole in memory and keeps its order; `after` counts what the pages before held.

    `render` makes what is told of a page's entries.
    """
    found, following = part_of_all(request, query, entries)
    return Response({"results": render(found), "next": following})


def part_of_all(request: Request, query: Query, entries: Sequence[T]) -> tuple[Sequence[T], str | None]:
    """The entries of such a page, and the address of the next one."""
    begin, limit = query.integer("after", 0), query.limit
    changed = {"after": begin + limit} if begin + limit < len(entries) else None
    return entries[begin : begin + limit], next_address(request, changed)


def next_address(request: Request, changed: Mapping[str, Any] | None) -> str | None:
    """The address of this request with some parameters changed; null for None."""
    if changed is None:
        return None
    parameters: dict[str, Any] = {name: request.query_params.getlist(name) for name in request.query_params}
    parameters.update(changed)
    return request.build_absolute_uri(f"{request.path}?{urlencode(parameters, doseq=True)}")


def whole(low: int = 0, high: int = INTEGER_MAX) -> dict[str, Any]:
    """Schema of a whole number within bounds."""
    return {"type": "integer", "minimum": low, "maximum": high}


LIMIT = OpenApiParameter(
    "limit", whole(1, SEQ_MAX), description=f"Entries on one page; {LIMIT_DEFAULT} by default, cut to {LIMIT_MAX}."
)
BEFORE = OpenApiParameter(
    "before", whole(0, SEQ_MAX), description="Where a page begins; part of the address in `next`."
)


def parameter(name: str, description: str, type_: Any = OpenApiTypes.STR, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, description=description, **more)


AFTER = OpenApiParameter("after", whole(), description="Where a page begins; part of the address in `next`.")
RAW = {"contentMediaType": "application/octet-stream"}
"""Schema of a body that is a file."""


def answer(shape: Any, description: str) -> OpenApiResponse:
    return OpenApiResponse(shape, description=description)


def listed(shape: type[serializers.Serializer[Any]]) -> Any:
    """The serializer of a page of `shape`: {results, next}."""
    name = f"{shape.__name__}List"
    if name not in _lists:
        _lists[name] = type(
            name,
            (serializers.Serializer,),
            {
                "results": shape(many=True),
                "next": serializers.URLField(allow_null=True, help_text="Address of the next page; null: the last."),
            },
        )
    return _lists[name]


_lists: dict[str, Any] = {}
