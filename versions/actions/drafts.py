"""The caller's own working copy of a workflow.

A draft is one person's; unfinished work of one never ships with another's. Its tag counts that person's saves and
never starts again, so that a tab which has not seen the newest save cannot write over it. A draft that was
published or discarded leaves its row, with the count and without a definition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jsonpatch
import jsonpointer
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from engine import clock
from engine.definition import SCHEMA, content_hash
from engine.errors import InvalidValue
from engine.models.fields import dump
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


class _Keep:
    """Says that the base version stays what it is."""


KEEP = _Keep()


def load(workflow: Workflow, user: AbstractBaseUser) -> WorkingCopy:
    """The person's working copy; writes nothing."""
    draft = Draft.objects.filter(workflow=workflow, user_id=user.pk).first()
    if draft is not None and draft.definition is not None:
        return WorkingCopy(draft.definition, draft.base_version, draft.saved_at, draft.saves)
    saves = draft.saves if draft is not None else 0
    newest = queries.newest_version(workflow)
    if newest is None:
        return WorkingCopy(empty_document(), None, None, saves)
    return WorkingCopy(queries.document_of(newest), newest.number, None, saves)


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
    if not isinstance(definition, dict):
        raise NotADocument(definition)
    if len(dump(definition)) > DRAFT_BYTES_MAX:
        raise DraftTooLarge(DRAFT_BYTES_MAX)
    with transaction.atomic():
        draft = Draft.objects.select_for_update().filter(workflow=workflow, user_id=user.pk).first()
        saves = draft.saves if draft is not None else 0
        if expected_saves is not None and expected_saves != saves:
            raise StaleDraft(workflow.slug, expected_saves, saves)
        if not isinstance(base_version, _Keep):
            base = base_version
            if base is not None and (draft is None or draft.base_version != base):
                _require_version(workflow, base)
        elif draft is not None and draft.definition is not None:
            base = draft.base_version
        else:
            base = queries.newest_number(workflow)
        now = clock.now()
        if draft is None:
            try:
                with transaction.atomic():
                    Draft.objects.create(
                        workflow=workflow,
                        user_id=user.pk,
                        definition=definition,
                        base_version=base,
                        saves=1,
                        saved_at=now,
                    )
            except IntegrityError:
                # Two tabs made the first save at once; the constraint let one through.
                raise StaleDraft(workflow.slug, 0, 1) from None
        else:
            draft.definition, draft.base_version, draft.saves, draft.saved_at = definition, base, saves + 1, now
            draft.save(update_fields=["definition", "base_version", "saves", "saved_at"])
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


def patch(workflow: Workflow, user: AbstractBaseUser, operations: Any, *, expected_saves: int | None) -> WorkingCopy:
    """Apply a JSON Patch (RFC 6902) to the definition of the working copy and save it.

    Raises BadPatch when it is no patch, PatchDoesNotApply, and what `save` raises.
    """
    copy = load(workflow, user)
    if expected_saves is not None and expected_saves != copy.saves:
        raise StaleDraft(workflow.slug, expected_saves, copy.saves)
    patched = apply_patch(copy.definition, operations)
    # Saved against the count that was read here: a save in between makes this one stale, never lost.
    return save(workflow, user, patched, expected_saves=copy.saves, base_version=copy.base_version)


def apply_patch(document: Mapping[str, Any], operations: Any) -> Any:
    """The document after all operations; the one given is not changed. Pure."""
    if not isinstance(operations, Sequence) or isinstance(operations, str | bytes):
        raise BadPatch(_("A JSON Patch is a list of operations."))
    if len(operations) > PATCH_OPERATIONS_MAX:
        raise BadPatch(_("A patch holds at most %(count)d operations.") % {"count": PATCH_OPERATIONS_MAX})
    size = len(dump(document))
    try:
        whole = jsonpatch.JsonPatch(operations)
        state: Any = deepcopy(dict(document))
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
