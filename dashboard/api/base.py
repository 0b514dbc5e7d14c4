"""Shared by all API views: the base class, strict bodies, query parameters, pagination, OpenAPI helpers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
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
from engine.text import clean_text

LIMIT_DEFAULT, LIMIT_MAX = 100, 1000
INTEGER_MAX = 2**31 - 1
SEQ_MAX = 2**63 - 1


class LenientNegotiation(DefaultContentNegotiation):
    """Ignore an Accept header that cannot be satisfied.

    Downloads are not JSON, and errors are always problem documents.
    """

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            return renderers[0], renderers[0].media_type


class ApiView(APIView):
    """Base of all API views. `rights` names the right that each method needs; a method without one is denied."""

    rights: Mapping[str, Right] = {}
    operations: Mapping[str, str] = {}
    """Operation id in the OpenAPI document by method, unique there."""
    noun = "other"
    """Tag in the OpenAPI document."""
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    parser_classes = [StrictJSONParser]
    content_negotiation_class = LenientNegotiation
    schema = ProblemSchema()

    def initial(self, request: Request, *arguments: Any, **named: Any) -> None:
        """Authenticate and authorize the request, then refuse content encodings and query parameters that the call does
        not know."""
        super().initial(request, *arguments, **named)
        _refuse_content_encoding(request)
        call = getattr(type(self), "get" if request.method == "HEAD" else str(request.method).lower(), None)
        if call is not None:
            _refuse_unknown(request, query_parameters(call))

    def finalize_response(self, request: Request, response: Any, *arguments: Any, **named: Any) -> Any:
        response = super().finalize_response(request, response, *arguments, **named)
        # Outputs and logs are private, and the live version changes: nothing may be cached.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @property
    def person(self) -> User:
        """The signed-in user. Only for methods that need a right: anonymous requests do not reach them."""
        assert isinstance(self.request.user, User)
        return self.request.user

    @property
    def by(self) -> str:
        """The user's name, as the audit log stores it."""
        return self.person.username


# --- bodies ------------------------------------------------------------------------------------------------------


class Body(serializers.Serializer[Any]):
    """A request body in which an unknown field is an error, never ignored."""

    closed = True
    """Makes the OpenAPI document say so too."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"non_field_errors": [_("The body must be a JSON object.")]})
        unknown = [key for key in data if key not in self.fields]
        if unknown:
            known = ", ".join(name for name, field in self.fields.items() if not field.read_only)
            if known:
                message = _("Unknown field. The fields are %(known)s.") % {"known": known}
            else:
                message = _("Unknown field. This call takes no fields.")
            raise serializers.ValidationError(
                {str(key)[:100]: [serializers.ErrorDetail(message, "unknown_field")] for key in unknown}
            )
        return super().to_internal_value(data)


def parse_body(body: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the request's validated body. Raises ValidationError (400) that lists every invalid field."""
    filled = body(data=request.data)
    filled.is_valid(raise_exception=True)
    validated: dict[str, Any] = filled.validated_data
    return validated


def _refuse_content_encoding(request: Request) -> None:
    """Raise BadRequest (415) if the body is compressed."""
    coding = clean_text(request.headers.get("Content-Encoding", "")).strip()
    if coding.lower() not in ("", "identity"):
        raise BadRequest(
            _('The content encoding "%(coding)s" is not supported. Send the body uncompressed.')
            % {"coding": coding[:60]},
            code="unsupported_content_coding",
            status=415,
        )


# --- query parameters --------------------------------------------------------------------------------------------


class Query:
    """Typed query parameters of one request. An invalid one raises BadRequest (400), which names it."""

    def __init__(self, request: Request) -> None:
        self.values = request.query_params

    def text(self, name: str, default: str = "") -> str:
        return clean_text(self.values.get(name, default))

    def values_of(self, name: str) -> list[str]:
        """Return the values, given repeatedly or separated by commas."""
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
            raise self.invalid(name, _("a whole number from %(low)d to %(high)d") % {"low": low, "high": high})
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
            raise self.invalid(name, _("a number from %(low)g to %(high)g") % {"low": low, "high": high})
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str = "") -> str:
        text = self.values.get(name)
        if text is None:
            return default
        if text not in choices:
            raise self.invalid(name, _("one of %(choices)s") % {"choices": ", ".join(choices)})
        return text

    def choices(self, name: str, known: tuple[str, ...]) -> list[str]:
        words = self.values_of(name)
        if any(word not in known for word in words):
            raise self.invalid(name, _("some of %(choices)s") % {"choices": ", ".join(known)})
        return words

    def flag(self, name: str) -> bool | None:
        text = self.choice(name, ("true", "false"))
        return None if not text else text == "true"

    def timestamp(self, name: str) -> datetime | None:
        text = self.values.get(name)
        if text is None:
            return None
        try:
            # A plus sign that was not percent-encoded arrives as a space.
            moment = parse_datetime(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
            if moment is not None:
                # Near the ends of the calendar the time may not exist in another zone.
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise self.invalid(name, _("a time such as 2026-11-24T08:00:00Z"))

    @property
    def limit(self) -> int:
        return min(self.integer("limit", LIMIT_DEFAULT, 1, SEQ_MAX), LIMIT_MAX)

    @property
    def before(self) -> int | None:
        return self.optional_integer("before", 0, SEQ_MAX)

    @staticmethod
    def invalid(name: str, wanted: str) -> BadRequest:
        return BadRequest(
            _('The parameter "%(name)s" must be %(wanted)s.') % {"name": name, "wanted": wanted},
            code="bad_parameter",
            path=name,
        )


def _refuse_unknown(request: Request, known: tuple[str, ...]) -> None:
    """Raise BadRequest for a query parameter that the OpenAPI document does not list: it would have no effect."""
    for name in request.query_params:
        if name not in known:
            text = clean_text(name)[:60]
            raise BadRequest(
                _('Unknown parameter "%(name)s". The parameters are: %(known)s.')
                % {"name": text, "known": ", ".join(known) or "-"},
                code="unknown_parameter",
                path=text,
            )


# --- pages of lists ----------------------------------------------------------------------------------------------

Row = TypeVar("Row", bound=Model)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Sliceable(Protocol[T_co]):
    """A list, or rows that are not read yet."""

    def __getitem__(self, part: slice, /) -> Iterable[T_co]: ...


def page(
    request: Request,
    rows: QuerySet[Row],
    render: Callable[[list[Row]], list[dict[str, Any]]],
    *,
    key: str = "id",
    ordered: bool = False,
) -> Response:
    """Return one page of rows in descending order of the unique column `key`, after the row given by `before`.

    `ordered`: `rows` already have this order and start after `before`.
    """
    query = Query(request)
    if not ordered:
        before = query.before
        rows = (rows if before is None else rows.filter(**{f"{key}__lt": before})).order_by(f"-{key}")
    limit = query.limit
    found = list(rows[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    after = {"before": getattr(found[-1], key)} if more else None
    return Response({"results": render(found), "next": next_url(request, after)})


def page_of_list(request: Request, entries: Sequence[Mapping[str, Any]]) -> Response:
    """Return one page of a list that is in memory, in its order. `after` is the number of entries on earlier pages."""
    found, following = slice_page(request, entries)
    return Response({"results": found, "next": following})


def slice_page(request: Request, entries: _Sliceable[T]) -> tuple[list[T], str | None]:
    """Return the entries of one page of a list, as `page_of_list` does, and the URL of the next page. Of rows no more
    are read."""
    query = Query(request)
    begin, limit = query.integer("after", 0), query.limit
    found = list(entries[begin : begin + limit + 1])
    changed = {"after": begin + limit} if len(found) > limit else None
    return found[:limit], next_url(request, changed)


def next_url(request: Request, changed: Mapping[str, Any] | None) -> str | None:
    """Return this request's URL with some parameters changed; None if `changed` is None."""
    if changed is None:
        return None
    parameters: dict[str, Any] = {name: request.query_params.getlist(name) for name in request.query_params}
    parameters.update(changed)
    return request.build_absolute_uri(f"{request.path}?{urlencode(parameters, doseq=True)}")


def integer_schema(low: int = 0, high: int = INTEGER_MAX) -> dict[str, Any]:
    """Return the schema of an integer within bounds."""
    return {"type": "integer", "minimum": low, "maximum": high}


LIMIT = OpenApiParameter(
    "limit",
    integer_schema(1, SEQ_MAX),
    description=f"Entries per page; {LIMIT_DEFAULT} by default, {LIMIT_MAX} at most.",
)
BEFORE = OpenApiParameter(
    "before", integer_schema(0, SEQ_MAX), description="Start of the page; part of the URL in `next`."
)


def parameter(name: str, description: str, type_: Any = OpenApiTypes.STR, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, type_, description=description, **more)


AFTER = OpenApiParameter("after", integer_schema(), description="Start of the page; part of the URL in `next`.")
BINARY_BODY = {"contentMediaType": "application/octet-stream"}
"""Schema of a body that is a file."""


def list_of(shape: type[serializers.Serializer[Any]]) -> Any:
    """Return the serializer of a page of `shape`: {results, next}."""
    name = f"{shape.__name__}List"
    if name not in _lists:
        _lists[name] = type(
            name,
            (serializers.Serializer,),
            {
                "results": shape(many=True),
                "next": serializers.URLField(allow_null=True, help_text="URL of the next page; null on the last one."),
            },
        )
    return _lists[name]


_lists: dict[str, Any] = {}
