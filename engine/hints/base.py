"""The scheduler's end of hints, over a Unix socket or Redis."""

from collections.abc import Callable
from typing import Any, Protocol


class FileWatcher(Protocol):
    """The part of an executor that watches its owner's files."""

    def watch(self, fileobj: Any, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `fileobj` is readable."""

    def unwatch(self, fileobj: Any) -> None:
        """Stop watching `fileobj`."""


class HintServer(Protocol):
    """The scheduler's end. All calls come from its one thread, and none of them waits."""

    def open(self) -> None:
        """Start to take wakes. The caller holds the lock that makes it the only scheduler."""

    def close(self) -> None:
        """End all connections; safe to call twice."""

    def broadcast(self, hint: dict[str, Any]) -> None:
        """Send `hint` to every listener."""

    @property
    def has_listeners(self) -> bool:
        """Whether a hint would reach a listener, as far as is known."""
