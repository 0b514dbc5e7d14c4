"""What no part of a document may hold, whatever its place: values that JSON, a database or a recursion cannot take."""

from __future__ import annotations

import math
from typing import Any

from engine.definition.validation.report import Report
from engine.problems import Path

DEPTH_MAX = 64
"""Levels of lists and objects within one section of a document (a node, the inputs' schema)."""
NUMBER_MAX = 10**100


def sound(value: Any, path: Path, report: Report, node: str | None = None) -> bool:
    """Whether `value` is JSON that can be stored and walked; reports what is not. Iterative, never raises."""
    before = len(report.problems) + report.left_out
    level: list[tuple[Any, Path | None]] = [(value, path)]
    for _ in range(DEPTH_MAX):
        following: list[tuple[Any, Path | None]] = []
        for item, place in level:
            kind = type(item)
            if kind is str:
                if not item.isascii() or "\0" in item:
                    _text(item, place or path, report, node)
            elif kind is dict:
                for key, child in item.items():
                    if type(key) is not str:
                        report.add("wrong_type", "The names of fields must be text.", place or path, node=node)
                        continue
                    if not key.isascii() or "\0" in key:
                        _text(key, place or path, report, node)
                    child_kind = type(child)
                    if child_kind is str and child.isascii() and "\0" not in child:
                        continue  # by far the most values: no need to keep their place
                    following.append((child, (*(place or path), key)))
            elif kind is list:
                following.extend((child, (*(place or path), index)) for index, child in enumerate(item))
            elif kind is float:
                if not math.isfinite(item):
                    message = "NaN and infinity are no JSON. Write a number, or null."
                    report.add("not_json", message, place or path, node=node)
            elif kind is int:
                if not -NUMBER_MAX < item < NUMBER_MAX:
                    report.add("not_json", "The number is too large. Write it as text.", place or path, node=node)
            elif item is not None and kind is not bool:
                report.add("not_json", f"A {kind.__name__} is no JSON value.", place or path, node=node)
        if not following:
            return len(report.problems) + report.left_out == before
        level = following
    message = f"The value is nested more than {DEPTH_MAX} levels deep. Make it flatter, or put it into a file."
    report.add("too_deep", message, path, node=node)
    return False


def _text(text: str, path: Path, report: Report, node: str | None) -> None:
    if "\0" in text:
        report.add("nul_character", "The text holds a NUL character. Remove it.", path, node=node)
    try:
        text.encode()
    except UnicodeEncodeError:
        report.add(
            "bad_character", "The text holds half of a character (a lone surrogate). Remove it.", path, node=node
        )
