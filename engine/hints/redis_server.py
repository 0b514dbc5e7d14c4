"""The scheduler's end of hints over Redis.

The loop itself never waits for Redis: names are looked up, TLS is spoken and answers are awaited on two threads. One
hears, and ends the loop's wait through a socket that hangs on its selector; the other says what the ticks left.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from engine.config import Config
from engine.hints.redis import (
    ANSWER_SECONDS,
    ERRORS,
    LISTEN,
    Ear,
    client,
    from_scheduler,
    keep_at,
    log,
    to_scheduler,
)

if TYPE_CHECKING:
    from engine.hints import Watcher

TURN_SECONDS: Final = 0.5
"""How soon the threads see that it was closed."""


class RedisHintServer:
    """See `engine.hints.HintServer`."""

    def __init__(self, config: Config, watcher: Watcher, on_wake: Callable[[], None]) -> None:
        self.config, self.watcher, self.on_wake = config, watcher, on_wake
        self.listened = False
        self._listeners = 0
        """How often somebody has said that he listens."""
        self._lock = threading.Lock()
        """Of these two."""
        self._hints: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._away = False
        self._bell: tuple[socket.socket, socket.socket] | None = None
        self.threads: list[threading.Thread] = []

    def open(self) -> None:
        heard, ring = self._bell = socket.socketpair()
        heard.setblocking(False)
        ring.setblocking(False)
        self.watcher.watch(heard, self._on_heard)
        for work in (self._hear, self._say):
            arguments = (work, self._closed, self._failed)
            thread = threading.Thread(target=keep_at, args=arguments, name=f"hints{work.__name__}", daemon=True)
            self.threads.append(thread)
            thread.start()

    def close(self) -> None:
        self._closed.set()
        self._hints.put(None)
        self.listened = False
        if self._bell is not None:
            heard, ring = self._bell
            self.watcher.unwatch(heard)
            heard.close()
            ring.close()
            self._bell = None

    def broadcast(self, hint: dict[str, Any]) -> None:
        if self.listened:
            self._hints.put(hint)

    def _on_heard(self) -> None:
        assert self._bell is not None
        try:
            self._bell[0].recv(4096)
        except BlockingIOError:
            return
        self.on_wake()

    # On the threads.

    def _failed(self, error: Exception) -> None:
        self.listened = False
        expected = isinstance(error, ERRORS)
        if not self._away or not expected:
            self._away = True
            log.warning("hints: Redis (REDIS_URL) is away, others look into the database: %s", error,
                        exc_info=not expected)  # fmt: skip

    def _hear(self) -> None:
        with client(self.config, "scheduler", ANSWER_SECONDS) as hearing:
            ear = Ear(hearing, to_scheduler(self.config))
            try:
                if self._away:
                    self._away = False
                    log.info("hints: Redis is back")
                # What was said before, nobody heard: there may be commands, and there may be listeners.
                self._ring()
                self._on_listener()
                while not self._closed.is_set():
                    said = ear.hear(TURN_SECONDS)
                    if said == LISTEN:
                        self._on_listener()
                    elif said is not None:
                        self._ring()
            finally:
                ear.close()

    def _on_listener(self) -> None:
        with self._lock:
            self._listeners += 1
            known, self.listened = self.listened, True
        if not known:
            # What was not said meanwhile he has to look for.
            self._hints.put({"connected": True})

    def _ring(self) -> None:
        bell = self._bell
        try:
            if bell is not None:
                bell[1].send(b"w")
        except OSError:
            pass  # It is full, and so rings; or it was closed.

    def _say(self) -> None:
        with client(self.config, "scheduler", ANSWER_SECONDS) as saying:
            hint: dict[str, Any] | None = {"connected": True}
            while hint is not None:
                text = json.dumps(hint, separators=(",", ":"))
                known = self._listeners
                listened = bool(saying.publish(from_scheduler(self.config), text))
                with self._lock:
                    # Of one who came meanwhile the answer may not know.
                    self.listened = listened or known != self._listeners
                hint = self._next()

    def _next(self) -> dict[str, Any] | None:
        """What there is to say, as one; waits for it. None: it was closed."""
        merged = self._hints.get()
        while merged is not None:
            try:
                more = self._hints.get_nowait()
            except queue.Empty:
                break
            merged = merge(merged, more) if more is not None else None
        return merged


def merge(one: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Both hints in one."""
    merged = {**one, **later, "runs": {**one.get("runs", {}), **later.get("runs", {})}}
    if samples := [*one.get("samples", ()), *later.get("samples", ())]:
        merged["samples"] = samples
    return merged
