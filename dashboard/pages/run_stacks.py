"""Stored stacks of a node for its panel: what each thread waits on, its frames, and the node's child processes."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.presenters.sentences import sentence_text
from engine.diagnosis.threads import wait_text
from engine.models import Run, Stack

SHOWN = 20
THREADS_MAX = 40
FRAMES_MAX = 60
CHILDREN_MAX = 40

CAPTURE_REASONS: Mapping[str, Any] = {
    "asked": gettext_lazy("on request"),
    "stuck": gettext_lazy("marked stuck"),
    "quiet": gettext_lazy("quiet"),
    "soft_timeout": gettext_lazy("at the soft limit"),
    "hard_timeout": gettext_lazy("at the hard limit"),
    "memory": gettext_lazy("at the memory limit"),
}


def stacks_of(found: Run, node: str, wanted: str = "") -> dict[str, Any]:
    """Return the list of stored stacks, newest first, and one of them in full.

    `wanted`: an id, `attempt-2` for the newest of that attempt, or anything else for the newest of all.
    """
    rows = list(
        Stack.objects.filter(run=found, node=node, item=-1)
        .order_by("-taken_at", "-id")
        .values("pk", "attempt", "taken_at", "why")[:SHOWN]
    )
    listed = [{**row, "reason": CAPTURE_REASONS.get(row["why"], row["why"])} for row in rows]
    fits = [row for row in listed if wanted in (str(row["pk"]), f"attempt-{row['attempt']}")]
    chosen = next(iter(fits or listed), None)
    if chosen is None:
        return {"stacks": [], "stack": None}
    body = Stack.objects.filter(pk=chosen["pk"]).values_list("body", flat=True).first() or {}
    return {"stacks": listed, "stack": {**chosen, **view(body)}, "stack_open": bool(wanted)}


def view(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stack's body for the template: the last sample's threads, those with the node's own code first."""
    samples: Sequence[Mapping[str, Any]] = body.get("samples") or []
    threads = list((samples[-1] if samples else {}).get("threads") or [])
    # The sort is stable: otherwise they keep their order.
    threads.sort(key=lambda thread: not any(frame.get("author") for frame in thread.get("frames") or ()))
    children = list(body.get("children") or [])
    return {
        "moves": body.get("moves"),
        "movement": movement_text(body.get("moves"), len(samples)),
        "cpu_percent": body.get("cpu_percent"),
        "pid": body.get("pid"),
        "threads": [_thread(thread) for thread in threads[:THREADS_MAX]],
        "more_threads": max(0, len(threads) - THREADS_MAX),
        "children": [_child(child) for child in children[:CHILDREN_MAX]],
        "more_children": max(0, len(children) - CHILDREN_MAX),
    }


def movement_text(moves: bool | None, samples: int) -> str:
    """Say whether anything changed between the samples."""
    if moves is None or samples < 2:
        return ngettext("{n} sample", "{n} samples", samples).format(n=samples)
    if moves:
        return _("Moving: changed between {n} samples").format(n=samples)
    return _("Not moving: identical in {n} samples").format(n=samples)


def _thread(thread: Mapping[str, Any]) -> dict[str, Any]:
    frames = list(thread.get("frames") or [])
    return {
        "name": thread.get("name") or _("Thread {id}").format(id=thread.get("id")),
        "waits": _wait_text(thread.get("waits_on")),
        "frames": [{**frame, "short": _short_path(str(frame.get("file") or ""))} for frame in frames[:FRAMES_MAX]],
        "more": max(0, len(frames) - FRAMES_MAX),
    }


def _child(child: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pid": child.get("pid"),
        "command": str(child.get("command") or ""),
        "state": str(child.get("state") or ""),
        "cpu_seconds": child.get("cpu_seconds"),
        "waits": _wait_text(child.get("waits_on")),
    }


def _wait_text(wait: Mapping[str, Any] | None) -> str:
    """Say what a thread or process waits for; empty if nothing is known."""
    text = wait_text(wait)
    return _("waits for {what}").format(what=sentence_text(text)) if text else ""


def _short_path(path: str) -> str:
    """Return the end of a path, which tells files apart. The full path is shown on hover."""
    parts = path.split("/")
    return "/".join(parts[-2:]) if len(parts) > 3 else path
