"""Text and JSON as both databases store them. Pure."""

from __future__ import annotations

import json
from typing import Any


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
