"""Settings of every PostgreSQL connection, so that no lock outlives the process that took it."""

import re
import select
import time
from typing import Any, Final

SESSION_SETTINGS: Final = {
    # The server releases the locks of a host that disappears, that of leadership among them, after three seconds of
    # silence, so that a standby dispatches within five. By default they would stay for two hours.
    "tcp_keepalives_idle": "2s",
    "tcp_keepalives_interval": "1s",
    "tcp_keepalives_count": "1",
    "tcp_user_timeout": "3s",
    # Releases the locks of a process that was stopped within a transaction. No running one pauses for so long.
    "idle_in_transaction_session_timeout": "60s",
}

KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 4000,
}
"""When a client gives up a connection on which nothing is acknowledged. By then the server has closed it too, so a
leader that waited longer could not lead again when the network is back."""

ANSWER_SECONDS_MAX: Final = 15.0
"""How long a web process waits for the answer to a statement."""
CANCEL_SECONDS: Final = 1.0
"""How long the server may then take to cancel the statement."""
CONNECT_SECONDS_MAX: Final = 5.0
"""How long any process waits for a new connection."""

LOCK_SECONDS: Final = 5
"""How long a migration waits to lock a table. Meanwhile every later statement on the table, reads too, waits behind
it."""

ADVICE: Final = {
    "authentication failed": "Correct the user and the password in DATABASE_URL.",
    "no password supplied": "Add the password to DATABASE_URL.",
    "does not exist": "Correct DATABASE_URL, or create the database or user (createdb, createuser).",
    "too many": "The server accepts no more connections: raise max_connections, or close others.",
    "connection slots": "The server accepts no more connections: raise max_connections, or close others.",
    "starting up": "Try again in a moment.",
    "": "Check DATABASE_URL, and that the server is running.",
}
"""Words of the server's answer -> what to do. The first match counts; the last entry matches every answer."""
EXPANDING_NAME: Final = re.compile(r"\d+_expand_")
"""The beginning of the name of a migration that does not disturb the previous release: its processes go on and may
still start (see docs/several-hosts.md). tests/unit/test_migrations.py checks what such a migration does."""


def advice(error: Exception) -> str:
    """Return what to do about a server that refuses a connection."""
    return next(what for words, what in ADVICE.items() if words in str(error))


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, without its full stop."""
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


def startup_options() -> str:
    """Return SESSION_SETTINGS as the parameter `options` of a new connection."""
    return " ".join(f"-c {name}={value}" for name, value in SESSION_SETTINGS.items())


def set_lock_timeout(connection: Any, seconds: int) -> None:
    """Let statements wait this long for a lock; 0: for ever."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{seconds}s"])


def on_connection(sender: type[Any], connection: Any, **_: Any) -> None:
    """Apply SESSION_SETTINGS; a receiver of Django's signal `connection_created`."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET {name} = '{value}'" for name, value in (SESSION_SETTINGS | _limits).items()))


_limits: dict[str, str] = {}
"""What `limit_waits` adds to the settings of connections."""


def limit_waits() -> None:
    """From now on, this process waits for no answer longer than ANSWER_SECONDS_MAX.

    A statement that takes longer, or waits for a lock, is cancelled by the server. A server that does not even do that,
    because it hangs, is given up a little later: its connection is closed. Both raise OperationalError.
    """
    import psycopg2.extensions

    _limits["statement_timeout"] = f"{round(ANSWER_SECONDS_MAX * 1000)}ms"
    psycopg2.extensions.set_wait_callback(_wait_for_answer)


def _wait_for_answer(connection: Any) -> None:
    """Wait until the server has answered. psycopg2 closes the connection if this raises an error."""
    import psycopg2
    from psycopg2.extensions import POLL_OK, POLL_READ, STATUS_SETUP

    # The parameter `connect_timeout` counts only where the driver waits itself.
    seconds = CONNECT_SECONDS_MAX if connection.status == STATUS_SETUP else ANSWER_SECONDS_MAX + CANCEL_SECONDS
    deadline = time.monotonic() + seconds
    while (state := connection.poll()) != POLL_OK:
        ready = select.poll()
        ready.register(connection.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
        if not ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise psycopg2.OperationalError(f"PostgreSQL has not answered for {seconds:.0f} s.")
