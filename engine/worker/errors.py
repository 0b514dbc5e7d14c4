"""Errors that an attempt can end with, and how any exception is told to people.

BaseException
├── SoftTimeout          the soft limit has passed; not an Exception, so that `except Exception` lets it through
└── Exception
    └── NodeError        the class name is what people read and `retry_on` names
        ├── BadOutput ├── BadData ├── ExitCode ├── SqlError ├── PathRefused ├── TableExists
        └── MissingPackage └── NotAvailableYet
"""

from __future__ import annotations

import sys

from engine.worker import ENGINE_FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    import traceback
    from typing import Any

MESSAGE_CHARS_MAX = 8 * 1024
TRACEBACK_CHARS_MAX = 32 * 1024


class SoftTimeout(BaseException):
    """The soft limit has passed: save what is worth saving and return or raise soon."""


class NodeError(Exception):
    """An error the engine itself raises in an attempt.

    `line` is the line in the node's code or SQL where there is one.
    """

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class BadOutput(NodeError):
    """What the node returned can be stored neither as JSON nor as a table."""


class BadInput(NodeError):
    """What comes in over the node's edges is not what its type works on."""


class BadConfig(NodeError):
    """The node's config asks for what cannot be, as it turned out when it ran."""


class BadData(NodeError):
    """A file that does not hold what its format promises."""


class ExitCode(NodeError):
    """A command ended with a code other than 0, or by a signal."""


class SqlError(NodeError):
    """A query that DuckDB refused, or that is more than one query."""


class NoSuchFile(NodeError):
    """There is no file to read under this path, or it may not be read."""


class PathRefused(NodeError):
    """A path that leads out of the folders that nodes may use."""


class TableExists(NodeError):
    """The file to write is there already, and the node is set to leave it."""


class MissingPackage(NodeError):
    """A package that this value or format needs is not installed in the node's Python."""


class NotAvailableYet(NodeError):
    """A part of the contract that this release does not have yet."""


def describe(error: BaseException, filename: str | None = None) -> dict[str, Any]:
    """`error` as {class, message, line, traceback}; `filename` is that of the node's own code.

    `line` is the innermost line of that file which the error passed; for a syntax error in it, where it is. The
    traceback is text without frames of the engine, None where nothing of the author's is in it. Never raises.
    """
    try:
        message = _message(error)
    except BaseException:
        message = f"{type(error).__name__} (its message cannot be read)"
    line = getattr(error, "line", None) if _is_node_error(error) else None
    text: str | None = None
    try:
        if line is None:
            line = _line(error, filename)
        text = _traceback(error)
    except RecursionError:
        pass
    except Exception:
        text = None
    return {
        "class": type(error).__name__,
        "message": shorten(message, MESSAGE_CHARS_MAX),
        "line": line if isinstance(line, int) else None,
        "traceback": text,
    }


def _is_node_error(error: BaseException) -> bool:
    """Return whether the engine raised the error on purpose; ExpressionError is no NodeError, for it is used without
    node processes too."""
    return isinstance(error, NodeError) or type(error).__module__.startswith("engine.expressions.")


def shorten(text: str, chars: int) -> str:
    """`text`, its middle left out when it has more than `chars` characters."""
    if len(text) <= chars:
        return text
    half = chars // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"The code called sys.exit({error.code!r}). Return a value to end, or raise an error to fail."
    if isinstance(error, SyntaxError) and error.msg:
        return str(error.msg)
    if isinstance(error, MemoryError) and not str(error):
        return "Python could not get the memory that it asked for."
    if isinstance(error, KeyError) and len(error.args) == 1:
        # KeyError shows only the repr of the key, which alone tells nobody what is wrong.
        return f"{error.args[0]!r} is not there" if not isinstance(error.args[0], KeyMissing) else str(error.args[0])
    return str(error) or type(error).__name__


class KeyMissing(str):
    """The argument of a KeyError that is a whole sentence already."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _line(error: BaseException, filename: str | None) -> int | None:
    if filename is None:
        return None
    found = None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == filename:
            found = step.tb_lineno
        step = step.tb_next
    if found is None and isinstance(error, SyntaxError) and error.filename == filename:
        found = error.lineno
    return found


def _traceback(error: BaseException) -> str | None:
    import traceback

    told = traceback.TracebackException.from_exception(error)
    if not _trim(told, set()) and not isinstance(error, SyntaxError):
        if isinstance(error, SoftTimeout) or _is_node_error(error):
            return None
        # A fault of ours, not the author's: the one case in which our frames are what is wanted.
        told = traceback.TracebackException.from_exception(error)
    return shorten("".join(told.format()), TRACEBACK_CHARS_MAX)


def _trim(told: traceback.TracebackException, seen: set[int]) -> bool:
    """Drop our frames from `told` and all errors it hangs on; whether any frame is left."""
    left = False
    rest: list[Any] = [told]
    while rest:
        one = rest.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if one.stack is not None:
            one.stack[:] = [frame for frame in one.stack if not is_ours(frame.filename)]
            left = left or bool(one.stack)
        rest += [one.__cause__, *(getattr(one, "exceptions", None) or ())]
        if not one.__suppress_context__:
            rest.append(one.__context__)
    return left


def is_ours(filename: str) -> bool:
    return filename.startswith(ENGINE_FOLDER) or filename.startswith("<frozen importlib")


def refuse(what: str) -> NotAvailableYet:
    return NotAvailableYet(f"{what} is not available yet (not_available_yet).")


def python_name() -> str:
    """The interpreter of this process, as people find it again."""
    return f"{sys.executable} ({sys.version.split()[0]})"
