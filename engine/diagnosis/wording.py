"""How findings word durations, amounts, errors and texts of users. Pure.

Durations have the templates of dashboard.presenters.amounts, so that one translation serves both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.sentences import Sentence, Text, gettext_noop

_MS = gettext_noop("{ms} ms")
_S = gettext_noop("{s} s")
_M = gettext_noop("{m} m")
_MS_ = gettext_noop("{m} m {s} s")
_H = gettext_noop("{h} h")
_HM = gettext_noop("{h} h {m} m")
_D = gettext_noop("{d} d")
_DH = gettext_noop("{d} d {h} h")
_PROCESS = gettext_noop("process {pid}")
_PROCESS_ON = gettext_noop("process {pid} of worker {worker}")
_NO_PROCESS = gettext_noop("an unknown process")
_NO_ERROR = gettext_noop("no error was reported")
_KIND_IN_LINE = gettext_noop("{kind} in line {line}")
_COLON = gettext_noop("{before}: {after}")
_COMMA = gettext_noop("{before}, {after}")

TEXT_MAX = 160
"""Characters of a user's text (a command, a line of code or log) in a sentence."""


def span(seconds: float) -> Sentence:
    """Return a duration: `0.4 s`, `12 s`, `2 m 55 s`, `3 h 10 m`, `2 d 4 h`."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        if 0 < seconds < 0.05:
            return Sentence(_MS, {"ms": max(1, math.floor(seconds * 1000 + 0.5))})
        return Sentence(_S, {"s": f"{math.floor(seconds * 10 + 0.5) / 10:.1f}".removesuffix(".0")})
    whole = math.floor(seconds + 0.5)
    if whole < 60:
        return Sentence(_S, {"s": whole})
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return Sentence(_MS_, {"m": minutes, "s": rest}) if rest else Sentence(_M, {"m": minutes})
    hours, rest = divmod(whole // 60, 60)
    if hours < 24:
        return Sentence(_HM, {"h": hours, "m": rest}) if rest else Sentence(_H, {"h": hours})
    days, rest = divmod(hours, 24)
    return Sentence(_DH, {"d": days, "h": rest}) if rest else Sentence(_D, {"d": days})


def times(ratio: float) -> str:
    """Return a ratio: `8.1`, `12`."""
    return f"{ratio:.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:,.0f}"


def percent(value: float) -> str:
    """Return a percentage: `0.4 %`, `98 %`."""
    return (f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:,.0f}") + " %"


def size(number: float) -> str:
    """Return bytes in binary units: `812 B`, `3.2 KiB`, `184 MiB`."""
    if number < 1024:
        return f"{int(number)} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        number /= 1024
        if number < 1024 or unit == "TiB":
            break
    return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"


def cut(text: str, most: int = TEXT_MAX) -> str:
    """Return the first line of `text` that is not blank, with at most `most` characters."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return line if len(line) <= most else line[: most - 1] + "…"


def error_sentence(error: Mapping[str, Any] | None, most: int = TEXT_MAX) -> Sentence:
    """Return an error without a full stop: `ValueError in line 9, could not convert "1.204,50"`."""
    if not error:
        return Sentence(_NO_ERROR)
    kind, line = str(error.get("class") or "Error"), error.get("line")
    message = cut(str(error.get("message") or ""), most).rstrip(".!")
    head: Text = Sentence(_KIND_IN_LINE, {"kind": kind, "line": line}) if line else kind
    if not message:
        return head if isinstance(head, Sentence) else Sentence(kind)
    return Sentence(_COLON if message[0].isupper() else _COMMA, {"before": head, "after": message})


class Moment(str):
    """A time of day in a sentence; pages show it in the reader's time zone."""

    __slots__ = ("at",)
    at: datetime


def clock_time(moment: datetime) -> Moment:
    """Return a time of day: `09:41:52 UTC`."""
    text = Moment(moment.astimezone(UTC).strftime("%H:%M:%S UTC"))
    text.at = moment
    return text


def process(pid: int | None, worker: str = "") -> Sentence:
    """Name a process. `worker`: the Celery worker on whose host it is; empty: the scheduler's host."""
    if not pid:
        return Sentence(_NO_PROCESS)
    return Sentence(_PROCESS_ON, {"pid": pid, "worker": worker}) if worker else Sentence(_PROCESS, {"pid": pid})
