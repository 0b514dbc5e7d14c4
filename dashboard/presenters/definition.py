"""Format a definition as readable text. Pure."""

import json
from collections.abc import Mapping
from typing import Any

_TEXT_WIDTH = 100
_FIELD_NAMES = (
    "schema inputs nodes edges settings id type name notes config policy position "
    "source source_port target target_port order"
)
_FIELD_ORDER = {name: place for place, name in enumerate(_FIELD_NAMES.split())}


def document_text(value: Any) -> str:
    """Format a definition: known fields in reading order, short values on one line.

    The editor formats it the same way (static/src/text/format.ts).
    """
    try:
        return _lines(value, 0)
    except RecursionError:
        # A draft may be nested as deeply as JSON can be parsed; show it anyway.
        return _json(value)


def _lines(value: Any, indent: int) -> str:
    if not isinstance(value, (dict, list)):
        return _json(value)
    # With so many parts it cannot fit on one line.
    if indent and 2 * len(value) < _TEXT_WIDTH and _within(value, 2):
        short = _inline(value)
        if _utf16(short) <= _TEXT_WIDTH - indent:
            return short
    inner, end = " " * (indent + 2), " " * indent
    if isinstance(value, list):
        rows = [inner + _lines(one, indent + 2) for one in value]
        return "[\n" + ",\n".join(rows) + f"\n{end}]" if rows else "[]"
    rows = [f"{inner}{_json(key)}: {_lines(one, indent + 2)}" for key, one in _fields(value)]
    return "{\n" + ",\n".join(rows) + f"\n{end}}}" if rows else "{}"


# json.dumps would create an encoder for every value.
_json = json.JSONEncoder(ensure_ascii=False).encode


def _utf16(text: str) -> int:
    """Return the length as the browser counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _fields(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(value.items(), key=lambda item: _FIELD_ORDER.get(item[0], len(_FIELD_ORDER)))


def _inline(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_inline(one) for one in value) + "]"
    if isinstance(value, dict):
        parts = ", ".join(f"{_json(key)}: {_inline(one)}" for key, one in _fields(value))
        return "{ " + parts + " }" if parts else "{}"
    return _json(value)


def _within(value: Any, depth: int) -> bool:
    """Return whether the value is nested at most that deep."""
    if not isinstance(value, (dict, list)):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_within(one, depth - 1) for one in parts)
