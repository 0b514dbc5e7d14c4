"""What to do about each class of error: one sentence a colleague would say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.diagnosis.wording import cut
from engine.sentences import Sentence, gettext_noop

_CLASSES: Mapping[str, str] = {
    "SoftTimeout": gettext_noop("Give it more time, or part its work among several nodes"),
    "HardTimeout": gettext_noop(
        "Give it more time; it did not end when the soft limit told it to, so look at what it did then"
    ),
    "MemoryLimit": gettext_noop("Give it more memory (memory_mb), or let it work on the data in parts"),
    "WorkerLost": gettext_noop(
        "Its process was killed, by its own code or from outside; retry it, and look who does that if it happens again"
    ),
    "BadOutput": gettext_noop("Return a JSON value, a DuckDB relation, an Arrow table or a DataFrame from main"),
    "BadInput": gettext_noop("Look at what the upstream node returns and at the edge's target port"),
    "BadConfig": gettext_noop("Change the config of the node in a draft and publish it"),
    "BadData": gettext_noop(
        "Look at the file: it is cut off, damaged or of another format; name the right format, or replace it"
    ),
    "NoSuchFile": gettext_noop("Upload the file or correct the path, then retry"),
    "PathRefused": gettext_noop("Use a path under the files folder, or let INTERLOCK_DATA_ROOTS name its folder"),
    "TableExists": gettext_noop('Remove the file, or set "When the file exists" to replace or skip'),
    "MissingPackage": gettext_noop(
        "Install the package into the Python that runs nodes (INTERLOCK_NODE_PYTHON), then retry"
    ),
    "ProcessLimit": gettext_noop("Let it start fewer processes and threads at once"),
    "ExpressionError": gettext_noop(
        "Correct the expression between {{{{ and }}}}; it reads inputs, nodes.<id>.output and run"
    ),
    "SqlError": gettext_noop("Correct the SQL in a draft; the message says where DuckDB stopped"),
    "ArtifactStoreError": gettext_noop(
        "Whoever runs Interlock must mend the object store (`doctor` says what is wrong); then retry, or set `retries`"
    ),
    "ArtifactGone": gettext_noop("Retry the node that made it, or put the object back from a backup"),
    "WrongContent": gettext_noop("Put the right object back from a backup, or retry the node that made it"),
    "NotAvailableYet": gettext_noop("This release cannot do that yet: change the config of the node"),
    "ExitCode": gettext_noop("Look at what the command wrote last; it decides itself when it fails"),
    "ModuleNotFoundError": gettext_noop(
        "Install {name} into the Python that runs nodes (INTERLOCK_NODE_PYTHON), then retry"
    ),
    "ImportError": gettext_noop(
        "Check the version of the package in the Python that runs nodes (INTERLOCK_NODE_PYTHON)"
    ),
    "KeyError": gettext_noop("Check which keys are there: inputs[...] has the names of the edges' target ports"),
    "IndexError": gettext_noop("The list is shorter than the code expects: handle the short or empty case"),
    "ConnectionRefusedError": gettext_noop(
        "Nothing listens there: start the service or correct the address, then retry"
    ),
    "ConnectionResetError": gettext_noop("The other side hung up: retry, and set `retries` if it happens now and then"),
    "ConnectionError": gettext_noop("The connection failed: check the address and the network, then retry"),
    "BrokenPipeError": gettext_noop("The other side hung up: retry, and set `retries` if it happens now and then"),
    "TimeoutError": gettext_noop("The other side did not answer in time: check that it is well, then retry"),
    "gaierror": gettext_noop("The name of the host cannot be resolved: correct it, or check the network, then retry"),
    "SSLError": gettext_noop("The secure connection failed: check the certificate and the clock of this machine"),
    "MemoryError": gettext_noop("Work on the data in parts, or let a table node do it: DuckDB spills to disk"),
    "RecursionError": gettext_noop("The code calls itself too deeply: use a loop, or check when it stops"),
    "FileNotFoundError": gettext_noop("Check the path: relative ones start in the node's own, empty folder"),
    "PermissionError": gettext_noop("Give the user that runs nodes the right to it, or use another path"),
    "IsADirectoryError": gettext_noop("The path is a folder: name a file"),
    "SyntaxError": gettext_noop("Correct the code in a draft; Python cannot read this line"),
    "IndentationError": gettext_noop("Correct the indentation in a draft; Python cannot read this line"),
    "NameError": gettext_noop("The name is not defined: check its spelling, or import it"),
    "UnboundLocalError": gettext_noop("The name has no value yet on this path: set it before"),
    "AttributeError": gettext_noop("The value is of another type than the code expects: look at what comes in"),
    "TypeError": gettext_noop("A value is of another type than the code expects: look at what comes in"),
    "ValueError": gettext_noop("A value is not what the code expects: look at what comes in, and handle it"),
    "UnicodeDecodeError": gettext_noop("The file has another encoding: name it when opening"),
    "JSONDecodeError": gettext_noop("What was read is no JSON: look at what came instead"),
    "EOFError": gettext_noop("Nobody is there to answer input(): let the node take it from its inputs"),
    "ZeroDivisionError": gettext_noop("Handle the case in which the divisor is 0"),
    "AssertionError": gettext_noop("A check in the code did not hold: look at what comes in"),
    "SystemExit": gettext_noop("Return a value to end, or raise an error to fail"),
    "KeyboardInterrupt": gettext_noop("Something sent SIGINT to its process; retry it"),
    "NotImplementedError": gettext_noop("The code says that this case is not written yet"),
}
_CODES = {
    126: gettext_noop("Make the file executable (chmod +x), and check its first line"),
    127: gettext_noop("Install the program, or give its whole path: nodes search PATH only"),
    130: gettext_noop("Something sent SIGINT to the command; retry it"),
    134: gettext_noop("The program aborted itself: look at what it wrote last"),
    137: gettext_noop(
        "Something killed it with SIGKILL, often the kernel for want of memory: use less, or give it more"
    ),
    139: gettext_noop("The program crashed (SIGSEGV): update it, or look for the input that does it"),
    143: gettext_noop("Something asked it to end with SIGTERM; retry it if that was not meant"),
}
_SIGNALS = {"SIGINT": 130, "SIGABRT": 134, "SIGKILL": 137, "SIGSEGV": 139, "SIGTERM": 143}
_OUT_OF_MEMORY = gettext_noop(
    "The machine ran out of memory: set memory_mb, work on the data in parts, or run less at once"
)
_ENDED_ITSELF = gettext_noop("The code ended its own process: return a value instead of calling os._exit")
_CRASHED = gettext_noop("The process crashed, mostly in a C extension: update it, or look for the input that does it")
_SQL_COLUMN = gettext_noop("There is no such column: check the name against the schema of the input, upstream of here")
_SQL_TABLE = gettext_noop("There is no such table: tables are named by the target ports of the edges into this node")
_SQL_CONVERSION = gettext_noop("A value does not fit the type: use try_cast, or clean it upstream")
_SQL_SYNTAX = gettext_noop("DuckDB cannot read the SQL: correct it in a draft at the line that is named")
_SQL_MEMORY = gettext_noop("The query needs more memory than the node's share: aggregate earlier, or run less at once")
_NO_SPACE = gettext_noop("The disk is full: make room (`.venv/bin/interlock prune`), then retry")
_OTHER = gettext_noop("Look at the line and at what comes in; retry if the cause lay outside")

_EXIT = re.compile(r"exit code (\d+)")
_ENDED_BY = re.compile(r"ended by (SIG[A-Z0-9]+)")
_MODULE = re.compile(r"No module named '([^']+)'")


def remedy(error: Mapping[str, object] | None) -> Sentence:
    """What helps against `error` ({class, message, ...})."""
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


def class_of(error: Mapping[str, object] | None) -> str:
    """The error's class without its module."""
    return str((error or {}).get("class") or "").rpartition(".")[2]


def code_of(error: Mapping[str, object] | None) -> str:
    """`failed_key_error`: the suggestion's code; of a class that is not known `failed_error`."""
    kind = class_of(error)
    if kind not in _CLASSES:
        return "failed_error"
    return "failed_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()


def exit_code(message: str) -> int | None:
    """The exit code that an ExitCode's message names; of a signal as a shell would give it."""
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
