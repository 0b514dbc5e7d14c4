"""The connection of a child process to `up`, its parent."""

import ctypes
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

GO: Final = b"go\n"
"""Sent by the parent when the database is ready."""
PR_SET_PDEATHSIG: Final = 1


class ParentLink:
    """Reports to the parent, waits for it, and notices when it is gone.

    The parent is gone when its end of the channel closes, which works on every platform and also after kill -9. On
    Linux, the kernel additionally sends a signal, in case this process is too busy to read.
    """

    def __init__(self, pid: int, channel: socket.socket, death_signal: signal.Signals) -> None:
        self.pid = pid
        self._channel = channel
        self._go = threading.Event()
        self.on_parent_exit: Callable[[], None] = lambda: os._exit(1)
        """Called in a thread of its own when the parent is gone."""
        _die_with_parent(pid, death_signal)
        threading.Thread(target=self._listen, name="parent", daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                data = self._channel.recv(64)
            except OSError:
                data = b""
            if not data:
                self._go.set()
                self.on_parent_exit()
                return
            if GO in data:
                self._go.set()

    def report(self, message: dict[str, Any]) -> None:
        """Send a message to the parent; nothing happens if it is gone."""
        try:
            self._channel.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass

    def wait(self) -> None:
        """Block until the database is ready."""
        self._go.wait()


def _die_with_parent(parent: int, death_signal: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    # The parent may have exited before the call above.
    if os.getppid() != parent:
        os._exit(1)
