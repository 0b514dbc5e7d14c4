from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import Engine, running_engine


@pytest.fixture
def engine(transactional_db: None, tmp_path: Path) -> Iterator[Engine]:
    """The engine on the database that DATABASE_URL names (SQLite without it), with two node processes."""
    with running_engine(tmp_path / "home") as started:
        yield started
