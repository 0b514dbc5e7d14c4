"""Answers that are kept for the next question of the same content, the least used ones dropped."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


class Kept:
    """Values by key, up to a number of bytes that whoever puts them in says. Safe for threads."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes of all that is kept, as they were said to be."""
        return self._size

    def get(self, key: Hashable) -> Any:
        """None: it is not there."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def made(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """The bytes that are there, else those of `make`, kept from now on. Two who ask at once may both make them."""
        found: bytes | None = self.get(key)
        if found is None:
            found = make()
            self.put(key, found, len(found))
        return found

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """One that is too large for all the room there is is not kept."""
        with self._lock:
            before = self._kept.pop(key, None)
            if before is not None:
                self._size -= before[1]
            if size > self._bytes_max:
                return
            self._kept[key] = (value, size)
            self._size += size
            while self._size > self._bytes_max:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._size -= dropped

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._size = 0
