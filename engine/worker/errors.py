"""Errors that can end an attempt, and the description of any exception for people.

BaseException
├── SoftTimeout          the soft limit has passed; no Exception, so that `except Exception` does not catch it
└── Exception
    └── NodeError        all others here; people see the name of the class, and `retry_on` contains it
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
BASES_MAX = 30
"""Classes of one error that are named."""


class SoftTimeout(BaseException):
    """The soft limit has passed: save what is worth saving, then return or raise soon."""


class NodeError(Exception):
    """An error that the engine raises in an attempt. `line` is the line in the node's code or SQL, if there is one."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class BadOutput(NodeError):
    """The output of the node can be stored neither as JSON nor as a table."""


class BadInput(NodeError):
    """The inputs are not what the node type works on."""


class BadConfig(NodeError):
    """The config proved unusable when the node ran."""


class BadData(NodeError):
    """The content of a file does not match its format."""


class ExitCode(NodeError):
    """A command ended with an exit code other than 0, or by a signal."""


class SqlError(NodeError):
    """DuckDB refused a query, or there was more than one."""


class NoSuchFile(NodeError):
    """There is no file at a path, or it may not be read."""


class PathRefused(NodeError):
    """A path leads out of the folders that nodes may use."""


class TableExists(NodeError):
    """The file to write exists, and the node may not replace it."""


class MissingPackage(NodeError):
    """A package that a value or format needs is not installed in the node's Python."""


class NotAvailableYet(NodeError):
    """A feature of the contract that this release does not have yet."""


def describe(error: BaseException, filename: str | None = None) -> dict[str, Any]:
    """Return `error` as {class, bases, message, line, traceback}; `filename` is that of the node's own code.

    `bases`: its class and all that it derives from, with their modules. `line` is the innermost line of that file in
    the traceback, or the place of a syntax error in it. The traceback is text without the engine's frames; None if
    nothing is left. Never raises.
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
        "bases": _bases(type(error)),
        "message": shorten(message, MESSAGE_CHARS_MAX),
        "line": line if isinstance(line, int) else None,
        "traceback": text,
    }


def _bases(kind: type[BaseException]) -> list[str]:
    """Return the names that `retry_on` may give for errors of this class."""
    return [
        base.__qualname__ if base.__module__ == "builtins" else f"{base.__module__}.{base.__qualname__}"
        for base in kind.__mro__[:BASES_MAX]
        if base is not object
    ]


def _is_node_error(error: BaseException) -> bool:
    """Return whether the engine raised the error on purpose. ExpressionError is no NodeError, because it is used
    outside of node processes too."""
    return isinstance(error, NodeError) or type(error).__module__.startswith("engine.expressions.")


def shorten(text: str, chars: int) -> str:
    """Return `text` without its middle if it has more than `chars` characters."""
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
        # The text of a KeyError is only the repr of the key.
        return f"{error.args[0]!r} is not there" if not isinstance(error.args[0], KeyMissing) else str(error.args[0])
    return str(error) or type(error).__name__


class KeyMissing(str):
    """The argument of a KeyError that is a complete sentence."""

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

    described = traceback.TracebackException.from_exception(error)
    if not _remove_our_frames(described) and not isinstance(error, SyntaxError):
        if isinstance(error, SoftTimeout) or _is_node_error(error):
            return None
        # A bug of the engine: only its frames show where.
        described = traceback.TracebackException.from_exception(error)
    return shorten("".join(described.format()), TRACEBACK_CHARS_MAX)


def _remove_our_frames(described: traceback.TracebackException) -> bool:
    """Remove the engine's frames from an error and its causes; return whether any frame is left."""
    is_any_left = False
    seen: set[int] = set()
    rest: list[Any] = [described]
    while rest:
        one = rest.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if one.stack is not None:
            one.stack[:] = [frame for frame in one.stack if not is_ours(frame.filename)]
            is_any_left = is_any_left or bool(one.stack)
        rest += [one.__cause__, *(getattr(one, "exceptions", None) or ())]
        if not one.__suppress_context__:
            rest.append(one.__context__)
    return is_any_left


def is_ours(filename: str) -> bool:
    """Return whether frames of the file are the engine's or the import system's."""
    return filename.startswith(ENGINE_FOLDER) or filename.startswith("<frozen importlib")


def not_available_yet(what: str) -> NotAvailableYet:
    return NotAvailableYet(f"{what} is not available yet (not_available_yet).")


def python_name() -> str:
    """Return the interpreter of this process with its version."""
    return f"{sys.executable} ({sys.version.split()[0]})"
