"""The Redis server of a part of `bench`."""

from dataclasses import replace

import redis
from django.conf import settings
from django.db import connection

from engine.hints import check
from tests.bench.parts import Missing


def empty(part: str) -> redis.Redis:
    """Return a client of an empty database number, which the caller empties afterwards. Raises Missing."""
    config = settings.INTERLOCK
    if connection.vendor != "postgresql" or not config.redis_url:
        raise Missing(f"bench {part} needs --database (a DATABASE_URL of PostgreSQL) and REDIS_URL, both for itself.")
    if found := check.find_problem(replace(config, executor="celery")):
        raise Missing(str(found))
    broker = redis.Redis.from_url(config.redis_url)
    if held := [name for name in broker.scan_iter() if not name.endswith(b":check")]:
        # REDIS_URL may contain a password, so it is not printed.
        raise Missing(f"bench {part} needs a Redis number that is empty; that of REDIS_URL holds {len(held)} keys.")
    return broker
