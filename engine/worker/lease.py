"""The times until which the node processes of a host may run and start attempts.

When a whole host is paused and goes on, its node processes go on before the worker or its guard can end them. By then
their work has been started elsewhere, so they check the lease themselves. They also start nothing while their worker
stands still or cannot write reports: what ran without a report would run again.
"""

import mmap
import os
import time

CHECK_SECONDS = 0.005


class Lease:
    """The lease of the host (see `engine.host.guard`), read by its node processes."""

    def __init__(self, descriptor: int) -> None:
        """Map the open file of a guard's numbers, and close it."""
        self._shared = memoryview(mmap.mmap(descriptor, 24, prot=mmap.PROT_READ)).cast("d")
        os.close(descriptor)

    def wait(self) -> None:
        """Wait until an attempt may start. Once the lease has expired, the process is usually killed before."""
        while time.monotonic() >= min(self._shared[0], self._shared[2]):
            time.sleep(CHECK_SECONDS)
