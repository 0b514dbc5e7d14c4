"""Tags and filters of the pages: icons, states, times, durations, counts, URLs of built files."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.dateparse import parse_datetime
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dashboard.presenters import amounts, node_types
from dashboard.presenters.charts import RunBar
from dashboard.presenters.sentences import error_sentence, time_html
from dashboard.presenters.states import audit_action_text, progress_counts, reason_text, state_style
from dashboard.presenters.text import first_line, initials, visible
from dashboard.serving import built_files
from engine import clock

register = template.Library()

register.filter("duration", amounts.duration)
register.filter("count", amounts.count)
register.filter("size", amounts.size)
register.filter("initials", initials)
register.filter("visible", lambda text: visible(str(text)))
register.filter("reason", reason_text)
register.filter("audit_action", audit_action_text)
register.filter("type_icon", node_types.icon)
register.filter("first_line", first_line)


@register.simple_tag
def asset(name: str) -> str:
    """Return the URL of a built file with its content hash, so that browsers load a new version at once."""
    return f"{static(name)}?v={built_files.digest(name)}"


@register.simple_tag
@cache
def font(name: str) -> str:
    """Return the URL of a font, whose name contains a hash; empty if it is not built."""
    found = sorted(
        path.name for folder in settings.STATICFILES_DIRS for path in folder.glob(f"fonts/{name}-????????.woff2")
    )
    return static(f"fonts/{found[0]}") if found else ""


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
def fixed(name: str) -> SafeString:
    """Render a template that depends on nothing but the language, once per language."""
    return _fixed(name, get_language())


@cache
def _fixed(name: str, language: str | None) -> SafeString:
    return render_to_string(name)


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, style: str = "") -> SafeString:
    """Render an icon of the sprite. It is decoration beside a word, so it is hidden from screen readers."""
    return format_html(
        '<svg class="i {}" viewBox="0 0 24 24" aria-hidden="true"><use href="#i-{}"></use></svg>', style, name
    )


@register.simple_tag
def state_chip(state: str, word: str = "") -> SafeString:
    """Render a state as icon, word and colour."""
    return _state_chip(state, word, get_language())


@lru_cache(maxsize=512)
def _state_chip(state: str, word: str, language: str | None) -> SafeString:
    shown = state_style(state)
    return format_html('<span class="chip {}">{}{}</span>', shown.css_class, icon(shown.icon), word or shown.word)


@register.simple_tag
def state_icon(state: str) -> SafeString:
    """Render a state as a coloured icon, with the word for screen readers and on hover."""
    return _state_icon(state, get_language())


@lru_cache(maxsize=512)
def _state_icon(state: str, language: str | None) -> SafeString:
    shown = state_style(state)
    return format_html(
        '<span class="row c {}" title="{}">{}<span class="sr">{}</span></span>',
        shown.css_class,
        shown.word,
        icon(shown.icon, "s"),
        shown.word,
    )


def _linked(bars: Sequence[RunBar], drawn: Iterable[str]) -> SafeString:
    """Render the runs of a strip as links around the given shapes. By keyboard, focus enters at the newest run.

    Escaped by hand: a page has hundreds of them, and `format_html` would take a quarter of its time.
    """
    links = []
    for bar, shape in zip(bars, drawn, strict=True):
        label = escape(bar.label)
        stop = "" if bar is bars[-1] else ' tabindex="-1"'
        links.append(
            f'<a class="{bar.style.css_class}"{stop} href="/runs/{escape(bar.run)}/" aria-label="{label}">'
            f"<title>{label}</title>{shape}</a>"
        )
    return mark_safe("".join(links))  # noqa: S308 - escaped above


@register.simple_tag
def strip(bars: Sequence[RunBar], width: int) -> SafeString:
    """Render the last runs as bars, newest right; `width` in the strip's own units."""
    if not bars:
        return format_html('<span class="faint">{}</span>', _("no runs yet"))
    drawn = (f'<rect x="{bar.x}" y="{bar.y}" width="5" height="{bar.height}" rx="1"></rect>' for bar in bars)
    return format_html(
        '<svg class="strip" width="{}" height="20" viewBox="0 0 {} 20" role="group" aria-label="{}">{}</svg>',
        width,
        width,
        _("Last runs, newest right"),
        _linked(bars, drawn),
    )


HEAT_PLACES, HEAT_STEP = 50, 11
"""Number of cells in a strip, and width of a cell with its gap."""


@register.simple_tag
def heat(bars: Sequence[RunBar]) -> SafeString:
    """Render the last 50 runs as cells, newest right: colour by state, opacity by duration."""
    bars = bars[-HEAT_PLACES:]
    tallest = max((bar.height for bar in bars), default=1)
    empty = HEAT_PLACES - len(bars)
    gap = '<rect class="gap" x="{}" y="0" width="9" height="14" rx="1.5"></rect>'
    gaps = format_html_join("", gap, ((place * HEAT_STEP,) for place in range(empty)))
    drawn = []
    for place, bar in enumerate(bars, empty):
        strength = 1.0 if bar.style.state != "succeeded" else 0.6 + 0.4 * bar.height / tallest
        drawn.append(
            f'<rect x="{place * HEAT_STEP}" y="0" width="9" height="14" rx="1.5" opacity="{strength:.2f}"></rect>'
        )
    return format_html(
        '<svg class="heat" width="548" height="14" viewBox="0 0 548 14" role="group" aria-label="{}">{}{}</svg>',
        _("Last runs, newest right"),
        gaps,
        _linked(bars, drawn),
    )


@register.filter
def state_word(state: str) -> Any:
    return state_style(state).word


@register.filter
def state_icon_name(state: str) -> str:
    return state_style(state).icon


def moment(value: Any) -> datetime | None:
    """Return a time of the API (text) or of a model (datetime) as datetime."""
    if isinstance(value, str):
        return parse_datetime(value)
    return value if isinstance(value, datetime) else None


@register.simple_tag
def time(value: Any, form: str = "time") -> SafeString | str:
    """Render `<time>`. The browser shows it in its own zone; without scripts it stays UTC.

    Forms: `time` 09:41:07 · `day` 24 Nov 09:41 (only the time if today) · `ago` 4 min ago.
    """
    at = moment(value)
    if at is None:
        return "–"
    text = (
        amounts.ago(at, clock.now()) if form == "ago" else f"{at:%H:%M:%S}" if form == "time" else f"{at:%d %b %H:%M}"
    )
    return time_html(at, text, form)


@register.simple_tag
def lasting(start: Any, end: Any = None) -> SafeString:
    """Render a duration. Without `end`, the browser updates it every second, by the server's clock."""
    began, ended = moment(start), moment(end)
    if began is None:
        return mark_safe('<span data-since="">–</span>')
    if ended is not None:
        return format_html("<span>{}</span>", amounts.duration(amounts.seconds_between(began, ended)))
    return format_html(
        '<span data-since="{}">{}</span>',
        clock.iso(began),
        amounts.duration(amounts.seconds_between(began, clock.now())),
    )


@register.simple_tag
def until(value: Any) -> SafeString | str:
    """Render the time left until a moment. The browser updates it every second, by the server's clock."""
    at = moment(value)
    if at is None:
        return "–"
    return format_html(
        '<span data-until="{}">{}</span>',
        clock.iso(at),
        amounts.duration(amounts.seconds_between(clock.now(), at)),
    )


@register.filter
def cut_to(text: Any, most: int) -> str:
    """Cut a text to `most` characters, where a user's whole text would not fit."""
    shown = str(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


@register.filter
def ticked(text: str) -> SafeString:
    """Render what is between backticks as code."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in enumerate(parts))
    )


@register.filter
def plain_number(value: float | None) -> str:
    """Format a number as one would type it; empty for None."""
    return "" if value is None else f"{value:g}"


@register.filter
def whole_percent(value: float) -> str:
    return f"{value:.0f} %"


@register.filter
def split_words(text: str) -> list[str]:
    return text.split()


@register.filter
def unlocalized(value: Any) -> str:
    """Format a number for an attribute: no separators, a dot."""
    return "" if value is None or value == "" else str(value)


@register.filter
def at(items: Any, position: int) -> Any:
    return items[position]


@register.filter
def cause(error: Mapping[str, Any] | None) -> str:
    return error_sentence(error)


@register.filter
def as_percent(fraction: float) -> str:
    return amounts.percent(fraction, 1)


@dataclass(frozen=True, slots=True)
class InputText:
    """A value for reading. A long one is shown in part first."""

    whole: str
    first: str
    length: int
    """Length of the full text."""
    shown: int
    """Length of `whole`, which may be cut."""

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
    """Return a run's input as text: a string as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    whole = visible(text[:INPUT_MOST])
    first = "\n".join(whole[:INPUT_FIRST].split("\n")[:INPUT_LINES])
    return InputText(whole, first, len(text), min(len(text), INPUT_MOST))


@register.filter
def cell(value: Any) -> str:
    """Format a table cell as text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return visible(json.dumps(value, ensure_ascii=False, default=str))
    return visible(str(value))


@register.filter
def is_number(column: Mapping[str, Any]) -> bool:
    """Return whether a table column is right-aligned."""
    name = str(column.get("type", "")).upper()
    return any(part in name for part in ("INT", "DOUBLE", "FLOAT", "REAL", "DECIMAL", "NUMERIC"))


@register.filter
def get(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    return mapping.get(key) if mapping else None


@register.simple_tag
def runs_line(total: int, failed: int, most: int) -> str:
    return amounts.runs_line(total, failed, most)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """Return the page's query with some values replaced. An empty value removes the parameter."""
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
    """Count the ended nodes: `6 of 9`, or `6 of 9 nodes`."""
    done, whole = progress_counts(counts or {})
    text = _("{done} of {all} nodes") if named else _("{done} of {all}")
    return text.format(done=amounts.count(done), all=amounts.count(whole))
