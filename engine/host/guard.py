"""A process beside a worker that ends what the worker's nodes run when the worker itself cannot.

A worker that is paused, or gets no CPU time, does not notice that its lease has expired. Its node processes would go on
while the same nodes run elsewhere. When a worker is killed, the kernel kills its node processes, but not the processes
that have detached from them: those would run on until a worker of the same name starts.
"""

import mmap
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
POLL_SECONDS = 0.1
SHARED_BYTES = 24
LATE_SECONDS = 0.1
"""How long the guard waits after the lease has expired, so that the worker itself can end its attempts first."""


class Guard:
    """The guard, as the worker uses it: three numbers in memory that the guard and the node processes share (`lease`,
    an open file).

    `until` may be called from any thread.
    """

    def __init__(self, mark_prefix: str) -> None:
        """Start the guard of this process, whose node processes have marks with this prefix (see `cleanup`)."""
        self._prefix = mark_prefix
        # In memory, because a disk may be full.
        self.lease = os.memfd_create("lease", os.MFD_CLOEXEC)
        os.ftruncate(self.lease, SHARED_BYTES)
        self._shared = memoryview(mmap.mmap(self.lease, SHARED_BYTES)).cast("d")
        self._start()

    def _start(self) -> None:
        # The guard reads this pipe, which the kernel closes when this process ends.
        reader, self._pipe = os.pipe2(os.O_CLOEXEC)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", __file__, str(self.lease), str(reader), self._prefix, str(os.getpid())],
                env={name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}, cwd="/",
                stdin=subprocess.DEVNULL, pass_fds=(self.lease, reader), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(reader)

    def until(self, moment: float) -> None:
        """Let attempts run until this monotonic time."""
        self._shared[0] = moment

    def busy(self, is_busy: bool) -> None:
        """Tell the guard whether any attempt runs."""
        self._shared[1] = is_busy

    def starts_until(self, moment: float) -> None:
        """Let node processes start attempts until this monotonic time."""
        self._shared[2] = moment

    def keep(self) -> None:
        """Start the guard again if it was killed."""
        if self.process.poll() is not None:
            os.close(self._pipe)
            self._start()

    def close(self) -> None:
        """End the guard; no other method may be called after this."""
        os.close(self._pipe)
        self.process.wait()
        self._shared.release()
        os.close(self.lease)


def main(shared: int, pipe: int, mark_prefix: str, worker: int) -> None:
    """End the attempts of a worker whose lease has expired. When the worker is gone, end its orphans and return."""
    from engine.inspect import procfs
    from engine.supervisor import cleanup

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        # Stopping the whole service signals all its processes at once; the guard must outlive the worker.
        signal.signal(number, signal.SIG_IGN)
    numbers = memoryview(mmap.mmap(shared, SHARED_BYTES)).cast("d")
    start = procfs.start_of(worker) or 0
    while not select.select([pipe], [], [], POLL_SECONDS)[0]:
        if not numbers[1] or time.monotonic() < numbers[0] + LATE_SECONDS:
            continue
        if ended := cleanup.end_orphans(mark_prefix, (worker, start)):
            print(f"lease_expired: worker {worker} stands still; ended {ended} processes", file=sys.stderr, flush=True)
    # The pipe closes before the worker has disappeared from /proc.
    cleanup.end_orphans(mark_prefix, (worker, start))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
