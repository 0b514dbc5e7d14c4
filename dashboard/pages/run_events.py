"""Data for a run's page beside the websocket: older events, and the expected durations of its nodes."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import page, whole_number
from dashboard.presenters.text import first_line
from engine.reads import expected_durations as durations
from engine.reads import steps

PAGE = 300


@require_safe
@page(Right.VIEW)
def events(request: HttpRequest, run_id: int) -> JsonResponse:
    """Return `{"results": [step, ...], "before": n | null}`, oldest first: the newest steps, or those below `?before=`.

    A step is `{seq, at, node, from, to, attempt, reason, error}`; `node` is empty for the run itself, and `from` is
    null if it is not known. `?node=` limits the steps to one node.
    """
    access.run(request.user, run_id)
    before = whole_number(request.GET.get("before"), 0, most=10**12) or None
    found, following = steps.read(run_id, before, PAGE, request.GET.get("node") or None)
    results = [
        {
            "seq": step.seq,
            "at": step.at,
            "node": step.node,
            "from": step.before,
            "to": step.to,
            "attempt": step.attempt,
            "reason": step.reason,
            "error": step.error and shortened(step.error),
        }
        for step in found
    ]
    return JsonResponse({"results": results, "before": following})


def shortened(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error shortened for a row; its full text may be very long."""
    message = first_line(str(error.get("message") or ""))
    return {"class": error.get("class"), "message": message, "line": error.get("line")}


@require_safe
@page(Right.VIEW)
def expected_durations(request: HttpRequest, run_id: int) -> JsonResponse:
    """Return `{"seconds": {node: seconds}}` for the nodes with an expected duration."""
    return JsonResponse({"seconds": durations.expected_durations(access.run(request.user, run_id))})
