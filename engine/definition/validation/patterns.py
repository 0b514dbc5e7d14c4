"""Regular expressions that cannot run for ever, and the formats of texts that are checked.

Python's `re` needs exponential time for `(a+)+$`, and patterns come from authors while texts come from callers. The
engine inside `cel` is Rust's regex: linear in the text, bounded in the size of a compiled pattern, without look-around
and back-references. Only this one fixed expression is ever evaluated here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

from engine.expressions import native


@functools.cache
def _matches() -> Any:
    return native.load().compile("text.matches(pattern)")


def search(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`. Raises ValueError for a pattern that cannot be used."""
    try:
        return bool(_matches().execute({"text": text, "pattern": pattern}))
    except RuntimeError as error:
        raise ValueError(_reason(str(error))) from None


def pattern_fault(pattern: str) -> str | None:
    """Why a pattern cannot be used; None: it can."""
    try:
        search(pattern, "")
    except ValueError as error:
        return str(error)
    return None


def _reason(text: str) -> str:
    if "size limit" in text:
        return "it repeats too much to be compiled"
    if "look-around" in text:
        return "look-ahead and look-behind are not supported"
    if "backreferences" in text:
        return "back-references are not supported"
    text = text.split(". Check ")[0]
    lines = [line for line in text.splitlines() if line.startswith("error:")]
    return lines[0].removeprefix("error:").strip() if lines else text.strip().rstrip(".") or "it does not parse"


def _fits(parse: Callable[[str], Any], shape: str) -> Callable[[str], bool]:
    compiled = re.compile(shape)

    def fits(text: str) -> bool:
        if len(text) > 300 or not compiled.fullmatch(text):
            return False
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return fits


_TIME = r"\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)"
FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date": _fits(date.fromisoformat, r"\d{4}-\d\d-\d\d"),
    "time": _fits(time.fromisoformat, _TIME),
    "date-time": _fits(lambda text: datetime.fromisoformat(text.upper()), rf"\d{{4}}-\d\d-\d\d[Tt ]{_TIME}"),
    "email": _fits(str, r"[^@\s]+@[^@\s]+"),
    "uuid": _fits(UUID, r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "ipv4": _fits(IPv4Address, r"[0-9.]+"),
    "ipv6": _fits(IPv6Address, r"[0-9a-fA-F:.]+"),
}
