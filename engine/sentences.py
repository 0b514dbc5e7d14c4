"""Sentences that people read, kept as a template and values so that they can be translated. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def gettext_noop(text: str) -> str:
    """Mark a template for the message catalogue, like Django's function; this module imports no Django."""
    return text


@dataclass(frozen=True, slots=True)
class Sentence:
    """An English `template` with {names}, and the values for them. `str()` gives the English sentence.

    A value may itself be a Sentence: a part of the sentence that has several wordings.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.filled(self.template)

    def filled(self, template: str) -> str:
        """Fill the values into `template`, which is a translation of the sentence's own template."""
        return template.format_map(self.values)

    def translated(self, gettext: Callable[[str], str]) -> str:
        """The sentence in the language of `gettext`, including values that are sentences."""
        values = {
            name: value.translated(gettext) if isinstance(value, Sentence) else value
            for name, value in self.values.items()
        }
        return gettext(self.template).format_map(values)
