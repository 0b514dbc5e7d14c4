"""What every connection asks of a PostgreSQL server, so that nothing is held for those who are gone."""

from __future__ import annotations

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


LOCK_SECONDS: Final = 5
"""How long a migration waits for a table: whoever comes after it waits behind it, also to read."""


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
