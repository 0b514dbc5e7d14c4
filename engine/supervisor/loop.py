"""The supervisor's event loop: a selector, the time of the current turn, and the time of the next thing to do."""

import selectors
import time
from collections.abc import Callable
from typing import Any

NEVER = float("inf")
"""Later than any monotonic time."""


class Loop:
    """Calls back when files become ready. It is used by one thread."""

    def __init__(self) -> None:
        self.now = 0.0
        """Monotonic time of the current turn."""
        self.due = 0.0
        """Monotonic time of the next thing to do, whether or not a file becomes ready."""
        self._selector = selectors.DefaultSelector()

    def wake_at(self, at: float) -> None:
        """Make the next thing to do due at `at` at the latest."""
        if at < self.due:
            self.due = at

    def register(self, fileobj: Any, callback: Callable[[], None], events: int = selectors.EVENT_READ) -> None:
        """Call `callback` whenever `fileobj` is ready."""
        self._selector.register(fileobj, events, callback)

    def watch(self, fileobj: Any, callback: Callable[[], None]) -> None:
        """Register a file of the supervisor's owner, served only when `select` is told to."""
        self._selector.register(fileobj, selectors.EVENT_READ, _Watched(callback))

    def unregister(self, fileobj: Any) -> None:
        """Stop watching `fileobj`, if it is watched."""
        try:
            self._selector.unregister(fileobj)
        except (KeyError, ValueError):
            pass

    def select(self, timeout: float, *, serve_watched: bool) -> bool:
        """Wait for ready files and call back; return whether one of them was watched by the owner."""
        called = False
        events = self._selector.select(timeout)
        self.now = time.monotonic()
        for key, _ in events:
            handler = key.data
            if type(handler) is not _Watched:
                handler()
            elif serve_watched:
                handler.callback()
                called = True
        return called

    def close(self) -> None:
        self._selector.close()


class _Watched:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
