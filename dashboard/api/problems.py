"""Errors as `application/problem+json` (RFC 9457), each with a stable `code`.

All errors under /api/ are answered here: those of actions, of Django REST framework, of Django, and unexpected ones.
"""

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
from dashboard.outage import Outage, outage
from dashboard.presenters.sentences import error_message, translated
from engine import errors as engine_errors
from engine.artifacts.outputs import UnreachableOutput, UnreadableOutput
from engine.problems import InvalidDocument, Problem
from versions import errors as versions_errors

log = logging.getLogger("interlock.api")

CONTENT_TYPE = "application/problem+json"

# The first matching class decides: subclasses stand before their base classes.
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
    (UnreachableOutput, 503),
    (UnreadableOutput, 410),
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
    """The request cannot be understood: a parameter, a header or the shape of the body is wrong."""

    code = "bad_request"
    status = 400

    def __init__(self, message: str, *, code: str | None = None, status: int = 400, path: str = "") -> None:
        super().__init__(message, code=code, path=path)
        self.status, self.path = status, path


def body(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """Return the members of a problem document."""
    return {"type": "about:blank", "title": _title(status), "status": status, "detail": detail, "code": code, **more}


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """Return a problem document as the response of an API view."""
    response = Response(body(status, code, detail, **more), status=status, content_type=CONTENT_TYPE)
    # Unexpected errors are logged where they are caught, and a call that is not built yet is no error: Django must not
    # log the response again.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answer any exception of an API view with a problem document (hook of Django REST framework)."""
    if isinstance(error, BadRequest):
        return _error_response(error, error.status)
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return _error_response(error, status, context)
    if isinstance(error, Http404):
        return problem(404, "not_found", _("No such URL."))
    if isinstance(error, PermissionDenied):
        return problem(403, "forbidden", _("You do not have permission to do this."))
    if isinstance(error, RequestDataTooBig):
        return problem(413, "too_large", _("The body is too large for this call."))
    if isinstance(error, SuspiciousOperation):
        return problem(400, "bad_request", _("The request could not be understood."))
    if isinstance(error, exceptions.APIException):
        return _api_exception_response(error)
    if found := outage(error):
        log.warning("%s path=%s error=%s", found.code, _path(context), error)
        response = problem(found.status, found.code, found.message)
        response["Retry-After"] = str(found.retry_after_seconds)
        return response
    log.exception("fault path=%s", _path(context), exc_info=error)
    return problem(500, "fault", _("Something went wrong on the server. Its log has the details."))


def _error_response(error: Exception, status: int, context: Mapping[str, Any] | None = None) -> Response:
    message = error_message(error)
    more: dict[str, Any] = {}
    errors = getattr(error, "problems", None)
    if errors is not None:
        more["errors"] = [_problem_dict(problem) for problem in errors]
    elif isinstance(error, engine_errors.InvalidValue | BadRequest) and error.path:
        more["errors"] = [{"path": error.path, "node": None, "code": _code(error), "message": message}]
    if isinstance(error, versions_errors.OutdatedBase):
        more["base_version"] = error.base_version
        more["newest"] = error.newest.number if error.newest is not None else None
        more["changes"] = error.changes
    response = problem(status, _code(error), message, **more)
    if isinstance(error, SignedOut):
        response["WWW-Authenticate"] = 'Bearer realm="interlock"'
    if isinstance(error, TooManyAttempts):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


def _problem_dict(problem: Problem | Mapping[str, Any]) -> dict[str, Any]:
    return dict(problem) if isinstance(problem, Mapping) else problem.as_dict(translated)


# Codes of Django REST framework and what they are called here.
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


def _api_exception_response(error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        errors = list(_flatten(error.detail))
        detail = _("%(count)d fields are invalid.") % {"count": len(errors)}
        if len(errors) == 1:
            path, message = errors[0]["path"], errors[0]["message"]
            detail = f"{path}: {message}" if path else message
        return problem(400, "invalid", detail, errors=errors)
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "error"
    response = problem(error.status_code, _API_CODES.get(code, code), str(error.detail))
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    return response


def _flatten(detail: Any, path: str = "") -> Any:
    """Flatten nested messages into {path, node, code, message}."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            yield from _flatten(inner, path if key == "non_field_errors" else f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _flatten(inner, f"{path}[{index}]" if nested else path)
    else:
        code = getattr(detail, "code", "invalid")
        yield {"path": path, "node": None, "code": code, "message": str(detail)}


def _code(error: Exception) -> str:
    if isinstance(error, UnreachableOutput):
        return "artifact_store"
    if isinstance(error, UnreadableOutput):
        return "output_gone"
    return str(getattr(error, "code", "error"))


def _title(status: int) -> str:
    return HTTPStatus(status).phrase


def _path(context: Mapping[str, Any]) -> str:
    request = context.get("request")
    return str(getattr(request, "path", ""))


# --- outside Django REST framework: answers of Django's handlers under /api/ ---------------------------------------


def is_api(request: HttpRequest) -> bool:
    """Return whether a program asks. Load balancers and Prometheus ask outside /api/."""
    return request.path.startswith("/api/") or request.path in ("/healthz", "/readyz", "/metrics")


def plain(status: int, code: str, detail: str) -> JsonResponse:
    """Return a problem document as the response of a plain Django view or handler."""
    return JsonResponse(body(status, code, detail), status=status, content_type=CONTENT_TYPE)


def _handler(status: int, code: str, fallback: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    def handler(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        if not is_api(request):
            return fallback(request, *arguments, **named)
        details = {
            400: _("The request could not be understood."),
            403: _("You do not have permission to do this."),
            404: _("No such URL."),
            500: _("Something went wrong on the server. Its log has the details."),
        }
        return plain(status, code, details[status])

    return handler


bad_request = _handler(400, "bad_request", defaults.bad_request)
permission_denied = _handler(403, "forbidden", defaults.permission_denied)
page_not_found = _handler(404, "not_found", defaults.page_not_found)
_fault = _handler(500, "fault", defaults.server_error)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer an exception that no view has caught. A full disk or a missing database can show anywhere, also in
    middleware."""
    if found := outage(sys.exc_info()[1]):
        return unavailable(request, found)
    return _fault(request)


def unavailable(request: HttpRequest, found: Outage) -> HttpResponse:
    """Answer an outage from a plain view or a page, without using the database."""
    response: HttpResponse
    if is_api(request):
        response = plain(found.status, found.code, found.message)
    else:
        part = "errors/_part.html" if request.headers.get("HX-Request") else "errors/outage.html"
        text = render_to_string(part, {"message": found.message, "sent": request.method == "POST"})
        response = HttpResponse(text, status=found.status)
    response["Retry-After"] = str(found.retry_after_seconds)
    return response


@csrf_exempt
def unknown_address(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answer all URLs under /api/ that match nothing else."""
    detail = _("No such URL.")
    if not request.path.endswith("/"):
        detail = _("No such URL. URLs of the API end with a slash.")
    return plain(404, "not_found", detail)
