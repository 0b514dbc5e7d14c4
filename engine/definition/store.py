"""Parsed definitions, cached by the hash of their content.

Row ids would not do as keys: the id of a transaction that was rolled back is given out again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from cachetools import LRUCache, cached
from django.db import connection

from engine.definition import Document, parse
from engine.models import Definition

_hashes: dict[int, str] = {}
"""Definition id -> hash."""
_HASHES_MAX = 10_000


def of(definition: Definition) -> Document:
    """The document of a definition's row."""
    return _document(definition.hash, lambda: definition.document)


def load(definition_id: int) -> Document:
    """The document of the definition with this id; no query for one that was read lately. Raises
    Definition.DoesNotExist."""
    rows = Definition.objects.filter(pk=definition_id)
    digest = _hashes.get(definition_id)
    if digest is None:
        digest = rows.values_list("hash", flat=True).get()
        if not connection.in_atomic_block:
            # Committed, so the id will not be given out again.
            if len(_hashes) >= _HASHES_MAX:
                _hashes.clear()
            _hashes[definition_id] = digest
    return _document(digest, lambda: rows.values_list("document", flat=True).get())


# Few, for a parsed document of 10,000 nodes takes about 20 MB.
@cached(LRUCache(maxsize=64), key=lambda digest, read: digest, lock=threading.Lock())
def _document(digest: str, read: Callable[[], str]) -> Document:
    return parse(json.loads(read()), trusted=True)


def forget() -> None:
    """Empty the cache."""
    _hashes.clear()
    _document.cache_clear()
