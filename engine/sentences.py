"""Sentences that people read, as a template and values so that they can be translated; durations too. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any


def gettext_noop(text: str) -> str:
    """Mark a template for the message catalogue, like Django's function; this module imports no Django."""
    return text


@dataclass(frozen=True, slots=True)
class Sentence:
    """An English `template` with {names}, and the values for them. `str()` gives the English sentence.

    Without values the template is plain text, and its braces stand for themselves. A value may itself be a Sentence: a
    part of the sentence that has several wordings.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.filled(self.template)

    def filled(self, template: str) -> str:
        """Fill the values into `template`, which is a translation of the sentence's own template."""
        return template.format_map(self.values) if self.values else template

    def translated(self, gettext: Callable[[str], str]) -> str:
        """Return the sentence in the language of `gettext`, including values that are sentences."""
        values = {
            name: value.translated(gettext) if isinstance(value, Sentence) else value
            for name, value in self.values.items()
        }
        return Sentence(self.template, values).filled(gettext(self.template))

    def stored(self) -> dict[str, Any]:
        """Return the sentence as JSON, {template, values}, for `restored`."""
        values = {name: value.stored() if isinstance(value, Sentence) else value for name, value in self.values.items()}
        return {"template": self.template, "values": values}


def restored(stored: Any) -> Sentence | None:
    """Return the sentence that was stored; None if it is not one."""
    if not isinstance(stored, Mapping) or not isinstance(stored.get("template"), str):
        return None
    values = stored.get("values")
    values = values if isinstance(values, Mapping) else {}
    return Sentence(stored["template"], {name: restored(value) or value for name, value in values.items()})


Text = Sentence | str
"""What a person reads: a Sentence, or text that is shown as it is in every language."""


def either(parts: Iterable[Text]) -> Text:
    """Return `a, b or c`; empty for no parts."""
    *others, last = list(parts) or [""]
    if not others:
        return last
    first = reduce(lambda one, other: Sentence(gettext_noop("{a}, {b}"), {"a": one, "b": other}), others)
    return Sentence(gettext_noop("{a} or {b}"), {"a": first, "b": last})


def any_of(names: Iterable[str]) -> Text:
    """Return `"a", "b" or "c"`; empty for no names."""
    return either(f'"{name}"' for name in names)


_MS = gettext_noop("{ms} ms")
_S = gettext_noop("{s} s")
_M = gettext_noop("{m} m")
_MS_ = gettext_noop("{m} m {s} s")
_H = gettext_noop("{h} h")
_HM = gettext_noop("{h} h {m} m")
_D = gettext_noop("{d} d")
_DH = gettext_noop("{d} d {h} h")


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
