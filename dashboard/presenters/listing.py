"""Several words or parts as one text, separated as the reader's language does. Pure."""

from collections.abc import Iterable
from functools import reduce

from django.utils.translation import gettext as _


def listed(names: Iterable[object]) -> str:
    """Return names of one kind as a list: `Read flights, Clean flights`."""
    given = [str(name) for name in names]
    return reduce(lambda one, other: _("{a}, {b}").format(a=one, b=other), given) if given else ""


def joined(parts: Iterable[str]) -> str:
    """Return the parts of a sentence that are not empty: `+1 node, 2 edges`."""
    given = [part for part in parts if part]
    return reduce(lambda one, other: _("{before}, {after}").format(before=one, after=other), given) if given else ""
