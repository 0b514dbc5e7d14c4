"""Records of `logging`, sent to the supervisor; imported when an attempt imports `logging`."""

from __future__ import annotations

import logging
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.streams import Logging


class Records(logging.Handler):
    """Sends records of the running attempt to the supervisor."""

    def __init__(self, to: Logging) -> None:
        super().__init__()
        self.to = to
        self.pid = os.getpid()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = self.format(record)
            if os.getpid() != self.pid:
                print(message, file=sys.stderr, flush=True)
            elif self.to.claim is not None:
                self.to.frames.log(self.to.claim, _level(record.levelno), message)
        except Exception:
            self.handleError(record)


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


class Root:
    """The root logger of a node process."""

    def __init__(self, to: Logging) -> None:
        self.records = Records(to)
        self.known = set(logging.root.manager.loggerDict)
        self.restore()

    def restore(self) -> None:
        """Undo what an attempt has set up; loggers that libraries keep stay, without the author's handlers."""
        root = logging.root
        root.handlers[:] = [self.records]
        root.filters.clear()
        root.disabled = False
        root.setLevel(logging.INFO)
        logging.disable(logging.NOTSET)
        loggers: dict[str, Any] = root.manager.loggerDict
        if len(loggers) == len(self.known):
            return
        for name in loggers.keys() - self.known:
            logger = loggers[name]
            if isinstance(logger, logging.Logger):
                logger.handlers[:] = [one for one in logger.handlers if isinstance(one, logging.NullHandler)]
                logger.filters.clear()
                logger.setLevel(logging.NOTSET)
                logger.propagate, logger.disabled = True, False
