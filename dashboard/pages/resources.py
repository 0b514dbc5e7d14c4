"""Resources: pools with who holds and who waits, and whether the scheduler lives."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dashboard.access import Right
from dashboard.pages.base import back, page, render, whole_number
from dashboard.pages.run_facts import names_of
from engine import queries
from engine.models import Run
from versions.actions import pools as actions


@require_GET
@page(Right.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    pools = queries.pools()
    held = {int(holder["run"]) for pool in pools for holder in pool["holders"]}
    workflow_of = dict(Run.objects.filter(pk__in=held).values_list("pk", "workflow"))
    names = names_of(workflow_of.values())
    for pool in pools:
        for holder in pool["holders"]:
            slug = workflow_of.get(int(holder["run"]), "")
            holder["workflow"] = names.get(slug, slug)
    context = {
        "nav": "resources",
        "pools": pools,
        "counters": queries.counters(),
        "places": settings.INTERLOCK.processes,
        "max_concurrent": settings.INTERLOCK.max_concurrent,
        "workers": settings.INTERLOCK.workers,
    }
    return render(request, "resources/index.html", context)


@require_POST
@page(Right.RESOURCES)
def create(request: HttpRequest) -> HttpResponse:
    name = request.POST.get("name", "").strip()
    pool = actions.create(name, whole_number(request.POST.get("slots"), 0), by=request.user.get_username())
    messages.success(request, _('Pool "{name}" has {n} slots.').format(name=pool.name, n=pool.slots))
    return back(request, reverse("resources"))


@require_POST
@page(Right.RESOURCES)
def resize(request: HttpRequest, name: str) -> HttpResponse:
    pool = actions.resize(name, whole_number(request.POST.get("slots"), 0), by=request.user.get_username())
    messages.success(request, _('Pool "{name}" has {n} slots.').format(name=pool.name, n=pool.slots))
    return back(request, reverse("resources"))


@require_POST
@page(Right.RESOURCES)
def delete(request: HttpRequest, name: str) -> HttpResponse:
    actions.delete(name, by=request.user.get_username())
    messages.success(request, _('Pool "{name}" is deleted.').format(name=name))
    return back(request, reverse("resources"))
