"""Resources: pools with holders and waiters, workers with what they run, and the scheduler's state."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import Right
from dashboard.pages.base import back, page, render, whole_number
from dashboard.pages.run_facts import names_of
from dashboard.presenters import amounts
from engine import clock
from engine.database.heartbeat import SILENT_SECONDS
from engine.models import Run
from engine.reads import queries, workers
from versions.actions import pools as actions
from versions.actions import workers as worker_actions

LISTED = 6
"""How many holders and waiters of a pool, and attempts of a worker, are listed. Others are counted."""


@require_safe
@page(Right.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    pools = queries.pools()
    waiters = queries.pool_waiters((pool["name"] for pool in pools if pool["waiting"]), LISTED)
    for pool in pools:
        pool["waiters"] = waiters.get(pool["name"], [])
        if pool["waiters"]:
            # Include those who are still waiting.
            waited = amounts.seconds_between(pool["waiters"][0]["since"], clock.now())
            pool["longest_wait"] = max(pool["longest_wait"], waited or 0.0)
        pool["more"] = {"holders": len(pool["holders"]) - LISTED, "waiters": pool["waiting"] - LISTED}
        pool["holders"] = pool["holders"][:LISTED]
    found = workers.workers()
    for one in found:
        others = [other for other in found if other is not one and other["state"] == "active"]
        taken = {queue for other in others for queue in other["queues"] or ()}
        one["alone"] = [queue for queue in one["queues"] or () if queue not in taken]
        one["more"] = len(one["running"]) - LISTED
        one["running"] = one["running"][:LISTED]
    nodes = [node for pool in pools for node in (*pool["holders"], *pool["waiters"])]
    nodes += [attempt for one in found for attempt in one["running"]]
    workflow_of = dict(Run.objects.filter(pk__in={int(node["run"]) for node in nodes}).values_list("pk", "workflow"))
    names = names_of(workflow_of.values())
    for node in nodes:
        slug = workflow_of.get(int(node["run"]), "")
        node["workflow"] = names.get(slug, slug)
    context = {
        "nav": "resources",
        "pools": pools,
        "counters": queries.counters(),
        "workers": found,
        "scaled": settings.INTERLOCK.executor != "local",
        "slots": sum(_slots(one) for one in found),
        "max_concurrent": settings.INTERLOCK.max_concurrent,
        "processes": settings.INTERLOCK.workers,
        "silent": amounts.duration(SILENT_SECONDS),
    }
    return render(request, "resources/index.html", context)


def _slots(worker: dict[str, Any]) -> int:
    """Return how many node processes run something or may. A draining worker only finishes what it runs."""
    if worker["state"] == "lost":
        return 0
    return int(worker["capacity"] if worker["state"] == "active" else worker["busy"])


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
    messages.success(request, _('Pool "{name}" deleted.').format(name=name))
    return back(request, reverse("resources"))


@require_POST
@page(Right.RUN)
def drain(request: HttpRequest, name: str) -> HttpResponse:
    worker_actions.drain(name, by=request.user.get_username())
    messages.success(
        request, _('Worker "{name}" is draining: it finishes what it runs and accepts no new work.').format(name=name)
    )
    return back(request, reverse("resources"))


@require_POST
@page(Right.RUN)
def resume(request: HttpRequest, name: str) -> HttpResponse:
    worker_actions.resume(name, by=request.user.get_username())
    messages.success(request, _('Worker "{name}" accepts work again.').format(name=name))
    return back(request, reverse("resources"))
