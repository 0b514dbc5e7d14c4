"""What rows, panel and head of a run show about its nodes."""

from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.presenters import amounts
from dashboard.presenters.sentences import error_sentence, sentence_text
from dashboard.presenters.states import reason_text, times_too_long
from dashboard.presenters.text import visible
from engine import clock
from engine.admission.conditions import sentence_of
from versions.models import Workflow


def names_of(slugs: Any) -> dict[str, str]:
    """Return the name of each workflow by slug."""
    return dict(Workflow.objects.filter(slug__in=set(slugs)).values_list("slug", "name"))


def fact(node: Mapping[str, Any]) -> str:
    """Return the most useful fact about a node now, in one line. static/src/run/node-summary.ts does the same."""
    state = node["state"]
    if node["error"] and state in ("failed", "timed_out", "retrying"):
        return error_sentence(node["error"])
    if state == "running":
        progress = node["progress"] or {}
        if progress.get("message"):
            return str(progress["message"])
        if node["expected"]:
            text = _("expected {span}") if node["expected_from"] == "author" else _("usually {span}")
            return text.format(span=amounts.duration(node["expected"]))
        return ""
    if node["waiting_for"]:
        return sentence_text(sentence_of(node["waiting_for"][0]))
    output = node["output"]
    if output and state == "succeeded":
        taken = [port for port in output["ports"] if port != "out"]
        taken_text = _("took {port}").format(port=", ".join(taken)) + " · " if taken else ""
        if output.get("row_count") is not None:
            rows = output["row_count"]
            skipped = output.get("skipped_lines")
            skipped_text = " · " + _("{n} skipped").format(n=amounts.count(skipped)) if skipped else ""
            return taken_text + ngettext("{n} row", "{n} rows", rows).format(n=amounts.count(rows)) + skipped_text
        return taken_text + amounts.size(output["bytes"]) if output["bytes"] > 4 or taken else ""
    return reason_text(node["reason"] or "")


def node_row(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a node run with what its row shows."""
    fraction = (node["progress"] or {}).get("fraction") if node["state"] == "running" else None
    # A node that waits again has started before, but has no current duration.
    has_duration = node["state"] == "running" or node["finished_at"]
    began = node["started_at"] if has_duration else None
    return {
        **node,
        "started_at": began,
        "fact": visible(fact(node)),
        "fraction": fraction,
        "stuck": stuck_times(node),
    }


def stuck_times(node: Mapping[str, Any]) -> float | None:
    """Return how many times its expected duration a stuck node has run; None if it is not stuck."""
    if node["state"] != "running" or not node["started_at"]:
        return None
    return times_too_long(parse_datetime(node["started_at"]), node["expected"], node["expected_from"], clock.now())


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
"""The template of the rows that the browser creates."""
