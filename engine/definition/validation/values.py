"""Refuses values that JSON, the databases or recursive code cannot handle, anywhere in a definition."""

import math
from typing import Any

from engine.definition.validation.problem_list import ProblemList
from engine.problems import Path
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

DEPTH_MAX = 64
"""Levels of lists and objects within one section of a definition (a node, the schema of inputs)."""
NUMBER_MAX = 10**100


def check_json(value: Any, path: Path, problems: ProblemList, node: str | None = None) -> bool:
    """Report why `value` cannot be stored or traversed as JSON; return whether it can.

    Iterative, and never raises.
    """
    before = problems.count
    level: list[tuple[Any, Path | None]] = [(value, path)]
    for _level in range(DEPTH_MAX):
        following: list[tuple[Any, Path | None]] = []
        for item, place in level:
            kind = type(item)
            if kind is str:
                if not item.isascii() or "\0" in item:
                    _check_text(item, place or path, problems, node)
            elif kind is dict:
                for key, child in item.items():
                    if type(key) is not str:
                        problems.add("wrong_type", Sentence(_("Field names must be text.")), place or path, node=node)
                        continue
                    if not key.isascii() or "\0" in key:
                        _check_text(key, place or path, problems, node)
                    child_kind = type(child)
                    if child_kind is str and child.isascii() and "\0" not in child:
                        continue  # most values are such texts: no need to build their path
                    following.append((child, (*(place or path), key)))
            elif kind is list:
                following.extend((child, (*(place or path), index)) for index, child in enumerate(item))
            elif kind is float:
                if not math.isfinite(item):
                    message = _("NaN and infinity are not valid JSON. Enter a number or null.")
                    problems.add("not_json", Sentence(message), place or path, node=node)
            elif kind is int:
                if not -NUMBER_MAX < item < NUMBER_MAX:
                    message = _("The number is too large. Write it as text.")
                    problems.add("not_json", Sentence(message), place or path, node=node)
            elif item is not None and kind is not bool:
                message = _("A value of the type {kind} is not valid JSON.")
                problems.add("not_json", Sentence(message, {"kind": kind.__name__}), place or path, node=node)
        if not following:
            return problems.count == before
        level = following
    message = _("The value is nested more than {n} levels deep. Flatten it, or put it in a file.")
    problems.add("too_deep", Sentence(message, {"n": DEPTH_MAX}), path, node=node)
    return False


def _check_text(text: str, path: Path, problems: ProblemList, node: str | None) -> None:
    if "\0" in text:
        problems.add("nul_character", Sentence(_("The text contains a NUL character. Remove it.")), path, node=node)
    try:
        text.encode()
    except UnicodeEncodeError:
        message = _("The text contains half of a character (a lone surrogate). Remove it.")
        problems.add("bad_character", Sentence(message), path, node=node)
