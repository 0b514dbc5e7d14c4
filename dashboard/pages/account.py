"""The user's own account: password, API tokens, and the theme and language of the pages."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from dashboard import accounts, tokens
from dashboard.access import Right
from dashboard.pages.base import back, page, person, render, whole_number
from dashboard.pages.context import THEME_COOKIE, THEMES
from engine import clock
from engine.errors import InterlockError, InvalidValue

YEAR_SECONDS = 365 * 24 * 3600


def _account(request: HttpRequest, *, status: int = 200, **more: object) -> HttpResponse:
    user = person(request)
    context = {
        "tokens": [tokens.token_dict(token) for token in tokens.tokens_of(user)],
        "has_password": accounts.has_password(user),
        **more,
    }
    return render(request, "account/index.html", context, status=status)


@require_safe
@page(Right.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    return _account(request)


@sensitive_post_parameters("old", "new", "again")
@require_POST
@page(Right.VIEW)
def password(request: HttpRequest) -> HttpResponse:
    user = person(request)
    new = request.POST.get("new", "")
    try:
        if accounts.has_password(user):
            accounts.check_password(request, user.username, request.POST.get("old", ""))
        if new != request.POST.get("again", ""):
            raise InvalidValue(_("The new passwords do not match."), path="again")
        changed = accounts.change_user(user, password=new, by=user.username)
    except accounts.WrongCredentials:
        return _account(request, status=422, password_error=_("The current password is incorrect."))
    except accounts.TooManyAttempts as error:
        return error.retry_later(_account(request, status=429, password_error=str(error)))
    except InterlockError as error:
        return _account(request, status=422, password_error=str(error))
    # Keep this session; all other sessions of the account end.
    update_session_auth_hash(request, changed)
    messages.success(
        request,
        _("Password changed. Your other sessions have been signed out, and your API tokens and login links revoked."),
    )
    return HttpResponseRedirect(reverse("account"))


@require_POST
@page(Right.VIEW)
def create_token(request: HttpRequest) -> HttpResponse:
    """Create a token. This response is the only place that contains it."""
    user = person(request)
    name = request.POST.get("name", "").strip()
    days = whole_number(request.POST.get("days"), 0, most=3650)
    try:
        if not name:
            raise InvalidValue(_("Enter a name that says where the token is used."), path="name")
        raw = tokens.create_token(
            user,
            name,
            ["metrics"] if request.POST.get("scope") == "metrics" else [],
            expires_at=clock.now() + timedelta(days=days) if days else None,
            by=user.username,
        )
    except InterlockError as error:
        return _account(request, status=422, token_error=str(error))
    return _account(request, new_token=raw, new_token_name=name)


@require_POST
@page(Right.VIEW)
def delete_token(request: HttpRequest, token_id: int) -> HttpResponse:
    user = person(request)
    tokens.delete_token(user, token_id, by=user.username)
    messages.success(request, _("Token revoked. Requests that use it are now refused."))
    return HttpResponseRedirect(reverse("account"))


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Set the theme. It belongs to this browser, so it is a cookie and not stored in the database."""
    chosen = request.POST.get("theme", "")
    response = back(request)
    if chosen in THEMES:
        response.set_cookie(
            THEME_COOKIE, chosen, max_age=YEAR_SECONDS, samesite="Lax", secure=request.is_secure(), httponly=True
        )
    else:
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    return response


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("language", "")
    response = back(request)
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=YEAR_SECONDS,
            samesite="Lax",
            secure=request.is_secure(),
            httponly=True,
        )
    return response
