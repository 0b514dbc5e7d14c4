"""Put a version live, or roll back: popovers that show the impact first."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import back, page, popover
from dashboard.pages.workflows import changes_line, versions_page
from engine.models.conditions import unfinished_runs
from versions import diff, queries
from versions.actions import deploy as deploying
from versions.actions import rollback as rolling
from versions.models import Workflow, WorkflowVersion


def impact(workflow: Workflow, target: WorkflowVersion) -> dict[str, Any]:
    """Describe in sentences what putting `target` live would mean."""
    live = queries.live_deployment(workflow)
    sentences = [_("New runs use v{n} immediately.").format(n=target.number)]
    if live is not None:
        in_flight = unfinished_runs().filter(workflow=workflow.slug, version=live.version.number).count()
        if in_flight:
            text = ngettext(
                "{n} active run stays on v{live}.",
                "{n} active runs stay on v{live}.",
                in_flight,
            )
            sentences.append(text.format(n=in_flight, live=live.version.number))
        else:
            sentences.append(_("No active runs on v{live}.").format(live=live.version.number))
        changes = diff.changes(queries.document_of(live.version), queries.document_of(target))
        sentences.append(
            _("Compared with v{live}: {changes}.").format(live=live.version.number, changes=changes_line(changes))
        )
        if not any(change["kind"] == "inputs_changed" for change in changes):
            sentences.append(_("Same inputs."))
        else:
            sentences.append(_("Inputs differ: starting a run with the old inputs may fail."))
    return {"live": live.version.number if live else None, "sentences": sentences}


@require_http_methods(["GET", "POST"])
@page(Right.DEPLOY)
def rollback(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.DEPLOY)
    if request.method == "GET":
        target = queries.version(workflow, number)
        context = {
            "workflow": queries.workflow_dict(workflow),
            "target": target.number,
            "reason": request.GET.get("reason", "")[:500],
            "next": request.GET.get("next", ""),
            **impact(workflow, target),
        }
        return popover(request, "workflows/_rollback.html", "workflows", versions_page(workflow), context)
    done = rolling.rollback(
        workflow, version=number, reason=request.POST.get("reason", ""), by=request.user.get_username()
    )
    text = _('Rolled back "{name}" from v{from_} to v{to}.')
    messages.success(request, text.format(name=workflow.name, to=done.to_version, from_=done.from_version))
    return back(request, reverse("workflow-versions", args=[slug]))


@require_http_methods(["GET", "POST"])
@page(Right.DEPLOY)
def deploy(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.DEPLOY)
    if request.method == "GET":
        target = queries.version(workflow, number)
        context = {"workflow": queries.workflow_dict(workflow), "target": number, **impact(workflow, target)}
        return popover(request, "workflows/_deploy.html", "workflows", versions_page(workflow), context)
    deploying.deploy(workflow, number, by=request.user.get_username())
    messages.success(request, _('v{n} of "{name}" is now live.').format(n=number, name=workflow.name))
    return back(request, reverse("workflow-versions", args=[slug]))
