"""Until when the node processes of a host may start attempts.

If a whole host is paused and goes on, its node processes go on too, before the worker or its guard can end them. What
was sent to them has been started elsewhere meanwhile, so they check the lease themselves.
"""

from __future__ import annotations

import mmap
import os
import time

CHECK_SECONDS = 0.005


class Lease:
    """The lease of the host (see `engine.host.guard`), read by its node processes."""

    def __init__(self, descriptor: int) -> None:
        """Map an open file that begins with a time of the monotonic clock, and close it."""
        self._until = memoryview(mmap.mmap(descriptor, 8, prot=mmap.PROT_READ)).cast("d")
        os.close(descriptor)

    def wait(self) -> None:
        """Wait while the lease is over. Mostly the process is ended meanwhile."""
        while time.monotonic() >= self._until[0]:
            time.sleep(CHECK_SECONDS)
