"""Users and their roles, for admins."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from dashboard import access, accounts
from dashboard.access import Right
from dashboard.models import Role, User
from dashboard.pages.base import page, render
from engine.errors import InterlockError


def _people(request: HttpRequest, *, status: int = 200, **more: object) -> HttpResponse:
    context = {
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
