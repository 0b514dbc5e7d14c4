"""The side panel of a run's page: about one node, with tabs, or about the whole run."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages import run_why
from dashboard.pages.base import page, render, whole_number
from dashboard.pages.run_attempts import attempts_of, config_of, history_of
from dashboard.pages.run_facts import stuck_times
from dashboard.pages.run_output import output_of, why_none
from dashboard.pages.run_stacks import stacks_of
from dashboard.presenters import node_types
from dashboard.presenters.code import code_around
from dashboard.presenters.sentences import process_place
from engine.models import Attempt, Run
from engine.reads import history, node_runs, queries
from versions.models import Workflow

TABS = ("why", "output", "attempts", "config", "history")


@require_safe
@page(Right.VIEW)
def panel(request: HttpRequest, run_id: int, node: str) -> HttpResponse:
    """Render the panel of one node for the page's script."""
    found = access.run(request.user, run_id)
    return render(request, "runs/_panel.html", panel_of(request, found, node))


@require_safe
@page(Right.VIEW)
def summary(request: HttpRequest, run_id: int) -> HttpResponse:
    """Render the panel of the whole run."""
    found = access.run(request.user, run_id)
    return render(request, "runs/_panel.html", summary_of(request, found))


def panel_of(request: HttpRequest, found: Run, node: str) -> dict[str, Any]:
    """Return the context of a node's panel; the query selects the tab and the place in it. Raises NotFound."""
    shape = node_runs.node_run(found, node)
    spec = queries.document(found).by_id[node]
    state = shape["state"]
    tab = request.GET.get("tab", "")
    if tab not in TABS:
        tab = "output" if state == "succeeded" and shape["output"] else "why"
    times = stuck_times(shape)
    newest = (
        Attempt.objects.filter(run=found, node=node, item=-1, number=shape["attempt"])
        .values("number", "pid", "worker")
        .first()
        if shape["attempt"]
        else None
    )
    context: dict[str, Any] = {
        "panel": "node",
        "run": queries.run_dict(found),
        "chosen": node,
        "node": shape,
        "tabs": TABS,
        "ptab": tab,
        "type_name": node_types.name(spec.type),
        "stuck_lead": run_why.stuck_lead(times, shape["expected_from"]) if times else "",
        "place": process_place(newest["pid"], newest["worker"]) if newest else "",
    }
    if tab == "why":
        context |= run_why.why_of(request, found, shape, spec)
        context |= stacks_of(found, node, request.GET.get("stack", ""))
        error = shape["error"] or {}
        code = node_types.code_of(spec.type, spec.config)
        context["code_lines"] = code_around(code, error["line"]) if error.get("line") else []
    elif tab == "output":
        context |= output_of(found, node, whole_number(request.GET.get("offset"), 0))
        context["why_none"] = why_none(state)
    elif tab == "attempts":
        context |= attempts_of(found, spec, whole_number(request.GET.get("before"), 0))
    elif tab == "config":
        context |= config_of(found, spec)
    else:
        rows = history.node_history(found, node)
        context |= history_of(rows, shape["expected"], shape["expected_from"])
    return context


def summary_of(request: HttpRequest, found: Run) -> dict[str, Any]:
    """Return the context of the run's panel."""
    return {
        "panel": "run",
        "run": queries.run_dict(found),
        "chosen": "",
        "inputs": found.inputs,
        "definition_hash": found.definition.hash,
        "known_name": Workflow.objects.filter(slug=found.workflow).values_list("name", flat=True).first(),
        **run_why.run_why(request, found),
    }
