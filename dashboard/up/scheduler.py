"""The scheduler process of `up`."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboard.up.child import Parent


def run(parent: Parent) -> int:
    parent.wait()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    stop.wait()
    return 0
