"""Bodies of requests: strict, bounded JSON."""

from __future__ import annotations

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
from engine.models.fields import clean_text

BODY_BYTES_MAX = 64 * 1024 * 1024
DEPTH_MAX = 100
# What text columns refuse (NUL) or no encoder takes (half of a surrogate pair) can come in as an escape only.
_UNCLEAN = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class StrictJSONParser(BaseParser):
    """UTF-8 JSON as RFC 8259 has it: no NaN, no name twice in an object, no endless nesting.

    NUL and half surrogate pairs become U+FFFD.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = stream.read(BODY_BYTES_MAX + 1)
        if len(raw) > BODY_BYTES_MAX:
            raise BadRequest(
                _("A body holds at most %(size)d MiB.") % {"size": BODY_BYTES_MAX // 2**20},
                code="too_large",
                status=413,
            )
        try:
            value = json.loads(
                raw.decode("utf-8-sig"),
                parse_constant=_refuse_constant,
                parse_float=_finite,
                object_pairs_hook=_named_once,
            )
            if _UNCLEAN.search(raw):
                value = _cleaned(value)
        except UnicodeDecodeError:
            raise ParseError(_("The body is not UTF-8.")) from None
        except RecursionError:
            raise ParseError(_("The body nests deeper than %(depth)d.") % {"depth": DEPTH_MAX}) from None
        except ValueError as error:
            raise ParseError(_("The body is not JSON: %(error)s.") % {"error": error}) from None
        _check_depth(value)
        return value


class JSONPatchParser(StrictJSONParser):
    media_type = "application/json-patch+json"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(_("%(name)s is no JSON value") % {"name": name})


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):
        # Python would take it for infinity, which no JSON can say again.
        raise ValueError(_("%(number)s is too large for a number") % {"number": text[:40]})
    return value


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # One reader takes the first of them, another the last: what was meant is not known.
        twice = next(name for name, times in Counter(name for name, _value in pairs).items() if times > 1)
        raise ValueError(_('the name "%(name)s" stands twice in one object') % {"name": clean_text(twice)[:60]})
    return found


def _check_depth(value: Any) -> None:
    """Later steps recurse (copying, comparing, validating): a bound here keeps them all within theirs."""
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
    raise ParseError(_("The body nests deeper than %(depth)d.") % {"depth": DEPTH_MAX})


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    if isinstance(value, dict):
        # Two names may have become one.
        return _named_once([(clean_text(key), _cleaned(inner)) for key, inner in value.items()])
    return value
