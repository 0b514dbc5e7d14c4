"""The scheduler's end of hints over Redis.

The scheduler's loop never waits for Redis: two threads resolve names, speak TLS and wait for answers. One receives, and
ends the loop's wait through a socket on its selector; the other publishes what ticks changed.
"""

import json
import logging
import queue
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from engine.config import Config
from engine.hints.base import FileWatcher
from engine.hints.redis_client import (
    ANSWER_SECONDS,
    ERRORS,
    LISTEN,
    Subscription,
    connect,
    hint_channel,
    run_again,
    wake_channel,
)

log = logging.getLogger("interlock.hints")

RECEIVE_SECONDS: Final = 0.5
"""How soon the receiving thread sees that the server was closed."""


class RedisHintServer:
    """See `engine.hints.base.HintServer`."""

    def __init__(self, config: Config, watcher: FileWatcher, on_wake: Callable[[], None]) -> None:
        self.config, self.watcher, self.on_wake = config, watcher, on_wake
        self.has_listeners = False
        self._announcements = 0
        """How many times a listener announced itself."""
        self._lock = threading.Lock()
        """Guards these two."""
        self._hints: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._is_away = False
        self._wakeup: tuple[socket.socket, socket.socket] | None = None
        self.threads: list[threading.Thread] = []

    def open(self) -> None:
        reader, writer = self._wakeup = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        self.watcher.watch(reader, self._on_wakeup)
        for name, work in (("receive", self._receive), ("publish", self._publish)):
            arguments = (work, self._closed, self._on_error)
            thread = threading.Thread(target=run_again, args=arguments, name=f"hints {name}", daemon=True)
            self.threads.append(thread)
            thread.start()

    def close(self) -> None:
        self._closed.set()
        self._hints.put(None)
        self.has_listeners = False
        if self._wakeup is not None:
            reader, writer = self._wakeup
            self.watcher.unwatch(reader)
            reader.close()
            writer.close()
            self._wakeup = None

    def broadcast(self, hint: dict[str, Any]) -> None:
        if self.has_listeners:
            self._hints.put(hint)

    def _on_wakeup(self) -> None:
        assert self._wakeup is not None
        try:
            self._wakeup[0].recv(4096)
        except BlockingIOError:
            return
        self.on_wake()

    # On the threads.

    def _on_error(self, error: Exception) -> None:
        self.has_listeners = False
        expected = isinstance(error, ERRORS)
        if not self._is_away or not expected:
            self._is_away = True
            log.warning("hints_lost: Redis (REDIS_URL) is away, other processes poll the database: %s", error,
                        exc_info=not expected)  # fmt: skip

    def _receive(self) -> None:
        with connect(self.config, "scheduler", ANSWER_SECONDS) as client:
            subscription = Subscription(client, wake_channel(self.config))
            try:
                if self._is_away:
                    self._is_away = False
                    log.info("hints_connected: Redis is back")
                # Earlier messages are lost: there may be commands, and there may be listeners.
                self._wake_loop()
                self._on_listener()
                while not self._closed.is_set():
                    message = subscription.receive(RECEIVE_SECONDS)
                    if message == LISTEN:
                        self._on_listener()
                    elif message is not None:
                        self._wake_loop()
            finally:
                subscription.close()

    def _on_listener(self) -> None:
        with self._lock:
            self._announcements += 1
            had_listeners, self.has_listeners = self.has_listeners, True
        if not had_listeners:
            # Nothing was published to the listener before: it must read the database.
            self._hints.put({"connected": True})

    def _wake_loop(self) -> None:
        wakeup = self._wakeup
        try:
            if wakeup is not None:
                wakeup[1].send(b"w")
        except OSError:
            pass  # It is full, which wakes the loop as well; or it was closed.

    def _publish(self) -> None:
        with connect(self.config, "scheduler", ANSWER_SECONDS) as client:
            hint: dict[str, Any] | None = {"connected": True}
            while hint is not None:
                text = json.dumps(hint, separators=(",", ":"))
                announcements = self._announcements
                receivers = client.publish(hint_channel(self.config), text)
                with self._lock:
                    # A listener that subscribed meanwhile may not have been counted.
                    self.has_listeners = bool(receivers) or announcements != self._announcements
                hint = self._next()

    def _next(self) -> dict[str, Any] | None:
        """Wait for hints and return all of them as one; None: the server was closed."""
        merged = self._hints.get()
        while merged is not None:
            try:
                more = self._hints.get_nowait()
            except queue.Empty:
                break
            merged = merge(merged, more) if more is not None else None
        return merged


def merge(one: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Return both hints as one."""
    merged = {**one, **later, "runs": {**one.get("runs", {}), **later.get("runs", {})}}
    if samples := [*one.get("samples", ()), *later.get("samples", ())]:
        merged["samples"] = samples
    return merged
