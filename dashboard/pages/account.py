"""One's own account: password, API tokens; and how the pages look: theme and language."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from dashboard import accounts
from dashboard.access import Right
from dashboard.pages.base import back, page, person, render, whole_number
from dashboard.pages.context import THEME_COOKIE, THEMES
from engine import clock
from engine.errors import InterlockError, InvalidValue

YEAR_SECONDS = 365 * 24 * 3600


def _account(request: HttpRequest, *, status: int = 200, **more: object) -> HttpResponse:
    user = person(request)
    context = {
        "tokens": [accounts.token_dict(token) for token in accounts.tokens_of(user)],
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
        if accounts.has_password(user) and not user.check_password(request.POST.get("old", "")):
            raise InvalidValue(_("The present password is not right."), path="old")
        if new != request.POST.get("again", ""):
            raise InvalidValue(_("The two new passwords differ."), path="again")
        changed = accounts.change_user(user, password=new, by=user.username)
    except InterlockError as error:
        return _account(request, status=422, password_said=str(error))
    # This session goes on; all others of the account end.
    update_session_auth_hash(request, changed)
    messages.success(request, _("Your password is set. Other sessions of yours have ended."))
    return HttpResponseRedirect(reverse("account"))


@require_POST
@page(Right.VIEW)
def create_token(request: HttpRequest) -> HttpResponse:
    """The new token is in this answer and nowhere else."""
    user = person(request)
    name = request.POST.get("name", "").strip()
    days = whole_number(request.POST.get("days"), 0, most=3650)
    try:
        if not name:
            raise InvalidValue(_("Give the token a name that says where it is used."), path="name")
        raw = accounts.create_token(
            user,
            name,
            ["metrics"] if request.POST.get("scope") == "metrics" else [],
            expires_at=clock.now() + timedelta(days=days) if days else None,
            by=user.username,
        )
    except InterlockError as error:
        return _account(request, status=422, token_said=str(error))
    return _account(request, new_token=raw, new_token_name=name)


@require_POST
@page(Right.VIEW)
def delete_token(request: HttpRequest, token_id: int) -> HttpResponse:
    user = person(request)
    accounts.delete_token(user, token_id, by=user.username)
    messages.success(request, _("The token is revoked: calls with it are refused from now on."))
    return HttpResponseRedirect(reverse("account"))


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the system: a choice of this browser, so a cookie and no record."""
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
