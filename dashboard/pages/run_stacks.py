"""Kept stacks of a node as its panel shows them: what each thread waits on, its frames, and the node's children."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard import presenters
from dashboard.engine_words import engine_words
from engine.models import Run, Stack

SHOWN = 20
THREADS_MAX = 40
FRAMES_MAX = 60
CHILDREN_MAX = 40

WHY: Mapping[str, Any] = {
    "asked": gettext_lazy("asked for"),
    "stuck": gettext_lazy("counted as stuck"),
    "quiet": gettext_lazy("was quiet"),
    "soft_timeout": gettext_lazy("before its soft limit acted"),
    "hard_timeout": gettext_lazy("before its hard limit acted"),
    "memory": gettext_lazy("before its memory limit acted"),
}


def stacks_of(found: Run, node: str, wanted: str = "") -> dict[str, Any]:
    """The list of kept stacks, newest first, and one of them whole.

    `wanted`: an id, `attempt-2` for the newest of that attempt, or anything else for the newest of all.
    """
    rows = list(
        Stack.objects.filter(run=found, node=node, item=-1)
        .order_by("-taken_at", "-id")
        .values("pk", "attempt", "taken_at", "why")[:SHOWN]
    )
    listed = [{**row, "said": WHY.get(row["why"], row["why"])} for row in rows]
    fits = [row for row in listed if wanted in (str(row["pk"]), f"attempt-{row['attempt']}")]
    chosen = next(iter(fits or listed), None)
    if chosen is None:
        return {"stacks": [], "stack": None}
    body = Stack.objects.filter(pk=chosen["pk"]).values_list("body", flat=True).first() or {}
    return {"stacks": listed, "stack": {**chosen, **view(body)}, "stack_open": bool(wanted)}


def view(body: Mapping[str, Any]) -> dict[str, Any]:
    """A stack's body for the template: the last sample's threads, those with the node's own code first."""
    samples: Sequence[Mapping[str, Any]] = body.get("samples") or []
    threads = list((samples[-1] if samples else {}).get("threads") or [])
    # The sort is stable: where it makes no difference, they stay as they were found.
    threads.sort(key=lambda thread: not any(frame.get("author") for frame in thread.get("frames") or ()))
    children = list(body.get("children") or [])
    return {
        "moves": body.get("moves"),
        "moved": moved(body.get("moves"), len(samples)),
        "cpu_percent": body.get("cpu_percent"),
        "pid": body.get("pid"),
        "threads": [_thread(thread) for thread in threads[:THREADS_MAX]],
        "more_threads": max(0, len(threads) - THREADS_MAX),
        "children": [_child(child) for child in children[:CHILDREN_MAX]],
        "more_children": max(0, len(children) - CHILDREN_MAX),
    }


def moved(moves: bool | None, samples: int) -> str:
    """Whether anything moved between the samples, in words."""
    if moves is None or samples < 2:
        return ngettext("{n} sample", "{n} samples", samples).format(n=samples)
    if moves:
        return _("It moves: not the same in {n} samples").format(n=samples)
    return _("The same in {n} samples").format(n=samples)


def _thread(thread: Mapping[str, Any]) -> dict[str, Any]:
    frames = list(thread.get("frames") or [])
    return {
        "name": thread.get("name") or _("Thread {id}").format(id=thread.get("id")),
        "waits": _waits(thread.get("waits_on")),
        "frames": [{**frame, "short": _short(str(frame.get("file") or ""))} for frame in frames[:FRAMES_MAX]],
        "more": max(0, len(frames) - FRAMES_MAX),
    }


def _child(child: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pid": child.get("pid"),
        "command": str(child.get("command") or ""),
        "state": str(child.get("state") or ""),
        "cpu_seconds": child.get("cpu_seconds"),
        "waits": _waits(child.get("waits_on")),
    }


def _waits(wait: Mapping[str, Any] | None) -> str:
    """What a thread or process waits for, in words; empty: it waits for nothing that is known."""
    message = str((wait or {}).get("message") or "")
    return _("waits for {what}").format(what=presenters.visible(engine_words(message))) if message else ""


def _short(path: str) -> str:
    """The end of a path, which is what tells files apart; the whole stands on hover."""
    parts = path.split("/")
    return "/".join(parts[-2:]) if len(parts) > 3 else path
