"""Words, icons and colours of states, and how errors, findings and receipts are said.

Pure: values in, values out. The browser says the same things in static/src/words; both are held together by
the shared table static/src/words/examples.json.
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

from dashboard.amounts import count, count_to, duration
from dashboard.engine_words import engine_words
from engine import clock
from engine.diagnosis.wording import Moment
from engine.policy import stuck_after
from engine.sentences import Sentence


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state looks: never by colour alone."""

    state: str
    icon: str
    word: Any
    """Lazy text, capitalised."""

    @property
    def style(self) -> str:
        """Class that sets the state's colours."""
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
    "run_stopped": gettext_lazy("not started, for the run had failed"),
    "run_timeout": gettext_lazy("the run passed its time limit"),
    "not_asked": gettext_lazy("not asked for"),
    "branch_not_taken": gettext_lazy("the branch was not taken"),
    "cancelled": gettext_lazy("stopped with the run"),
    "cancelled_by_person": gettext_lazy("stopped by a person"),
    "skipped_by_person": gettext_lazy("skipped by a person"),
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

_TYPE_ICONS: Mapping[str, str] = {
    "noop": "dot",
    "python": "py",
    "python.function": "fn",
    "shell": "shell",
    "table.read": "table",
    "table.sql": "sql",
    "table.write": "out",
    "branch": "split",
}


def look(state: str) -> StateLook:
    """The look of a run's, node run's or attempt's state; an unknown one is shown by its name."""
    icon, word = _LOOKS.get(state, ("dot", state))
    return StateLook(state, icon, word)


def type_icon(node_type: str) -> str:
    return _TYPE_ICONS.get(node_type, "dot")


def reason(code: str) -> str:
    """A reason of a state in words; empty for none."""
    return str(_REASONS.get(code, code.replace("_", " "))) if code else ""


def action(code: str) -> str:
    """What an audit entry says was done."""
    return str(_ACTIONS.get(code, code.replace("_", " ").replace(".", " ").capitalize()))


def initials(name: str) -> str:
    """Two letters for the round sign of an account."""
    words = [word for word in name.replace(".", " ").replace("_", " ").replace("-", " ").split() if word]
    if not words:
        return "?"
    letters = words[0][:2] if len(words) == 1 else words[0][:1] + words[-1][:1]
    return letters.upper()


def first_line(text: str, most: int = 240) -> str:
    """The first line that says something, cut to `most` characters."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return line if len(line) <= most else line[: most - 1] + "…"


def cause(error: Mapping[str, Any] | None, node_name: str = "") -> str:
    """An error in one sentence: `Parse amounts: ValueError in line 9, could not convert "1.204,50"`."""
    if not error:
        return _("{node} failed without an error message").format(node=node_name) if node_name else _("No error given")
    said = first_line(str(error.get("message") or ""))
    kind, line = str(error.get("class") or _("Error")), error.get("line")
    head = _("{kind} in line {line}").format(kind=kind, line=line) if line else kind
    text = _error_text(head, said)
    return f"{node_name}: {text}" if node_name else text


def _error_text(head: str, said: str) -> str:
    """A message that begins as a sentence follows a colon: after a comma it would go on in capitals."""
    if not said:
        return head
    return (_("{before}: {after}") if said[0].isupper() else _("{before}, {after}")).format(before=head, after=said)


def visible(text: str) -> str:
    """`text` with control and bidirectional characters written out, so that it cannot disguise what stands there."""
    if text.isprintable():
        # None of those is.
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
    """How many times as long as expected a running node has run; None unless it counts as stuck (engine.policy)."""
    limit = stuck_after(expected, expected_from)
    if started_at is None or not expected or limit is None:
        return None
    seconds = (now - started_at).total_seconds()
    return seconds / expected if seconds > limit else None


def times(ratio: float) -> str:
    """`8.1`, `12`: how many times as long as usual."""
    return f"{ratio:.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:,.0f}"


def said(sentence: Sentence) -> str:
    """A sentence of the diagnosis in the reader's language; what could disguise text in it is written out."""
    values = {
        name: said(one) if isinstance(one, Sentence) else _word(name, one) for name, one in sentence.values.items()
    }
    return visible(_(sentence.template).format_map(values))


_ENGINE_NAMES = frozenset(("message", "what", "why"))
"""Names of values in sentences that are sentences of the engine where they are text."""


_ERROR = re.compile(r"([\w.]+) in line (\d+)(?:[,:] (.*))?", re.DOTALL)
"""An error as the diagnosis says it (engine.diagnosis.wording.error_text)."""


def _word(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name == "state":
        return str(look(value).word).lower()
    error = _ERROR.fullmatch(value) if name == "cause" else None
    if error is not None:
        head = _("{kind} in line {line}").format(kind=error[1], line=error[2])
        return _error_text(head, error[3] or "")
    return engine_words(value) if name in _ENGINE_NAMES else value


_CODE_NAMES = frozenset(("source", "command", "address", "path", "line", "file", "function"))
"""Names of values in sentences that are code, or an address of something, where they are text."""


def time_html(at: datetime, text: str, form: str = "time") -> SafeString:
    """`<time>`: the browser sets it in its own zone in `form`; without scripts `text` stays, which is UTC."""
    return format_html(
        '<time datetime="{}" data-form="{}" title="{}">{}</time>',
        clock.iso(at),
        form,
        f"{at:%Y-%m-%d %H:%M:%S} UTC",
        text,
    )


_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def with_times(text: str) -> SafeString:
    """`text` with the times that programs read in it as times that people read."""
    parts: list[str] = []
    end = 0
    for found in _ISO.finditer(text):
        at = datetime.fromisoformat(found[0])
        parts += [text[end : found.start()], time_html(at, f"{at:%H:%M:%S} UTC")]
        end = found.end()
    return format_html_join("", "{}", ((part,) for part in (*parts, text[end:])))


def said_html(sentence: Sentence) -> SafeString:
    """`said` with what is code or an address set as such."""
    values: dict[str, Any] = {}
    for name, one in sentence.values.items():
        if isinstance(one, Sentence):
            values[name] = said_html(one)
        elif isinstance(one, Moment):
            values[name] = time_html(one.at, f"{one.at:%H:%M:%S}")
        elif isinstance(one, str) and name in _CODE_NAMES and one:
            values[name] = format_html('<span class="mono">{}</span>', visible(one))
        else:
            values[name] = visible(_word(name, one)) if isinstance(one, str) else one
    return format_html(_(sentence.template), **values) if values else escape(_(sentence.template).format())


def spark(values: Sequence[float | None], most: float, *, width: int = 150, height: int = 34) -> str:
    """The path of a small chart: `values` oldest first, from 0 to `most`; what is not determined leaves a gap.

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
    """`pid 41207 on this host`: where an attempt runs or ran."""
    host = _("this host") if worker == "local" or worker.startswith("local/") else visible(worker)
    return _("pid {pid} on {host}").format(pid=pid, host=host)


def receipt(given: Mapping[str, Any] | None) -> str:
    """`Ended 3 processes in 0.2 s, 1 slot returned.`; empty for none. static/src/run/api-buttons.ts says the same."""
    if not given:
        return ""
    processes, slots = int(given.get("processes") or 0), int(given.get("slots") or 0)
    ended = ngettext("Ended {n} process in {span}", "Ended {n} processes in {span}", processes)
    text = ended.format(n=count(processes), span=duration(given.get("seconds")))
    if slots:
        returned = ngettext("{n} slot returned", "{n} slots returned", slots).format(n=count(slots))
        text = _("{before}, {after}").format(before=text, after=returned)
    return _("{sentence}.").format(sentence=text)


def runs_line(total: int, failed: int, most: int) -> str:
    """`21 runs, none failed`, `1 run, 1 failed`, `no runs yet`; where there are more than `most`, which were looked at,
    `1,000+ runs, 3+ failed`, and nothing of failed ones when none of these did."""
    if not total:
        return _("no runs yet")
    runs = ngettext("{n} run", "{n} runs", total).format(n=count_to(total, most))
    if not failed:
        return runs if total > most else _("{runs}, none failed").format(runs=runs)
    return _("{runs}, {n} failed").format(runs=runs, n=f"{count(failed)}+" if total > most else count(failed))


@dataclass(frozen=True, slots=True)
class Bar:
    """One run in a strip: place and size in the strip's own units."""

    x: int
    y: int
    height: int
    look: StateLook
    run: str
    label: str


def strip(runs: Sequence[Mapping[str, Any]], *, height: int = 20, step: int = 7) -> list[Bar]:
    """Bars of runs, given oldest first: height by duration (square root, so that short ones show), colour by state.

    A run is `{id, state, seconds}`; `seconds` is None while it has none.
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
    """(nodes that have ended, all nodes) of a run's counts."""
    from engine.states import NODE_TERMINAL

    return sum(number for state, number in counts.items() if state in NODE_TERMINAL), sum(counts.values())
