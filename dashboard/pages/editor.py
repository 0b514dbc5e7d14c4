"""The definition edited as text: one's own draft, what is wrong with it, publish, discard."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dashboard import access, presenters
from dashboard.access import Right
from dashboard.pages.base import page, person, render
from dashboard.pages.workflows import changes_line
from engine import clock
from engine.definition import problems
from engine.errors import InvalidDocument
from versions import diff, queries
from versions.actions import deploy, drafts
from versions.actions import publish as publishing
from versions.errors import OutdatedBase


@require_GET
@page(Right.EDIT)
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.EDIT)
    copy = drafts.load(workflow, person(request))
    found = problems(copy.definition, pools=queries.pool_sizes())
    context = {
        "nav": "workflows",
        "workflow": queries.workflow_dict(workflow),
        "copy": copy,
        "saved_at": clock.iso(copy.saved_at) if copy.saved_at else "",
        "text": presenters.document_text(copy.definition),
        "problems": [problem.as_dict() for problem in found],
        "outdated": copy.saved_at is not None and copy.base_version != queries.newest_number(workflow),
    }
    return render(request, "workflows/edit.html", context)


@require_GET
@page(Right.EDIT)
def publish_form(request: HttpRequest, slug: str) -> HttpResponse:
    """The small form of the Publish button: what changes, a message, and whether it goes live."""
    workflow = access.workflow(request.user, slug, Right.EDIT)
    copy = drafts.load(workflow, person(request))
    newest = queries.newest_version(workflow)
    changed = diff.changes(queries.document_of(newest), copy.definition) if newest is not None else []
    live = queries.live_deployment(workflow)
    context = {
        "workflow": queries.workflow_dict(workflow),
        "first": newest is None,
        "next_number": (newest.number if newest else 0) + 1,
        "live": live.version.number if live else None,
        "newest": newest.number if newest else None,
        "changes": changes_line(changed) if newest is not None else "",
        "unchanged": newest is not None and not changed,
        "outdated": copy.base_version != (newest.number if newest else None),
        "base": copy.base_version,
    }
    return render(request, "workflows/_publish.html", context)


@require_POST
@page(Right.EDIT)
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.EDIT)
    copy = drafts.load(workflow, person(request))
    by = request.user.get_username()
    here = HttpResponseRedirect(reverse("workflow-edit", args=[slug]))
    try:
        done = publishing.publish(
            workflow,
            copy.definition,
            message=request.POST.get("message", "").strip(),
            base_version=copy.base_version,
            by=by,
            user=person(request),
        )
    except InvalidDocument as error:
        said = _("Nothing was published: {n} problems are left. {first}")
        messages.error(request, said.format(n=len(error.problems), first=error.problems[0].message))
        return here
    except OutdatedBase as error:
        messages.error(request, f"{error} ({changes_line(error.changes)})")
        return here
    number = done.version.number
    if not done.created:
        messages.warning(request, _("v{n} says the same already: no new version was made.").format(n=number))
        return HttpResponseRedirect(reverse("workflow-versions", args=[slug]))
    if done.went_live:
        messages.success(request, _("v{n} is published and live.").format(n=number))
    elif request.POST.get("live"):
        access.require(request.user, Right.DEPLOY)
        deploy.deploy(workflow, number, by=by)
        messages.success(request, _("v{n} is published and live.").format(n=number))
    else:
        messages.success(request, _("v{n} is published. It is not live yet.").format(n=number))
    return HttpResponseRedirect(reverse("workflow-versions", args=[slug]))


@require_POST
@page(Right.EDIT)
def discard(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.EDIT)
    if drafts.discard(workflow, person(request)):
        messages.success(request, _("Your draft is gone; this is the newest version again."))
    return HttpResponseRedirect(reverse("workflow-edit", args=[slug]))


@require_POST
@page(Right.EDIT)
def rebase(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep one's text and say that the newest version is known: publishing puts it on top of that."""
    workflow = access.workflow(request.user, slug, Right.EDIT)
    copy = drafts.load(workflow, person(request))
    newest = queries.newest_number(workflow)
    drafts.save(workflow, person(request), copy.definition, expected_saves=copy.saves, base_version=newest)
    messages.success(
        request, _("Your draft counts as made on v{n} now; publishing puts it on top.").format(n=newest or 0)
    )
    return HttpResponseRedirect(reverse("workflow-edit", args=[slug]))
