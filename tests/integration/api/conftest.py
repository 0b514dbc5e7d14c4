from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from dashboard.models import Role
from tests.support.api import Api
from tests.support.people import person


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for files, artifacts and sockets; the database stays the test's."""
    config = replace(settings.INTERLOCK, home=tmp_path, artifacts=str(tmp_path / "artifacts"))
    monkeypatch.setattr(settings, "INTERLOCK", config)
    return tmp_path


@pytest.fixture
def viewer(db: None) -> Api:
    return Api(person(Role.VIEWER))


@pytest.fixture
def operator(db: None) -> Api:
    return Api(person(Role.OPERATOR))


@pytest.fixture
def editor(db: None) -> Api:
    return Api(person(Role.EDITOR))


@pytest.fixture
def admin(db: None) -> Api:
    return Api(person(Role.ADMIN))
