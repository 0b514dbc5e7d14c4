"""One world for all requests of a module. Each request is rolled back, so that all meet the same rows."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import hashers
from django.db import transaction

from engine.database import heartbeat
from engine.definition import store
from tests.integration.table.world import World, build


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("table")
    config = replace(settings.INTERLOCK, home=home, artifacts=str(home / "artifacts"))
    store.clear_cache()
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        patch.setattr(settings, "INTERLOCK", config)
        # The scheduler's heartbeat, an hour ahead, must last for all calls.
        patch.setattr(heartbeat, "AHEAD_SECONDS", 86400.0)
        # A fast hasher.
        patch.setattr(settings, "PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
        hashers.reset_hashers(setting="PASSWORD_HASHERS")
        yield build(home)
        transaction.set_rollback(True)
    hashers.reset_hashers(setting="PASSWORD_HASHERS")
    store.clear_cache()
