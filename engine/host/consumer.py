"""Celery's consumer of messages, for a broker that is away or refuses: work goes on without it."""

from __future__ import annotations

import contextlib
import logging
import time

from celery.worker.consumer import Consumer as Celerys

log = logging.getLogger("interlock.host")

REFUSED_SECONDS = 1.0
SAID_SECONDS = 60.0


class Consumer(Celerys):  # type: ignore[misc] # Celery has no types
    """Says in a line what Celery says in forty with each try, and leaves time between tries to a broker that is there
    but refuses, as a full Redis does (Celery itself waits only for one that cannot be reached)."""

    _said = ""
    _said_at = 0.0

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        self._refused(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        self._refused(exc)
        with contextlib.suppress(*self.connection_errors, *self.channel_errors):
            self.connection.collect()

    def _refused(self, exc: Exception) -> None:
        now = time.monotonic()
        if str(exc) != self._said or now > self._said_at + SAID_SECONDS:
            self._said, self._said_at = str(exc), now
            log.warning("broker_lost: %s: %s", type(exc).__name__, exc)
        if not isinstance(exc, self.connection_errors):
            time.sleep(REFUSED_SECONDS)
