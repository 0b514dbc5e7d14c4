"""A full disk, or a database that does not answer, as API and pages tell of it. Asks the database for nothing."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SQLITE_IO = "SQLITE_IOERR"
"""SQLite calls only ENOSPC full; a write that a quota or a limit of size refuses is an I/O error to it."""
_POSTGRES_DISK_FULL = "53100"


@dataclass(frozen=True)
class Outage:
    status: int
    code: str
    said: str
    retry_after_seconds: int


def outage(error: BaseException | None) -> Outage | None:
    """What `error` means for who asked; None: it is something else. Its transaction was rolled back."""
    if isinstance(error, OSError) and error.errno in FULL:
        return _full()
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    name = str(getattr(cause, "sqlite_errorname", ""))
    if name == "SQLITE_ERROR":
        # A statement that is wrong: a fault of the program, not the database's.
        return None
    if name == "SQLITE_FULL":
        return _full()
    if state == _POSTGRES_DISK_FULL:
        # Which server's disk.
        return _full("PostgreSQL: ")
    if name.startswith(_SQLITE_IO):
        said = _("The server's disk takes nothing more: nothing was stored. It goes on as soon as the disk does.")
        return Outage(507, "storage_full", said, 5)
    return Outage(503, "database_unavailable", _("The database does not answer. Try again in a moment."), 2)


def _full(where: str = "") -> Outage:
    said = where + _("The server's disk is full: nothing was stored. It goes on as soon as there is room again.")
    return Outage(507, "storage_full", said, 5)
