"""What every connection asks of a PostgreSQL server, so that nothing is held for those who are gone."""

from __future__ import annotations

from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

ASKED: Final = {
    # A host that is gone without a word: else its locks, also that of leadership, stay for two hours.
    "tcp_keepalives_idle": "5s",
    "tcp_keepalives_interval": "2s",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
    # A process that was stopped in the middle of a transaction: none of ours pauses so long.
    "idle_in_transaction_session_timeout": "60s",
}


def on_connection(sender: type[BaseDatabaseWrapper], connection: BaseDatabaseWrapper, **_: Any) -> None:
    """For Django's signal `connection_created`: one more question for a connection that lasts."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET {name} = '{value}'" for name, value in ASKED.items()))
