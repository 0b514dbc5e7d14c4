"""What every connection asks of a PostgreSQL server, so that nothing is held for those who are gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

ASKED: Final = {
    # A host that is gone without a word: else its locks, also that of leadership, stay for two hours. After three
    # seconds without a sign of it they are free, so that a standby dispatches within five.
    "tcp_keepalives_idle": "2s",
    "tcp_keepalives_interval": "1s",
    "tcp_keepalives_count": "1",
    "tcp_user_timeout": "3s",
    # A process that was stopped in the middle of a transaction: none of ours pauses so long.
    "idle_in_transaction_session_timeout": "60s",
}

KEPT: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 4000,
}
"""How soon we find that nobody acknowledges what we send: by then the server has let go of our connection, and a leader
that waited on is one that does not lead again when the network is back."""

LOCK_SECONDS: Final = 5
"""How long a migration waits for a table: whoever comes after it waits behind it, also to read."""


ADVICE: Final = {
    "authentication failed": "Correct the user and the password in DATABASE_URL.",
    "no password supplied": "Write the password into DATABASE_URL.",
    "does not exist": "Correct DATABASE_URL, or create what it names (createdb, createuser).",
    "too many": "The server takes no more connections: raise its max_connections, or end others.",
    "connection slots": "The server takes no more connections: raise its max_connections, or end others.",
    "starting up": "Try again in a moment.",
    "": "Check DATABASE_URL, and that the server runs.",
}
"""What to do, by words of the server's answer; the last fits all."""
EXPANDS: Final = re.compile(r"\d+_expand_")
"""Begins the name of a migration beside which processes that do not know it go on, and start: see
docs/several-hosts.md. What it may do is checked by tests/unit/test_migrations.py."""


def advice(error: Exception) -> str:
    """What to do about a server that does not let us in."""
    return next(what for words, what in ADVICE.items() if words in str(error))


def first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


def at_start() -> str:
    """The same as the parameter `options` of a new connection."""
    return " ".join(f"-c {name}={value}" for name, value in ASKED.items())


def bound_locks(connection: BaseDatabaseWrapper, seconds: int) -> None:
    """Let statements wait so long for a lock; 0: without end."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{seconds}s"])


def on_connection(sender: type[BaseDatabaseWrapper], connection: BaseDatabaseWrapper, **_: Any) -> None:
    """For Django's signal `connection_created`: one more question for a connection that lasts."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET {name} = '{value}'" for name, value in ASKED.items()))
