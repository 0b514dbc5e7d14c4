"""A process started by `up`: it waits for the word to begin, and never outlives its parent.

Run as a script, by path, so that neither the current folder nor this file's own is on the import path:
`python -P dashboard/up/child.py web --parent PID --channel FD [--listen FD ...] [--prepare URL]`.

Over the channel it says, in one line of JSON, {"refused": text} when it cannot go on for a reason that people can
mend, or, with `--prepare`, {"login_link": address or "", "new": first start of this database}; and hears the word to
go on.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import logging.handlers
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GO = b"go\n"
FAILED = 70
"""Exit code after an error that nobody handled (EX_SOFTWARE); its traceback is in the log file."""
PR_SET_PDEATHSIG = 1


class Parent:
    """The way to the process that started this one.

    It is gone when its end of the channel closes (also after kill -9, on every platform); on Linux the kernel
    says so a second time, by a signal, should this process be too busy to read.
    """

    def __init__(self, pid: int, channel: socket.socket, death_signal: signal.Signals) -> None:
        self.pid = pid
        self._channel = channel
        self._go = threading.Event()
        self.gone: Callable[[], None] = lambda: os._exit(1)
        """What to do, in a thread of its own, when the parent is gone."""
        _die_with_parent(pid, death_signal)
        threading.Thread(target=self._listen, name="parent", daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                data = self._channel.recv(64)
            except OSError:
                data = b""
            if not data:
                self._go.set()
                self.gone()
                return
            if GO in data:
                self._go.set()

    def report(self, message: dict[str, Any]) -> None:
        """Say something; a parent that is gone does not hear it."""
        try:
            self._channel.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass

    def wait(self) -> None:
        """Block until the parent has prepared the database."""
        self._go.wait()


def _die_with_parent(parent: int, death_signal: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    # The parent may have ended before the kernel was told.
    if os.getppid() != parent:
        os._exit(1)


class _OneLine(logging.Formatter):
    """A record in one line for the terminal; the traceback is in the log file."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage().strip().replace("\n", " | ")
        record.asctime = self.formatTime(record, "%H:%M:%S")
        line = f"{record.asctime} {record.levelname.lower()}: {record.message}"
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line += f" ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'})"
        return line


def log_to(folder: Path, name: str) -> Path:
    """Send whole records, with tracebacks, to `folder/<name>.log`, and single lines to the terminal."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    file = logging.handlers.RotatingFileHandler(path, maxBytes=4 * 1024 * 1024, backupCount=2, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(process)d %(name)s %(message)s"))
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(_OneLine())
    terminal.setLevel(logging.WARNING)
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(file)
    root.addHandler(terminal)
    # A full disk must not turn each log call into a traceback on the terminal.
    logging.raiseExceptions = False
    return path


def _record_crash(name: str, log: Path) -> None:
    """Write what nobody handled into the log, and one line for people."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        try:
            with log.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            pass
        first = str(error).splitlines()[0] if str(error) else "no message"
        print(f"interlock: {name} ended by {kind.__name__}: {first} (more in {log})", file=sys.stderr, flush=True)

    sys.excepthook = hook


def _prepare(parent: Parent, url: str) -> None:
    """Make the database ready and say so. Ends the process when that cannot be."""
    from dashboard.start import StartError, prepare
    from engine.database.schema import SchemaError

    try:
        prepared = prepare(url)
    except (StartError, SchemaError) as error:
        parent.report({"refused": str(error)})
        sys.exit(1)
    parent.report({"login_link": prepared.login_link, "new": prepared.new})


def _settings(role: str) -> Path:
    """Read the settings, by Django but for a worker; the home. Raises SystemExit."""
    if role == "worker":
        from engine.celery import CONFIG

        return CONFIG.home
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    import django

    django.setup()
    from django.conf import settings

    home: Path = settings.INTERLOCK.home
    return home


def main() -> None:
    parser = argparse.ArgumentParser(prog="interlock child", description="Started by `up`, not by people.")
    parser.add_argument("role", choices=["web", "scheduler", "worker"])
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--listen", type=int, action="append", default=[])
    parser.add_argument("--prepare", metavar="URL", default="")
    options = parser.parse_args()
    # Whoever runs nodes ends their trees before it goes; the web process has nothing to keep.
    death = signal.SIGKILL if options.role == "web" else signal.SIGTERM
    parent = Parent(options.parent, socket.socket(fileno=options.channel), death)
    sys.path.insert(0, str(ROOT))
    try:
        home = _settings(options.role)
    except SystemExit as error:
        # The settings refuse what the environment says.
        parent.report({"refused": str(error.code).removeprefix("interlock: ")})
        sys.exit(1)
    log = log_to(home / "log", options.role)
    _record_crash(options.role, log)
    if options.prepare:
        _prepare(parent, options.prepare)
    if options.role == "web":
        from dashboard.up import web

        code = web.serve(parent, [socket.socket(fileno=number) for number in options.listen])
    elif options.role == "worker":
        from dashboard.up import worker

        code = worker.run(parent)
    else:
        from dashboard.up import scheduler

        code = scheduler.run(parent)
    logging.shutdown()
    sys.exit(code)


if __name__ == "__main__":
    # Imported anew under its real name, so that `Parent` is one class for all modules.
    sys.path.insert(0, str(ROOT))
    from dashboard.up import child

    child.main()
