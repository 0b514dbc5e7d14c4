"""Workflows: the list, and one workflow with its runs, definition, versions and settings."""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from cachetools import LRUCache, cached
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages import strips
from dashboard.pages.base import back, page, paginate, render
from dashboard.pages.overview import stuck_runs
from dashboard.presenters import amounts, node_types
from dashboard.presenters.changes import limit_text
from dashboard.presenters.definition import document_text
from dashboard.presenters.listing import joined, listed
from engine.errors import InterlockError, InvalidValue
from engine.models import Run
from engine.models.conditions import unfinished_runs
from versions import diff, queries
from versions.actions import workflows as actions
from versions.models import Workflow, WorkflowVersion


@require_safe
@page(Right.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    search, tag = request.GET.get("q", "").strip(), request.GET.get("tag", "").strip()
    archived = request.GET.get("show") == "archived"
    found = queries.workflows(search=search, tags=[tag] if tag else [], archived=archived).order_by("name", "id")
    rows, following = paginate(found, request)
    shapes = queries.workflow_dicts(rows)
    history = strips.of_workflows([row.slug for row in rows], 30)
    context = {
        "nav": "workflows",
        "rows": [{**shape, "history": history[shape["slug"]]} for shape in shapes],
        "following": following,
        "search": search,
        "tag": tag,
        "archived": archived,
        "filtered": bool(search or tag or archived),
    }
    if request.headers.get("HX-Target") == "workflow-list":
        return render(request, "workflows/_list.html", context)
    return render(request, "workflows/index.html", {**context, "tags": queries.all_tags()})


@require_http_methods(["GET", "POST"])
@page(Right.EDIT)
def new(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "workflows/new.html", {"nav": "workflows"})
    try:
        workflow = actions.create(
            _name(request.POST.get("name", "")),
            slug=_slug(request.POST.get("slug", "")),
            description=request.POST.get("description", ""),
            tags=_tags(request.POST.get("tags", "")),
            by=request.user.get_username(),
        )
    except InterlockError as error:
        context = {"nav": "workflows", "error": str(error), "given": request.POST}
        return render(request, "workflows/new.html", context, status=422)
    return HttpResponseRedirect(reverse("workflow-edit", args=[workflow.slug]))


def _name(text: str) -> str:
    """Return the name, stripped. Raises InvalidValue: people find a workflow by its name."""
    name = text.strip()
    if not name or len(name) > actions.NAME_MAX:
        raise InvalidValue(_("Enter a name of at most {n} characters.").format(n=actions.NAME_MAX), path="name")
    return name


def _slug(text: str) -> str | None:
    slug = text.strip()
    if not slug:
        return None
    if not actions.SLUG.match(slug) or slug in actions.RESERVED_SLUGS:
        raise InvalidValue(
            _("Use lower-case letters, digits, dashes and underscores, and no reserved word."),
            path="slug",
        )
    return slug


def _tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]


NODES_MAX = 500
"""How many nodes the table above the definition's text lists."""
COUNTED_RUNS_MAX = 10_000
"""How far the runs of a workflow are counted."""


def head(request: HttpRequest, workflow: Workflow, tab: str) -> dict[str, Any]:
    """Return the context of a workflow's head and tabs."""
    counted = Run.objects.filter(workflow=workflow.slug).order_by("-id")[: COUNTED_RUNS_MAX + 1].count()
    return {
        "nav": "workflows",
        "workflow": queries.workflow_dict(workflow),
        "tab": tab,
        "run_count": counted,
        "run_count_text": amounts.count_to(counted, COUNTED_RUNS_MAX),
    }


@require_safe
@page(Right.VIEW)
def runs(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug)
    found = Run.objects.filter(workflow=slug).order_by("-id").defer("inputs")
    rows, following = paginate(found, request, newest_first=True)
    context = {**head(request, workflow, "runs"), "rows": rows, "following": following, "stuck": stuck_runs()}
    return render(request, "workflows/runs.html", context)


@require_safe
@page(Right.VIEW)
def definition(request: HttpRequest, slug: str, number: int | None = None) -> HttpResponse:
    """Show the definition of a version; without a number, of the live version, else of the newest."""
    workflow = access.workflow(request.user, slug)
    context = head(request, workflow, "definition")
    shown = number
    if shown is None:
        live = context["workflow"]["live"]
        shown = live["version"] if live else context["workflow"]["newest"]
    if shown is not None:
        version = queries.version(workflow, shown)
        context |= {"version": queries.version_dict(version), "definition": _definition_html(version)}
    return render(request, "workflows/definition.html", context)


@cached(
    LRUCache(2_000_000, getsizeof=len),
    key=lambda version: (version.definition.hash, get_language()),
    lock=threading.Lock(),
)
def _definition_html(version: WorkflowVersion) -> SafeString:
    """Render a definition's nodes and text as HTML.

    Cached, because definitions never change and one of 1,000 nodes takes longer to render than the rest of the page.
    """
    return render_to_string("workflows/_definition.html", _definition_context(queries.document_of(version)))


def _definition_context(document: Mapping[str, Any]) -> dict[str, Any]:
    names = {node["id"]: node.get("name") or node["id"] for node in document["nodes"]}
    needs: dict[str, list[str]] = {}
    for edge in document["edges"]:
        needs.setdefault(edge["target"], []).append(names.get(edge["source"], edge["source"]))
    return {
        "text": document_text(document),
        "count": len(document["nodes"]),
        "most": NODES_MAX,
        "nodes": [
            {
                "id": node["id"],
                "name": names[node["id"]],
                "type": node["type"],
                "type_name": node_types.name(node["type"]),
                "needs": listed(needs.get(node["id"], [])),
                "policy": joined(limit_text(key, value) for key, value in (node.get("policy") or {}).items()),
                "summary": node_types.summary(node["type"], node.get("config") or {})[:160],
            }
            for node in document["nodes"][:NODES_MAX]
        ],
    }


@require_safe
@page(Right.VIEW)
def versions(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug)
    rows, following = paginate(queries.versions(workflow), request, 25)
    numbers = [row.number for row in rows]
    history = strips.of_versions(slug, numbers)
    tallies = strips.tallies((slug, number) for number in numbers)
    deployed = _deployed(workflow, numbers)
    context = head(request, workflow, "versions")
    live = context["workflow"]["live"]
    changed = _change_summaries(workflow, rows)
    context |= {
        "rows": [
            {
                **queries.version_dict(row),
                "title": row.message or _("Version {n}").format(n=row.number),
                "changed": changed.get(row.number, ""),
                "history": history[row.number],
                "tally": tallies.get((slug, row.number), strips.Tally()),
                "live": bool(live and live["version"] == row.number),
                "deployments": deployed.get(row.number, []),
                # The live version is compared with the one before it.
                "compared": live["version"] if live and live["version"] != row.number else row.number - 1,
            }
            for row in rows
        ],
        "following": following,
        "tallied": strips.TALLIED_RUNS_MAX,
        "live_number": live["version"] if live else None,
    }
    return render(request, "workflows/versions.html", context)


def _deployed(workflow: Workflow, numbers: list[int]) -> dict[int, list[dict[str, Any]]]:
    """Return how each version went live, newest first."""
    found: dict[int, list[dict[str, Any]]] = {}
    for row in queries.deployments(workflow).filter(version__number__in=numbers)[:200]:
        seconds = amounts.seconds_between(row.at, row.ended_at)
        found.setdefault(row.version.number, []).append({**queries.deployment_dict(row), "live_for": seconds})
    return found


def _change_summaries(workflow: Workflow, rows: list[Any]) -> dict[int, str]:
    """Return what each version changed compared with the one before it, in one line."""
    if not rows:
        return {}
    numbers = {row.number for row in rows} | {row.number - 1 for row in rows}
    documents = {
        number: json.loads(text)
        for number, text in WorkflowVersion.objects.filter(
            workflow=workflow, number__in=numbers, definition__node_count__lte=500
        ).values_list("number", "definition__document")
    }
    summaries = {}
    for number, document in documents.items():
        if number - 1 in documents:
            summaries[number] = changes_line(diff.changes(documents[number - 1], document))
        elif number == 1:
            count = len(document["nodes"])
            summaries[number] = ngettext("{n} node", "{n} nodes", count).format(n=amounts.count(count))
    return summaries


def versions_page(workflow: Workflow) -> tuple[str, str]:
    """Return (URL, name) of the page that popovers about versions belong to."""
    return reverse("workflow-versions", args=[workflow.slug]), workflow.name


def changes_line(changes: Sequence[Mapping[str, Any]]) -> str:
    """Summarize changes: `+1 node, 1 changed: Parse amounts`."""
    kinds: dict[str, list[str]] = {}
    for change in changes:
        kinds.setdefault(change["kind"], []).append(str(change.get("name") or ""))
    parts = []
    for kind, sign in (("node_added", "+"), ("node_removed", "−")):
        if names := kinds.get(kind):
            n = len(names)
            parts.append(ngettext("{sign}{n} node", "{sign}{n} nodes", n).format(sign=sign, n=n))
    if names := kinds.get("node_changed"):
        first = listed(names[:3]) + (" …" if len(names) > 3 else "")
        parts.append(_("{n} changed: {names}").format(n=len(names), names=first))
    edges = sum(len(kinds.get(f"edge_{change}", [])) for change in ("added", "removed", "changed"))
    if edges:
        parts.append(ngettext("{n} edge", "{n} edges", edges).format(n=edges))
    if "settings_changed" in kinds:
        parts.append(_("settings"))
    if "inputs_changed" in kinds:
        parts.append(_("inputs"))
    if "requires_changed" in kinds:
        parts.append(_("requirements"))
    return joined(parts) or _("only the message")


@require_http_methods(["GET", "POST"])
@page(Right.VIEW)
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug)
    if request.method == "GET":
        context = head(request, workflow, "settings")
        context["unfinished"] = unfinished_runs().filter(workflow=slug).count()
        return render(request, "workflows/settings.html", context)
    access.require(request.user, Right.EDIT)
    actions.change(
        workflow,
        name=_name(request.POST.get("name", "")),
        description=request.POST.get("description", ""),
        tags=_tags(request.POST.get("tags", "")),
        by=request.user.get_username(),
    )
    messages.success(request, _("Saved."))
    return HttpResponseRedirect(reverse("workflow-settings", args=[slug]))


@require_POST
@page(Right.EDIT)
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.EDIT)
    by = request.user.get_username()
    if request.POST.get("archived") == "false":
        actions.restore(workflow, by=by)
        messages.success(request, _('Restored "{name}".').format(name=workflow.name))
    else:
        actions.archive(workflow, by=by)
        messages.success(request, _('Archived "{name}". It can no longer be run.').format(name=workflow.name))
    return back(request, reverse("workflows"))


@require_POST
@page(Right.EDIT)
def duplicate(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.EDIT)
    name = _name(request.POST["name"]) if request.POST.get("name", "").strip() else None
    copy = actions.duplicate(workflow, name=name, by=request.user.get_username())
    messages.success(request, _('Created "{name}" from the newest version.').format(name=copy.name))
    return HttpResponseRedirect(reverse("workflow", args=[copy.slug]))


@require_POST
@page(Right.ADMIN)
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    workflow = access.workflow(request.user, slug, Right.ADMIN)
    if request.POST.get("confirm", "").strip() != workflow.slug:
        messages.error(request, _('Type "{slug}" to delete it.').format(slug=workflow.slug))
        return back(request)
    name = workflow.name
    count = actions.delete(workflow, by=request.user.get_username())
    text = ngettext('Deleted "{name}" with {n} run.', 'Deleted "{name}" with {n} runs.', count)
    messages.success(request, text.format(name=name, n=amounts.count(count)))
    return HttpResponseRedirect(reverse("workflows"))
