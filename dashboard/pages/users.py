"""Accounts with their roles, API tokens and sessions, for admins."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from dashboard import access, accounts
from dashboard import tokens as api_tokens
from dashboard.access import Right
from dashboard.models import Role, User, digest
from dashboard.pages.base import back, page, paginate, render
from engine.errors import InterlockError


def _people(request: HttpRequest, *, status: int = 200, **more: object) -> HttpResponse:
    context = {
        "tab": "people",
        "people": [accounts.user_dict(user) for user in User.objects.order_by("username")[:500]],
        "roles": Role.choices,
        "rights": [(Role(role).label, [right.value for right in rights]) for role, rights in access.RIGHTS.items()],
        **more,
    }
    return render(request, "users/index.html", context, status=status)


@require_safe
@page(Right.ADMIN)
def index(request: HttpRequest) -> HttpResponse:
    return _people(request)


@require_POST
@page(Right.ADMIN)
def create(request: HttpRequest) -> HttpResponse:
    username = request.POST.get("username", "").strip()
    try:
        user = accounts.create_user(username, request.POST.get("role", ""), by=request.user.get_username())
    except InterlockError as error:
        return _people(request, status=422, error=str(error), given=request.POST)
    link = accounts.create_login_link(user, request.build_absolute_uri("/"), by=request.user.get_username())
    return _people(request, link=link, link_for=user.username)


@require_POST
@page(Right.ADMIN)
def change(request: HttpRequest, username: str) -> HttpResponse:
    user = accounts.find_user(username)
    active = request.POST.get("active")
    accounts.change_user(
        user,
        role=request.POST.get("role") or None,
        active=None if active is None else active == "true",
        by=request.user.get_username(),
    )
    messages.success(request, _('Saved changes to "{name}".').format(name=username))
    return HttpResponseRedirect(reverse("users"))


@sensitive_post_parameters()
@require_POST
@page(Right.ADMIN)
def login_link(request: HttpRequest, username: str) -> HttpResponse:
    """Create a login link to hand over. This response is the only place that contains it."""
    user = accounts.find_user(username)
    link = accounts.create_login_link(user, request.build_absolute_uri("/"), by=request.user.get_username())
    return _people(request, link=link, link_for=user.username)


def _owner(request: HttpRequest) -> User | None:
    """Return the account that the list is limited to; None for all."""
    name = request.GET.get("user", "").strip()
    return accounts.find_user(name) if name else None


def _list(
    request: HttpRequest, tab: str, owner: User | None, rows: list[dict[str, object]], **more: object
) -> HttpResponse:
    context = {"tab": tab, "rows": rows, "owner": "" if owner is None else owner.username, **more}
    if request.headers.get("HX-Target") == f"{tab}-list":
        return render(request, f"users/_{tab}.html", context)
    names = User.objects.order_by("username").values_list("username", flat=True)[:500]
    return render(request, f"users/{tab}.html", {**context, "names": list(names)})


@require_safe
@page(Right.ADMIN)
def tokens(request: HttpRequest) -> HttpResponse:
    """List the API tokens of all accounts, or of one. The tokens themselves are stored nowhere."""
    owner = _owner(request)
    rows, following = paginate(api_tokens.tokens_of(owner), request, newest_first=True)
    return _list(request, "tokens", owner, [api_tokens.token_dict(token) for token in rows], following=following)


@require_safe
@page(Right.ADMIN)
def sessions(request: HttpRequest) -> HttpResponse:
    """List who is signed in, or the sessions of one account."""
    owner = _owner(request)
    rows, following = paginate(accounts.sessions_of(owner), request)
    current = digest(request.session.session_key or "")
    shown = [{**accounts.session_dict(row), "current": row.session_key == current} for row in rows]
    return _list(request, "sessions", owner, shown, following=following)


@require_POST
@page(Right.ADMIN)
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    token = api_tokens.delete_token(None, token_id, by=request.user.get_username())
    message = _('Token "{token}" of {user} revoked. Requests that use it are now refused.')
    messages.success(request, message.format(token=token.name, user=token.user.username))
    return back(request, reverse("user-tokens"))


@require_POST
@page(Right.ADMIN)
def end_session(request: HttpRequest, session_id: str) -> HttpResponse:
    session = accounts.end_session(None, session_id, by=request.user.get_username())
    messages.success(request, _("{user} has been signed out of that session.").format(user=session.user))
    return back(request, reverse("user-sessions"))
