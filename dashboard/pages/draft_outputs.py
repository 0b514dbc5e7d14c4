"""Data for the editor: the last output of each node, and the rows of one output."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST, require_safe
from rest_framework.exceptions import APIException

from dashboard import access
from dashboard.access import Right
from dashboard.api.problems import BadRequest
from dashboard.pages.base import json_body, page
from dashboard.pages.run_output import ROWS, output_of
from dashboard.templatetags.interlock import cell, is_number
from engine.artifacts import artifacts_of, outputs
from engine.errors import NotFound
from engine.sql.check import head
from versions import outputs as node_outputs
from versions import preview as previews

CELL_CHARACTERS: Final = 300


@require_safe
@page(Right.EDIT)
def newest_outputs(request: HttpRequest, slug: str) -> JsonResponse:
    """`{outputs: {node: ...} | null, tag, run}`, see versions.outputs.

    `run` is the id of the user's unfinished draft run. With `?tag=` of the last response, `outputs` is null if nothing
    has changed.
    """
    workflow = access.workflow(request.user, slug, Right.EDIT)
    name = request.user.get_username()
    run = node_outputs.followed_run(workflow, name)
    tag, found = node_outputs.newest_outputs(workflow, name, request.GET.get("tag", ""))
    return JsonResponse({"outputs": found, "tag": tag, "run": None if run is None else str(run)})


@require_POST
@page(Right.EDIT)
def preview(request: HttpRequest, slug: str) -> JsonResponse:
    """`{type, config}` of a node that reads files -> their first rows without a run, in the shape of `data`;
    `{kind: "none", why}` if there are none."""
    access.workflow(request.user, slug, Right.EDIT)
    try:
        body: Any = json_body(request)
    except (BadRequest, APIException):
        return JsonResponse({"kind": "none", "why": ""}, status=422)
    body = body if isinstance(body, dict) else {}
    found = previews.preview(body.get("type"), body.get("config"))
    if "rows" not in found:
        return JsonResponse({"kind": "none", "why": found.get("wrong", "")})
    rows, columns = found["rows"], found["columns"]
    return JsonResponse(
        {
            "kind": "table",
            "columns": [{**column, "nulls": None, "distinct": None, "number": is_number(column)} for column in columns],
            "rows": [[None if value is None else cell(value) for value in row] for row in rows],
            "row_count": len(rows),
            "counted": 0,
            "shown": len(columns),
            "limit": head.ROWS,
        }
    )


@require_safe
@page(Right.EDIT)
def data(request: HttpRequest, slug: str, run_id: int, node: str) -> JsonResponse:
    """Return the beginning of one output, by its kind.

    `{kind: "table", columns: [{name, type, nulls, distinct, number}], rows: [[text or null]], row_count, counted,
    shown}`, with nulls counted in the first `counted` rows, and the first `shown` columns in the rows; `{kind: "json",
    value: its text, cut, bytes}`; `{kind: "unreadable", why}`; `{kind: "none"}` if the node did not succeed in this
    run.
    """
    access.workflow(request.user, slug, Right.EDIT)
    run = access.run(request.user, run_id)
    if run.workflow != slug or (run.draft and run.created_by != request.user.get_username()):
        # Drafts are private to their author.
        raise NotFound.run(run_id)
    found = output_of(run, node)
    stored = found["output"]
    if stored is None:
        return JsonResponse({"kind": "none"})
    if "unreadable" in found:
        return JsonResponse({"kind": "unreadable", "why": found["unreadable"]})
    if stored["kind"] != "table":
        shape = {"kind": "json", "value": found["value"], "cut": found["cut"], "bytes": stored["bytes"]}
        return JsonResponse(shape)
    distinct = outputs.distinct_counts(stored, artifacts_of(settings.INTERLOCK))
    columns: list[dict[str, Any]] = [
        {
            "name": column["name"],
            "type": column["type"],
            "nulls": column["nulls"],
            "distinct": distinct.get(column["name"]),
            "number": is_number(column),
        }
        for column in found["columns"]
    ]
    times = [str(column["type"]).startswith("TIMESTAMP") for column in found["shown_columns"]]
    return JsonResponse(
        {
            "kind": "table",
            "columns": columns,
            "rows": [[_text(value, time) for value, time in zip(row, times, strict=True)] for row in found["rows"]],
            "row_count": found["row_count"],
            "counted": found["row_count"] if found["nulls_over"] is None else found["nulls_over"],
            "shown": len(found["shown_columns"]),
            "limit": ROWS,
        }
    )


def _text(value: Any, is_time: bool) -> str | None:
    if value is None:
        return None
    text = cell(value)
    if is_time:
        # 2013-01-01T05:00:00Z: separate date and time for reading.
        return text.replace("T", " ", 1)
    return text if len(text) <= CELL_CHARACTERS else f"{text[:CELL_CHARACTERS]}…"
