"""A full disk or an unreachable database, as API and pages report it. Uses no database."""

import errno
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SQLITE_IO = "SQLITE_IOERR"
"""SQLite reports only ENOSPC as full; a write refused by a quota or file size limit is an I/O error."""
_POSTGRES_DISK_FULL = "53100"


@dataclass(frozen=True)
class Outage:
    status: int
    code: str
    message: str
    retry_after_seconds: int


def outage(error: BaseException | None) -> Outage | None:
    """Return how to report `error`; None if it is no outage. The transaction was rolled back."""
    if isinstance(error, OSError) and error.errno in FULL:
        return _full()
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    name = str(getattr(cause, "sqlite_errorname", ""))
    if name == "SQLITE_ERROR":
        # An invalid statement is a bug of the program, not an outage.
        return None
    if name == "SQLITE_FULL":
        return _full()
    if state == _POSTGRES_DISK_FULL:
        # Say whose disk is full.
        return _full("PostgreSQL: ")
    if name.startswith(_SQLITE_IO):
        message = _(
            "The server's disk refuses to store more. Nothing was saved. Work continues once it accepts writes again."
        )
        return Outage(507, "storage_full", message, 5)
    return Outage(503, "database_unavailable", _("The database is not reachable. Try again in a moment."), 2)


def _full(where: str = "") -> Outage:
    message = where + _("The server's disk is full. Nothing was saved. Work continues once there is free space.")
    return Outage(507, "storage_full", message, 5)
