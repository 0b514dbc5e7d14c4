"""The root logger of a node process. This module is imported only when an attempt imports `logging`."""

from __future__ import annotations

import logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class RecordHandler(logging.Handler):
    """Passes each record on as (level, message)."""

    def __init__(self, send: Callable[[str, str], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._send(_level(record.levelno), self.format(record))
        except Exception:
            self.handleError(record)


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


class RootLogger:
    """Gives each attempt the root logger in the same state."""

    def __init__(self, send: Callable[[str, str], None]) -> None:
        self._handler = RecordHandler(send)
        self._loggers_before = set(logging.root.manager.loggerDict)
        self.restore()

    def restore(self) -> None:
        """Undo what an attempt has configured. Loggers that libraries refer to remain, without the author's
        handlers."""
        root = logging.root
        root.handlers[:] = [self._handler]
        root.filters.clear()
        root.disabled = False
        root.setLevel(logging.INFO)
        logging.disable(logging.NOTSET)
        loggers: dict[str, Any] = root.manager.loggerDict
        if len(loggers) == len(self._loggers_before):
            return
        for name in loggers.keys() - self._loggers_before:
            logger = loggers[name]
            if isinstance(logger, logging.Logger):
                logger.handlers[:] = [one for one in logger.handlers if isinstance(one, logging.NullHandler)]
                logger.filters.clear()
                logger.setLevel(logging.NOTSET)
                logger.propagate, logger.disabled = True, False
