"""Tags and filters of the pages: icons, states, times, durations, counts, and addresses of built files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from dashboard import presenters
from engine import clock

register = template.Library()

register.filter("duration", presenters.duration)
register.filter("count", presenters.count)
register.filter("size", presenters.size)
register.filter("initials", presenters.initials)
register.filter("visible", lambda text: presenters.visible(str(text)))
register.filter("reason", presenters.reason)
register.filter("audit_action", presenters.action)
register.filter("type_icon", presenters.type_icon)
register.filter("first_line", presenters.first_line)


@cache
def _digest(name: str) -> str:
    path = finders.find(name)
    if not isinstance(path, str):
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


@register.simple_tag
def asset(name: str) -> str:
    """Address of a built file with a digest of its content, so that browsers take a new one at once."""
    return f"{static(name)}?v={_digest(name)}"


@register.simple_tag
def static_path(name: str) -> str:
    """Address of a file that the style sheet names itself, so without a digest."""
    return static(name)


@cache
def _catalogue_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted((settings.BASE_DIR / "dashboard" / "locale").rglob("djangojs.mo")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@register.simple_tag
def catalogue_version() -> str:
    return _catalogue_digest()


@register.simple_tag
def icon(name: str, style: str = "") -> SafeString:
    """An icon of the sprite; decoration beside a word, so hidden from screen readers."""
    return format_html(
        '<svg class="i {}" viewBox="0 0 24 24" aria-hidden="true"><use href="#i-{}"></use></svg>', style, name
    )


@register.simple_tag
def state_chip(state: str, word: str = "") -> SafeString:
    """State as icon, word and colour."""
    shown = presenters.look(state)
    return format_html('<span class="chip {}">{}{}</span>', shown.style, icon(shown.icon), word or shown.word)


@register.simple_tag
def state_icon(state: str) -> SafeString:
    """State as an icon in its colour, with the word for screen readers and on hover."""
    shown = presenters.look(state)
    return format_html(
        '<span class="row c {}" title="{}">{}<span class="sr">{}</span></span>',
        shown.style,
        shown.word,
        icon(shown.icon, "s"),
        shown.word,
    )


@register.filter
def state_word(state: str) -> Any:
    return presenters.look(state).word


@register.filter
def state_icon_name(state: str) -> str:
    return presenters.look(state).icon


def moment(value: Any) -> datetime | None:
    """A time of the API (text) or of a model (datetime)."""
    if isinstance(value, str):
        return parse_datetime(value)
    return value if isinstance(value, datetime) else None


@register.simple_tag
def time(value: Any, form: str = "time") -> SafeString | str:
    """`<time>`: the browser sets it in its own zone; without scripts it stays UTC.

    Forms: `time` 09:41:07 · `day` 24 Nov 09:41 (the time alone when today) · `ago` 4 min ago.
    """
    at = moment(value)
    if at is None:
        return "–"
    text = (
        presenters.ago(at, clock.now())
        if form == "ago"
        else f"{at:%H:%M:%S}"
        if form == "time"
        else f"{at:%d %b %H:%M}"
    )
    return presenters.time_html(at, text, form)


@register.simple_tag
def lasting(start: Any, end: Any = None) -> SafeString:
    """A duration; while `end` is missing it goes on, counted by the browser from the server's clock."""
    began, ended = moment(start), moment(end)
    if began is None:
        return mark_safe('<span data-since="">–</span>')
    if ended is not None:
        return format_html("<span>{}</span>", presenters.duration(presenters.seconds_between(began, ended)))
    return format_html(
        '<span data-since="{}">{}</span>',
        clock.iso(began),
        presenters.duration(presenters.seconds_between(began, clock.now())),
    )


@register.simple_tag
def until(value: Any) -> SafeString | str:
    """How long it is to a moment, counted down by the browser from the server's clock."""
    at = moment(value)
    if at is None:
        return "–"
    return format_html(
        '<span data-until="{}">{}</span>',
        clock.iso(at),
        presenters.duration(presenters.seconds_between(clock.now(), at)),
    )


@register.filter
def cut_to(text: Any, most: int) -> str:
    """At most `most` characters, for what stands where a whole text of a user's would not."""
    shown = str(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


@register.filter
def plain_number(value: float | None) -> str:
    """A number as one types it; empty for none."""
    return "" if value is None else f"{value:g}"


@register.filter
def whole_percent(value: float) -> str:
    return f"{value:.0f} %"


@register.filter
def split_words(text: str) -> list[str]:
    return text.split()


@register.filter
def unlocalized(value: Any) -> str:
    """A number for an attribute: no separators, a dot."""
    return "" if value is None or value == "" else str(value)


@register.filter
def at(items: Any, position: int) -> Any:
    return items[position]


@register.filter
def cause(error: Mapping[str, Any] | None) -> str:
    return presenters.cause(error)


@register.filter
def as_percent(fraction: float) -> str:
    return presenters.percent(fraction, 1)


@register.filter
def pretty(value: Any) -> str:
    """JSON for reading; keys in their order."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class InputText:
    """A value for reading; a long one is first shown in part."""

    whole: str
    first: str
    length: int
    """Characters of the value as text."""
    shown: int
    """Characters in `whole`."""

    @property
    def rest(self) -> bool:
        return len(self.first) < len(self.whole)

    @property
    def cut(self) -> bool:
        return self.shown < self.length


INPUT_FIRST = 600
INPUT_LINES = 12
INPUT_MOST = 64 * 1024


@register.filter
def input_text(value: Any) -> InputText:
    """A run's input as text: a string as it is, anything else as JSON."""
    text = value if isinstance(value, str) else pretty(value)
    whole = presenters.visible(text[:INPUT_MOST])
    first = "\n".join(whole[:INPUT_FIRST].split("\n")[:INPUT_LINES])
    return InputText(whole, first, len(text), min(len(text), INPUT_MOST))


@register.filter
def cell(value: Any) -> str:
    """A value of a table's row as text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return presenters.visible(json.dumps(value, ensure_ascii=False, default=str))
    return presenters.visible(str(value))


@register.filter
def is_number(column: Mapping[str, Any]) -> bool:
    """Whether a column of a table is set to the right."""
    name = str(column.get("type", "")).upper()
    return any(part in name for part in ("INT", "DOUBLE", "FLOAT", "REAL", "DECIMAL", "NUMERIC"))


@register.filter
def get(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    return mapping.get(key) if mapping else None


@register.simple_tag
def runs_line(total: int, failed: int) -> str:
    return presenters.runs_line(total, failed)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """The page's query with some values replaced; an empty value leaves one out."""
    values = context["request"].GET.copy()
    for key, value in changes.items():
        if value in (None, ""):
            values.pop(key, None)
        else:
            values[key] = str(value)
    text = values.urlencode()
    return f"?{text}" if text else "."


@register.simple_tag
def progress_line(counts: Mapping[str, int] | None, named: bool = False) -> str:
    """`6 of 9`, or `6 of 9 nodes`: those that have ended."""
    done, whole = presenters.progress_of(counts or {})
    text = _("{done} of {all} nodes") if named else _("{done} of {all}")
    return text.format(done=presenters.count(done), all=presenters.count(whole))
