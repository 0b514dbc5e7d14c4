"""Runs: the list, and the page of one run with its nodes. Its side panel is in run_panel.py."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages import run_panel, run_why
from dashboard.pages.base import page, paginate, render, whole_number
from dashboard.pages.overview import stuck_runs
from dashboard.pages.run_facts import EMPTY_ROW, names_of, node_row, stuck_times
from dashboard.presenters import node_types
from dashboard.presenters.listing import listed
from dashboard.presenters.states import progress_counts
from engine.models import Run
from engine.reads import events, node_runs, queries
from engine.states import RUN_STATES, RUN_TERMINAL
from versions.models import Workflow

ROWS_FIRST = 50
"""Nodes that the server renders: more than fit the screen. The browser adds others as they are scrolled into view."""
FAILED = ("failed", "timed_out")


@require_safe
@page(Right.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    state, workflow = request.GET.get("state", ""), request.GET.get("workflow", "").strip()
    by, since = request.GET.get("by", "").strip(), request.GET.get("version", "")
    stuck = stuck_runs()
    states = {"open": ("queued", "running", "paused"), "bad": FAILED}.get(state) or (
        (state,) if state in RUN_STATES else None
    )
    found = queries.runs(
        workflow=workflow or None,
        states=states,
        version=whole_number(since, 0) or None,
        created_by=by or None,
    )
    if state == "stuck":
        found = found.filter(pk__in=stuck)
    rows, following = paginate(found, request, newest_first=True)
    context = {
        "nav": "runs",
        "rows": rows,
        "following": following,
        "names": names_of(row.workflow for row in rows),
        "stuck": stuck,
        "state": state,
        "workflow_slug": workflow,
        "by": by,
        "filtered": bool(state or workflow or by or since),
    }
    if request.headers.get("HX-Target") == "run-list":
        return render(request, "runs/_list.html", context)
    choices = list(Workflow.objects.order_by("name").values_list("slug", "name")[:500])
    return render(request, "runs/index.html", {**context, "choices": choices, "states": list(RUN_STATES)})


@require_safe
@page(Right.VIEW)
def run(request: HttpRequest, run_id: int, node: str | None = None) -> HttpResponse:
    found = access.run(request.user, run_id)
    shape = queries.run_dict(found)
    # Never load all nodes of a run, which may be 10,000: the browser gets them over the websocket.
    nodes = queries.document(found).nodes
    first = [one.id for one in nodes[:ROWS_FIRST]]
    failed = node_runs.nodes_in(found, FAILED)
    done, whole = progress_counts(found.counts)
    stuck = [one["node"] for one in node_runs.running_nodes(found) if stuck_times(one) is not None]
    # Open a run that is in trouble at its first failure, or at the node that hangs.
    chosen = node or request.GET.get("node") or next(iter(failed or stuck), "")
    names = names_of([found.workflow])
    context = {
        "nav": "runs",
        "run": shape,
        "definition_hash": found.definition.hash,
        "workflow_name": names.get(found.workflow, found.workflow),
        "target_names": target_names(found),
        "may_run_again": found.workflow in names and access.may_run_again(request.user, found),
        "repeats_known": found.rerun_of is not None and Run.objects.filter(pk=found.rerun_of).exists(),
        "again_query": again_query(found),
        "nodes": [node_row(one) for one in node_runs.node_runs(found, first)],
        "node_count": len(nodes),
        "done": done,
        "whole": whole,
        "ended": found.state in RUN_TERMINAL,
        "cancelling": found.cancel_requested_at is not None and found.state not in RUN_TERMINAL,
        "stuck": len(stuck),
        "cancel_impact": run_why.cancel_impact(found.counts),
        "receipt": run_why.run_receipt(found),
        "failed": any(found.counts.get(state) for state in FAILED),
        "retryable": any(found.counts.get(state) for state in ("failed", "timed_out", "cancelled")),
        "inputs": found.inputs,
        "empty_row": EMPTY_ROW,
        "type_icons": node_types.icons(queries.document(found)),
    }
    if node or chosen in queries.document(found).by_id:
        context |= run_panel.panel_of(request, found, chosen)
    else:
        context |= run_panel.summary_of(request, found)
    # Read last: the page shows nothing newer than this, and its script replaces nothing with older data.
    context["seq"] = events.head(run_id)
    return render(request, "runs/run.html", context)


def target_names(found: Run) -> str:
    """Return the names of the run's target nodes; empty if it runs all nodes."""
    if found.targets is None:
        return ""
    by_id = queries.document(found).by_id
    return listed(by_id[target].name for target in found.targets if target in by_id)


def again_query(found: Run) -> str:
    """Return the query that prefills the run form with this run's values."""
    values = [("from", str(found.pk)), *(("target", target) for target in found.targets or ())]
    return urlencode([("draft", "1"), *values] if found.draft else values)
