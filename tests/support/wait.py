"""Waiting for conditions, never for time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

WAIT_SECONDS = 60.0
"""How long any test waits for something before it fails. This is no limit of the product: a busy machine is slow."""
INTERVAL_SHARE, INTERVAL_SECONDS_MAX = 0.05, 0.1
"""The longer something takes, the less often it is checked, because what the test waits for needs the processor too."""


def wait_until(condition: Callable[[], T | None], timeout: float = WAIT_SECONDS, interval: float = 0.01) -> T:
    """Return the first true value of `condition`; fail with the last value seen."""
    began = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - began
        if waited > timeout:
            raise AssertionError(f"not true within {timeout} s; last value: {value!r}")
        time.sleep(max(interval, min(waited * INTERVAL_SHARE, INTERVAL_SECONDS_MAX)))
