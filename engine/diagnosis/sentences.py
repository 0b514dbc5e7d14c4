"""Sentences that people read, in English and ready to be translated. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def gettext_noop(text: str) -> str:
    """Marks a template for the catalogues, as Django's function of that name does; this module imports no Django."""
    return text


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence: `template` in English with {names}, and what they stand for.

    `str()` is the English sentence. A value may itself be a Said: a part that is said in several ways. Whoever shows
    it in another language asks for `translated`.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.filled(self.template)

    def filled(self, template: str) -> str:
        """`template`, a translation of the own one, with the values in it."""
        return template.format_map(self.values)

    def translated(self, gettext: Callable[[str], str]) -> str:
        """The sentence in the language of `gettext`, its parts too."""
        parts = {
            name: value.translated(gettext) if isinstance(value, Said) else value for name, value in self.values.items()
        }
        return gettext(self.template).format_map(parts)
