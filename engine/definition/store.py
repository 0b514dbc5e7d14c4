"""Parsed definitions, kept by the hash of their content: equal content is equal for ever, whatever its row's id.

Ids would not do: those of a transaction that was undone are given out again.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict

from django.db import connection

from engine.definition import Document, parse
from engine.models import Definition

KEPT = 64
"""Parsed documents kept in one process; one of 10,000 nodes takes about 20 MB."""

HASHES_KEPT = 10_000

_lock = threading.Lock()
_hashes: dict[int, str] = {}
_kept: OrderedDict[str, Document] = OrderedDict()


def of(definition: Definition) -> Document:
    """The document of a definition's row."""
    found = _find(definition.hash)
    return _keep(definition.hash, definition.document) if found is None else found


def load(definition_id: int) -> Document:
    """The document of the definition with this id; no query for one that was read lately. Raises
    Definition.DoesNotExist."""
    rows = Definition.objects.filter(pk=definition_id)
    digest = _hashes.get(definition_id)
    if digest is None:
        digest = rows.values_list("hash", flat=True).get()
        if not connection.in_atomic_block:
            # Committed, so the id will not be given out again.
            if len(_hashes) >= HASHES_KEPT:
                _hashes.clear()
            _hashes[definition_id] = digest
    found = _find(digest)
    return _keep(digest, rows.values_list("document", flat=True).get()) if found is None else found


def _find(digest: str) -> Document | None:
    with _lock:
        found = _kept.get(digest)
        if found is not None:
            _kept.move_to_end(digest)
        return found


def _keep(digest: str, text: str) -> Document:
    document = parse(json.loads(text), trusted=True)
    with _lock:
        _kept[digest] = document
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return document


def forget() -> None:
    """Empty the cache."""
    with _lock:
        _kept.clear()
        _hashes.clear()
