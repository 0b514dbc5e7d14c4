"""Celery's consumer of messages, changed so that the worker goes on when the broker cannot be reached or refuses
commands."""

import contextlib
import logging
import time
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer
from celery.worker.state import maybe_shutdown

log = logging.getLogger("interlock.host")

REFUSED_SECONDS = 1.0
RECONNECT_SECONDS = 0.5
RECONNECT_SECONDS_MAX = 2.0
"""The longest pause between tries to connect; Celery would wait up to half a minute."""
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

    def ensure_connected(self, conn: Any) -> Any:
        """Return this connection when it is open, however often that has to be tried."""
        conn.ensure_connection(
            lambda error, seconds: self._on_error(error),
            interval_start=RECONNECT_SECONDS,
            interval_step=RECONNECT_SECONDS,
            interval_max=RECONNECT_SECONDS_MAX,
            callback=maybe_shutdown,
        )
        self.first_connection_attempt = False
        return conn

    def _on_error(self, exc: Exception) -> None:
        now = time.monotonic()
        if str(exc) != self._logged or now > self._logged_at + LOG_AGAIN_SECONDS:
            self._logged, self._logged_at = str(exc), now
            log.warning("broker_lost: %s: %s", type(exc).__name__, exc)
        if not isinstance(exc, self.connection_errors):
            time.sleep(REFUSED_SECONDS)
