"""Validators for the JSON Schemas (draft 2020-12) that authors and packages write."""

import functools
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

import jsonschema_rs
from jsonschema_rs import ValidationError, Validator

__all__ = ["ValidationError", "Validator", "compile_schema"]


def compile_schema(schema: Mapping[str, Any]) -> Validator:
    """Return a validator for `schema`. Raises ValidationError if the schema is not valid.

    Patterns take linear time and bounded memory, because authors write them and callers send the texts. A `$ref` to
    another document is an error.
    """
    return jsonschema_rs.Draft202012Validator(
        dict(schema),
        pattern_options=jsonschema_rs.RegexOptions(),
        formats=dict(_FORMATS),
        validate_formats=True,
        offline=True,
    )


_TIME = r"\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)"
_CHECKED: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "date": (date.fromisoformat, r"\d{4}-\d\d-\d\d"),
    "time": (time.fromisoformat, _TIME),
    "date-time": (lambda text: datetime.fromisoformat(text.upper()), rf"\d{{4}}-\d\d-\d\d[Tt ]{_TIME}"),
    "email": (str, r"[^@\s]+@[^@\s]+"),
    "uuid": (UUID, r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "ipv4": (IPv4Address, r"[0-9.]+"),
    "ipv6": (IPv6Address, r"[0-9a-fA-F:.]+"),
}
"""Formats that are checked: (a function that raises ValueError, a pattern for the text)."""
_NOT_CHECKED = [
    "duration",
    "hostname",
    "idn-email",
    "idn-hostname",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "uri",
    "uri-reference",
    "uri-template",
]
"""Formats that jsonschema_rs would check. Here they are only notes for people, as in earlier releases."""


def _has_format(parse: Callable[[str], Any], shape: str, text: str) -> bool:
    if len(text) > 300 or not re.fullmatch(shape, text):
        return False
    try:
        parse(text)
    except ValueError:
        return False
    return True


_FORMATS: Mapping[str, Callable[[str], bool]] = {
    **{name: functools.partial(_has_format, *rule) for name, rule in _CHECKED.items()},
    **dict.fromkeys(_NOT_CHECKED, lambda text: True),
}
