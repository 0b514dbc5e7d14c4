"""The time until which the node processes of a host may start attempts.

When a whole host is paused and goes on, its node processes go on before the worker or its guard can end them. By then
their work has been started elsewhere, so they check the lease themselves.
"""

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
        """Wait until the lease is renewed. Usually the process is killed before."""
        while time.monotonic() >= self._until[0]:
            time.sleep(CHECK_SECONDS)
