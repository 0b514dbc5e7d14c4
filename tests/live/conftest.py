"""The server, and somebody who may look."""

from collections.abc import Iterator

import pytest

from dashboard import accounts, tokens
from dashboard.models import User
from engine.definition import store
from tests.live.server import LiveServer, serving


@pytest.fixture
def server(transactional_db: None) -> Iterator[LiveServer]:
    store.clear_cache()
    with serving() as live:
        yield live


@pytest.fixture
def viewer(transactional_db: None) -> User:
    return accounts.create_user("vera", "viewer", by="test")


@pytest.fixture
def token(viewer: User) -> str:
    return tokens.create_token(viewer, "test")
