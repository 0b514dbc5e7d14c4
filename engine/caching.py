"""Thread-safe LRU caches that are bounded by bytes: whoever stores a value says how large it is."""

import functools
import threading
from collections.abc import Callable, Hashable
from operator import itemgetter
from typing import Any, ParamSpec, TypeVar

from cachetools import LRUCache

P = ParamSpec("P")
T = TypeVar("T")


class SizedCache:
    """Values by key, at most `bytes_max` in all; the least recently used are dropped first."""

    def __init__(self, bytes_max: int) -> None:
        self._lock = threading.Lock()
        self._entries: LRUCache[Hashable, tuple[Any, int]] = LRUCache(bytes_max, getsizeof=itemgetter(1))

    @property
    def size(self) -> int:
        """Bytes of all values, as given to `put`."""
        return int(self._entries.currsize)

    def get(self, key: Hashable) -> Any:
        """Return the value, or None."""
        with self._lock:
            entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """Store `value`; one that is larger than the whole cache only removes the old value."""
        with self._lock:
            if size <= self._entries.maxsize:
                self._entries[key] = (value, size)
            else:
                self._entries.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


def sized_cache(bytes_max: int, size_of: Callable[..., int]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorator: cache what a function of hashable positional arguments returns (never None).

    `size_of(result, *arguments)` gives the bytes of an entry. Two threads that ask at once may both compute it.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        cache = SizedCache(bytes_max)

        @functools.wraps(function)
        def cached(*args: P.args, **kwargs: P.kwargs) -> T:
            result: T | None = cache.get(args)
            if result is None:
                result = function(*args, **kwargs)
                cache.put(args, result, size_of(result, *args))
            return result

        cached.cache_clear = cache.clear  # type: ignore[attr-defined]
        return cached

    return decorate
