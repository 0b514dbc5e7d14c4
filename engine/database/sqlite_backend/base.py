"""A transaction begins in its turn, and as soon as SQLite's lock is free.

SQLite's own waiting sleeps longer each time, up to 100 ms: beside a scheduler that is busy and leaves a millisecond
free between its writes, one in a hundred transactions waited for more than a second.
"""

from __future__ import annotations

from time import monotonic, sleep

from django.db.backends.sqlite3 import base

from engine.database.sqlite_backend.write_queue import LOOK_SECONDS, turn_at


class DatabaseWrapper(base.DatabaseWrapper):
    """Only the wait for the lock is another: `timeout` of the options says how long, in seconds."""

    def _start_transaction_under_autocommit(self) -> None:
        seconds: float = self.settings_dict["OPTIONS"].get("timeout", 5)
        deadline = monotonic() + seconds
        begin = f"BEGIN {self.transaction_mode or ''}"  # type: ignore[attr-defined] # the stubs leave it out
        with turn_at(str(self.settings_dict["NAME"])).taken(seconds):
            self.connection.execute("PRAGMA busy_timeout = 0")
            try:
                while True:
                    try:
                        # By no cursor of Django's: its errors keep that alive until garbage is collected, by any
                        # thread, and a cursor that goes while another thread closes its connection may never return.
                        self.connection.execute(begin)
                        return
                    except self.Database.OperationalError as error:
                        if "locked" not in str(error) or monotonic() >= deadline:
                            with self.wrap_database_errors:
                                raise
                    sleep(LOOK_SECONDS)
            finally:
                self.connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
