"""Waiting for conditions, never for time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SLOWER, SLOWEST_SECONDS = 20, 0.1
"""After a while it is asked less often, every twentieth of the time that has passed: what is waited for needs the
processor too."""


def wait_until(condition: Callable[[], T | None], timeout: float = 10, interval: float = 0.01) -> T:
    """The first true value of `condition`; fails with the last value seen."""
    began = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - began
        if waited > timeout:
            raise AssertionError(f"not true within {timeout} s; last value: {value!r}")
        time.sleep(max(interval, min(waited / SLOWER, SLOWEST_SECONDS)))
