"""Column types shared by the models."""

from __future__ import annotations

import json
from typing import Any

from django.db import models


def clean_text(text: str) -> str:
    """Text that both databases store: NUL and lone surrogates become U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def dump(value: Any) -> str:
    """Compact JSON. Raises ValueError for NaN and infinities, which are no JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class JSONText(models.TextField):
    """A JSON value kept as text on every database.

    jsonb would reorder keys, normalise numbers and refuse NUL; nothing here is queried by its inside, so text
    keeps the value as it was and costs the hot path nothing. Null is SQL NULL.
    """

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else clean_text(dump(value))

    def value_to_string(self, obj: Any) -> str:
        return dump(self.value_from_object(obj))
