"""Results of the command palette: workflows, runs, pages and actions."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import page
from dashboard.pages.run_facts import names_of
from dashboard.presenters.states import state_style
from dashboard.presenters.text import visible
from engine.models import Run
from versions import queries
from versions.models import Deployment

WORKFLOWS_MAX = 8
RUNS_MAX = 5


@require_safe
@page(Right.VIEW)
def find(request: HttpRequest) -> HttpResponse:
    """`{results: [{group, icon, text, hint, href, dialog?}]}` for `?q=`."""
    text = request.GET.get("q", "").strip()[:200]
    found = [*_runs(text), *_workflows(request, text), *_pages(request, text)]
    return JsonResponse({"results": found})


def _result(group: str, icon: str, text: str, href: str, hint: str = "", dialog: str = "") -> dict[str, str]:
    shown = {"group": group, "icon": icon, "text": visible(text), "hint": hint, "href": href}
    return {**shown, "dialog": dialog} if dialog else shown


def _runs(text: str) -> list[dict[str, str]]:
    number = text.lower().removeprefix("run").strip(" #")
    rows = Run.objects.order_by("-id").only("id", "workflow", "state")
    if number.isascii() and number.isdigit() and len(number) <= 18:
        rows = rows.filter(pk=int(number))
    elif text:
        return []
    chosen = list(rows[:RUNS_MAX])
    names = names_of(row.workflow for row in chosen)
    return [
        _result(
            _("Runs"),
            state_style(row.state).icon,
            _("Run {id}").format(id=row.pk) + f" · {names.get(row.workflow, row.workflow)}",
            reverse("run", args=[row.pk]),
            str(state_style(row.state).word),
        )
        for row in chosen
    ]


def _workflows(request: HttpRequest, text: str) -> list[dict[str, str]]:
    rows = list(queries.workflows(search=text).order_by("name", "id")[:WORKFLOWS_MAX])
    live = set(
        Deployment.objects.filter(workflow__in=[row.pk for row in rows], state="live").values_list(
            "workflow", flat=True
        )
    )
    found = [_result(_("Workflows"), "tidy", row.name, reverse("workflow", args=[row.slug]), row.slug) for row in rows]
    if not text:
        return found
    actions: list[dict[str, str]] = []
    for row in rows[:4]:
        if row.pk in live and access.can(request.user, Right.RUN):
            address = reverse("workflow-run", args=[row.slug])
            actions.append(
                _result(_("Actions"), "play", _("Run {name}").format(name=row.name), address, dialog=address)
            )
        if access.can(request.user, Right.EDIT):
            address = reverse("workflow-edit", args=[row.slug])
            actions.append(_result(_("Actions"), "edit", _("Edit {name}").format(name=row.name), address))
        if row.pk in live and access.can(request.user, Right.DEPLOY):
            address = reverse("workflow-versions", args=[row.slug])
            actions.append(_result(_("Actions"), "back", _("Versions of {name}").format(name=row.name), address))
    return found + actions


def _pages(request: HttpRequest, text: str) -> list[dict[str, str]]:
    listed: list[tuple[str, str, str, Any]] = [
        ("home", _("Overview"), "overview", Right.VIEW),
        ("tidy", _("Workflows"), "workflows", Right.VIEW),
        ("play", _("Runs"), "runs", Right.VIEW),
        ("gauge", _("Resources"), "resources", Right.VIEW),
        ("stack", _("Audit"), "audit", Right.VIEW),
        ("plus", _("New workflow"), "workflow-new", Right.EDIT),
        ("key", _("Password and API tokens"), "account", Right.VIEW),
        ("users", _("People and roles"), "users", Right.ADMIN),
        ("py", _("API documentation"), "api-docs", Right.VIEW),
    ]
    wanted = text.casefold()
    return [
        _result(_("Pages"), icon, name, reverse(address))
        for icon, name, address, right in listed
        if wanted in name.casefold() and access.can(request.user, right)
    ]
