"""Attempts, config and history of a node for its panel."""

import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from django.utils.translation import gettext as _

from dashboard.presenters import amounts, node_types
from dashboard.presenters.code import highlight, traceback_lines
from dashboard.presenters.sentences import process_place, receipt_text
from dashboard.presenters.states import state_style
from dashboard.presenters.text import visible
from engine.definition import Node, Policy
from engine.models import Attempt, Run, Stack
from engine.reads import queries

SHOWN = 50


def attempts_of(found: Run, spec: Node, before: int = 0) -> dict[str, Any]:
    """Return the newest attempts (below `before`, if given), each with its waiting time and number of stored stacks."""
    rows = Attempt.objects.filter(run=found, node=spec.id, item=-1).order_by("-number")
    if before:
        rows = rows.filter(number__lt=before)
    shown = list(rows[: SHOWN + 1])
    stacks = Counter(
        Stack.objects.filter(run=found, node=spec.id, attempt__in=[row.number for row in shown]).values_list(
            "attempt", flat=True
        )
    )
    return {
        "attempts": [_attempt(row, spec, stacks[row.number]) for row in shown[:SHOWN]],
        "older": shown[SHOWN - 1].number if len(shown) > SHOWN else None,
    }


def _attempt(row: Attempt, spec: Node, stacks: int) -> dict[str, Any]:
    error = row.error or {}
    return {
        "number": row.number,
        "state": row.state,
        "worker": row.worker,
        "pid": row.pid,
        "place": process_place(row.pid, row.worker),
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "waited": amounts.seconds_between(row.ready_at, row.started_at),
        "usage": row.usage or {},
        "error": row.error,
        "traceback_lines": traceback_lines(error.get("traceback") or "", node_types.own_file(spec.type, spec.id)),
        "receipt": receipt_text(row.receipt),
        "stacks": stacks,
    }


def effective(found: Run, spec: Node) -> dict[str, Any]:
    """Return the node's policy in this run, including what was changed by retries."""
    return {**asdict(spec.policy), **(found.altered or {}).get(spec.id, {})}


_PLAIN = Policy()


def config_of(found: Run, spec: Node) -> dict[str, Any]:
    """Return the config with highlighted code, and the fields of the policy that are not default or were changed."""
    altered = (found.altered or {}).get(spec.id, {})
    policy = []
    for field in fields(Policy):
        name, written = field.name, getattr(spec.policy, field.name)
        if name in altered:
            policy.append({"name": name, "value": _policy(altered[name]), "was": _policy(written), "altered": True})
        elif written != getattr(_PLAIN, name):
            policy.append({"name": name, "value": _policy(written), "was": "", "altered": False})
    return {
        "config": [_setting(spec, key, value) for key, value in spec.config.items()],
        "policy": policy,
        "notes": spec.notes,
        "upstream": [
            {
                "name": queries.document(found).by_id[edge.source].name,
                "id": edge.source,
                "port": "" if edge.order else edge.target_port,
            }
            for edge in queries.document(found).upstream.get(spec.id, ())[:SHOWN]
        ],
    }


def _setting(spec: Node, key: str, value: Any) -> dict[str, Any]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    language = node_types.language_of(spec.type, key)
    return {
        "key": key,
        "text": text,
        "language": language,
        "lines": highlight(visible(text), language) if language else [],
    }


def _policy(value: Any) -> str:
    if value is None:
        return _("none")
    if isinstance(value, (list, tuple)):
        return ", ".join(str(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


BARS_HEIGHT = 64
BAR_STEP = 7


def history_of(rows: Sequence[Mapping[str, Any]], expected: float | None, expected_from: str) -> dict[str, Any]:
    """Return the bars of this node's last runs, oldest first, on one scale with their median and the expected duration.

    `rows` come from engine.reads.history, newest first.
    """
    spans = [row["seconds"] for row in rows if row["state"] == "succeeded" and row["seconds"] is not None]
    median = statistics.median(spans) if spans else None
    most = max([row["seconds"] or 0.0 for row in rows] + [expected or 0.0], default=0.0) or 1.0
    bars = []
    for place, row in enumerate(reversed(rows)):
        seconds = row["seconds"] or 0.0
        tall = max(3, round(BARS_HEIGHT * seconds / most))
        style = state_style(row["state"])
        label = _("Run {id}: {state}, {duration}").format(
            id=row["run"], state=str(style.word).lower(), duration=amounts.duration(row["seconds"])
        )
        bars.append(
            {
                "run": row["run"],
                "x": place * BAR_STEP,
                "y": BARS_HEIGHT - tall,
                "tall": tall,
                "style": style,
                "label": label,
            }
        )
    return {
        "history": rows,
        "bars": bars,
        "bars_width": max(1, 50 * BAR_STEP),
        "bars_height": BARS_HEIGHT,
        "median": median,
        "median_y": round(BARS_HEIGHT * (1 - median / most), 1) if median is not None else None,
        "expected_y": round(BARS_HEIGHT * (1 - expected / most), 1) if expected else None,
        "expected": expected,
        "expected_from": expected_from,
        "worked": len(spans),
    }
