"""A process beside a worker that outlives it, and ends what the worker's nodes have left.

Node processes die with their worker, the kernel sees to it, but not what has got away from them. The worker's next life
would end that; where none starts, or late, it would run on beside the attempts that follow elsewhere.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from engine.executors import leftovers

ROOT = Path(__file__).resolve().parents[2]


def start(prefix: str) -> subprocess.Popen[bytes]:
    """Start the guard of this process, whose node processes have marks with this prefix (see leftovers). To be kept: it
    takes the end of the pipe for the end of this process."""
    return subprocess.Popen(
        [sys.executable, "-m", "engine.host.guard", prefix],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def main(prefix: str) -> None:
    """Wait for the end of the worker."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        # Whoever stops all processes of a service at once is not done before the worker is.
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    leftovers.end_processes(prefix)


if __name__ == "__main__":
    main(sys.argv[1])
