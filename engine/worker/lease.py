"""Until when the node processes of a host may begin something, where a host that was paused finds it when it goes on.

Of a host that was stopped as a whole everything goes on at once: its node processes, with what was sent to them and
has been started elsewhere since, before the worker and its guard can end them.
"""

from __future__ import annotations

import mmap
import os
import time

LOOK_SECONDS = 0.005


class Lease:
    """The worker's lease (`engine.host.guard`), as its node processes see it."""

    def __init__(self, descriptor: int) -> None:
        """Map the memory of an open file that begins with a moment of the monotonic clock, and close it."""
        self._until = memoryview(mmap.mmap(descriptor, 8, prot=mmap.PROT_READ)).cast("d")
        os.close(descriptor)

    def wait(self) -> None:
        """Return at once while the lease is good; else when it is again, should this process live to see that."""
        while time.monotonic() >= self._until[0]:
            time.sleep(LOOK_SECONDS)
