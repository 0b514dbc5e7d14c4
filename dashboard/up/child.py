"""The script of every process that `up` starts. It waits until the database is ready, and never outlives its parent.

Started by path, so that neither the current folder nor this file's own is on the import path:
`python -P dashboard/up/child.py web --parent PID --channel FD [--listen FD ...] [--prepare URL]`.

It reports to its parent in lines of JSON: {"refused": text} if it cannot continue for a reason that people can fix, or,
with `--prepare`, {"login_link": URL or "", "new": whether this was the first start of the database}.
"""

import argparse
import logging
import logging.handlers
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from dashboard.up.parent_link import ParentLink  # noqa: E402 - found on the path that was just set


class _OneLine(logging.Formatter):
    """Formats a record as one line for the terminal; its traceback is in the log file."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage().strip().replace("\n", " | ")
        record.asctime = self.formatTime(record, "%H:%M:%S")
        line = f"{record.asctime} {record.levelname.lower()}: {record.message}"
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line += f" ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'})"
        return line


def log_to(folder: Path, name: str) -> Path:
    """Log full records with tracebacks to `folder/<name>.log`, and single lines to the terminal. Return the file."""
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
    """Write unhandled errors into the log, and one line about them to the terminal."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        try:
            with log.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            pass
        first = str(error).splitlines()[0] if str(error) else "no message"
        print(
            f"interlock: the {name} process failed with {kind.__name__}: {first} (see {log})",
            file=sys.stderr,
            flush=True,
        )

    sys.excepthook = hook


def _prepare(parent: ParentLink, url: str) -> None:
    """Prepare the database and report it. Exits if that fails."""
    from dashboard.start import StartError, prepare
    from engine.database.schema import SchemaError

    try:
        prepared = prepare(url)
    except (StartError, SchemaError) as error:
        parent.report({"refused": str(error)})
        sys.exit(1)
    parent.report({"login_link": prepared.login_link, "new": prepared.new})


def _settings(role: str) -> Path:
    """Load the settings (for a worker without Django) and return the home folder. Raises SystemExit."""
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
    # Processes that run nodes must kill their process trees first; the web process can be killed.
    death = signal.SIGKILL if options.role == "web" else signal.SIGTERM
    parent = ParentLink(options.parent, socket.socket(fileno=options.channel), death)
    try:
        home = _settings(options.role)
    except SystemExit as error:
        # The environment contains an invalid setting.
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
    main()
