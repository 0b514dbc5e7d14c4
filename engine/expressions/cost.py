"""An upper bound of what an expression costs over given values, computed before anything is evaluated.

CEL has no loops, but its macros iterate over lists, and nested macros multiply: twenty more characters can mean a
thousand times the work and memory, in native code that no time limit of this process can stop. The bound follows the
sizes of the real values through the expression. It may be too high, but never too low by more than a constant factor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.expressions import parser
from engine.expressions.parser import Accessor, Tree
from engine.expressions.variables import MACROS

STEPS_MAX = 50_000_000
"""A step takes up to 0.3 microseconds, so these take at most 15 seconds."""
WEIGHT_MAX = 3_000_000
"""Of any intermediate value, and of everything that is read: some hundred MB, at about 100 bytes each."""
_MATCH_STEPS = 200
_REPEATED_MATCH_STEPS = 40_000
"""A pattern with counted repetition is compiled at each call and may grow to megabytes."""


@dataclass(frozen=True, slots=True)
class Size:
    """An upper bound of a value's size. Values only grow when combined, so `max` and `+` of bounds are bounds."""

    count: int = 0
    """Entries of the list or map itself."""
    weight: int = 1
    """Values in it at all depths; a text counts one for every 16 characters."""
    inner: int = 0
    """The most entries of any list or map inside it."""
    item: int = 1
    """The greatest weight of one entry, at any depth."""


_ONE = Size()


class TooCostly(Exception):
    """The bound is above STEPS_MAX or WEIGHT_MAX."""


def steps(tree: Tree, context: Mapping[str, Any]) -> int:
    """Return the bound, in steps of 0.05 to 0.3 microseconds. Raises TooCostly."""
    estimate = _Estimate(context)
    # The context is copied into CEL, and the result out of it.
    read = sum(measure(value).weight for value in context.values())
    if read > WEIGHT_MAX:
        raise TooCostly
    estimate.spend(2, read)
    estimate.spend(1, estimate.size(tree, {}, 1).weight)
    return estimate.spent


class _Estimate:
    def __init__(self, context: Mapping[str, Any]) -> None:
        self.context = context
        self.spent = 0
        self.measured: dict[int, Size] = {}

    def spend(self, times: int, amount: int) -> None:
        self.spent += times * amount
        if self.spent > STEPS_MAX:
            raise TooCostly

    def size(self, tree: Tree, bound: dict[str, Size], times: int) -> Size:
        """Return the size of the value of `tree`, and add the cost of evaluating it `times` times."""
        self.spend(times, 1)
        size = self.size_of(tree, bound, times)
        if size.weight > WEIGHT_MAX:
            raise TooCostly
        return size

    def size_of(self, tree: Tree, bound: dict[str, Size], times: int) -> Size:
        if tree.kind == "literal":
            return Size(weight=1 + len(tree.text) // 16)
        if tree.kind == "name":
            return bound[tree.text] if tree.text in bound else self.looked_up(tree.text, ())[0]
        if tree.kind == "path":
            return self.path(tree, bound, times)
        parts = [self.size(part, bound, times) for part in tree.parts]
        if tree.kind == "choice":
            self.spend(times, max(parts[1].weight, parts[2].weight))
            return _either(parts[1], parts[2])
        if tree.kind in ("list", "map"):
            self.spend(times, sum(part.weight for part in parts))
            return _together(len(parts), parts)
        if tree.kind == "call":
            return self.call(tree.text, tree.parts, parts, times)
        if tree.text == "+":
            # a + b + c copies a twice.
            total = sum(part.weight for part in parts)
            self.spend(times, total * (len(parts) - 1))
            count = sum(part.count for part in parts)
            return Size(count, total, max(p.inner for p in parts), max(p.item for p in parts))
        if tree.text == "==":
            self.spend(times, sum(part.weight for part in parts))
        return _ONE

    def path(self, tree: Tree, bound: dict[str, Size], times: int) -> Size:
        base, accessors = tree.parts[0], tree.accessors
        if base.kind == "name" and base.text not in bound:
            size, used = self.looked_up(base.text, accessors)
            accessors = accessors[used:]
        else:
            size = self.size(base, bound, times)
        for accessor in accessors:
            self.spend(times, 1)
            if accessor.kind == "call" and accessor.name in MACROS:
                size = self.macro(accessor, size, bound, times)
                continue
            parts = [self.size(part, bound, times) for part in accessor.parts]
            if accessor.kind == "call":
                size = self.call(accessor.name, accessor.parts, [size, *parts], times)
            else:
                size = Size(size.inner, size.item, size.inner, size.item)
        return size

    def macro(self, accessor: Accessor, over: Size, bound: dict[str, Size], times: int) -> Size:
        entry = Size(over.inner, over.item, over.inner, over.item)
        inside = {**bound, accessor.parts[0].text: entry}
        bodies = [self.size(part, inside, times * over.count) for part in accessor.parts[1:]]
        if accessor.name == "filter":
            self.spend(times, _grown(over.count, over.weight))
            return over
        if accessor.name != "map":
            return _ONE
        body = bodies[-1]
        if _is_part_of(accessor.parts[-1], accessor.parts[0].text):
            weight = min(
                over.weight, over.count * body.weight
            )  # parts of the entries are together no larger than all entries
        else:
            weight = over.count * body.weight
        self.spend(times, _grown(over.count, weight))
        return Size(over.count, 1 + weight, max(body.count, body.inner), body.weight)

    def call(self, name: str, arguments: tuple[Tree, ...], parts: list[Size], times: int) -> Size:
        if name == "size":
            return _ONE
        weight = sum(part.weight for part in parts)
        self.spend(times, weight)
        if name == "matches":
            literal = parser.literal_text(arguments[-1]) if arguments else None
            plain = literal is not None and "{" not in literal
            self.spend(times, _MATCH_STEPS + 4 * len(literal or "") if plain else _REPEATED_MATCH_STEPS)
        if name == "dyn":
            return parts[0] if parts else _ONE
        return Size(weight=1 + weight)

    def looked_up(self, root: str, accessors: tuple[Accessor, ...]) -> tuple[Size, int]:
        """Follow the leading plain accessors; return (the size of the value there, how many were followed)."""
        value: Any = self.context.get(root)
        used = 0
        for accessor in accessors:
            key = parser.accessor_key(accessor)
            if key is None or not isinstance(value, dict) or key not in value:
                break
            value = value[key]
            used += 1
        if id(value) not in self.measured:
            self.measured[id(value)] = measure(value)
        return self.measured[id(value)], used


def _grown(count: int, weight: int) -> int:
    """Return the cost of a list that grows entry by entry; cel 0.10 copies it with all its contents for each entry."""
    return weight + count * weight // 2


def _either(one: Size, other: Size) -> Size:
    return Size(
        max(one.count, other.count),
        max(one.weight, other.weight),
        max(one.inner, other.inner),
        max(one.item, other.item),
    )


def _together(count: int, parts: list[Size]) -> Size:
    return Size(
        count,
        1 + sum(part.weight for part in parts),
        max((max(part.count, part.inner) for part in parts), default=0),
        max((part.weight for part in parts), default=1),
    )


def _is_part_of(tree: Tree, variable: str) -> bool:
    """Return whether `tree` is the variable or something inside it, so that nothing is combined."""
    if tree.kind == "name":
        return tree.text == variable
    return (
        tree.kind == "path"
        and _is_part_of(tree.parts[0], variable)
        and all(
            accessor.kind == "field" or (accessor.kind == "index" and accessor.parts[0].kind == "literal")
            for accessor in tree.accessors
        )
    )


def measure(value: Any) -> Size:
    """Return the size of a JSON value. Iterative."""
    count = len(value) if isinstance(value, (dict, list)) else 0
    if not count:
        return Size(weight=_weight(value))
    inner = 0
    total = 0
    item = 1
    for child in value.values() if isinstance(value, dict) else value:
        weight, most = _flat(child)
        total += weight
        inner = max(inner, most)
        item = max(item, weight)
    return Size(count, 1 + total, inner, item)


def _weight(value: Any) -> int:
    return 1 + len(value) // 16 if isinstance(value, str) else 1


def _flat(value: Any) -> tuple[int, int]:
    """Return (the weight of a value with its contents, the most entries of a list or map in it)."""
    weight = most = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            most = max(most, len(item))
            weight += 1 + sum(1 + len(key) // 16 for key in item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            most = max(most, len(item))
            weight += 1
            waiting.extend(item)
        else:
            weight += _weight(item)
    return weight, most
