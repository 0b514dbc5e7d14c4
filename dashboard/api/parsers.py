"""Parsers of request bodies: strict, bounded JSON."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from math import isinf
from typing import IO, Any, NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from dashboard.api.problems import BadRequest
from engine.text import clean_text, without_surrogates

BODY_BYTES_MAX = 64 * 1024 * 1024
DEPTH_MAX = 100
# NUL and lone surrogates can arrive only as escapes. Text columns refuse the former, encoders the latter.
_UNCLEAN = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class StrictJSONParser(BaseParser):
    """UTF-8 JSON as defined by RFC 8259: no NaN, no duplicate names in an object, limited depth.

    A text with NUL is refused, because databases refuse it; lone surrogates become U+FFFD.
    """

    media_type = "application/json"
    refuses_nul = True

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = stream.read(BODY_BYTES_MAX + 1)
        if len(raw) > BODY_BYTES_MAX:
            raise BadRequest(
                _("The body is larger than %(size)d MiB.") % {"size": BODY_BYTES_MAX // 2**20},
                code="too_large",
                status=413,
            )
        try:
            value = json.loads(
                raw.decode("utf-8-sig"),
                parse_constant=_refuse_constant,
                parse_float=_finite_float,
                object_pairs_hook=_object_without_duplicates,
            )
            unclean = bool(_UNCLEAN.search(raw))
            if unclean:
                value = _clean(value)
        except UnicodeDecodeError:
            raise ParseError(_("The body is not UTF-8.")) from None
        except RecursionError:
            raise ParseError(_("The body is nested more than %(depth)d levels deep.") % {"depth": DEPTH_MAX}) from None
        except ValueError as error:
            raise ParseError(_("The body is not valid JSON: %(error)s.") % {"error": error}) from None
        _check_depth(value)
        if unclean and self.refuses_nul:
            _refuse_nul(value)
        return value


class StrictJSONParserWithNul(StrictJSONParser):
    """For a call that stores nothing and reports what is wrong with a text itself."""

    refuses_nul = False


class JSONPatchParser(StrictJSONParser):
    media_type = "application/json-patch+json"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(_("%(name)s is not a JSON value") % {"name": name})


def _finite_float(text: str) -> float:
    value = float(text)
    if isinf(value):
        # Python would parse it as infinity, which JSON cannot express.
        raise ValueError(_("%(number)s is too large for a number") % {"number": text[:40]})
    return value


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Some readers take the first value, others the last: the meaning is ambiguous.
        duplicate = next(name for name, times in Counter(name for name, _value in pairs).items() if times > 1)
        raise ValueError(_('duplicate name "%(name)s" in an object') % {"name": clean_text(duplicate)[:60]})
    return found


def _check_depth(value: Any) -> None:
    """Raise ParseError for a value that is nested too deep for the recursive code behind this (copying, comparing,
    validating)."""
    level = [value] if isinstance(value, dict | list) else []
    for _depth in range(DEPTH_MAX):
        if not level:
            return
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    raise ParseError(_("The body is nested more than %(depth)d levels deep.") % {"depth": DEPTH_MAX})


def _refuse_nul(value: Any) -> None:
    """Raise BadRequest, which names the field, if a text or a name in `value` contains NUL."""
    rest: list[tuple[Any, str]] = [(value, "")]
    while rest:
        item, path = rest.pop()
        if isinstance(item, str):
            if "\0" in item:
                raise nul_character(path)
        elif isinstance(item, list):
            rest += [(inner, f"{path}[{place}]") for place, inner in enumerate(item)]
        elif isinstance(item, dict):
            for name, inner in item.items():
                rest += [(name, path), (inner, f"{path}.{name}".lstrip("."))]


def nul_character(path: str) -> BadRequest:
    """Return the error for a text with NUL, in a body or a form."""
    path = path.replace("\0", "\u2400")[:200]
    message = _("The text contains a NUL character. Remove it.")
    return BadRequest(f"{path}: {message}" if path else message, code="nul_character", path=path)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    if isinstance(value, dict):
        # Two names may have become the same.
        return _object_without_duplicates([(without_surrogates(key), _clean(inner)) for key, inner in value.items()])
    return value
