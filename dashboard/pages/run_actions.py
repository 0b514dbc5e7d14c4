"""Actions on runs and nodes: cancel, retry, skip, run again, delete.

The page's script sends the same actions to the API and updates the page in place; these forms work without scripts.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import back, page, popover
from dashboard.pages.run_why import cancel_impact
from engine.actions import runs as engine_runs
from engine.errors import InvalidValue
from engine.models import NodeRun
from engine.reads import queries, skip_effects
from versions.actions import runs as actions
from versions.actions.launch import rerun


@require_http_methods(["GET", "POST"])
@page(Right.RUN)
def cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show a popover with what would be cancelled; cancel on POST."""
    found = access.run(request.user, run_id, Right.RUN, outside_only=True)
    if request.method == "GET":
        context = {"run": queries.run_dict(found), "cancel_impact": cancel_impact(found.counts)}
        up = reverse("run", args=[run_id]), _("Run {id}").format(id=run_id)
        return popover(request, "runs/_cancel.html", "runs", up, context)
    actions.cancel(found, by=request.user.get_username())
    return back(request, reverse("run", args=[run_id]))


@require_POST
@page(Right.RUN)
def retry(request: HttpRequest, run_id: int) -> HttpResponse:
    found = access.run(request.user, run_id, Right.RUN)
    actions.retry(found, by=request.user.get_username())
    return back(request, reverse("run", args=[run_id]))


@require_POST
@page(Right.RUN)
def again(request: HttpRequest, run_id: int) -> HttpResponse:
    """Start a new run of the same version, or of the same content of a draft, with the same inputs."""
    started = rerun(access.run_to_repeat(request.user, run_id), by=request.user.get_username())
    return HttpResponseRedirect(reverse("run", args=[started.pk]))


@require_POST
@page(Right.RESOURCES)
def delete(request: HttpRequest, run_id: int) -> HttpResponse:
    found = access.run(request.user, run_id, Right.RESOURCES, outside_only=True)
    actions.delete(found, by=request.user.get_username())
    messages.success(request, _("Run {id} deleted with its outputs and logs.").format(id=run_id))
    return HttpResponseRedirect(reverse("runs"))


@require_POST
@page(Right.RUN)
def cancel_node(request: HttpRequest, run_id: int, node: str) -> HttpResponse:
    found = access.run(request.user, run_id, Right.RUN)
    actions.cancel_node(found, node, by=request.user.get_username())
    return back(request, reverse("run-node", args=[run_id, node]))


@require_http_methods(["GET", "POST"])
@page(Right.RUN)
def skip_node(request: HttpRequest, run_id: int, node: str) -> HttpResponse:
    """Show a popover with what the skip would do; on POST let the run continue without the node."""
    found = access.run(request.user, run_id, Right.RUN)
    if request.method == "GET":
        context = {
            "run": queries.run_dict(found),
            "node": node,
            "running": NodeRun.objects.filter(run=found, node=node, state="running").exists(),
            "readers": skip_effects.readers_failing_on_null(found, node),
            "known": skip_effects.last_known_schema(found, node),
            "next": request.GET.get("next", ""),
        }
        up = reverse("run-node", args=[run_id, node]), _("Run {id}").format(id=run_id)
        return popover(request, "runs/_skip.html", "runs", up, context)
    actions.skip_node(found, node, output=request.POST.get("output") or None, by=request.user.get_username())
    return back(request, reverse("run-node", args=[run_id, node]))


@require_POST
@page(Right.RUN)
def retry_node(request: HttpRequest, run_id: int, node: str) -> HttpResponse:
    """Start another attempt, with the limits in the form; empty fields keep their value."""
    found = access.run(request.user, run_id, Right.RUN)
    actions.retry_node(
        found,
        node,
        from_=request.POST.get("from", "checkpoint"),
        policy=_policy(request.POST),
        by=request.user.get_username(),
    )
    return back(request, reverse("run-node", args=[run_id, node]))


def _policy(form: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the form's non-empty `policy.x` fields, with numbers parsed. Raises InvalidValue."""
    policy: dict[str, Any] = {}
    for name, text in form.items():
        field = name.removeprefix("policy.")
        if field == name or not text.strip():
            continue
        if field == "pool":
            policy[field] = text.strip()
            continue
        try:
            policy[field] = json.loads(text)
        except (ValueError, RecursionError):
            raise InvalidValue(_("{text} is not a number.").format(text=f'"{text[:40]}"'), path=field) from None
    return policy or None


@require_POST
@page(Right.VIEW)
def stack_node(request: HttpRequest, run_id: int, node: str) -> HttpResponse:
    """Capture the stacks of a running node and show them."""
    found = access.run(request.user, run_id)
    engine_runs.take_stack(found, node, by=request.user.get_username())
    return HttpResponseRedirect(reverse("run-node", args=[run_id, node]) + "?tab=why&stack=newest#stacks")
