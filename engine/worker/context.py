"""`ctx`, the second argument of an author's `main`."""

from __future__ import annotations

import os
import sys
import time

from engine.worker.errors import SoftTimeout, not_available_yet
from engine.worker.frames import LEVELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from engine.worker.frames import FrameWriter
    from engine.worker.progress import ProgressReporter


class Secrets:
    """`ctx.secrets[name]`, which is not available yet."""

    def __getitem__(self, name: str) -> NoReturn:
        raise not_available_yet(f"ctx.secrets[{name!r}]")


class Context:
    """Gives the code of one attempt its run, and takes its lines and progress. It may be used from any thread."""

    SoftTimeout = SoftTimeout

    def __init__(self, envelope: dict[str, Any], frames: FrameWriter, progress: ProgressReporter) -> None:
        self.run: dict[str, Any] = envelope["run"]
        """{id, workflow, version, inputs}."""
        self.node: str = envelope["node"]
        self.attempt: int = envelope["attempt"]
        """From 1."""
        self.secrets = Secrets()
        self._claim: str = envelope["claim"]
        self._frames = frames
        self._progress = progress
        self._pid = os.getpid()

    def log(self, message: object, level: str = "info") -> None:
        """Write a log line. `level`: debug, info, warning or error."""
        if level == "critical":
            level = "error"
        if level not in LEVELS:
            raise ValueError(f'ctx.log: level is "{level}"; write one of {", ".join(LEVELS)}.')
        if os.getpid() != self._pid:
            # A forked child has no frame pipe, only the standard streams.
            print(message, file=sys.stderr if level in ("warning", "error") else sys.stdout, flush=True)
            return
        self._frames.send_log(self._claim, level, str(message))

    def progress(self, fraction: float | None, message: str | None = None) -> None:
        """Report the progress: a fraction from 0 to 1, None if unknown, and a short message."""
        if fraction is not None:
            fraction = float(fraction)
            if fraction != fraction:
                raise ValueError("ctx.progress: the fraction is NaN; give a number from 0 to 1, or None.")
            fraction = min(1.0, max(0.0, fraction))
        if os.getpid() == self._pid:
            self._progress.report(self._claim, fraction, None if message is None else str(message)[:1000], time.time())

    def checkpoint(self, value: object) -> NoReturn:
        raise not_available_yet("ctx.checkpoint")

    def checkpoint_from(self, function: Callable[[], object]) -> NoReturn:
        raise not_available_yet("ctx.checkpoint_from")

    @property
    def restored(self) -> NoReturn:
        raise not_available_yet("ctx.restored")

    def connection(self, name: str) -> NoReturn:
        raise not_available_yet(f"ctx.connection({name!r})")
