"""Take the stacks of one running attempt: several samples, spread over turns of the supervisor. Nothing here waits.

Each sample asks a thread of the node process (engine.worker.stack_server). When it does not reply, one piece of code
holds Python's interpreter lock. Then, and only when no other thread runs, faulthandler's signal handler is called: it
needs no lock, but must not read stacks that change meanwhile. What cannot be read is reported with the reason.
"""

from __future__ import annotations

import os
import signal
import stat
import time
from datetime import UTC, datetime
from typing import Any

from engine.clock import iso
from engine.executors.base import Work
from engine.inspect import children, procfs, stacks, threads
from engine.inspect.waits import WaitReader
from engine.supervisor.attempt import NEVER
from engine.supervisor.process import STACK_BYTES, NodeProcess

SAMPLES = 5
APART_SECONDS = 0.15
TOTAL_SECONDS = 1.4
"""No further look begins after this: somebody waits for the answer."""
PATIENCE_SECONDS = 0.25
"""How long an answer is waited for before the signal is tried."""
QUICK_SAMPLES = 2
QUICK_PATIENCE_SECONDS = 0.06
MEMORY_PATIENCE_SECONDS = 0.02
DUMP_SECONDS = 0.3
DUMP_STEP_SECONDS = 0.002
RETRY_SECONDS = 0.01
PERCENT_SECONDS = 0.25
"""The kernel counts CPU time in steps of 10 ms: over less than this a percentage says nothing."""
CHILDREN_WAITS_MAX = 8


class Sampling:
    """One taking of stacks. `advance` until it returns True, then `reports`."""

    def __init__(
        self, process: NodeProcess, work: Work, why: str, now: float, *, quick: bool = False, deaf: str | None = None
    ) -> None:
        self.process = process
        self.work = work
        self.whys = [why]
        self.quick = quick
        self.looks: list[stacks.StackSample] = []
        self.due = now
        self.message: str | None = None
        """Why the last look has no frames."""
        self.deaf = deaf
        """The process does not answer to the signal, for a reason that will last as long as the attempt."""
        self._left = QUICK_SAMPLES if quick else SAMPLES
        self._apart = APART_SECONDS / 2 if quick else APART_SECONDS
        self._patience = QUICK_PATIENCE_SECONDS if quick else PATIENCE_SECONDS
        self._step = "rest"
        """rest, asked, late (no answer came), signalled."""
        self._until = 0.0
        self._next = now
        self._latest = now + TOTAL_SECONDS
        self._size = 0
        """Of the dump, when last looked at."""
        self._switches: dict[int, int] = {}
        """Thread that ran when the look began -> how often it had waited."""
        self._look: stacks.StackSample | None = None
        self._cpu: list[tuple[float, float]] = []
        """(monotonic, CPU seconds of the tree) at the first and the last look."""
        self._tree: list[procfs.Process] = []

    def join(self, why: str) -> None:
        """Serve another wish too."""
        if why not in self.whys:
            self.whys.append(why)

    def hurry(self) -> None:
        """For memory that runs out: one look, and no waiting for it."""
        self._left, self._patience = 1, MEMORY_PATIENCE_SECONDS

    def advance(self, now: float) -> bool:
        """Do what is due; True when all looks are taken. Sets `due`."""
        if self._step == "rest" and now >= self._next:
            self._begin(now)
        elif self._step == "asked":
            self._hear(now)
        elif self._step == "late" and not self._answered():
            self._signal(now)
        elif self._step == "signalled":
            self._read_dump(now)
        if self._step == "rest" and (not self._left or now > self._latest):
            self.due = NEVER
            return True
        if self._step == "rest":
            self.due = self._next
        return False

    # One look.

    def _begin(self, now: float) -> None:
        self._left -= 1
        self._next = now + self._apart
        self._look = self._see(now)
        stopped = procfs.process(self.process.pid)
        if stopped is None or stopped.is_gone:
            self._end("The node process has ended.")
            return
        if stopped.state in ("T", "t"):
            self._end("The process is stopped (SIGSTOP) and says nothing until it is continued (SIGCONT).")
            return
        if not self._is_open and not self.process.ask_for_stacks():
            self._step, self._until = "late", now + DUMP_SECONDS
            self._signal(now)
            return
        self._step, self._until = "asked", now + self._patience
        self.due = self._until

    @property
    def _is_open(self) -> bool:
        """Whether a question has not been answered yet: it need not be asked again."""
        answer = self.process.answer
        return self.process.asked > 0 and (answer is None or answer.number != self.process.asked)

    def _hear(self, now: float) -> None:
        """The answer, if it has come; the signal, if it is late."""
        if self._answered():
            return
        if now < self._until:
            self.due = self._until
        else:
            # Whoever holds the lock now is not waited for so long again.
            self._patience = min(self._patience, QUICK_PATIENCE_SECONDS)
            self._step, self._until = "late", now + DUMP_SECONDS
            self._signal(now)

    def _answered(self) -> bool:
        if self._is_open or self.process.answer is None:
            return False
        self._end(None, self.process.answer.threads)
        return True

    def _signal(self, now: float) -> None:
        """Call faulthandler's handler, if that is safe."""
        if self.deaf is not None:
            self._end(self.deaf)
            return
        pid = self.process.pid
        how = threads.signal_status(pid, pid)
        tasks = threads.list_threads(pid)
        main = next((one for one in tasks if one.tid == pid), None)
        if how is None or main is None:
            self._end("The node process has ended.")
        elif main.state == "D":
            where = f" ({main.wait_channel})" if main.wait_channel else ""
            self._end(f"The process is in an uninterruptible wait in the kernel{where} and cannot answer.")
        elif not _same_file(self.process):
            self._deafened("The node's code has closed the files through which its stacks are told.")
        elif not how.caught:
            self._deafened("The node's code has taken the signal SIGUSR2, by which its stacks are told, for itself.")
        elif how.blocked:
            self._end("The node's code blocks the signal SIGUSR2, by which its stacks are told.")
        elif not all(self._holds(one.tid) for one in tasks if one.state == "R" and one.tid != pid):
            if now < self._until:
                # Perhaps only the answering thread, which looks every 5 ms whether the lock is free; else it will have
                # its turn sometime.
                self.due = now + RETRY_SECONDS
                return
            self._end("Several threads run and none lets others at Python's lock; their stacks cannot be read safely.")
        else:
            if not how.pending:
                os.lseek(self.process.stack, 0, os.SEEK_SET)
                self.process.interrupt(signal.SIGUSR2)
            self._size = 0
            self._step, self._until = "signalled", now + DUMP_SECONDS
            self.due = now + DUMP_STEP_SECONDS / 4

    def _holds(self, tid: int) -> bool:
        """Whether the running thread has kept Python's lock since the look began, so that no stack changes."""
        status = threads.signal_status(self.process.pid, tid)
        return status is not None and self._switches.get(tid) == status.switches

    def _read_dump(self, now: float) -> None:
        pid = self.process.pid
        size = os.lseek(self.process.stack, 0, os.SEEK_CUR)
        how = threads.signal_status(pid, pid)
        if how is None:
            self._end("The node process has ended.")
            return
        before, self._size = self._size, size
        # While its handler runs, a signal is blocked.
        handled = not how.pending and not how.blocked
        if handled and size and size == before:
            found = stacks.parse_dump(os.pread(self.process.stack, min(size, STACK_BYTES), 0))
            if found:
                self._end(None, found)
            else:
                self._deafened("What the process answered are no stacks.")
        elif now < self._until or (handled and size and now < self._until + DUMP_SECONDS):
            self.due = now + DUMP_STEP_SECONDS
        elif handled:
            self._deafened("The process did not answer: the node's code may have a handler of its own for SIGUSR2.")
        else:
            self._end("The process did not answer in time.")

    def _deafened(self, message: str) -> None:
        self.deaf = message
        self._end(message)

    def _end(self, message: str | None, found: list[stacks.ThreadStack] | None = None) -> None:
        """The look is over."""
        look = self._look
        assert look is not None
        if found is not None:
            stacks.identify_main(found, self.process.pid)
            look.threads = found
            self.message = None
        elif message is not None:
            self.message = message
        self.looks.append(look)
        self._look = None
        self._step = "rest"

    def _see(self, now: float) -> stacks.StackSample:
        """The kernel's view."""
        pid = self.process.pid
        self._tree = [one for one in procfs.tree(pid, children.CHILDREN_MAX + 1) if not one.is_gone]
        cpu = (now, sum(one.cpu_ticks for one in self._tree) / procfs.TICKS_PER_SECOND)
        self._cpu = [*self._cpu[:1], cpu]
        look = stacks.StackSample(iso(datetime.now(UTC)), [], {})
        self._switches.clear()
        with WaitReader(pid, self._tree) as waits:
            found = threads.list_threads(pid)
            name = found[0].name if found else ""
            answering = None if self.process.answer is None else self.process.answer.by
            for one in found:
                if one.tid == answering:
                    continue
                look.waits[one.tid] = waits.wait_of(one)
                if one.state in "RD":
                    look.busy.add(one.tid)
                    status = threads.signal_status(pid, one.tid)
                    if status is not None:
                        self._switches[one.tid] = status.switches
                if one.name != name:
                    look.names[one.tid] = one.name
        return look

    # What comes of it.

    def body(self, now: float) -> dict[str, Any]:
        """The body of a Stack, at unix time `now`; also before all looks are taken."""
        if not self.looks:
            # A limit acts before anything was heard.
            look = self._look or self._see(time.monotonic())
            self.looks.append(look)
            self.message = self.message or "The process did not answer in time."
        # One look that failed is worth nothing beside one that did not.
        looks = [one for one in self.looks if one.threads] or self.looks
        work = self.work
        pid = self.process.pid
        code = stacks.NodeSource(work.node, work.type, work.config, LINES.read)
        span, cpu = 0.0, None
        if len(self._cpu) > 1:
            span = self._cpu[1][0] - self._cpu[0][0]
            cpu = max(0.0, self._cpu[1][1] - self._cpu[0][1])
        return {
            "taken_at": iso(datetime.fromtimestamp(now, UTC)),
            "pid": pid,
            "samples": [{"at": one.at, "threads": stacks.describe_threads(one, pid, code)} for one in looks],
            "children": self._children(),
            "moves": stacks.moves(self.looks, cpu),
            "cpu_percent": round(cpu / span * 100, 1) if cpu is not None and span >= PERCENT_SECONDS else None,
            "message": None if looks[-1].threads else self.message,
        }

    def _children(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        for one in self._tree:
            if one.pid == self.process.pid:
                continue
            child = children.describe(one)
            if len(told) < CHILDREN_WAITS_MAX:
                thread = threads.read_thread(one.pid, one.pid)
                if thread is not None:
                    with WaitReader(one.pid, self._tree) as waits:
                        child["waits_on"] = waits.wait_of(thread)
            told.append(child)
        return told


def _same_file(process: NodeProcess) -> bool:
    """Whether the process still has the file of stacks under its number: a signal must write into no other one."""
    ours = os.fstat(process.stack)
    try:
        theirs = os.stat(f"/proc/{process.pid}/fd/{process.stack}")
    except OSError:
        return False
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


class Lines:
    """Reads single lines of source files, the last used files kept."""

    FILES_MAX = 64
    BYTES_MAX = 2 * 1024 * 1024

    def __init__(self) -> None:
        self._files: dict[str, tuple[tuple[int, int], list[str]]] = {}

    def read(self, file: str, line: int) -> str | None:
        """The text of a line of a Python file; None when it cannot be had."""
        if not file.startswith("/") or not file.endswith(".py"):
            return None
        try:
            status = os.stat(file)
            key = (status.st_mtime_ns, status.st_size)
            known = self._files.get(file)
            if known is None or known[0] != key:
                if not stat.S_ISREG(status.st_mode) or status.st_size > self.BYTES_MAX:
                    return None
                with open(file, encoding="utf-8", errors="replace") as source:
                    known = (key, source.read(self.BYTES_MAX).split("\n"))
                if len(self._files) >= self.FILES_MAX:
                    del self._files[next(iter(self._files))]
                self._files[file] = known
        except (OSError, ValueError):
            return None
        return known[1][line - 1] if 0 < line <= len(known[1]) else None


LINES = Lines()
