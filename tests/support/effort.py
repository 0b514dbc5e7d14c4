"""How much random and fault tests try: a little at every change, a lot by `make faults`."""

from __future__ import annotations

import os
import secrets

import pytest

LONG = os.environ.get("INTERLOCK_FAULTS") == "long"
only_long = pytest.mark.skipif(not LONG, reason="tried by `make faults`")
"""For mutants whose rig takes its time; what they break is whole in a test of the short form."""
seeds: dict[str, int] = {}
"""Of the random tests that have run in this process, by name: a long session tells them at its end."""


def rounds(short: int, long: int) -> int:
    """How often to do it."""
    return long if LONG else short


def soon(seconds: float) -> float:
    """A bound on how long something may take: twice that in the short form, which runs beside all other tests."""
    return seconds if LONG else 2 * seconds


def seed(name: str) -> int:
    """The seed of a random test, printed so that a failure can be repeated: INTERLOCK_SEED sets it.

    In the short form it is the same each time, so that a change is judged by what it changed.
    """
    given = os.environ.get("INTERLOCK_SEED")
    value = int(given) if given else secrets.randbits(32) if LONG else 1
    seeds[name] = value
    print(f"{name}: INTERLOCK_SEED={value}")
    return value
