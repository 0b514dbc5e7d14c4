"""How much random tests and fault tests try: a little in `make test` and `make check`, a lot in `make long`."""

import os
import secrets

LONG = bool(os.environ.get("INTERLOCK_LONG"))
"""Whether this is `make long`."""
seeds: dict[str, int] = {}
"""{name: seed} of the random tests that have run in this process. A long session prints them at its end."""


def rounds(short: int, long: int) -> int:
    """Return how often to repeat something."""
    return long if LONG else short


def in_time(seconds: float, limit: float) -> None:
    """Assert that something took no longer than the product promises.

    Asserted in `make long` only, where tests run one at a time: elsewhere the other tests hold it up.
    """
    assert not LONG or seconds <= limit, f"took {seconds:.2f} s, {limit:g} s are allowed"


def seed(name: str) -> int:
    """Return the seed of a random test, and print it so that a failure can be repeated with INTERLOCK_SEED.

    It is new each time in `make long` only, so that elsewhere a change is judged by what it changed.
    """
    given = os.environ.get("INTERLOCK_SEED")
    value = int(given) if given else secrets.randbits(32) if LONG else 1
    seeds[name] = value
    print(f"{name}: INTERLOCK_SEED={value}")
    return value
