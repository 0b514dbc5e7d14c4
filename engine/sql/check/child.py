"""The child process that asks DuckDB: `python -I child.py`, with a socket as its standard input.

One JSON object per line each way, one question at a time:

- {"op": "sql", "sql", "parameters": {name: value}, "tables": {port: [{name, type}] | null}}: see describe.sql.
- {"op": "file", "reader": module, "path", "config", "files", "data_roots", "closed", "stamp"}: see describe.file.
- {"op": "rows", "reader": module, "path", "config", "files", "data_roots", "closed"}: see head.rows.

The process ends with its parent, after a while without questions, and by a signal when it works on a question for more
than `--seconds` of processor time or twelve times that of wall time: the parent, which gives up earlier, may be gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IDLE_SECONDS = 60.0
ADDRESS_BYTES = 2 << 30
"""DuckDB and Python reserve some 800 MB of address space and use little of it."""
LINE_BYTES_MAX = 32 << 20
"""Of one question: a query and the columns of its inputs."""


def main(arguments: list[str]) -> None:
    seconds = int(arguments[arguments.index("--seconds") + 1])
    idle = float(arguments[arguments.index("--idle") + 1]) if "--idle" in arguments else IDLE_SECONDS
    _limit()
    parent = socket.socket(fileno=0)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    from engine.sql.check import describe

    parent.settimeout(idle)
    rest = b""
    while True:
        end = rest.find(b"\n")
        if end < 0:
            try:
                data = parent.recv(1 << 20)
            except TimeoutError:
                return
            if not data or len(rest) > LINE_BYTES_MAX:
                return
            rest += data
            continue
        line, rest = rest[:end], rest[end + 1 :]
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.alarm(12 * seconds)
        answer: dict[str, Any] = describe.answer(json.loads(line))
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        parent.sendall(json.dumps(answer).encode() + b"\n")


def _limit() -> None:
    """Limit the process to a low priority, little memory and no written files."""
    import resource

    # Lower than node processes, but high enough to serve people who type while nodes are busy.
    os.nice(5)
    for limit, most in ((resource.RLIMIT_AS, ADDRESS_BYTES), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(limit, (most, most))
        except (OSError, ValueError):
            pass
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def _watch(parent: socket.socket) -> None:
    """Exit when the parent has ended, also in the middle of a question."""
    poll = select.poll()
    poll.register(parent.fileno(), getattr(select, "POLLRDHUP", select.POLLHUP))
    poll.poll()
    os._exit(0)


def _provide_engine(folder: str) -> None:
    """Make `import engine...` work without the product's folder on `sys.path`, where its names could hide others."""
    from importlib.machinery import ModuleSpec
    from importlib.util import module_from_spec

    spec = ModuleSpec("engine", None, is_package=True)
    spec.submodule_search_locations = [folder]
    sys.modules["engine"] = module_from_spec(spec)


if __name__ == "__main__":
    _provide_engine(os.path.abspath(__file__).rsplit("/", 3)[0])
    main(sys.argv[1:])
