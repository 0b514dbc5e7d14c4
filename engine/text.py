"""Text and JSON as both databases store them. Pure."""

import json
from typing import Any

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False).encode


def clean_text(text: str) -> str:
    """Return text that both databases store: NUL and lone surrogates become U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return without_surrogates(text)


def without_surrogates(text: str) -> str:
    """Return text that can be encoded: lone surrogates become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def dump(value: Any) -> str:
    """Return compact JSON. Raises ValueError for NaN and infinities, which are not JSON."""
    return _encode(value)


def stored_json(value: Any) -> str:
    """Return compact JSON that both databases store."""
    return clean_text(_encode(value))
