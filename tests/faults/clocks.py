"""A host's own wall clock, which tests set: libfaketime stands between its processes and the system.

Monotonic clocks are the machine's, as on a host whose wall clock is set.
"""

import itertools
import shlex
import sys
from pathlib import Path

from tests.faults import count


def library() -> str:
    """Return the path of libfaketime for programs with threads, or an empty string if it is not installed."""
    return next(map(str, Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), "")


class Clock:
    """A clock that differs from the machine's by so many seconds. All processes with `environment` use it, and so do
    their nodes of type `python`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.seconds = 0.0
        self._file = folder / f"{name}.clock"
        self._numbers = itertools.count()
        self.set(0)
        faked = {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # Read at each call of the time functions, so that it changes for all processes at the same moment.
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }
        # Node processes inherit almost nothing of the environment. This names what the code of nodes gets.
        interpreter = folder / f"{name}-python"
        words = " ".join(shlex.quote(f"{variable}={value}") for variable, value in faked.items())
        interpreter.write_text(f'#!/bin/sh\nexec env {words} {shlex.quote(sys.executable)} "$@"\n')
        interpreter.chmod(0o755)
        self.environment = {
            **faked, "INTERLOCK_NODE_PYTHON": str(interpreter), "INTERLOCK_NODE_ENV": ",".join(faked)
        }  # fmt: skip

    def set(self, seconds: float) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+g}\n")
        # Replaced at once, so that readers never see a part of it.
        new.rename(self._file)
        self.seconds = seconds

    def step(self, seconds: float) -> None:
        """Set the clock, and count it as a fault."""
        self.set(self.seconds + seconds)
        count.injected(f"clock set {'forward' if seconds > 0 else 'back'} by {abs(seconds):g} s")
