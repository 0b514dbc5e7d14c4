"""The lock that makes one scheduler of an installation the leader.

On SQLite it is an flock on a file of the home folder, on PostgreSQL an advisory lock on the connection that writes
ticks. Either can be lost unnoticed. So every takeover raises the epoch, and every tick checks it.
"""

import fcntl
import os
import socket
from typing import IO

from django.db import connection, transaction
from django.db.models.functions import Now

from engine.config import Config
from engine.models import Leader

SILENT_SECONDS = 4
"""After this time PostgreSQL ends the connection of a silent leader, so that another one dispatches within five
seconds. Nothing else would end the connection of a stopped process or proxy, whose kernel still acknowledges what it is
sent. A live leader reads leases four times a second."""
SILENT_AT_START_SECONDS = 60
"""The same while the leader reads unfinished runs, because it computes between its queries."""
ADVISORY_KEY = 0x696E_7465_726C_6F63
"""The number of the advisory lock: "interloc"."""


class LeaderLock:
    """The lock of one scheduler. All calls come from its thread."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.file: IO[str] | None = None

    def acquire(self) -> bool:
        """Try to get the lock; never waits. Return whether this process has it. The database must be open."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_KEY])
                row = cursor.fetchone()
            return bool(row and row[0])
        if self.file is not None:
            return True
        self.config.run_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # `open` sets close-on-exec: a child that inherited the lock would keep the next scheduler from leading.
        file = open(self.config.run_folder / "scheduler.lock", "a+")  # noqa: SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        self.file = file
        return True

    def limit_silence(self, seconds: int) -> None:
        """On PostgreSQL, have the server end the connection, and with it the lock, after this much silence. On SQLite
        do nothing: a file lock ends only with its process."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SET idle_session_timeout = '{seconds}s'; SET idle_in_transaction_session_timeout = '{seconds}s'"
                )

    def lost_to_another(self, epoch: int) -> bool:
        """Return whether another process has taken over since `epoch`. A higher epoch alone does not show that: this
        process may have raised it in a commit whose answer was lost."""
        host, pid = self._identity()
        return Leader.objects.filter(pk=1).exclude(epoch=epoch).exclude(host=host, pid=pid).exists()

    def take_over(self) -> int:
        """Raise the epoch and return it: whoever led before can no longer write."""
        with transaction.atomic():
            Leader.objects.get_or_create(pk=1)
            leader = Leader.objects.select_for_update().get(pk=1)
            leader.epoch += 1
            (leader.host, leader.pid), leader.beat_at = self._identity(), Now()
            leader.save()
        return leader.epoch

    @staticmethod
    def _identity() -> tuple[str, int]:
        return socket.gethostname()[:200], os.getpid()

    def release(self) -> None:
        """Let another scheduler lead."""
        if self.file is not None:
            self.file.close()
            self.file = None
