"""Shared by all pages: access control, rendering, errors for people, pagination."""

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from io import BytesIO
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict, RawPostDataException
from django.http.response import HttpResponseBase
from django.shortcuts import render as django_render
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError

from dashboard import access
from dashboard.access import Right
from dashboard.api.parsers import StrictJSONParser, nul_character
from dashboard.api.problems import is_api, unavailable
from dashboard.models import User
from dashboard.outage import outage
from dashboard.presenters.sentences import error_message, sentence_text
from engine.errors import InterlockError, NotFound
from engine.problems import InvalidDocument

log = logging.getLogger("interlock.pages")

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def render(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    return django_render(request, template, context, status=status)


def popover(request: HttpRequest, part: str, nav: str, up: tuple[str, str], context: Mapping[str, Any]) -> HttpResponse:
    """Render a popover: a small form or list at a button.

    Whoever opens its URL directly gets a page with nothing but the form and a link `up`, given as (URL, name), to the
    page that it belongs to.
    """
    if request.headers.get("HX-Request"):
        return render(request, part, context)
    address, name = up
    return render(request, "popover.html", {**context, "part": part, "nav": nav, "up": address, "up_name": name})


def page(right: Right, *, cacheable: bool = False) -> Callable[[View[P]], View[P]]:
    """Restrict a page to signed-in users with `right`. Others are sent to sign in or told that it is forbidden.

    Errors of the engine and of versions become 404 and 403 pages and, after a form, a message on the page that it came
    from. If `cacheable`, the view sets Cache-Control itself.
    """

    def wrap(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            response = respond(request, *args, **kwargs)
            if not (cacheable and response.has_header("Cache-Control")):
                add_never_cache_headers(response)
            return response

        def respond(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                if not request.user.is_authenticated:
                    return _sign_in_first(request)
                access.require(request.user, right)
                _clean_query(request)
                _refuse_nul(request)
                return view(request, *args, **kwargs)
            except access.Forbidden as error:
                return error_page(request, 403, str(error))
            except NotFound as error:
                return error_page(request, 404, error_message(error))
            except InvalidDocument as error:
                return form_error(request, _problems_text(error))
            except InterlockError as error:
                return form_error(request, error_message(error))
            except (OperationalError, InterfaceError, OSError) as error:
                found = outage(error)
                if found is None:
                    raise
                log.warning("%s path=%s error=%s", found.code, request.path, error)
                return unavailable(request, found)

        return guarded

    return wrap


def _clean_query(request: HttpRequest) -> None:
    """Replace NUL in the query string: databases refuse it also in a search."""
    query = request.META.get("QUERY_STRING", "")
    if "%00" in query:
        request.GET = QueryDict(query.replace("%00", "%EF%BF%BD"))


def _refuse_nul(request: HttpRequest) -> None:
    """Raise BadRequest, which names the field, if a text of a form contains NUL."""
    for name, values in request.POST.lists():
        if any("\0" in value for value in values):
            raise nul_character(name)


def person(request: HttpRequest) -> User:
    """Return the signed-in user. Only for views inside `page`, which ensures that there is one."""
    assert isinstance(request.user, User)
    return request.user


def _problems_text(error: InvalidDocument) -> str:
    first, rest = sentence_text(error.problems[0].sentence), len(error.problems) - 1
    return first if not rest else _("{first} (and {n} more)").format(first=first, n=rest)


def _sign_in_first(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        # A part of a page cannot show the sign-in form: redirect the whole page.
        response = HttpResponse(status=401)
        response["HX-Redirect"] = redirect_to_login(request.headers.get("HX-Current-URL", "/"), "/sign-in/").url
        return response
    return redirect_to_login(request.get_full_path(), "/sign-in/")


def error_page(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """Render the error page, or a short text in place of a part of a page."""
    if request.headers.get("HX-Request"):
        return render(request, "errors/_part.html", {"message": message}, status=status)
    return render(request, f"errors/{status}.html", {"message": message}, status=status)


def method_not_allowed_page(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: answer a GET to a URL that only takes forms with a page. The address bar shows such URLs after some
    forms."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code != 405 or request.method != "GET" or is_api(request):
            return response
        shown = render(request, "errors/405.html", status=405)
        shown["Allow"] = response["Allow"]
        add_never_cache_headers(shown)
        return shown

    return respond


def form_error(request: HttpRequest, message: str) -> HttpResponse:
    """Report that a form could not be processed: show its page again with a message."""
    if request.headers.get("HX-Request"):
        return render(request, "errors/_part.html", {"message": message}, status=409)
    if request.method == "GET":
        return render(request, "errors/409.html", {"message": message}, status=409)
    messages.error(request, message)
    return back(request)


def json_body(request: HttpRequest) -> Any:
    """Return the JSON body that a script of a page has sent. Raises BadRequest and ParseError, as API calls do."""
    try:
        raw = request.body
    except RawPostDataException:
        # A multipart form, which the CSRF check has read already.
        raise ParseError(_("The body is not JSON.")) from None
    return StrictJSONParser().parse(BytesIO(raw))


def back(request: HttpRequest, default: str = "") -> HttpResponse:
    """Redirect to the page of a form: its `next`, else the referring page, else `default`.

    Views pass a `default` after success only.
    """
    for address in (request.POST.get("next", ""), request.headers.get("Referer", "")):
        if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
            continue
        # After success, do not show the form's own page again. After an error, do.
        if not (default and urlsplit(address).path == request.path):
            return HttpResponseRedirect(address)
    return HttpResponseRedirect(default or "/")


def whole_number(text: str | None, default: int, *, least: int = 0, most: int = 10**9) -> int:
    """Parse a number of a query or form; `default` if it is not one."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 12:
        return default
    return min(most, max(least, int(text)))


SKIPPED_ROWS_MAX = 10_000
"""Rows that a page number may skip: each skipped row is read."""


def paginate(
    rows: Any, request: HttpRequest, size: int = 50, *, newest_first: bool = False
) -> tuple[list[Any], dict[str, int] | None]:
    """Return the rows of the page that `?page=` names (from 1), and the query of the next page, without counting all
    rows.

    `newest_first`: order the rows by descending id, and continue after the last id (`before`). Then no skipped row is
    read, and none is shown twice when new rows arrive.
    """
    number = whole_number(request.GET.get("page"), 1, least=1, most=10**9)
    before = whole_number(request.GET.get("before"), 0) if newest_first else 0
    start = min((number - 1) * size, SKIPPED_ROWS_MAX)
    if before:
        rows, start = rows.filter(pk__lt=before), 0
    found = list(rows[start : start + size + 1])
    if len(found) <= size:
        return found, None
    following = {"page": number + 1}
    return found[:size], following | {"before": found[size - 1].pk} if newest_first else following
