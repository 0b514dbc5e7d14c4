"""What every page shares: who may see it, the frame's context, and how errors are told to people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render as django_render
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from dashboard import access
from dashboard.access import Right
from dashboard.models import User
from engine.errors import InterlockError, InvalidDocument, NotFound

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def render(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    return django_render(request, template, context, status=status)


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
            if not request.user.is_authenticated:
                return _sign_in_first(request)
            try:
                access.require(request.user, right)
                return view(request, *args, **kwargs)
            except access.Forbidden as error:
                return refused(request, 403, str(error))
            except NotFound as error:
                return refused(request, 404, str(error))
            except InvalidDocument as error:
                return told(request, _problems_said(error))
            except InterlockError as error:
                return told(request, str(error))

        return guarded

    return wrap


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


def told(request: HttpRequest, said: str) -> HttpResponse:
    """After a form that could not be done: its page again, with the reason as a message."""
    if request.headers.get("HX-Request"):
        return render(request, "errors/_part.html", {"said": said}, status=409)
    if request.method == "GET":
        return render(request, "errors/409.html", {"said": said}, status=409)
    messages.error(request, said)
    return back(request)


def back(request: HttpRequest, default: str = "/") -> HttpResponse:
    """To the page that a form stood on: its `next`, else where the browser came from, else `default`."""
    for address in (request.POST.get("next"), request.headers.get("Referer")):
        if address and url_has_allowed_host_and_scheme(
            address, {request.get_host()}, require_https=request.is_secure()
        ):
            return HttpResponseRedirect(address)
    return HttpResponseRedirect(default)


def whole_number(text: str | None, default: int, *, least: int = 0, most: int = 10**9) -> int:
    """A number of the query or a form; anything else is `default`."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 12:
        return default
    return min(most, max(least, int(text)))


def paged(rows: Any, request: HttpRequest, size: int = 50) -> tuple[list[Any], int | None]:
    """Rows of the page that `?page=` names (from 1) and the number of the next page, without counting them all."""
    number = whole_number(request.GET.get("page"), 1, least=1, most=100_000)
    found = list(rows[(number - 1) * size : number * size + 1])
    return found[:size], number + 1 if len(found) > size else None
