"""A process beside a worker that ends what the worker's nodes run when the worker itself cannot.

A worker that is stopped, or gets no processor, cannot see that its lease is over, and its node processes go on: beside
attempts that were started elsewhere. When it is killed they die with it, the kernel sees to that, but not what has got
away from them. The worker's next life would end that; where none starts, or late, it would run on.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOOK_SECONDS = 0.1
LATE_SECONDS = 0.1
"""What the worker has to do it itself, and in better order."""


class Guard:
    """The worker's end: two numbers in memory that both have, and node processes (`lease`, an open file). Any thread
    may say `until`."""

    def __init__(self, mark_prefix: str) -> None:
        """Start the guard of this process, whose node processes have marks with this prefix (see leftovers)."""
        self._prefix = mark_prefix
        # On no disk, which might be full.
        self.lease = os.memfd_create("lease", os.MFD_CLOEXEC)
        os.ftruncate(self.lease, 16)
        self._shared = memoryview(mmap.mmap(self.lease, 16)).cast("d")
        self._start()

    def _start(self) -> None:
        # It takes the end of the pipe for the end of this process.
        reader, self._life = os.pipe2(os.O_CLOEXEC)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", __file__, str(self.lease), str(reader), self._prefix, str(os.getpid())],
                env={name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}, cwd="/",
                stdin=subprocess.DEVNULL, pass_fds=(self.lease, reader), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(reader)

    def until(self, moment: float) -> None:
        """What runs may run until this moment of the monotonic clock."""
        self._shared[0] = moment

    def busy(self, is_busy: bool) -> None:
        """Whether anything runs."""
        self._shared[1] = is_busy

    def keep(self) -> None:
        """Start the process again when it was killed."""
        if self.process.poll() is not None:
            os.close(self._life)
            self._start()

    def close(self) -> None:
        """End the process. Nothing may be said to it any more."""
        os.close(self._life)
        self.process.wait()
        self._shared.release()
        os.close(self.lease)


def main(shared: int, life: int, mark_prefix: str, worker: int) -> None:
    """Look until the worker is gone, and once more then."""
    from engine.inspect import procfs
    from engine.supervisor import cleanup

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        # Whoever stops all processes of a service at once is not done before the worker is.
        signal.signal(number, signal.SIG_IGN)
    numbers = memoryview(mmap.mmap(shared, 16)).cast("d")
    start = procfs.start_of(worker) or 0
    while not select.select([life], [], [], LOOK_SECONDS)[0]:
        if not numbers[1] or time.monotonic() < numbers[0] + LATE_SECONDS:
            continue
        if ended := cleanup.end_orphans(mark_prefix, (worker, start)):
            print(f"lease_over: worker {worker} stands still; ended {ended} processes", file=sys.stderr, flush=True)
    # Its pipe ends before /proc says that it is gone.
    cleanup.end_orphans(mark_prefix, (worker, start))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
