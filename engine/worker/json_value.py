"""Encodes the JSON value that a node returned, or says which part of it is not JSON."""

from __future__ import annotations

import json
import re

from engine.worker.errors import BadOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEPTH_MAX = 200
BYTES_MAX = 256 * 1024 * 1024
DIGITS_MAX = 308
"""Readers that store numbers as doubles read longer integers as infinity."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_long_number = re.compile(rf"\d{{{DIGITS_MAX + 1}}}")
_HINTS = {
    "datetime": "use .isoformat()",
    "date": "use .isoformat()",
    "time": "use .isoformat()",
    "Decimal": "use float() or str()",
    "UUID": "use str()",
    "PosixPath": "use str()",
    "bytes": "decode it to text",
    "bytearray": "decode it to text",
    "set": "use sorted() or list()",
    "frozenset": "use sorted() or list()",
    "generator": "use list()",
    "map": "use list()",
    "filter": "use list()",
    "zip": "use list()",
    "range": "use list()",
    "dict_keys": "use list()",
    "dict_values": "use list()",
    "ndarray": "use .tolist()",
    "Series": "use .tolist()",
    "coroutine": "await it, for instance with asyncio.run()",
}


def encode(value: Any, root: str = "output") -> bytes:
    """Return `value` as compact JSON in UTF-8. Raises BadOutput, whose message names the part, starting with `root`.

    As in Python's json, tuples become lists, and keys that are numbers, booleans or None become text.
    """
    try:
        text = _encode(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadOutput(_explain(value, root, str(error))) from None
    # The text is checked for both limits first, because walking the value takes far longer than encoding it.
    if (len(text) > DIGITS_MAX and _long_number.search(text)) or text.count("[") + text.count("{") > DEPTH_MAX:
        problem = _find_problem(value, root)
        if problem:
            raise BadOutput(problem)
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise BadOutput(_explain(value, root, str(error))) from None
    if len(data) > BYTES_MAX:
        raise BadOutput(
            f"The {root} has {len(data):,} bytes as JSON; up to {BYTES_MAX:,} are stored. Return a table instead."
        )
    return data


def _explain(value: Any, root: str, why: str) -> str:
    return _find_problem(value, root) or f"The {root} is not JSON: {why}."


def _find_problem(value: Any, root: str) -> str | None:
    """Return what is wrong with the first part of `value` that is not JSON; None if nothing is. Does not recurse."""
    inside: set[int] = set()
    # (value, path, depth), or (id, None, 0) at the end of a container.
    rest: list[tuple[Any, str | None, int]] = [(value, root, 0)]
    while rest:
        one, path, depth = rest.pop()
        if path is None:
            inside.discard(one)
            continue
        if one is None or isinstance(one, bool):
            continue
        if isinstance(one, str):
            if not _encodes(one):
                return f"{path} is text with half a surrogate pair, which UTF-8 cannot encode: {one[:40]!r}."
        elif isinstance(one, int):
            # By bit_length, because converting such a long number to digits takes too long.
            if one.bit_length() > 1023:
                return f"{path} is an integer of more than {DIGITS_MAX} digits; return it as text."
        elif isinstance(one, float):
            if one != one or one in (float("inf"), float("-inf")):
                return f"{path} is {one!r}, which JSON cannot represent; return None instead."
        elif isinstance(one, (dict, list, tuple)):
            if id(one) in inside:
                return f"{path} contains itself."
            if depth >= DEPTH_MAX:
                return f"{_short(path)} is nested more than {DEPTH_MAX} levels deep."
            inside.add(id(one))
            rest.append((id(one), None, 0))
            if isinstance(one, dict):
                for key, item in reversed(list(one.items())):
                    if not (key is None or isinstance(key, (str, int, float))):
                        return f"{path} has a key that is a {_kind(key)} ({_repr(key)}); keys must be text."
                    if isinstance(key, str) and not _encodes(key):
                        return f"{path} has a key with half a surrogate pair: {key[:40]!r}."
                    rest.append((item, f"{path}[{_repr(key)}]", depth + 1))
            else:
                rest += [(item, f"{path}[{at}]", depth + 1) for at, item in reversed(list(enumerate(one)))]
        else:
            kind = _kind(one)
            hint = _HINTS.get(type(one).__name__) or ("use .item()" if hasattr(one, "item") else None)
            return f"{path} is a {kind} ({_repr(one)}), which is not JSON{f'; {hint}' if hint else ''}."
    return None


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: Any) -> str:
    kind = type(value)
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def _repr(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:
        return "no repr"
    return text if len(text) <= 60 else text[:57] + "..."


def _short(path: str) -> str:
    return path if len(path) <= 80 else path[:60] + "..."
