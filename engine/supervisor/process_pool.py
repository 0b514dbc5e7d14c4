"""The node processes of one supervisor: started, kept ready, and released after they have ended."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from engine.supervisor import cleanup
from engine.supervisor.cgroup import ControlGroup
from engine.supervisor.loop import Loop
from engine.supervisor.process import CannotStart, NodeProcess

log = logging.getLogger("interlock.supervisor")

SPARES = 1
START_RETRY_SECONDS = 1.0


class ProcessPool:
    """Starts processes on the thread that uses it, which must live as long as they do."""

    def __init__(
        self,
        loop: Loop,
        *,
        capacity: int,
        scratch: Path,
        mark: str,
        main: str,
        lease: int | None,
        on_start: Callable[[NodeProcess], None],
    ) -> None:
        """`lease`: an open file that says until when node processes may start attempts (see engine.worker.lease).

        `on_start` is called with each started process.
        """
        self.capacity = capacity
        """Processes that may be busy at once."""
        self.processes: list[NodeProcess] = []
        self.by_claim: dict[str, NodeProcess] = {}
        """Claim -> the process that it was sent to."""
        self.is_stopping = False
        self._loop = loop
        self._scratch = scratch
        self._mark = mark
        self._main = main
        self._lease = lease
        self._on_start = on_start
        self._idle: dict[str, list[NodeProcess]] = {"": []}
        """By interpreter, the last used one at the end, because its caches are warm."""
        self._serial = 0
        self._failed_starts: dict[str, int] = {}
        """Interpreter -> starts that failed in a row."""
        self._retry_start_at = 0.0
        self._groups: list[ControlGroup] = []
        """Control groups that cannot be removed until the kernel has cleared a member away."""
        self._removals: list[subprocess.Popen[bytes]] = []
        """Processes that delete scratch folders."""

    def busy_count(self) -> int:
        # A loop, because it is called for every work and sum() over a generator takes twice as long.
        busy = 0
        for process in self.processes:
            if process.attempts or process.pending_ends:
                busy += 1
        return busy

    def may_start(self) -> bool:
        """Return whether a process may be started now."""
        return time.monotonic() >= self._retry_start_at

    def idle(self, interpreter: str) -> list[NodeProcess]:
        """Return the idle processes of an interpreter; empty for the product's own."""
        return self._idle.get(interpreter, [])

    def take_idle(self, interpreter: str) -> NodeProcess | None:
        """Take an idle process, if possible a ready one, from the idle ones; None: there is none."""
        idle = self._idle.get(interpreter)
        if not idle:
            return None
        for at in range(len(idle) - 1, -1, -1):
            if idle[at].is_ready:
                return idle.pop(at)
        return idle.pop()

    def make_idle(self, process: NodeProcess) -> None:
        idle = self._idle[process.interpreter]
        if process not in idle:
            process.idle_since = time.monotonic()
            idle.append(process)

    def remove_idle(self, process: NodeProcess) -> None:
        idle = self._idle[process.interpreter]
        if process in idle:
            idle.remove(process)

    def start(self, interpreter: str) -> NodeProcess:
        """Start a process, which is not idle yet. Raises CannotStart."""
        taken = {process.index for process in self.processes}
        index = next(number for number in range(1, len(taken) + 2) if number not in taken)
        self._serial += 1
        process = NodeProcess(
            interpreter,
            interpreter or sys.executable,
            main=self._main,
            folder=self._scratch / str(self._serial),
            mark=f"{self._mark}-{self._serial}",
            lease=self._lease,
            index=index,
            now=time.monotonic(),
        )
        self.processes.append(process)
        self._idle.setdefault(interpreter, [])
        self._on_start(process)
        return process

    def keep_ready(self, now: float) -> None:
        """Start processes of the product's own interpreter until there are as many as may be busy, and the spares."""
        if self.is_stopping or now < self._retry_start_at:
            return
        own = [process for process in self.processes if not process.interpreter and process.takes_work]
        alive = sum(1 for process in own if not process.is_nearly_used_up)
        is_starting = any(not process.is_ready for process in own)
        # The spare waits until the others are ready, because they share the cores with it.
        if is_starting and alive >= self.capacity:
            return
        wanted = self.capacity if is_starting else self.capacity + SPARES
        for _ in range(wanted - alive):
            try:
                self.make_idle(self.start(""))
            except CannotStart as error:
                self.pause_starts(str(error))
                return

    def pause_starts(self, message: str) -> None:
        """Start no process for a second: the host has no room for another one."""
        log.error("node_process_cannot_start: %s", message)
        self._retry_start_at = time.monotonic() + START_RETRY_SECONDS
        self._loop.wake_at(self._retry_start_at)

    def on_ready(self, process: NodeProcess) -> None:
        """Note that the process can run attempts."""
        process.is_ready = True
        process.memory_at_start = process.memory_bytes()
        self._failed_starts.pop(process.interpreter, None)

    def on_failed_start(self, process: NodeProcess) -> None:
        """Note that the process ended before it was ready. Each such failure delays the next start more."""
        failures = self._failed_starts[process.interpreter] = self._failed_starts.get(process.interpreter, 0) + 1
        output = process.stray_output.decode("utf-8", "replace").strip()
        log.error("node_process_did_not_start pid=%s failures=%s: %s", process.pid, failures, output)
        if not process.interpreter:
            self._retry_start_at = self._loop.now + min(30.0, 0.5 * 2**failures)
            self._loop.wake_at(self._retry_start_at)

    def release(self, process: NodeProcess) -> None:
        """Close the channels of a process that has ended, delete its folder, and forget it."""
        stacks = process.stacks.socket
        for fileobj in (process.frame_pipe, process.stdout, process.stderr, stacks, process.pidfd, process.socket):
            self._loop.unregister(fileobj)
        process.close()
        if process.group is not None and not process.group.remove():
            self._groups.append(process.group)
        removal = cleanup.remove_scratch(process.folder)
        if removal is not None:
            self._removals.append(removal)
        self.processes.remove(process)

    def remove_groups(self) -> None:
        """Try again to remove the control groups of released processes, and wait for ended removals of folders."""
        self._groups = [group for group in self._groups if not group.remove()]
        self._removals = [removal for removal in self._removals if removal.poll() is None]

    def wait_for_removals(self) -> None:
        """Block until all scratch folders are deleted."""
        for removal in self._removals:
            removal.wait()
