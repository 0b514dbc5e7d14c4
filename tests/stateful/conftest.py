"""Fixtures of the tests with random lives."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def failed_ticks_are_not_logged() -> Iterator[None]:
    """Every simulated outage logs an error, and what a test logs stays in memory until it ends."""
    logger = logging.getLogger("interlock.scheduler")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)
