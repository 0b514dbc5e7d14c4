"""The error that a checker of invariants raises."""

from collections.abc import Iterable


class Broken(AssertionError):
    """An invariant does not hold."""


def hold(name: str, problems: Iterable[str]) -> None:
    """Raise Broken with the first few problems, if there are any."""
    found = list(problems)
    if found:
        raise Broken(f"{name}: {len(found)} times, such as: " + "; ".join(found[:10]))
