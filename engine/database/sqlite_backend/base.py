"""Begins transactions in order, and as soon as SQLite's lock is free.

SQLite's own wait sleeps longer each time, up to 100 ms. Beside a busy scheduler, which leaves a millisecond between its
writes, one in a hundred transactions waited for more than a second.
"""

from time import monotonic, sleep

from django.db.backends.sqlite3 import base

from engine.database.sqlite_backend.write_queue import POLL_SECONDS, write_queue_of


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's wrapper with another wait for the lock, which takes at most the option `timeout` in seconds."""

    def _start_transaction_under_autocommit(self) -> None:
        seconds: float = self.settings_dict["OPTIONS"].get("timeout", 5)
        deadline = monotonic() + seconds
        begin = f"BEGIN {self.transaction_mode or ''}"  # type: ignore[attr-defined] # the stubs leave it out
        with write_queue_of(str(self.settings_dict["NAME"])).turn(seconds):
            self.connection.execute("PRAGMA busy_timeout = 0")
            try:
                while True:
                    try:
                        # Not with a cursor of Django's: an error keeps it alive until any thread collects garbage, and
                        # deleting a cursor while another thread closes its connection may never return.
                        self.connection.execute(begin)
                        return
                    except self.Database.OperationalError as error:
                        if "locked" not in str(error) or monotonic() >= deadline:
                            with self.wrap_database_errors:
                                raise
                    sleep(POLL_SECONDS)
            finally:
                self.connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
