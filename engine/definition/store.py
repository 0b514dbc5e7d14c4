"""Parsed definitions, cached by the hash of their content.

The keys are not row ids, because the id of a row that was rolled back is used again.
"""

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


def document_of(definition: Definition) -> Document:
    """Return the parsed document of a row."""
    return _document(definition.hash, lambda: definition.document)


def load(definition_id: int) -> Document:
    """Return the parsed document of the definition with this id, without a query if it is cached.

    Raises Definition.DoesNotExist.
    """
    rows = Definition.objects.filter(pk=definition_id)
    digest = _hashes.get(definition_id)
    if digest is None:
        digest = rows.values_list("hash", flat=True).get()
        if not connection.in_atomic_block:
            # The row is committed, so its id is not used again.
            if len(_hashes) >= _HASHES_MAX:
                _hashes.clear()
            _hashes[definition_id] = digest
    return _document(digest, lambda: rows.values_list("document", flat=True).get())


# Only 64, because a parsed document of 10,000 nodes takes about 20 MB.
@cached(LRUCache(maxsize=64), key=lambda digest, read: digest, lock=threading.Lock())
def _document(digest: str, read: Callable[[], str]) -> Document:
    return parse(json.loads(read()), trusted=True)


def clear_cache() -> None:
    _hashes.clear()
    _document.cache_clear()
