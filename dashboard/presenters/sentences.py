"""Errors, sentences of the diagnosis, times and receipts as text or HTML. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.presenters import node_types
from dashboard.presenters.amounts import count, duration
from dashboard.presenters.states import state_style
from dashboard.presenters.text import first_line, visible
from engine import clock
from engine.diagnosis.wording import Moment
from engine.sentences import Sentence, Text


def error_sentence(error: Mapping[str, Any] | None, node_name: str = "") -> str:
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


def _value_text(name: str, value: Any) -> Any:
    return str(state_style(value).word).lower() if name == "state" and isinstance(value, str) else value


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


def html_with_times(text: str) -> SafeString:
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


def process_place(pid: int, worker: str) -> str:
    """Say where an attempt runs or ran: `pid 41207 on this host`."""
    host = _("this host") if worker == "local" or worker.startswith("local/") else visible(worker)
    return _("pid {pid} on {host}").format(pid=pid, host=host)


def receipt_text(given: Mapping[str, Any] | None) -> str:
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
