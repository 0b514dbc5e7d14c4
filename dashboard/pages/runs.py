"""Runs: the list, and one with its nodes, outputs, attempts and logs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from dashboard import access, presenters
from dashboard.access import Right
from dashboard.pages.base import back, page, paged, render, whole_number
from dashboard.pages.workflows import type_name
from engine import clock, queries
from engine.artifacts import Artifacts
from engine.models import Run
from engine.states import NODE_TERMINAL, RUN_STATES, RUN_TERMINAL
from versions.actions import runs as actions
from versions.actions.launch import launch
from versions.models import Workflow

ROWS_FIRST = 200
"""Nodes that the server renders; the browser shows more as they are scrolled to."""
OUTPUT_ROWS = 50
VALUE_CHARACTERS = 64 * 1024
FAILED = ("failed", "timed_out")
EMPTY_ROW = {
    "node": "",
    "name": "",
    "type": "",
    "state": "pending",
    "fact": "",
    "attempt": 0,
    "started_at": None,
    "finished_at": None,
    "fraction": None,
    "stuck": None,
}
"""What the row that the browser copies is made from."""
TABS = ("why", "output", "attempts", "config")


def names_of(slugs: Any) -> dict[str, str]:
    """Name of each workflow by slug."""
    return dict(Workflow.objects.filter(slug__in=set(slugs)).values_list("slug", "name"))


@require_GET
@page(Right.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    state, workflow = request.GET.get("state", ""), request.GET.get("workflow", "").strip()
    by, since = request.GET.get("by", "").strip(), request.GET.get("version", "")
    states = {"open": ("queued", "running", "paused"), "bad": FAILED}.get(state) or (
        (state,) if state in RUN_STATES else None
    )
    found = queries.runs(
        workflow=workflow or None,
        states=states,
        version=whole_number(since, 0) or None,
        created_by=by or None,
    )
    rows, following = paged(found, request)
    context = {
        "nav": "runs",
        "rows": rows,
        "following": following,
        "names": names_of(row.workflow for row in rows),
        "state": state,
        "workflow_slug": workflow,
        "by": by,
        "filtered": bool(state or workflow or by or since),
    }
    if request.headers.get("HX-Target") == "run-list":
        return render(request, "runs/_list.html", context)
    choices = list(Workflow.objects.order_by("name").values_list("slug", "name")[:500])
    return render(request, "runs/index.html", {**context, "choices": choices, "states": list(RUN_STATES)})


def fact(node: Mapping[str, Any]) -> str:
    """The most useful thing to know about a node now, in a line; static/src/run/fact.ts says the same."""
    state = node["state"]
    if node["error"] and state in ("failed", "timed_out", "retrying"):
        return presenters.cause(node["error"])
    if state == "running":
        said = node["progress"] or {}
        if said.get("message"):
            return str(said["message"])
        if node["expected"]:
            return _("usually {span}").format(span=presenters.duration(node["expected"]))
        return ""
    if node["waiting_for"]:
        return str(node["waiting_for"][0]["message"])
    output = node["output"]
    if output and state == "succeeded":
        taken = [port for port in output["ports"] if port != "out"]
        said_taken = _("took {port}").format(port=", ".join(taken)) + " · " if taken else ""
        if output.get("row_count") is not None:
            rows = output["row_count"]
            return said_taken + ngettext("{n} row", "{n} rows", rows).format(n=presenters.count(rows))
        return said_taken + presenters.size(output["bytes"]) if output["bytes"] > 4 or taken else ""
    return presenters.reason(node["reason"] or "")


def node_row(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node run with what its row shows beside it."""
    fraction = (node["progress"] or {}).get("fraction") if node["state"] == "running" else None
    # What went back to waiting has begun once, but does not go on.
    goes_on = node["state"] == "running" or node["finished_at"]
    began = node["started_at"] if goes_on else None
    return {
        **node,
        "started_at": began,
        "fact": presenters.visible(fact(node)),
        "fraction": fraction,
        "stuck": stuck_times(node),
    }


def stuck_times(node: Mapping[str, Any]) -> float | None:
    """How many times as long as usual a node that is stuck has run."""
    if node["state"] != "running" or not node["started_at"]:
        return None
    return presenters.times_too_long(
        parse_datetime(node["started_at"]), node["expected"], node["expected_from"], clock.now()
    )


@require_GET
@page(Right.VIEW)
def run(request: HttpRequest, run_id: int, node: str | None = None) -> HttpResponse:
    found = access.run(request.user, run_id)
    shape = queries.run_dict(found)
    # Never all nodes of a run, which may be 10,000: the browser gets those over the socket.
    nodes = queries.document(found).nodes
    first = [one.id for one in nodes[:ROWS_FIRST]]
    failed = queries.nodes_in(found, FAILED)
    done, whole = presenters.progress_of(found.counts)
    chosen = node or request.GET.get("node") or (failed[0] if failed else "")
    context = {
        "nav": "runs",
        "run": shape,
        "definition_hash": found.definition.hash,
        "workflow_name": names_of([found.workflow]).get(found.workflow, found.workflow),
        "nodes": [node_row(one) for one in queries.node_runs(found, first)],
        "node_count": len(nodes),
        "seq": found.seq,
        "done": done,
        "whole": whole,
        "ended": found.state in RUN_TERMINAL,
        "cancelling": found.cancel_requested_at is not None and found.state not in RUN_TERMINAL,
        "stuck": sum(stuck_times(one) is not None for one in queries.running_nodes(found)),
        "retryable": any(found.counts.get(state) for state in ("failed", "timed_out", "cancelled")),
        "inputs": found.inputs,
        "chosen": chosen,
        "empty_row": EMPTY_ROW,
    }
    if node or chosen in queries.document(found).by_id:
        context |= panel_of(found, chosen, request.GET.get("tab", ""))
    else:
        context |= {"panel": "run", "chosen": "", "failures": queries.node_runs(found, failed[:5])}
    return render(request, "runs/run.html", context)


@require_GET
@page(Right.VIEW)
def panel(request: HttpRequest, run_id: int, node: str) -> HttpResponse:
    """The part at the side about one node."""
    found = access.run(request.user, run_id)
    context = panel_of(found, node, request.GET.get("tab", ""))
    return render(request, "runs/_panel.html", {"run": queries.run_dict(found), "chosen": node, **context})


@require_GET
@page(Right.VIEW)
def summary(request: HttpRequest, run_id: int) -> HttpResponse:
    """The part at the side about the run itself."""
    found = access.run(request.user, run_id)
    failed = queries.nodes_in(found, FAILED)
    context = {
        "run": queries.run_dict(found),
        "panel": "run",
        "inputs": found.inputs,
        "definition_hash": found.definition.hash,
        "failures": queries.node_runs(found, failed[:5]),
    }
    return render(request, "runs/_panel.html", context)


def panel_of(found: Run, node: str, tab: str) -> dict[str, Any]:
    """Context of a node's panel. Raises NotFound."""
    shape = queries.node_run(found, node)
    spec = queries.document(found).by_id[node]
    attempts = queries.attempts(found, node)
    state = shape["state"]
    if tab not in TABS:
        tab = "output" if state == "succeeded" and shape["output"] else "why"
    code = presenters.node_code(spec.config)
    error = shape["error"]
    times = stuck_times(shape)
    context: dict[str, Any] = {
        "panel": "node",
        "stuck_times": f"{times:.1f}".removesuffix(".0") if times else "",
        "node": shape,
        "node_fact": presenters.visible(fact(shape)),
        "type_name": type_name(spec.type),
        "attempts": list(reversed(attempts)),
        "newest": attempts[-1] if attempts else None,
        "ptab": tab,
        "code_lines": presenters.code_around(code, error.get("line")) if error and error.get("line") else [],
        "may_retry": state in ("failed", "timed_out", "cancelled", "running", "retrying"),
        "may_cancel": state not in NODE_TERMINAL and found.state not in RUN_TERMINAL,
        "altered": (found.altered or {}).get(node),
    }
    if tab == "config":
        context["config"] = [
            (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2))
            for key, value in spec.config.items()
        ]
        raw = spec.policy
        context["policy"] = {
            name: getattr(raw, name)
            for name in ("retries", "soft_timeout", "hard_timeout", "pool", "slots", "memory_mb", "trigger_rule")
            if getattr(raw, name, None) is not None
        }
    if tab == "output":
        context |= output_of(found, node)
    return context


def output_of(found: Run, node: str, offset: int = 0) -> dict[str, Any]:
    """The output as a page shows it: the first rows of a table, or a value as indented JSON."""
    stored = queries.node_output(found, node)
    if stored is None:
        return {"output": None}
    from engine import outputs

    artifacts = Artifacts(settings.INTERLOCK.artifacts)
    try:
        if stored["kind"] == "table":
            table = outputs.table_rows(stored, artifacts, offset, OUTPUT_ROWS)
            columns = table["schema"]
            rows = [[row.get(column["name"]) for column in columns] for row in table["rows"]]
            return {
                "output": stored,
                "columns": columns,
                "rows": rows,
                "row_count": table["row_count"],
                "offset": offset,
                "first_shown": offset + 1,
                "last_shown": offset + len(rows),
                "following": offset + OUTPUT_ROWS if offset + OUTPUT_ROWS < table["row_count"] else None,
            }
        text = json.dumps(outputs.load_value(stored, artifacts), indent=2, ensure_ascii=False)
    except (OSError, ValueError, LookupError) as error:
        return {"output": stored, "unreadable": presenters.first_line(str(error))}
    return {"output": stored, "value": text[:VALUE_CHARACTERS], "cut": len(text) > VALUE_CHARACTERS}


@require_GET
@page(Right.VIEW)
def output(request: HttpRequest, run_id: int, node: str) -> HttpResponse:
    """More rows of an output that is a table."""
    found = access.run(request.user, run_id)
    offset = whole_number(request.GET.get("offset"), 0)
    context = {"run": queries.run_dict(found), "chosen": node, **output_of(found, node, offset)}
    return render(request, "runs/_output.html", context)


@require_POST
@page(Right.RUN)
def cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    found = access.run(request.user, run_id, Right.RUN)
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
    """A new run with the inputs of this one, on the version that is live now."""
    found = access.run(request.user, run_id, Right.RUN)
    workflow = access.workflow(request.user, found.workflow, Right.RUN)
    started = launch(workflow, inputs=found.inputs, priority=found.priority, by=request.user.get_username())
    return HttpResponseRedirect(reverse("run", args=[started.pk]))


@require_POST
@page(Right.RESOURCES)
def delete(request: HttpRequest, run_id: int) -> HttpResponse:
    found = access.run(request.user, run_id, Right.RESOURCES)
    actions.delete(found, by=request.user.get_username())
    messages.success(request, _("Run {id} is deleted with its outputs and logs.").format(id=run_id))
    return HttpResponseRedirect(reverse("runs"))


@require_POST
@page(Right.RUN)
def cancel_node(request: HttpRequest, run_id: int, node: str) -> HttpResponse:
    found = access.run(request.user, run_id, Right.RUN)
    actions.cancel_node(found, node, by=request.user.get_username())
    return back(request, reverse("run-node", args=[run_id, node]))


@require_POST
@page(Right.RUN)
def retry_node(request: HttpRequest, run_id: int, node: str) -> HttpResponse:
    found = access.run(request.user, run_id, Right.RUN)
    actions.retry_node(found, node, by=request.user.get_username())
    return back(request, reverse("run-node", args=[run_id, node]))
