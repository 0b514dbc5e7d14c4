"""Keeps the server's log short and free of secrets, whoever sends the requests."""

import logging
import re
import threading
import time
from typing import Final

BAD_HOST_SECONDS: Final = 60.0
"""Requests for a wrong host within this time share one line."""
_NAME = re.compile(r"Invalid HTTP_HOST header: (.{0,100})", re.DOTALL)
_LINK = re.compile(r"(/sign-in/link/)[^/\s'\"]+")


class Line(logging.Formatter):
    """One line of the log, without the secret part of login links, which the paths of requests may have."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return _LINK.sub(r"\1...", super().format(record))


class BadHosts(logging.Filter):
    """Requests with a wrong `Host`: one line without a traceback, and one a minute. Anybody can send them."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._next = 0.0
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        with self._lock:
            if now < self._next:
                self._left_out += 1
                return False
            self._next = now + BAD_HOST_SECONDS
            left_out, self._left_out = self._left_out, 0
        found = _NAME.match(record.getMessage())
        record.msg = "bad_host host=%s before=%d: this host name is not in ALLOWED_HOSTS"
        record.args = (found[1].rstrip(". ") if found else "?", left_out)
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = record.exc_text = None
        return True
