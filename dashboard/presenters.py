"""Texts, icons and colours of states; errors, sentences of the diagnosis and receipts as text.

Pure. The browser has the same texts in static/src/words; static/src/words/examples.json keeps both equal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard import node_types
from dashboard.amounts import count, count_to, duration
from dashboard.engine_words import engine_words
from engine import clock
from engine.diagnosis.wording import Moment
from engine.policy import stuck_after
from engine.sentences import Sentence, Text


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state is shown: never by colour alone."""

    state: str
    icon: str
    word: Any
    """Lazy text, capitalised."""

    @property
    def style(self) -> str:
        """CSS class that sets the state's colours."""
        return f"st-{self.state}"


_LOOKS: Mapping[str, tuple[str, Any]] = {
    "queued": ("clock", gettext_lazy("Queued")),
    "running": ("run", gettext_lazy("Running")),
    "paused": ("wait", gettext_lazy("Paused")),
    "succeeded": ("ok", gettext_lazy("Succeeded")),
    "failed": ("bad", gettext_lazy("Failed")),
    "cancelled": ("stop", gettext_lazy("Cancelled")),
    "timed_out": ("timer", gettext_lazy("Timed out")),
    "pending": ("hollow", gettext_lazy("Pending")),
    "ready": ("clock", gettext_lazy("Ready")),
    "waiting": ("wait", gettext_lazy("Waiting")),
    "retrying": ("retry", gettext_lazy("Retrying")),
    "skipped": ("skip", gettext_lazy("Skipped")),
    "upstream_failed": ("upstream", gettext_lazy("Upstream failed")),
    "lost": ("bad", gettext_lazy("Lost")),
    "stuck": ("warn", gettext_lazy("Stuck")),
}

_REASONS: Mapping[str, Any] = {
    "run_stopped": gettext_lazy("Not started because the run failed"),
    "run_timeout": gettext_lazy("The run timed out"),
    "not_asked": gettext_lazy("Not part of this run"),
    "branch_not_taken": gettext_lazy("Branch not taken"),
    "cancelled": gettext_lazy("Stopped with the run"),
    "cancelled_by_person": gettext_lazy("Stopped manually"),
    "skipped_by_person": gettext_lazy("Skipped manually"),
}

_ACTIONS: Mapping[str, Any] = {
    "workflow_created": gettext_lazy("Created the workflow"),
    "workflow_changed": gettext_lazy("Changed name, description or tags"),
    "workflow_archived": gettext_lazy("Archived the workflow"),
    "workflow_restored": gettext_lazy("Restored the workflow"),
    "workflow_deleted": gettext_lazy("Deleted the workflow"),
    "version_published": gettext_lazy("Published a version"),
    "deployed": gettext_lazy("Made a version live"),
    "rolled_back": gettext_lazy("Rolled back"),
    "run_cancelled": gettext_lazy("Cancelled a run"),
    "run_retried": gettext_lazy("Retried a run"),
    "run_deleted": gettext_lazy("Deleted a run"),
    "node_cancelled": gettext_lazy("Cancelled a node"),
    "node_skipped": gettext_lazy("Skipped a node"),
    "node_retried": gettext_lazy("Retried a node"),
    "pool_created": gettext_lazy("Created a pool"),
    "pool_resized": gettext_lazy("Resized a pool"),
    "pool_deleted": gettext_lazy("Deleted a pool"),
    "worker_drained": gettext_lazy("Drained a worker"),
    "worker_resumed": gettext_lazy("Resumed a worker"),
    "user_created": gettext_lazy("Created an account"),
    "user_changed": gettext_lazy("Changed an account"),
    "token_created": gettext_lazy("Created an API token"),
    "token_deleted": gettext_lazy("Revoked an API token"),
    "samples_installed": gettext_lazy("Installed the samples"),
    "file_uploaded": gettext_lazy("Uploaded a file"),
    "file_deleted": gettext_lazy("Deleted a file"),
}


def look(state: str) -> StateLook:
    """Return how a state of a run, node run or attempt is shown; an unknown state is shown by its name."""
    icon, word = _LOOKS.get(state, ("dot", state))
    return StateLook(state, icon, word)


def reason(code: str) -> str:
    """Return the text of a state's reason; empty for none."""
    return str(_REASONS.get(code, code.replace("_", " "))) if code else ""


def action(code: str) -> str:
    """Return the text of an audit entry's action."""
    return str(_ACTIONS.get(code, code.replace("_", " ").replace(".", " ").capitalize()))


def initials(name: str) -> str:
    """Return two letters for the avatar of an account."""
    words = [word for word in name.replace(".", " ").replace("_", " ").replace("-", " ").split() if word]
    if not words:
        return "?"
    letters = words[0][:2] if len(words) == 1 else words[0][:1] + words[-1][:1]
    return letters.upper()


def first_line(text: str, most: int = 240) -> str:
    """Return the first non-empty line, cut to `most` characters."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return line if len(line) <= most else line[: most - 1] + "…"


def cause(error: Mapping[str, Any] | None, node_name: str = "") -> str:
    """Return an error as one sentence: `Parse amounts: ValueError in line 9, could not convert "1.204,50"`."""
    if not error:
        return _("{node} failed without an error message").format(node=node_name) if node_name else _("No error given")
    message = first_line(str(error.get("message") or ""))
    kind, line = str(error.get("class") or _("Error")), error.get("line")
    head = _("{kind} in line {line}").format(kind=kind, line=line) if line else kind
    text = _error_text(head, message)
    return f"{node_name}: {text}" if node_name else text


def _error_text(head: str, message: str) -> str:
    """Join kind and message: with a colon if the message begins with a capital letter, else with a comma."""
    if not message:
        return head
    return (_("{before}: {after}") if message[0].isupper() else _("{before}, {after}")).format(
        before=head, after=message
    )


def visible(text: str) -> str:
    """Escape control and bidirectional characters, so that they cannot disguise the text."""
    if text.isprintable():
        # Printable text contains none of them.
        return text
    return _DISGUISES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_DISGUISES = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control, but for line breaks and tabs
    r"\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"  # marks of direction and of no width
    r"\ud800-\udfff\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]"  # surrogates and private use
)


def times_too_long(
    started_at: datetime | None, expected: float | None, expected_from: str, now: datetime
) -> float | None:
    """Return how many times its expected duration a running node has run; None unless it is stuck (engine.policy)."""
    limit = stuck_after(expected, expected_from)
    if started_at is None or not expected or limit is None:
        return None
    seconds = (now - started_at).total_seconds()
    return seconds / expected if seconds > limit else None


def times(ratio: float) -> str:
    """Format a ratio: `8.1`, `12`."""
    return f"{ratio:.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:,.0f}"


def translated(text: Text) -> str:
    """Return a sentence in the reader's language."""
    if isinstance(text, str):
        return text
    values = {
        name: translated(one) if isinstance(one, Sentence) else _value_text(name, one)
        for name, one in text.values.items()
    }
    return Sentence(text.template, values).filled(node_types.translate(text.template))


def sentence_text(sentence: Text) -> str:
    """Return a sentence in the reader's language, with disguising characters escaped."""
    return visible(translated(sentence))


def error_message(error: Exception) -> str:
    """Return the message of an error in the reader's language."""
    return translated(getattr(error, "sentence", None) or str(error))


_ENGINE_TEXTS = frozenset(("message", "what", "why"))
"""Values of sentences that are texts of the engine."""


_ERROR = re.compile(r"([\w.]+) in line (\d+)(?:[,:] (.*))?", re.DOTALL)
"""An error as the diagnosis formats it (engine.diagnosis.wording.error_text)."""


def _value_text(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name == "state":
        return str(look(value).word).lower()
    error = _ERROR.fullmatch(value) if name == "cause" else None
    if error is not None:
        head = _("{kind} in line {line}").format(kind=error[1], line=error[2])
        return _error_text(head, error[3] or "")
    return engine_words(value) if name in _ENGINE_TEXTS else value


_CODE_VALUES = frozenset(("source", "command", "address", "path", "line", "file", "function"))
"""Values of sentences that are shown as code."""


def time_html(at: datetime, text: str, form: str = "time") -> SafeString:
    """Return `<time>`. The browser formats it in its own zone as `form`; without scripts it shows `text`, which is
    UTC."""
    return format_html(
        '<time datetime="{}" data-form="{}" title="{}">{}</time>',
        clock.iso(at),
        form,
        f"{at:%Y-%m-%d %H:%M:%S} UTC",
        text,
    )


_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def with_times(text: str) -> SafeString:
    """Return `text` as HTML, with ISO times as `<time>`."""
    parts: list[str] = []
    end = 0
    for found in _ISO.finditer(text):
        at = datetime.fromisoformat(found[0])
        parts += [text[end : found.start()], time_html(at, f"{at:%H:%M:%S} UTC")]
        end = found.end()
    return format_html_join("", "{}", ((part,) for part in (*parts, text[end:])))


def sentence_html(sentence: Sentence) -> SafeString:
    """Return a sentence as HTML, with code set as code. See `sentence_text`."""
    values: dict[str, Any] = {}
    for name, one in sentence.values.items():
        if isinstance(one, Sentence):
            values[name] = sentence_html(one)
        elif isinstance(one, Moment):
            values[name] = time_html(one.at, f"{one.at:%H:%M:%S}")
        elif isinstance(one, str) and name in _CODE_VALUES and one:
            values[name] = format_html('<span class="mono">{}</span>', visible(one))
        else:
            values[name] = visible(_value_text(name, one)) if isinstance(one, str) else one
    return format_html(_(sentence.template), **values) if values else escape(_(sentence.template))


def spark(values: Sequence[float | None], most: float, *, width: int = 150, height: int = 34) -> str:
    """Return the path of a small chart: `values` oldest first, on a scale from 0 to `most`; None leaves a gap.

    static/src/run/sparkline.ts draws the same.
    """
    step = width / max(1, len(values) - 1)
    path, pen = [], "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        share = min(1.0, max(0.0, value / most)) if most > 0 else 0.0
        path.append(f"{pen}{place * step:.1f} {height - 2 - share * (height - 4):.1f}")
        pen = "L"
    return "".join(path)


def place(pid: int, worker: str) -> str:
    """Say where an attempt runs or ran: `pid 41207 on this host`."""
    host = _("this host") if worker == "local" or worker.startswith("local/") else visible(worker)
    return _("pid {pid} on {host}").format(pid=pid, host=host)


def receipt(given: Mapping[str, Any] | None) -> str:
    """Say what a termination stopped: `Stopped 3 processes in 0.2 s, 1 slot released.`; empty for None."""
    if not given:
        return ""
    processes, slots = int(given.get("processes") or 0), int(given.get("slots") or 0)
    stopped = ngettext("Stopped {n} process in {span}", "Stopped {n} processes in {span}", processes)
    text = stopped.format(n=count(processes), span=duration(given.get("seconds")))
    if slots:
        released = ngettext("{n} slot released", "{n} slots released", slots).format(n=count(slots))
        text = _("{before}, {after}").format(before=text, after=released)
    return _("{sentence}.").format(sentence=text)


def runs_line(total: int, failed: int, most: int) -> str:
    """Summarize runs: `21 runs, none failed`, `1 run, 1 failed`, `no runs yet`.

    If only the newest `most` were counted: `1,000+ runs, 3+ failed`, without mentioning failures if none of these
    failed.
    """
    if not total:
        return _("no runs yet")
    runs = ngettext("{n} run", "{n} runs", total).format(n=count_to(total, most))
    if not failed:
        return runs if total > most else _("{runs}, none failed").format(runs=runs)
    return _("{runs}, {n} failed").format(runs=runs, n=f"{count(failed)}+" if total > most else count(failed))


@dataclass(frozen=True, slots=True)
class Bar:
    """One run in a strip: position and size in the strip's own units."""

    x: int
    y: int
    height: int
    look: StateLook
    run: str
    label: str


def strip(runs: Sequence[Mapping[str, Any]], *, height: int = 20, step: int = 7) -> list[Bar]:
    """Return the bars of runs, given oldest first: height by duration (square root, so that short ones are visible),
    colour by state.

    A run is `{id, state, seconds}`; `seconds` may be None.
    """
    longest = max((run["seconds"] or 0.0 for run in runs), default=0.0)
    bars = []
    for position, run in enumerate(runs):
        share = math.sqrt((run["seconds"] or 0.0) / longest) if longest else 0.5
        tall = max(5, round(height * (0.3 + 0.7 * share)))
        shown = look(run["state"])
        label = _("Run {id}: {state}, {duration}").format(
            id=run["id"], state=str(shown.word).lower(), duration=duration(run["seconds"])
        )
        bars.append(Bar(position * step, height - tall, tall, shown, str(run["id"]), label))
    return bars


def progress_of(counts: Mapping[str, int]) -> tuple[int, int]:
    """Return (ended nodes, all nodes) of a run's counts."""
    from engine.states import NODE_TERMINAL

    return sum(number for state, number in counts.items() if state in NODE_TERMINAL), sum(counts.values())
