"""The user's own draft of a workflow.

Drafts are private: unfinished work of one user is never published with another's. The ETag counts the user's saves and
discards and is never reset, so that a tab which has not seen the newest cannot overwrite it. A draft that was published
or discarded keeps its row, with the count but without a definition.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

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
from engine.text import clean_text, dump
from versions import queries
from versions.errors import BadPatch, DraftTooLarge, NotADocument, PatchDoesNotApply, StaleDraft
from versions.models import Draft, Workflow

DRAFT_BYTES_MAX = 32 * 1024 * 1024
PATCH_OPERATIONS_MAX = 100_000


@dataclass(frozen=True)
class WorkingCopy:
    """What the editor shows: the saved draft, else the version that a new one starts from, else an empty document."""

    definition: dict[str, Any]
    base_version: int | None
    """The version it is based on; None if none was published then."""
    saved_at: datetime | None
    """None if nothing is saved; the definition is then that of `base_version`, or empty."""
    saves: int
    """Number of saves and discards by this user so far. The next save must name it."""


@dataclass(frozen=True)
class StoredCopy:
    """A working copy with its document as JSON text, as stored."""

    text: str
    base_version: int | None
    saved_at: datetime | None
    saves: int


class _Keep:
    """Means: the base version stays as it is."""


KEEP = _Keep()


@dataclass(frozen=True)
class SavedDraft:
    """Means: a patch was made from a saved draft."""


SAVED_DRAFT: Final = SavedDraft()


Start = Literal["newest", "live"]
"""What is shown while no draft is saved: the newest version, or for `live` what `queries.draft_base` chooses."""


def load(workflow: Workflow, user: AbstractBaseUser, *, start: Start = "newest") -> WorkingCopy:
    """Return the user's working copy. Writes nothing."""
    copy = stored(workflow, user, start=start)
    return WorkingCopy(json.loads(copy.text), copy.base_version, copy.saved_at, copy.saves)


def stored(workflow: Workflow, user: AbstractBaseUser, *, start: Start = "newest") -> StoredCopy:
    """Return the user's working copy as it is stored."""
    draft = (
        Draft.objects.filter(workflow=workflow, user_id=user.pk)
        .annotate(text=Cast("definition", TextField()))
        .values("text", "base_version", "saved_at", "saves")
        .first()
    )
    if draft is not None and draft["text"] is not None:
        return StoredCopy(**draft)
    saves = draft["saves"] if draft is not None else 0
    version = queries.newest_version(workflow)
    if start == "live":
        version = queries.draft_base(workflow, version)
    if version is None:
        return StoredCopy(dump(empty_document()), None, None, saves)
    return StoredCopy(version.definition.document, version.number, None, saves)


def saves(workflow: Workflow, user: AbstractBaseUser) -> int:
    """Return the number of saves and discards by this user, without reading the document."""
    found = Draft.objects.filter(workflow=workflow, user_id=user.pk).values_list("saves", flat=True)
    return next(iter(found[:1]), 0)


def empty_document() -> dict[str, Any]:
    """Return the document of a new workflow. A version needs at least one node."""
    return {"schema": SCHEMA, "nodes": [], "edges": []}


def save(
    workflow: Workflow,
    user: AbstractBaseUser,
    definition: Any,
    *,
    expected_saves: int | None,
    base_version: int | _Keep | None = KEEP,
) -> WorkingCopy:
    """Store the working copy, valid or not, unless it was saved after `expected_saves` (None: in any case).

    Without `base_version`, the base stays; at the first save it is the newest version. Raises StaleDraft, NotADocument,
    DraftTooLarge, and InvalidValue for an unknown base version. Not audited, because the editor saves every second or
    two.
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
    # Serialize outside the transaction: for a large document that takes longer than the rest.
    text = clean_text(dump(definition))
    if len(text) > DRAFT_BYTES_MAX:
        raise DraftTooLarge(DRAFT_BYTES_MAX)
    stored = Value(text, output_field=TextField())
    with transaction.atomic():
        draft = (
            Draft.objects.select_for_update()
            .filter(workflow=workflow, user_id=user.pk)
            .annotate(has_definition=ExpressionWrapper(Q(definition__isnull=False), models.BooleanField()))
            .values("pk", "saves", "base_version", "has_definition")
            .first()
        )
        saves = draft["saves"] if draft is not None else 0
        if expected_saves is not None and expected_saves != saves:
            raise StaleDraft(workflow.slug, expected_saves, saves)
        if not isinstance(base_version, _Keep):
            base = base_version
            if base is not None and (draft is None or draft["base_version"] != base):
                _require_version(workflow, base)
        elif draft is not None and draft["has_definition"]:
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
                # Two tabs made the first save at the same time; the constraint let one through.
                raise StaleDraft(workflow.slug, 0, 1) from None
        else:
            Draft.objects.filter(pk=draft["pk"]).update(
                definition=stored, base_version=base, saves=saves + 1, saved_at=now
            )
        return WorkingCopy(definition, base, now, saves + 1)


def _require_version(workflow: Workflow, number: int) -> None:
    """Raise InvalidValue, with the path `base_version`, unless the version exists."""
    newest = queries.newest_number(workflow)
    if newest is not None and 1 <= number <= newest:
        return
    if newest is None:
        text = _('"%(slug)s" has no version %(number)d yet. Send null as base_version.')
    else:
        text = _('"%(slug)s" has no version %(number)d; the newest is %(newest)d.')
    raise InvalidValue(text % {"slug": workflow.slug, "number": number, "newest": newest or 0}, path="base_version")


def patch(
    workflow: Workflow,
    user: AbstractBaseUser,
    operations: Any,
    *,
    expected_saves: int | None,
    made_from: SavedDraft | int | _Keep | None = KEEP,
) -> WorkingCopy:
    """Apply a JSON Patch (RFC 6902) to the working copy's definition and save it.

    `made_from` says which document the patch was made from: SAVED_DRAFT, the number of the newest version or of
    `queries.draft_base`, or None for the empty document. If nothing is saved, the count of saves does not show that
    somebody has published a version since. Raises StaleDraft if the working copy is another document by now, BadPatch,
    PatchDoesNotApply, and the errors of `save`.
    """
    copy = stored(workflow, user)
    if copy.saved_at is None and isinstance(made_from, int) and made_from != copy.base_version:
        copy = stored(workflow, user, start="live")
    if expected_saves is not None and expected_saves != copy.saves:
        raise StaleDraft(workflow.slug, expected_saves, copy.saves)
    found = SAVED_DRAFT if copy.saved_at is not None else copy.base_version
    if not isinstance(made_from, _Keep) and made_from != found:
        raise StaleDraft(workflow.slug, copy.saves, copy.saves)
    # The document was read for this call only, so it can be changed in place.
    patched = _apply(json.loads(copy.text), len(copy.text), operations)
    # Save against the count that was read here: a save in between makes this one stale.
    return _store(workflow, user, patched, expected_saves=copy.saves, base_version=copy.base_version)


def _apply(state: Any, size: int, operations: Any) -> Any:
    """Apply all operations to `state`, whose JSON text has `size` characters. An error leaves it half changed."""
    if not isinstance(operations, Sequence) or isinstance(operations, str | bytes):
        raise BadPatch(_("A JSON Patch must be a list of operations."))
    if len(operations) > PATCH_OPERATIONS_MAX:
        raise BadPatch(_("A patch can have at most %(count)d operations.") % {"count": PATCH_OPERATIONS_MAX})
    try:
        whole = jsonpatch.JsonPatch(operations)
        for operation in operations:
            # Copies can double the document each time: count what they add before adding it.
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
        raise BadPatch(_("Invalid patch operation (see RFC 6902): %(error)s") % {"error": error}) from error
    return state


def discard(workflow: Workflow, user: AbstractBaseUser, *, expected_saves: int | None = None) -> bool:
    """Discard the working copy, so that the newest version is shown again. Return whether there was one. Raises
    StaleDraft."""
    with transaction.atomic():
        draft = Draft.objects.select_for_update().filter(workflow=workflow, user_id=user.pk).first()
        saves = draft.saves if draft is not None else 0
        if expected_saves is not None and expected_saves != saves:
            raise StaleDraft(workflow.slug, expected_saves, saves)
        if draft is None or draft.definition is None:
            return False
        # A tab that still shows the draft would otherwise patch the version that is shown in its place.
        draft.saves += 1
        _empty(draft)
        return True


def drop_if_published(workflow: Workflow, user: AbstractBaseUser, published_hash: str) -> bool:
    """Discard the working copy if it has the content that was just published. Must be called in that transaction."""
    draft = Draft.objects.select_for_update().filter(workflow=workflow, user_id=user.pk).first()
    if draft is None or draft.definition is None or content_hash(draft.definition) != published_hash:
        return False
    _empty(draft)
    return True


def _empty(draft: Draft) -> None:
    draft.definition, draft.base_version = None, None
    draft.save(update_fields=["definition", "base_version", "saves"])
