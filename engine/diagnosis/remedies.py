"""What to do about each class of error: one sentence a colleague would say. Pure."""

import re
from collections.abc import Iterable, Mapping

from engine.diagnosis.wording import cut
from engine.sentences import Sentence, gettext_noop

_CLASSES: Mapping[str, str] = {
    "SoftTimeout": gettext_noop("Give it more time, or split the work across several nodes"),
    "HardTimeout": gettext_noop("Give it more time, and check why it did not stop at its soft limit"),
    "MemoryLimit": gettext_noop("Give it more memory (memory_mb), or process the data in parts"),
    "WorkerLost": gettext_noop(
        "Its process was killed, by its own code or from outside: retry it, and find the cause if it happens again"
    ),
    "BadOutput": gettext_noop("Return a JSON value, a DuckDB relation, an Arrow table or a DataFrame from main"),
    "BadInput": gettext_noop("Check what the upstream node returns, and the edge's target port"),
    "BadConfig": gettext_noop("Change the config of the node in a draft and publish it"),
    "BadData": gettext_noop(
        "Check the file: it is truncated, damaged or of another format. Choose the right format, or replace it"
    ),
    "NoSuchFile": gettext_noop("Upload the file or correct the path, then retry"),
    "PathRefused": gettext_noop("Use a path under the files folder, or add its folder to INTERLOCK_DATA_ROOTS"),
    "TableExists": gettext_noop('Remove the file, or set "When the file exists" to replace or skip'),
    "MissingPackage": gettext_noop(
        "Install the package for the Python that runs nodes (INTERLOCK_NODE_PYTHON), then retry"
    ),
    "ProcessLimit": gettext_noop("Start fewer processes and threads at the same time"),
    "ExpressionError": gettext_noop(
        "Correct the expression between {{ and }}; it reads inputs, nodes.<id>.output and run"
    ),
    "SqlError": gettext_noop("Correct the SQL in a draft; the message shows where DuckDB stopped"),
    "ArtifactStoreError": gettext_noop(
        "Ask your administrator to repair the object store (`doctor` shows the problem), then retry, or set `retries`"
    ),
    "ArtifactGone": gettext_noop("Retry the node that wrote it, or restore the object from a backup"),
    "WrongContent": gettext_noop("Restore the object from a backup, or retry the node that wrote it"),
    "NotAvailableYet": gettext_noop("This release does not support that yet: change the config of the node"),
    "ExitCode": gettext_noop("Check the last output of the command, which decides when it fails"),
    "ModuleNotFoundError": gettext_noop(
        "Install {name} for the Python that runs nodes (INTERLOCK_NODE_PYTHON), then retry"
    ),
    "ImportError": gettext_noop(
        "Check the version of the package in the Python that runs nodes (INTERLOCK_NODE_PYTHON)"
    ),
    "KeyError": gettext_noop("Check which keys exist: inputs[...] has the names of the edges' target ports"),
    "IndexError": gettext_noop("The list is shorter than the code expects: handle short and empty lists"),
    "ConnectionRefusedError": gettext_noop(
        "Nothing listens at that address: start the service or correct the address, then retry"
    ),
    "ConnectionResetError": gettext_noop(
        "The other side closed the connection: retry, and set `retries` if it happens repeatedly"
    ),
    "ConnectionError": gettext_noop("The connection failed: check the address and the network, then retry"),
    "BrokenPipeError": gettext_noop(
        "The other side closed the connection: retry, and set `retries` if it happens repeatedly"
    ),
    "TimeoutError": gettext_noop("The other side did not respond in time: check it, then retry"),
    "gaierror": gettext_noop("The host name cannot be resolved: correct it, or check the network, then retry"),
    "SSLError": gettext_noop("The TLS connection failed: check the certificate and the clock of this machine"),
    "MemoryError": gettext_noop("Process the data in parts, or use a table node: DuckDB spills to disk"),
    "RecursionError": gettext_noop("The recursion is too deep: use a loop, or check when it stops"),
    "FileNotFoundError": gettext_noop("Check the path: relative ones start in the node's own, empty folder"),
    "PermissionError": gettext_noop("Give the user that runs nodes access, or use another path"),
    "IsADirectoryError": gettext_noop("The path is a folder: use the path of a file"),
    "SyntaxError": gettext_noop("Correct the code in a draft; Python cannot read this line"),
    "IndentationError": gettext_noop("Correct the indentation in a draft; Python cannot read this line"),
    "NameError": gettext_noop("The name is not defined: check its spelling, or import it"),
    "UnboundLocalError": gettext_noop("The variable has no value yet: assign it first"),
    "AttributeError": gettext_noop("The value has another type than the code expects: check the inputs"),
    "TypeError": gettext_noop("A value has another type than the code expects: check the inputs"),
    "ValueError": gettext_noop("A value is not what the code expects: check the inputs, and handle the case"),
    "UnicodeDecodeError": gettext_noop("The file has another encoding: pass it to open()"),
    "JSONDecodeError": gettext_noop("The text is not valid JSON: check what was received"),
    "EOFError": gettext_noop("Nobody can answer input(): read the value from the node's inputs"),
    "ZeroDivisionError": gettext_noop("Handle the case in which the divisor is 0"),
    "AssertionError": gettext_noop("An assertion in the code failed: check the inputs"),
    "SystemExit": gettext_noop("Return a value to end, or raise an error to fail"),
    "KeyboardInterrupt": gettext_noop("Something sent SIGINT to its process; retry it"),
    "NotImplementedError": gettext_noop("The code does not implement this case yet"),
}
_CODES = {
    126: gettext_noop("Make the file executable (chmod +x), and check its first line"),
    127: gettext_noop("Install the program, or use its full path: nodes search PATH only"),
    130: gettext_noop("Something sent SIGINT to the command; retry it"),
    134: gettext_noop("The program aborted itself: check its last output"),
    137: gettext_noop(
        "Something killed it with SIGKILL, often the kernel when memory is short: use less, or give it more"
    ),
    139: gettext_noop("The program crashed (SIGSEGV): update it, or find the input that causes it"),
    143: gettext_noop("Something ended it with SIGTERM; retry it if that was not intended"),
}
_SIGNALS = {"SIGINT": 130, "SIGABRT": 134, "SIGKILL": 137, "SIGSEGV": 139, "SIGTERM": 143}
_OUT_OF_MEMORY = gettext_noop(
    "The machine ran out of memory: set memory_mb, process the data in parts, or run fewer nodes at the same time"
)
_ENDED_ITSELF = gettext_noop("The code ended its own process: return a value instead of calling os._exit")
_CRASHED = gettext_noop("The process crashed, usually in a C extension: update it, or find the input that causes it")
_SQL_COLUMN = gettext_noop("There is no such column: compare the name with the schema of the input")
_SQL_TABLE = gettext_noop(
    "There is no such table: tables have the names of the target ports of the edges into this node"
)
_SQL_CONVERSION = gettext_noop("A value does not match the type: use try_cast, or clean it upstream")
_SQL_SYNTAX = gettext_noop("DuckDB cannot parse the SQL: correct the line in a draft")
_SQL_MEMORY = gettext_noop(
    "The query needs more memory than the node's share: aggregate earlier, or run fewer nodes at the same time"
)
_NO_SPACE = gettext_noop("The disk is full: free some space (`.venv/bin/interlock prune`), then retry")
_OTHER = gettext_noop("Check the line and its inputs; retry if the cause was external")

_EXIT = re.compile(r"exit code (\d+)")
_ENDED_BY = re.compile(r"ended by (SIG[A-Z0-9]+)")
_MODULE = re.compile(r"No module named '([^']+)'")


def remedy(error: Mapping[str, object] | None) -> Sentence:
    """Return what helps against `error` ({class, message, ...})."""
    kind, message = class_of(error), str((error or {}).get("message") or "")
    if kind == "ExitCode" and (template := _CODES.get(exit_code(message) or 0)):
        return Sentence(template)
    if kind == "WorkerLost":
        return Sentence(_worker_lost(message))
    if kind == "SqlError":
        return Sentence(_sql(message))
    if kind == "OSError" and "No space left" in message:
        return Sentence(_NO_SPACE)
    if kind == "ModuleNotFoundError":
        found = _MODULE.search(message)
        name = found.group(1).partition(".")[0] if found else ""
        return Sentence(_CLASSES[kind], {"name": cut(name)}) if name else Sentence(_CLASSES["MissingPackage"])
    return Sentence(_CLASSES.get(kind, _OTHER))


_FROM_OUTSIDE = frozenset(
    (
        *("WorkerLost", "MemoryLimit", "ArtifactStoreError", "ArtifactGone", "WrongContent", "MissingPackage"),
        *("SoftTimeout", "HardTimeout", "ModuleNotFoundError", "KeyboardInterrupt"),
        *("BrokenPipeError", "gaierror", "SSLError", "OperationalError", "ServiceUnavailable", "TooManyRequests"),
    )
)
_FROM_OUTSIDE_ENDINGS = ("Timeout", "TimeoutError", "ConnectionError", "ConnectionRefusedError", "ConnectionResetError",
                         "ConnectionAbortedError")  # fmt: skip
_SIGNALLED = frozenset((130, 137, 143))
"""Exit codes of commands that something else ended."""


def retry_can_help(error: Mapping[str, object] | None, bases: Iterable[str] = ()) -> bool:
    """Return whether a retry of the same code may succeed, because the cause was outside of it. Otherwise the node must
    be edited first. `bases`: the names of the error's base classes."""
    kind, message = class_of(error), str((error or {}).get("message") or "")
    if not kind:
        return True
    if kind == "ExitCode":
        return exit_code(message) in _SIGNALLED
    if kind == "WorkerLost":
        return _worker_lost(message) != _ENDED_ITSELF
    if kind == "SqlError":
        return _sql(message) == _SQL_MEMORY
    if kind == "OSError" and "No space left" in message:
        return True
    names = (kind, *(name.rpartition(".")[2] for name in bases))
    return any(name in _FROM_OUTSIDE or name.endswith(_FROM_OUTSIDE_ENDINGS) for name in names)


def class_of(error: Mapping[str, object] | None) -> str:
    """Return the error's class without its module."""
    return str((error or {}).get("class") or "").rpartition(".")[2]


def code_of(error: Mapping[str, object] | None) -> str:
    """Return the code of the suggestion, such as `failed_key_error`; `failed_error` for an unknown class."""
    kind = class_of(error)
    if kind not in _CLASSES:
        return "failed_error"
    return "failed_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()


def exit_code(message: str) -> int | None:
    """Return the exit code in the message of an ExitCode; that of a signal as in a shell."""
    if found := _EXIT.search(message):
        return int(found.group(1))
    found = _ENDED_BY.search(message)
    return _SIGNALS.get(found.group(1)) if found else None


def _worker_lost(message: str) -> str:
    if "out of memory" in message:
        return _OUT_OF_MEMORY
    if "exit code" in message:
        return _ENDED_ITSELF
    if any(name in message for name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE")):
        return _CRASHED
    return _CLASSES["WorkerLost"]


def _sql(message: str) -> str:
    if "Out of Memory" in message:
        return _SQL_MEMORY
    if "column" in message and ("not found" in message or "does not exist" in message):
        return _SQL_COLUMN
    if "Table with name" in message or "Tables here are the inputs" in message:
        return _SQL_TABLE
    if "Conversion Error" in message:
        return _SQL_CONVERSION
    if "Parser Error" in message or "syntax error" in message:
        return _SQL_SYNTAX
    return _CLASSES["SqlError"]
