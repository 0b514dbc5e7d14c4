"""Leadership: one active scheduler for an installation.

On SQLite the lock is an flock on a file of the home folder; on PostgreSQL an advisory lock on the connection that
writes ticks. Either may be lost silently, so every tick also checks the epoch that taking over has raised.
"""

from __future__ import annotations

import fcntl
import os
import socket
from typing import IO

from django.db import connection, transaction
from django.db.models.functions import Now

from engine.config import Config
from engine.models import Leader

SILENT_SECONDS = 4
"""After which PostgreSQL ends the connection of a leader that says nothing (it looks at leases four times a second),
so that another one dispatches within five: a process that is stopped, or a proxy that is, acknowledges all it gets."""
SILENT_AT_START_SECONDS = 60
"""The same while it reads what there is, which it also computes with."""
ADVISORY_KEY = 0x696E_7465_726C_6F63
"""The advisory lock's number: "interloc"."""


class Leadership:
    """The lock of one scheduler. All calls come from its thread."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.file: IO[str] | None = None

    def acquire(self) -> bool:
        """Try to become the only scheduler; never waits. The database must be open."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_KEY])
                row = cursor.fetchone()
            return bool(row and row[0])
        if self.file is not None:
            return True
        self.config.run_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Opened for this alone, close-on-exec: a child that held it would keep the next scheduler out.
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

    def speak_within(self, seconds: int) -> None:
        """Let the lock go, with the connection, when nothing comes over it for so long. Where the lock is a file it
        ends with its process alone."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SET idle_session_timeout = '{seconds}s'; SET idle_in_transaction_session_timeout = '{seconds}s'"
                )

    def lost_to_another(self, epoch: int) -> bool:
        """Whether somebody else has taken over since `epoch`. We may have ourselves, by a commit whose answer never
        came."""
        host, pid = self._us()
        return Leader.objects.filter(pk=1).exclude(epoch=epoch).exclude(host=host, pid=pid).exists()

    def take_over(self) -> int:
        """Raise the epoch: whoever led before cannot write any more. The new epoch."""
        with transaction.atomic():
            Leader.objects.get_or_create(pk=1)
            leader = Leader.objects.select_for_update().get(pk=1)
            leader.epoch += 1
            (leader.host, leader.pid), leader.beat_at = self._us(), Now()
            leader.save()
        return leader.epoch

    @staticmethod
    def _us() -> tuple[str, int]:
        return socket.gethostname()[:200], os.getpid()

    def release(self) -> None:
        """Let the next one lead."""
        if self.file is not None:
            self.file.close()
            self.file = None
