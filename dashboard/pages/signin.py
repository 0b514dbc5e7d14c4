"""Sign in with a password or a login link."""

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dashboard import accounts
from dashboard.pages.base import render
from engine.errors import InterlockError


def _next_url(request: HttpRequest) -> str:
    """Return the page that the user wanted before signing in, if it is on this host."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else "/"


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    after = _next_url(request)
    if request.method == "GET":
        if request.user.is_authenticated:
            return HttpResponseRedirect(after)
        return render(request, "signin/sign_in.html", {"next": after})
    username = request.POST.get("username", "")
    try:
        accounts.sign_in(request, username, request.POST.get("password", ""))
    except InterlockError as error:
        context = {"next": after, "username": username, "error": str(error)}
        if isinstance(error, accounts.TooManyAttempts):
            return error.retry_later(render(request, "signin/sign_in.html", context, status=429))
        return render(request, "signin/sign_in.html", context, status=403)
    return HttpResponseRedirect(after)


@never_cache
@require_http_methods(["GET", "POST"])
def login_link(request: HttpRequest, raw: str) -> HttpResponse:
    """Show a confirmation, and sign in on POST only: programs that scan mail and chat open links too."""
    if request.method == "GET":
        user = accounts.peek_login_link(raw)
        response = render(request, "signin/link.html", {"person": user}, status=200 if user else 410)
    else:
        user = accounts.sign_in_with_link(request, raw)
        if user is None:
            response = render(request, "signin/link.html", {"person": None}, status=410)
        else:
            response = HttpResponseRedirect("/")
    # The URL is a secret until it is used, so only its origin may be sent as referrer. With "no-referrer", browsers
    # send "Origin: null" with the form, which the CSRF check refuses.
    response["Referrer-Policy"] = "strict-origin"
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect("/sign-in/")
