"""Pools: create, resize, delete, with a check of which live versions use them."""

from django.db import transaction

from engine.actions import pools as engine_pools
from engine.errors import NotFound
from engine.models import Pool
from engine.text import clean_text
from versions import queries
from versions.actions import audit
from versions.errors import PoolNamed


def create(name: str, slots: int, *, by: str) -> Pool:
    """Create a pool. Raises AlreadyExists."""
    with transaction.atomic():
        pool = engine_pools.create(name, slots, by=by)
        audit.record("pool_created", by=by, details={"pool": name, "slots": slots})
        return pool


def resize(name: str, slots: int, *, by: str) -> Pool:
    """Change the number of slots. Holders keep their slots.

    Raises NotFound, and PoolNamed if a node of a live version needs more.
    """
    with transaction.atomic():
        pool = _locked(name)
        too_small = [use for use in queries.live_versions_with_pool(name) if use[2] > slots]
        if too_small:
            raise PoolNamed(name, too_small, slots)
        before = pool.slots
        pool = engine_pools.resize(name, slots, by=by)
        if before != slots:
            audit.record("pool_resized", by=by, details={"pool": name, "from": before, "to": slots})
        return pool


def delete(name: str, *, by: str) -> None:
    """Delete a pool. Raises NotFound, PoolNamed while a live version uses it, InUse while a run does."""
    with transaction.atomic():
        _locked(name)
        users = queries.live_versions_with_pool(name)
        if users:
            raise PoolNamed(name, users)
        engine_pools.delete(name, by=by)
        audit.record("pool_deleted", by=by, details={"pool": name})


def _locked(name: str) -> Pool:
    """Return the locked row, so that no version that uses the pool can go live meanwhile."""
    pool = Pool.objects.select_for_update().filter(name=clean_text(name)).first()
    if pool is None:
        raise NotFound.pool(name)
    return pool
