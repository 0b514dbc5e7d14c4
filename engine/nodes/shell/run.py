"""Runs a command with /bin/sh in the attempt's folder.

`INTERLOCK_INPUT_<PORT>` (upper case) names the file of each input: JSON of a value, or Parquet of a table, which other
nodes share and the command must not change. The command's output goes to the log while it runs; the first MiB of stdout
is also part of the node's output.
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
"""How long output is read after the command has exited: a background child may hold the pipe open for ever."""
KILLED_SECONDS = 5.0
"""How long to wait until killed processes have ended, which takes time on a busy host."""


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
        timeout: SoftTimeout | None = None
        try:
            while True:
                try:
                    streams.follow()
                    break
                except SoftTimeout as error:
                    # Let the command finish what it does; the hard limit ends it otherwise.
                    timeout = error
                    child_processes.signal_descendants(signal.SIGTERM)
        finally:
            _end_group(process)
            streams.close()
    if timeout is not None:
        raise timeout
    code = process.returncode
    if code:
        raise ExitCode(_failed(code, streams.tail()))
    return {"exit_code": code, "stdout": streams.stdout()}


class _Streams:
    """The command's output: passed on at once; the head of stdout and the tail of stderr are also kept."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self.exit = os.pidfd_open(process.pid)
        self.open = {process.stdout.fileno(): 1, process.stderr.fileno(): 2}
        self.head = bytearray()
        self.total = 0
        self.errors = bytearray()
        self.until: float | None = None
        """Monotonic time until which output is read; None while the command runs."""
        self.poll = select.poll()
        # The exit first: `follow` goes through the events in reverse, so it reads the last output before the exit.
        for descriptor in (self.exit, *self.open):
            self.poll.register(descriptor, select.POLLIN)

    def follow(self) -> None:
        """Pass output on until the command has exited and the pipes are closed or silent.

        May be called again after SoftTimeout, which can be raised anywhere in it.
        """
        while self.open or self.until is None:
            wait = None if self.until is None else max(0.0, self.until - time.monotonic()) * 1000
            ready = self.poll.poll(wait)
            if not ready:
                return
            for descriptor, _ in reversed(ready):
                if descriptor == self.exit:
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
            text += f"\n... {self.total - len(self.head):,} more bytes ..."
        return text

    def tail(self) -> str:
        lines = self.errors.decode("utf-8", "replace").strip().splitlines()
        return "\n".join(lines[-STDERR_LINES:])

    def close(self) -> None:
        os.close(self.exit)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what the command left running in its process group. The supervisor ends processes that left the group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    child_processes.reap(KILLED_SECONDS, process.pid)
    child_processes.reap(AFTER_SECONDS)


def _input_files(task: Task) -> dict[str, str]:
    files: dict[str, str] = {}
    for port, stored in (task.envelope.get("inputs") or {}).items():
        path = stored.get("path")
        if path is None:
            folder = os.path.join(task.scratch, ".inputs")
            os.makedirs(folder, exist_ok=True)
            path = os.path.join(folder, f"{port}.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(stored.get("value"), file, ensure_ascii=False)
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
            what += f" (a process was ended by {_signal_name(code - 128)})"
        elif code == 127:
            what += " (command not found)"
    return f"{what}.\n{errors}" if errors else f"{what} and wrote nothing to stderr."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
