"""Runs a command with /bin/sh in the attempt's own folder.

Inputs are files: of a JSON value its JSON text, of a table its Parquet file (shared with other nodes, not to be
changed). `INTERLOCK_INPUT_<PORT>` names each, the port in capitals. What the command prints goes to the log line by
line while it runs; of stdout the first MiB is also the output.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time

from engine.worker import child_processes
from engine.worker.errors import ExitCode, SoftTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.task import Task

STDOUT_BYTES_MAX = 1024 * 1024
STDERR_TAIL_BYTES = 8 * 1024
STDERR_LINES = 20
READ_BYTES = 64 * 1024
AFTER_SECONDS = 0.2
"""How long output is waited for after the command's end: a child in the background may hold the pipe for ever."""
KILLED_SECONDS = 5.0
"""How long what was killed is waited for: to die, too, takes a processor."""


def run(task: Task) -> dict[str, Any]:
    environment = {**os.environ, **{name: _text(value) for name, value in (task.config.get("env") or {}).items()}}
    environment.update(_input_files(task))
    with subprocess.Popen(
        ["/bin/sh", "-c", task.config["command"]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        process_group=0,
    ) as process:
        streams = _Streams(process)
        told: SoftTimeout | None = None
        try:
            while True:
                try:
                    streams.follow()
                    break
                except SoftTimeout as error:
                    # The command may finish what it does; the hard limit ends it if it does not.
                    told = error
                    child_processes.signal_descendants(signal.SIGTERM)
        finally:
            _end_group(process)
            streams.close()
    if told is not None:
        raise told
    code = process.returncode
    if code:
        raise ExitCode(_failed(code, streams.tail()))
    return {"exit_code": code, "stdout": streams.stdout()}


class _Streams:
    """Standard output and error of the command: passed on as they come, and kept as far as they are wanted."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self.ended = os.pidfd_open(process.pid)
        self.open = {process.stdout.fileno(): 1, process.stderr.fileno(): 2}
        self.head = bytearray()
        self.total = 0
        self.errors = bytearray()
        self.until: float | None = None
        """Monotonic time until which output is waited for; None: the command has not ended."""
        self.poll = select.poll()
        # Its end first: what it wrote before that is then seen with it.
        for descriptor in (self.ended, *self.open):
            self.poll.register(descriptor, select.POLLIN)

    def follow(self) -> None:
        """Pass output on until the command has ended and nothing more comes soon. The soft limit may interrupt it
        anywhere; then it is called again."""
        while self.open or self.until is None:
            wait = None if self.until is None else max(0.0, self.until - time.monotonic()) * 1000
            ready = self.poll.poll(wait)
            if not ready:
                return
            for descriptor, _ in reversed(ready):
                if descriptor == self.ended:
                    self.until = time.monotonic() + AFTER_SECONDS
                    self.poll.unregister(descriptor)
                else:
                    self._pass_on(descriptor)
            if self.until is not None and time.monotonic() > self.until:
                return

    def _pass_on(self, descriptor: int) -> None:
        data = os.read(descriptor, READ_BYTES)
        if not data:
            self.poll.unregister(descriptor)
            del self.open[descriptor]
            return
        if self.open[descriptor] == 1:
            self.head += data[: max(0, STDOUT_BYTES_MAX - len(self.head))]
            self.total += len(data)
        else:
            self.errors += data
            del self.errors[:-STDERR_TAIL_BYTES]
        _write_all(self.open[descriptor], data)

    def stdout(self) -> str:
        text = self.head.decode("utf-8", "replace")
        if self.total > len(self.head):
            text += f"\n... cut here: {self.total:,} bytes in all ..."
        return text

    def tail(self) -> str:
        lines = self.errors.decode("utf-8", "replace").strip().splitlines()
        return "\n".join(lines[-STDERR_LINES:])

    def close(self) -> None:
        os.close(self.ended)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what the command has left running in its group. What has left the group too is the supervisor's."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    child_processes.reap(KILLED_SECONDS, process.pid)
    child_processes.reap(AFTER_SECONDS)


def _input_files(task: Task) -> dict[str, str]:
    files: dict[str, str] = {}
    for port, given in (task.envelope.get("inputs") or {}).items():
        path = given.get("path")
        if path is None:
            folder = os.path.join(task.scratch, ".inputs")
            os.makedirs(folder, exist_ok=True)
            path = os.path.join(folder, f"{port}.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(given.get("value"), file, ensure_ascii=False)
        files[f"INTERLOCK_INPUT_{port.upper()}"] = path
    return files


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _failed(code: int, errors: str) -> str:
    if code < 0:
        what = f"The command was ended by {_signal_name(-code)}"
    else:
        what = f"The command ended with exit code {code}"
        if code > 128 and code - 128 in set(signal.Signals):
            what += f" (something in it was ended by {_signal_name(code - 128)})"
        elif code == 127:
            what += " (a program in it was not found)"
    return f"{what}.\n{errors}" if errors else f"{what} and wrote nothing to stderr."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
