"""The caller's own working copy of a workflow.

A draft is one person's; unfinished work of one never ships with another's. Its tag counts that person's saves and
never starts again, so that a tab which has not seen the newest save cannot write over it. A draft that was
published or discarded leaves its row, with the count and without a definition.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import jsonpatch
import jsonpointer
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, models, transaction
from django.db.models import ExpressionWrapper, Q, TextField, Value
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from engine import clock
from engine.definition import SCHEMA, content_hash
from engine.errors import InvalidValue
from engine.models.fields import clean_text, dump
from versions import queries
from versions.errors import BadPatch, DraftTooLarge, NotADocument, PatchDoesNotApply, StaleDraft
from versions.models import Draft, Workflow

DRAFT_BYTES_MAX = 32 * 1024 * 1024
PATCH_OPERATIONS_MAX = 100_000


@dataclass(frozen=True)
class WorkingCopy:
    """What the editor shows: the saved draft, else the newest version, else an empty document."""

    definition: dict[str, Any]
    base_version: int | None
    """The version it was started from; null: none was published then."""
    saved_at: datetime | None
    """Null: nothing is saved; the definition is that of `base_version`, or empty."""
    saves: int
    """Number of saves by this person up to now; what the next save must name."""


@dataclass(frozen=True)
class StoredCopy:
    """A working copy whose document is the JSON text that is stored, not read."""

    text: str
    base_version: int | None
    saved_at: datetime | None
    saves: int


class _Keep:
    """Says that the base version stays what it is."""


KEEP = _Keep()


@dataclass(frozen=True)
class SavedDraft:
    """A patch was made from a saved draft."""


SAVED_DRAFT: Final = SavedDraft()


def load(workflow: Workflow, user: AbstractBaseUser) -> WorkingCopy:
    """The person's working copy; writes nothing."""
    copy = stored(workflow, user)
    return WorkingCopy(json.loads(copy.text), copy.base_version, copy.saved_at, copy.saves)


def stored(workflow: Workflow, user: AbstractBaseUser) -> StoredCopy:
    """The same as it is stored."""
    draft = (
        Draft.objects.filter(workflow=workflow, user_id=user.pk)
        .annotate(text=Cast("definition", TextField()))
        .values("text", "base_version", "saved_at", "saves")
        .first()
    )
    if draft is not None and draft["text"] is not None:
        return StoredCopy(**draft)
    saves = draft["saves"] if draft is not None else 0
    newest = queries.newest_version(workflow)
    if newest is None:
        return StoredCopy(dump(empty_document()), None, None, saves)
    return StoredCopy(newest.definition.document, newest.number, None, saves)


def saves(workflow: Workflow, user: AbstractBaseUser) -> int:
    """Number of saves by this person up to now, without reading the document."""
    found = Draft.objects.filter(workflow=workflow, user_id=user.pk).values_list("saves", flat=True)
    return next(iter(found[:1]), 0)


def empty_document() -> dict[str, Any]:
    """What a new workflow starts from; a version needs at least one node."""
    return {"schema": SCHEMA, "nodes": [], "edges": []}


def save(
    workflow: Workflow,
    user: AbstractBaseUser,
    definition: Any,
    *,
    expected_saves: int | None,
    base_version: int | _Keep | None = KEEP,
) -> WorkingCopy:
    """Store the working copy, valid or not, if nobody saved it since `expected_saves` (None: whatever was saved).

    `base_version` that is not given stays; of a first save it is the newest version. Raises StaleDraft, NotADocument,
    DraftTooLarge, InvalidValue for a base version that never was. Not audited: an autosave every second or two is no
    event.
    """
    return _store(workflow, user, definition, expected_saves=expected_saves, base_version=base_version)


def _store(
    workflow: Workflow,
    user: AbstractBaseUser,
    definition: Any,
    *,
    expected_saves: int | None,
    base_version: int | _Keep | None,
) -> WorkingCopy:
    if not isinstance(definition, dict):
        raise NotADocument(definition)
    # Written as text once, outside the transaction: of a large document that takes longer than the rest.
    text = clean_text(dump(definition))
    if len(text) > DRAFT_BYTES_MAX:
        raise DraftTooLarge(DRAFT_BYTES_MAX)
    stored = Value(text, output_field=TextField())
    with transaction.atomic():
        draft = (
            Draft.objects.select_for_update()
            .filter(workflow=workflow, user_id=user.pk)
            .annotate(there=ExpressionWrapper(Q(definition__isnull=False), models.BooleanField()))
            .values("pk", "saves", "base_version", "there")
            .first()
        )
        saves = draft["saves"] if draft is not None else 0
        if expected_saves is not None and expected_saves != saves:
            raise StaleDraft(workflow.slug, expected_saves, saves)
        if not isinstance(base_version, _Keep):
            base = base_version
            if base is not None and (draft is None or draft["base_version"] != base):
                _require_version(workflow, base)
        elif draft is not None and draft["there"]:
            base = draft["base_version"]
        else:
            base = queries.newest_number(workflow)
        now = clock.now()
        if draft is None:
            try:
                with transaction.atomic():
                    Draft.objects.create(
                        workflow=workflow,
                        user_id=user.pk,
                        definition=stored,
                        base_version=base,
                        saves=1,
                        saved_at=now,
                    )
            except IntegrityError:
                # Two tabs made the first save at once; the constraint let one through.
                raise StaleDraft(workflow.slug, 0, 1) from None
        else:
            Draft.objects.filter(pk=draft["pk"]).update(
                definition=stored, base_version=base, saves=saves + 1, saved_at=now
            )
        return WorkingCopy(definition, base, now, saves + 1)


def _require_version(workflow: Workflow, number: int) -> None:
    """Raises InvalidValue, told of `base_version`."""
    newest = queries.newest_number(workflow)
    if newest is not None and 1 <= number <= newest:
        return
    if newest is None:
        text = _('"%(slug)s" has no version %(number)d yet. Send null as base_version.')
    else:
        text = _('"%(slug)s" never had a version %(number)d; the newest is %(newest)d.')
    raise InvalidValue(text % {"slug": workflow.slug, "number": number, "newest": newest or 0}, path="base_version")


def patch(
    workflow: Workflow,
    user: AbstractBaseUser,
    operations: Any,
    *,
    expected_saves: int | None,
    made_from: SavedDraft | int | _Keep | None = KEEP,
) -> WorkingCopy:
    """Apply a JSON Patch (RFC 6902) to the definition of the working copy and save it.

    The count of saves does not say what is shown when nothing is saved: that is the newest version, and others publish.
    `made_from` does: SAVED_DRAFT, the number of the newest version, or None for the empty document; when it is
    something else by now, the patch would hit another document, and StaleDraft is raised.

    Raises BadPatch when it is no patch, PatchDoesNotApply, and what `save` raises.
    """
    copy = stored(workflow, user)
    if expected_saves is not None and expected_saves != copy.saves:
        raise StaleDraft(workflow.slug, expected_saves, copy.saves)
    found = SAVED_DRAFT if copy.saved_at is not None else copy.base_version
    if not isinstance(made_from, _Keep) and made_from != found:
        raise StaleDraft(workflow.slug, copy.saves, copy.saves)
    # Read for this call alone, so it is changed in place.
    patched = _applied(json.loads(copy.text), len(copy.text), operations)
    # Saved against the count that was read here: a save in between makes this one stale, never lost.
    return _store(workflow, user, patched, expected_saves=copy.saves, base_version=copy.base_version)


def _applied(state: Any, size: int, operations: Any) -> Any:
    """`state`, which has `size` characters as text, changed by all operations; half changed when one raises."""
    if not isinstance(operations, Sequence) or isinstance(operations, str | bytes):
        raise BadPatch(_("A JSON Patch is a list of operations."))
    if len(operations) > PATCH_OPERATIONS_MAX:
        raise BadPatch(_("A patch holds at most %(count)d operations.") % {"count": PATCH_OPERATIONS_MAX})
    try:
        whole = jsonpatch.JsonPatch(operations)
        for operation in operations:
            # Copies can double the document each time: what they add is counted before it is made.
            if operation.get("op") == "copy":
                size += len(dump(jsonpointer.resolve_pointer(state, operation.get("from", ""))))
            elif "value" in operation:
                size += len(dump(operation["value"]))
            if size > DRAFT_BYTES_MAX:
                raise DraftTooLarge(DRAFT_BYTES_MAX)
            state = whole.__class__([operation]).apply(state, in_place=True)
    except jsonpatch.InvalidJsonPatch as error:
        raise BadPatch(str(error)) from error
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        raise PatchDoesNotApply(str(error)) from error
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise BadPatch(_("An operation is not one of RFC 6902: %(error)s") % {"error": error}) from error
    return state


def discard(workflow: Workflow, user: AbstractBaseUser, *, expected_saves: int | None = None) -> bool:
    """Drop the working copy; the next look shows the newest version. Whether there was one. Raises StaleDraft."""
    with transaction.atomic():
        draft = Draft.objects.select_for_update().filter(workflow=workflow, user_id=user.pk).first()
        saves = draft.saves if draft is not None else 0
        if expected_saves is not None and expected_saves != saves:
            raise StaleDraft(workflow.slug, expected_saves, saves)
        if draft is None or draft.definition is None:
            return False
        _empty(draft)
        return True


def drop_if_published(workflow: Workflow, user: AbstractBaseUser, published_hash: str) -> bool:
    """End the working copy when it says what was just published. Call it in the publishing transaction."""
    draft = Draft.objects.select_for_update().filter(workflow=workflow, user_id=user.pk).first()
    if draft is None or draft.definition is None or content_hash(draft.definition) != published_hash:
        return False
    _empty(draft)
    return True


def _empty(draft: Draft) -> None:
    draft.definition, draft.base_version = None, None
    draft.save(update_fields=["definition", "base_version"])
