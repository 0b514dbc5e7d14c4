"""What tests of random lives share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def failed_ticks_are_not_logged() -> Iterator[None]:
    """Every simulated outage says so, and what a test logs is kept in memory until it ends."""
    logger = logging.getLogger("interlock.scheduler")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)
