"""What every page shares: who may see it, the frame's context, and how errors are told to people."""

from __future__ import annotations

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
from dashboard.api.parsers import StrictJSONParser
from dashboard.api.problems import is_api, unavailable
from dashboard.engine_words import engine_words
from dashboard.models import User
from dashboard.outage import outage
from engine.errors import InterlockError, InvalidDocument, NotFound

log = logging.getLogger("interlock.pages")

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def render(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    return django_render(request, template, context, status=status)


def small(request: HttpRequest, part: str, nav: str, up: tuple[str, str], context: Mapping[str, Any]) -> HttpResponse:
    """What a small form or list at a button holds; who opens its address gets a page with nothing else on it but the
    way `up`: (address, name) of the page that it belongs to."""
    if request.headers.get("HX-Request"):
        return render(request, part, context)
    address, name = up
    return render(request, "small.html", {**context, "part": part, "nav": nav, "up": address, "up_name": name})


def page(right: Right, *, lasting: bool = False) -> Callable[[View[P]], View[P]]:
    """A page for signed-in people with `right`: others are sent to sign in, or told that they may not.

    Errors of the engine and of versions become what a person can use: 404 and 403 pages, and after a form a
    message on the page it came from. With `lasting` the view says itself how long browsers may keep its answer.
    """

    def wrap(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            response = answered(request, *args, **kwargs)
            if not (lasting and response.has_header("Cache-Control")):
                add_never_cache_headers(response)
            return response

        def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                if not request.user.is_authenticated:
                    return _sign_in_first(request)
                access.require(request.user, right)
                _clean_query(request)
                return view(request, *args, **kwargs)
            except access.Forbidden as error:
                return refused(request, 403, str(error))
            except NotFound as error:
                return refused(request, 404, engine_words(str(error)))
            except InvalidDocument as error:
                return told(request, _problems_said(error))
            except InterlockError as error:
                return told(request, engine_words(str(error)))
            except (OperationalError, InterfaceError, OSError) as error:
                found = outage(error)
                if found is None:
                    raise
                log.warning("%s path=%s error=%s", found.code, request.path, error)
                return unavailable(request, found)

        return guarded

    return wrap


def _clean_query(request: HttpRequest) -> None:
    """What is asked for in the address becomes text that both databases take, as what is stored does."""
    query = request.META.get("QUERY_STRING", "")
    if "%00" in query:
        request.GET = QueryDict(query.replace("%00", "%EF%BF%BD"))


def person(request: HttpRequest) -> User:
    """The signed-in account; only inside a `page`, which makes sure that there is one."""
    assert isinstance(request.user, User)
    return request.user


def _problems_said(error: InvalidDocument) -> str:
    listed = [problem.message for problem in error.problems]
    if not listed:
        return str(error)
    rest = len(listed) - 1
    return listed[0] if not rest else _("{first} And {n} more problems.").format(first=listed[0], n=rest)


def _sign_in_first(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        # A part of a page cannot show the sign-in form: the whole page goes there.
        response = HttpResponse(status=401)
        response["HX-Redirect"] = redirect_to_login(request.headers.get("HX-Current-URL", "/"), "/sign-in/").url
        return response
    return redirect_to_login(request.get_full_path(), "/sign-in/")


def refused(request: HttpRequest, status: int, said: str) -> HttpResponse:
    """The page (or, for a part of one, the small text) that says why something is not shown."""
    if request.headers.get("HX-Request"):
        return render(request, "errors/_part.html", {"said": said}, status=status)
    return render(request, f"errors/{status}.html", {"said": said}, status=status)


def formless(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: who opens the address of a form sees more than nothing; the bar has it after some forms' answers."""

    def answered(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code != 405 or request.method != "GET" or is_api(request):
            return response
        shown = render(request, "errors/405.html", status=405)
        shown["Allow"] = response["Allow"]
        add_never_cache_headers(shown)
        return shown

    return answered


def told(request: HttpRequest, said: str) -> HttpResponse:
    """After a form that could not be done: its page again, with the reason as a message."""
    if request.headers.get("HX-Request"):
        return render(request, "errors/_part.html", {"said": said}, status=409)
    if request.method == "GET":
        return render(request, "errors/409.html", {"said": said}, status=409)
    messages.error(request, said)
    return back(request)


def json_body(request: HttpRequest) -> Any:
    """What a script of a page has sent. Raises BadRequest and DRF's ParseError, as calls of the API do."""
    try:
        raw = request.body
    except RawPostDataException:
        # A form with parts: the check of its token has read it.
        raise ParseError(_("The body is not JSON.")) from None
    return StrictJSONParser().parse(BytesIO(raw))


def back(request: HttpRequest, default: str = "") -> HttpResponse:
    """To the page that a form stood on: its `next`, else where the browser came from, else `default`.

    Who has done what was asked names a `default`; whoever refuses it does not."""
    for address in (request.POST.get("next", ""), request.headers.get("Referer", "")):
        if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
            continue
        # What was done is not shown as a form again; what was refused is.
        if not (default and urlsplit(address).path == request.path):
            return HttpResponseRedirect(address)
    return HttpResponseRedirect(default or "/")


def whole_number(text: str | None, default: int, *, least: int = 0, most: int = 10**9) -> int:
    """A number of the query or a form; anything else is `default`."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 12:
        return default
    return min(most, max(least, int(text)))


SKIPPED_MAX = 10_000
"""Rows that a page's number may stand behind: each of them is read."""


def paged(
    rows: Any, request: HttpRequest, size: int = 50, *, newest_first: bool = False
) -> tuple[list[Any], dict[str, int] | None]:
    """Rows of the page that `?page=` names (from 1), and the query of the next page, without counting them all.

    `newest_first`: they are in falling order of their ids. Then the query of the next page has `before` as well, so
    that however far back it is none is read but those that it shows, and none twice when new ones come."""
    number = whole_number(request.GET.get("page"), 1, least=1, most=10**9)
    before = whole_number(request.GET.get("before"), 0) if newest_first else 0
    start = min((number - 1) * size, SKIPPED_MAX)
    if before:
        rows, start = rows.filter(pk__lt=before), 0
    found = list(rows[start : start + size + 1])
    if len(found) <= size:
        return found, None
    following = {"page": number + 1}
    return found[:size], following | {"before": found[size - 1].pk} if newest_first else following
