"""What people do with pools. Each verb writes a command with which the scheduler applies the change."""

import re

from django.db import IntegrityError, transaction

from engine import clock, hints
from engine.errors import AlreadyExists, InUse, InvalidValue, NotFound
from engine.models import Command, Pool
from engine.models.conditions import unfinished_nodes
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
SLOTS_MAX = 1_000_000


def create(name: str, slots: int, *, by: str = "") -> Pool:
    """Create a pool and return it. Raises AlreadyExists, InvalidValue."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        message = _(
            "A pool name has at most 100 letters, digits, dots, dashes and underscores, and starts with a letter or a "
            "digit."
        )
        raise InvalidValue(Sentence(message), path="name")
    _check_slots(slots)
    now = clock.now()
    try:
        with transaction.atomic():
            pool = Pool.objects.create(name=name, slots=slots, created_at=now)
            _changed(by)
    except IntegrityError:
        raise AlreadyExists(Sentence(_('Pool "{pool}" already exists.'), {"pool": name}), pool=name) from None
    return pool


def resize(name: str, slots: int, *, by: str = "") -> Pool:
    """Change the number of slots and return the pool.

    If more are in use than the pool has now, nothing is killed, and no slot is given out until enough are released.
    Raises NotFound, InvalidValue.
    """
    _check_slots(slots)
    with transaction.atomic():
        if not Pool.objects.filter(name=name).update(slots=slots):
            raise NotFound.pool(name)
        _changed(by)
    return Pool.objects.get(name=name)


def delete(name: str, *, by: str = "") -> None:
    """Delete a pool that no unfinished node run names. Raises NotFound, InUse.

    The caller checks that no live version names it, because only `versions` knows what is live.
    """
    with transaction.atomic():
        using = unfinished_nodes().filter(pool=name).first()
        if using is not None:
            message = _('Pool "{pool}" cannot be deleted: node "{node}" of run {run} uses it.')
            raise InUse(Sentence(message, {"pool": name, "node": using.node, "run": using.run_id}), pool=name)
        if not Pool.objects.filter(name=name).delete()[0]:
            raise NotFound.pool(name)
        _changed(by)


def _check_slots(slots: int) -> None:
    if not isinstance(slots, int) or isinstance(slots, bool) or not 1 <= slots <= SLOTS_MAX:
        message = _("slots must be a whole number from 1 to {n}.")
        raise InvalidValue(Sentence(message, {"n": SLOTS_MAX}), path="slots")


def _changed(by: str) -> None:
    Command.objects.create(kind="pool_changed", by=by, created_at=clock.now())
    transaction.on_commit(hints.wake)
