"""What the rows, the panel and the head of a run say about its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard import amounts, presenters
from dashboard.engine_words import engine_words
from engine import clock
from versions.models import Workflow


def names_of(slugs: Any) -> dict[str, str]:
    """Name of each workflow by slug."""
    return dict(Workflow.objects.filter(slug__in=set(slugs)).values_list("slug", "name"))


def fact(node: Mapping[str, Any]) -> str:
    """The most useful thing to know about a node now, in a line; static/src/run/node-summary.ts says the same."""
    state = node["state"]
    if node["error"] and state in ("failed", "timed_out", "retrying"):
        return presenters.cause(node["error"])
    if state == "running":
        said = node["progress"] or {}
        if said.get("message"):
            return str(said["message"])
        if node["expected"]:
            said_expected = _("expected {span}") if node["expected_from"] == "author" else _("usually {span}")
            return said_expected.format(span=amounts.duration(node["expected"]))
        return ""
    if node["waiting_for"]:
        return engine_words(str(node["waiting_for"][0]["message"]))
    output = node["output"]
    if output and state == "succeeded":
        taken = [port for port in output["ports"] if port != "out"]
        said_taken = _("took {port}").format(port=", ".join(taken)) + " · " if taken else ""
        if output.get("row_count") is not None:
            rows = output["row_count"]
            return said_taken + ngettext("{n} row", "{n} rows", rows).format(n=amounts.count(rows))
        return said_taken + amounts.size(output["bytes"]) if output["bytes"] > 4 or taken else ""
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
