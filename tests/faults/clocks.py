"""A host's own wall clock, which tests set: libfaketime stands between its processes and the system.

Monotonic clocks are the machine's, as they are on a host whose clock somebody sets.
"""

from __future__ import annotations

import itertools
import shlex
import sys
from pathlib import Path

from tests.faults import count


def library() -> str:
    """Path of libfaketime for programs with threads; empty: it is not installed."""
    return next(map(str, Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), "")


class Clock:
    """Ahead of the machine's by so many seconds; all processes with `environment` have it, and so have their nodes of
    type `python`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.seconds = 0.0
        self._file = folder / f"{name}.clock"
        self._numbers = itertools.count()
        self.set(0)
        faked = {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # Looked at whenever the time is asked for, so that it moves for all at one moment.
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }
        # Node processes start with next to nothing of our environment, and run the code of nodes with what is named.
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
        # Whole at any moment for who reads it.
        new.rename(self._file)
        self.seconds = seconds

    def step(self, seconds: float) -> None:
        """Set it as a fault."""
        self.set(self.seconds + seconds)
        count.injected(f"clock set {'forward' if seconds > 0 else 'back'} by {abs(seconds):g} s")
