"""Errors as `application/problem+json` (RFC 9457), each with a stable `code`.

Everything that goes wrong under /api/ leaves through here: the verbs' errors, DRF's, Django's, and faults.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from dashboard import files
from dashboard.access import Forbidden, SignedOut
from dashboard.accounts import LastAdmin, TooManyAttempts
from dashboard.engine_words import engine_words
from dashboard.outage import Outage, outage
from engine import errors as engine_errors
from engine.artifacts.outputs import Unreachable, Unreadable
from engine.problems import InvalidDocument, Problem
from versions import errors as versions_errors

log = logging.getLogger("interlock.api")

CONTENT_TYPE = "application/problem+json"

# The first class that fits decides, so what is special stands before what is general.
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (SignedOut, 401),
    (Forbidden, 403),
    (LastAdmin, 409),
    (TooManyAttempts, 429),
    (versions_errors.StaleDraft, 412),
    (versions_errors.Conflict, 409),
    (versions_errors.DraftTooLarge, 413),
    (versions_errors.BadPatch, 400),
    (versions_errors.ReasonMissing, 400),
    (versions_errors.Unusable, 422),
    (files.IsFolder, 409),
    (files.Incomplete, 400),
    (files.DiskFull, 507),
    (Unreachable, 503),
    (Unreadable, 410),
    (engine_errors.NotFound, 404),
    (engine_errors.WrongState, 409),
    (engine_errors.AlreadyExists, 409),
    (engine_errors.InUse, 409),
    (engine_errors.NotAvailableYet, 501),
    (engine_errors.NoAnswer, 503),
    (engine_errors.EventsGone, 410),
    (engine_errors.InvalidValue, 422),
    (engine_errors.InvalidInputs, 422),
    (engine_errors.InvalidTargets, 422),
    (InvalidDocument, 422),
)


class BadRequest(engine_errors.InterlockError):
    """The request itself cannot be understood: a parameter, a header, the shape of the body."""

    code = "bad_request"
    status = 400

    def __init__(self, message: str, *, code: str | None = None, status: int = 400, path: str = "") -> None:
        super().__init__(message, code=code, path=path)
        self.status, self.path = status, path


def body(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """The members of a problem document."""
    return {"type": "about:blank", "title": _title(status), "status": status, "detail": detail, "code": code, **more}


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """A problem as the answer of an API view."""
    response = Response(body(status, code, detail, **more), status=status, content_type=CONTENT_TYPE)
    # Faults are logged where they are caught, with their cause; that a call is not built yet is no error of ours.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's hook: every exception of an API view as a problem; never a traceback, never HTML."""
    if isinstance(error, BadRequest):
        return _of_error(error, error.status)
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return _of_error(error, status, context)
    if isinstance(error, Http404):
        return problem(404, "not_found", _("There is nothing at this address."))
    if isinstance(error, PermissionDenied):
        return problem(403, "forbidden", _("You may not do this."))
    if isinstance(error, RequestDataTooBig):
        return problem(413, "too_large", _("The body is too large for this call."))
    if isinstance(error, SuspiciousOperation):
        return problem(400, "bad_request", _("The request cannot be understood."))
    if isinstance(error, exceptions.APIException):
        return _of_api_exception(error)
    if found := outage(error):
        log.warning("%s path=%s error=%s", found.code, _path(context), error)
        response = problem(found.status, found.code, found.said)
        response["Retry-After"] = str(found.retry_after_seconds)
        return response
    log.exception("fault path=%s", _path(context), exc_info=error)
    return problem(500, "fault", _("Something is wrong on the server; its log has the details."))


def _of_error(error: Exception, status: int, context: Mapping[str, Any] | None = None) -> Response:
    said = engine_words(str(error))
    more: dict[str, Any] = {}
    wrong = getattr(error, "problems", None)
    if wrong is not None:
        more["errors"] = [_error_of(one) for one in wrong]
    elif isinstance(error, engine_errors.InvalidValue | BadRequest) and error.path:
        more["errors"] = [{"path": error.path, "node": None, "code": _code(error), "message": said}]
    if isinstance(error, versions_errors.OutdatedBase):
        more["base_version"] = error.base_version
        more["newest"] = error.newest.number if error.newest is not None else None
        more["changes"] = error.changes
    response = problem(status, _code(error), said, **more)
    if isinstance(error, SignedOut):
        response["WWW-Authenticate"] = 'Bearer realm="interlock"'
    if isinstance(error, TooManyAttempts):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


def _error_of(wrong: Problem | Mapping[str, Any]) -> dict[str, Any]:
    found = dict(wrong) if isinstance(wrong, Mapping) else wrong.as_dict()
    return {**found, "message": engine_words(found["message"])}


# DRF's own codes, in our words.
_API_CODES = {
    "not_authenticated": "not_signed_in",
    "authentication_failed": "invalid_token",
    "permission_denied": "forbidden",
    "parse_error": "bad_json",
    "unsupported_media_type": "unsupported_media_type",
    "method_not_allowed": "method_not_allowed",
    "not_acceptable": "not_acceptable",
    "throttled": "too_many_requests",
}


def _of_api_exception(error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        wrong = list(_flat(error.detail))
        detail = wrong[0]["message"] if len(wrong) == 1 else _("%(count)d fields are wrong.") % {"count": len(wrong)}
        if wrong and wrong[0]["path"]:
            detail = f"{wrong[0]['path']}: {wrong[0]['message']}" if len(wrong) == 1 else detail
        return problem(400, "invalid", detail, errors=wrong)
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "error"
    response = problem(error.status_code, _API_CODES.get(code, code), str(error.detail))
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    return response


def _flat(detail: Any, path: str = "") -> Any:
    """DRF's nested messages as a flat list of {path, node, code, message}."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            yield from _flat(inner, path if key == "non_field_errors" else f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _flat(inner, f"{path}[{index}]" if nested else path)
    else:
        code = getattr(detail, "code", "invalid")
        yield {"path": path, "node": None, "code": code, "message": str(detail)}


def _code(error: Exception) -> str:
    if isinstance(error, Unreachable):
        return "artifact_store"
    if isinstance(error, Unreadable):
        return "output_gone"
    return str(getattr(error, "code", "error"))


def _title(status: int) -> str:
    return HTTPStatus(status).phrase


def _path(context: Mapping[str, Any]) -> str:
    request = context.get("request")
    return str(getattr(request, "path", ""))


# --- outside DRF: what Django's handlers answer under /api/ -------------------------------------------------------


def is_api(request: HttpRequest) -> bool:
    """Whether a program asks; what a load balancer or Prometheus asks lies outside /api/."""
    return request.path.startswith("/api/") or request.path in ("/healthz", "/readyz", "/metrics")


def plain(status: int, code: str, detail: str) -> JsonResponse:
    """A problem as the answer of a plain Django view or handler."""
    return JsonResponse(body(status, code, detail), status=status, content_type=CONTENT_TYPE)


def _handler(status: int, code: str, fallback: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    def handler(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        if not is_api(request):
            return fallback(request, *arguments, **named)
        details = {
            400: _("The request cannot be understood."),
            403: _("You may not do this."),
            404: _("There is nothing at this address."),
            500: _("Something is wrong on the server; its log has the details."),
        }
        return plain(status, code, details[status])

    return handler


bad_request = _handler(400, "bad_request", defaults.bad_request)
permission_denied = _handler(403, "forbidden", defaults.permission_denied)
page_not_found = _handler(404, "not_found", defaults.page_not_found)
_fault = _handler(500, "fault", defaults.server_error)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """What no view has caught; a full disk and a database that is away can show anywhere, in middleware too."""
    if found := outage(sys.exc_info()[1]):
        return unavailable(request, found)
    return _fault(request)


def unavailable(request: HttpRequest, found: Outage) -> HttpResponse:
    """An outage as the answer of a plain view or a page; nothing of it needs the database."""
    response: HttpResponse
    if is_api(request):
        response = plain(found.status, found.code, found.said)
    else:
        part = "errors/_part.html" if request.headers.get("HX-Request") else "errors/outage.html"
        text = render_to_string(part, {"said": found.said, "sent": request.method == "POST"})
        response = HttpResponse(text, status=found.status)
    response["Retry-After"] = str(found.retry_after_seconds)
    return response


@csrf_exempt
def unknown_address(request: HttpRequest, path: str = "") -> HttpResponse:
    """Every address under /api/ that nothing else answers."""
    detail = _("There is nothing at this address.")
    if not request.path.endswith("/"):
        detail = _("There is nothing at this address. Addresses of the API end with a slash.")
    return plain(404, "not_found", detail)
