"""Celery's consumer of messages, changed so that the worker goes on when the broker cannot be reached or refuses
commands."""

import contextlib
import logging
import time

from celery.worker.consumer import Consumer as CeleryConsumer

log = logging.getLogger("interlock.host")

REFUSED_SECONDS = 1.0
LOG_AGAIN_SECONDS = 60.0


class Consumer(CeleryConsumer):  # type: ignore[misc] # Celery has no types
    """Logs one line for each failed try, where Celery logs forty.

    It also waits between tries if the broker refuses commands, as a full Redis does. Celery itself waits only for a
    broker that cannot be reached.
    """

    _logged = ""
    _logged_at = 0.0

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        self._on_error(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        self._on_error(exc)
        with contextlib.suppress(*self.connection_errors, *self.channel_errors):
            self.connection.collect()

    def _on_error(self, exc: Exception) -> None:
        now = time.monotonic()
        if str(exc) != self._logged or now > self._logged_at + LOG_AGAIN_SECONDS:
            self._logged, self._logged_at = str(exc), now
            log.warning("broker_lost: %s: %s", type(exc).__name__, exc)
        if not isinstance(exc, self.connection_errors):
            time.sleep(REFUSED_SECONDS)
