"""How findings word amounts, errors and texts of users. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.sentences import Sentence, Text, gettext_noop

_PROCESS = gettext_noop("process {pid}")
_PROCESS_ON = gettext_noop("process {pid} of worker {worker}")
_NO_PROCESS = gettext_noop("an unknown process")
_NO_ERROR = gettext_noop("no error was reported")
_KIND_IN_LINE = gettext_noop("{kind} in line {line}")
_COLON = gettext_noop("{before}: {after}")
_COMMA = gettext_noop("{before}, {after}")

TEXT_MAX = 160
"""Characters of a user's text (a command, a line of code or log) in a sentence."""


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
