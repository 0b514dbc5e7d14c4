"""Migrations that homes have are not rewritten: their tables would differ from what the same names then say."""

from __future__ import annotations

import hashlib

import pytest

from tests.support.product import ROOT

MADE = {
    "dashboard/migrations/0001_initial.py": "996f62fd2aebda4afaef92cd6c019d1a",
    "engine/migrations/0001_initial.py": "0a9104522029a7a4a66d73af1d2c9373",
    "engine/migrations/0002_indexes_with_states.py": "c0bfc2cd2c8abdd4bdf8ca9f0df3606b",
    "engine/migrations/0003_remote.py": "0c75881498fa6b44b97c386e00a7a546",
    "versions/migrations/0001_initial.py": "a4bc7282a393da2313289ccf61da169b",
}
"""The first half of the SHA-256 of each."""


@pytest.mark.parametrize("path", MADE)
def test_a_migration_that_homes_have_is_as_it_was(path: str) -> None:
    found = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()[:32]
    assert found == MADE[path], "put what is new into a migration of its own (docs/decisions/0028)"


def test_every_migration_is_among_them() -> None:
    assert {str(path.relative_to(ROOT)) for path in ROOT.glob("*/migrations/0*.py")} == set(MADE)
