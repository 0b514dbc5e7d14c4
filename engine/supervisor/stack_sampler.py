"""Takes the stacks of one running attempt: several samples, spread over turns of the supervisor. Nothing here waits.

Each sample asks a thread of the node process (engine.worker.stack_server). When it does not reply, one piece of code
holds Python's interpreter lock. Then, and only when no other thread runs, faulthandler's signal handler is called: it
needs no lock, but must not read stacks that change meanwhile. What cannot be read is reported with the reason.
"""

import os
import signal
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from engine.clock import iso
from engine.executors.base import Work
from engine.inspect import children, looks, procfs, stacks, threads
from engine.inspect.stacks import NodeSource, StackSample, ThreadStack
from engine.inspect.waits import WaitReader
from engine.nodes import registry
from engine.supervisor.loop import NEVER
from engine.supervisor.stack_channel import StackChannel

SAMPLES = 5
APART_SECONDS = 0.15
SAMPLES_COMPUTING, APART_COMPUTING_SECONDS = 12, 0.1
"""Of an attempt that is quiet but computing: they show in which lines it spends its time."""
TOTAL_SECONDS = 1.4
"""No further sample is started after this time, because a person may be waiting for the stacks."""
PATIENCE_SECONDS = 0.25
"""How long a reply is waited for before the signal is tried."""
QUICK_SAMPLES = 2
QUICK_PATIENCE_SECONDS = 0.06
MEMORY_PATIENCE_SECONDS = 0.02
DUMP_SECONDS = 0.3
DUMP_STEP_SECONDS = 0.002
RETRY_SECONDS = 0.01
PERCENT_SECONDS = 0.25
"""Shortest sampling for a CPU percentage: the kernel counts CPU time in steps of 10 ms."""
CHILDREN_WAITS_MAX = 8
SOURCE_FILES_MAX = 64
SOURCE_BYTES_MAX = 2 * 1024 * 1024


class SamplingPhase(Enum):
    """How far the current sample is."""

    IDLE = auto()
    """Between two samples."""
    ASKED = auto()
    """The stack server was asked."""
    LATE = auto()
    """It did not reply, and the signal cannot be sent yet."""
    SIGNALLED = auto()
    """faulthandler's signal was sent."""


class StackSampler:
    """Takes one set of samples. Call `advance` when `due`, until it returns True; then `body`."""

    def __init__(
        self,
        pid: int,
        channel: StackChannel,
        send_signal: Callable[[int], None],
        work: Work,
        why: str,
        now: float,
        *,
        quick: bool,
        quiet: str | None = None,
        signal_problem: str | None,
    ) -> None:
        """`quiet`: how an attempt without expected duration is quiet: idle, computing or idling; else None.

        `signal_problem`: why faulthandler's signal cannot be used, if an earlier sampler found that out."""
        self.reasons = [why]
        self.samples: list[StackSample] = []
        self.due = now
        self.quiet = quiet
        self.signal_problem = signal_problem
        self._pid = pid
        self._channel = channel
        self._send_signal = send_signal
        self._work = work
        self._message: str | None = None
        """Why the last sample has no frames."""
        self._left = QUICK_SAMPLES if quick else SAMPLES
        self._apart = APART_SECONDS / 2 if quick else APART_SECONDS
        if quiet == "computing":
            self._left, self._apart = SAMPLES_COMPUTING, APART_COMPUTING_SECONDS
        self._patience = QUICK_PATIENCE_SECONDS if quick else PATIENCE_SECONDS
        self._phase = SamplingPhase.IDLE
        self._phase_ends = 0.0
        self._next_sample_at = now
        self._last_start = now + TOTAL_SECONDS
        self._dump_size = 0
        """Size of the dump when it was read last."""
        self._switches: dict[int, int] = {}
        """Thread that ran when the sample began -> how often it had waited."""
        self._sample: StackSample | None = None
        self._cpu: list[tuple[float, float]] = []
        """(monotonic, CPU seconds of the tree) at the first and the last sample."""
        self._tree: list[procfs.Process] = []

    def join(self, why: str) -> None:
        """Report the stacks for another reason too."""
        if why not in self.reasons:
            self.reasons.append(why)

    def hurry(self) -> None:
        """Take only one sample more, and hardly wait for it: memory is running out."""
        self._left, self._patience = 1, MEMORY_PATIENCE_SECONDS

    def advance(self, now: float) -> bool:
        """Do what is due and set `due`; return whether all samples are taken."""
        if self._phase is SamplingPhase.IDLE and now >= self._next_sample_at:
            self._begin_sample(now)
        elif self._phase is SamplingPhase.ASKED:
            self._await_reply(now)
        elif self._phase is SamplingPhase.LATE and not self._take_reply():
            self._request_dump(now)
        elif self._phase is SamplingPhase.SIGNALLED:
            self._await_dump(now)
        if self._phase is SamplingPhase.IDLE:
            if not self._left or now > self._last_start:
                self.due = NEVER
                return True
            self.due = self._next_sample_at
        return False

    def _begin_sample(self, now: float) -> None:
        self._left -= 1
        self._next_sample_at = now + self._apart
        self._sample = self._kernel_view(now)
        process = procfs.process(self._pid)
        if process is None or process.is_gone:
            self._end_sample("The node process has ended.")
        elif process.state in ("T", "t"):
            self._end_sample("The process is stopped (SIGSTOP). It replies when it is continued (SIGCONT).")
        elif self._channel.awaits_reply or self._channel.request():
            self._phase, self._phase_ends = SamplingPhase.ASKED, now + self._patience
            self.due = self._phase_ends
        else:
            self._become_late(now)

    def _await_reply(self, now: float) -> None:
        if self._take_reply():
            return
        if now < self._phase_ends:
            self.due = self._phase_ends
        else:
            # The next samples wait less for code that holds the interpreter lock.
            self._patience = min(self._patience, QUICK_PATIENCE_SECONDS)
            self._become_late(now)

    def _become_late(self, now: float) -> None:
        self._phase, self._phase_ends = SamplingPhase.LATE, now + DUMP_SECONDS
        self._request_dump(now)

    def _take_reply(self) -> bool:
        reply = self._channel.reply
        if self._channel.awaits_reply or reply is None:
            return False
        sample = self._sample
        self._end_sample(None, reply.threads)
        if sample is not None:
            sample.queries = reply.queries
        return True

    def _request_dump(self, now: float) -> None:
        """Send faulthandler's signal, if that is safe."""
        if self.signal_problem is not None:
            self._end_sample(self.signal_problem)
            return
        pid = self._pid
        status = threads.signal_status(pid, pid)
        found = threads.list_threads(pid)
        main = next((thread for thread in found if thread.tid == pid), None)
        if status is None or main is None:
            self._end_sample("The node process has ended.")
        elif main.state == "D":
            where = f" ({main.wait_channel})" if main.wait_channel else ""
            self._end_sample(f"The process is in an uninterruptible wait in the kernel{where} and cannot reply.")
        elif not self._channel.has_dump_file(pid):
            self._give_up_signal("The node's code has closed the file that its stacks are written to.")
        elif not status.caught:
            self._give_up_signal("The node's code handles SIGUSR2 itself, the signal that requests its stacks.")
        elif status.blocked:
            self._end_sample("The node's code blocks SIGUSR2, the signal that requests its stacks.")
        elif not all(self._holds_lock(thread.tid) for thread in found if thread.state == "R" and thread.tid != pid):
            if now < self._phase_ends:
                # It may be the stack server, which checks every 5 ms whether the lock is free.
                self.due = now + RETRY_SECONDS
                return
            self._end_sample("Several threads run and none releases the interpreter lock: no stack can be read safely.")
        else:
            if not status.pending:
                self._channel.rewind_dump()
                self._send_signal(signal.SIGUSR2)
            self._dump_size = 0
            self._phase, self._phase_ends = SamplingPhase.SIGNALLED, now + DUMP_SECONDS
            self.due = now + DUMP_STEP_SECONDS / 4

    def _holds_lock(self, tid: int) -> bool:
        """Return whether the running thread has not waited since the sample began, so that no stack changes."""
        status = threads.signal_status(self._pid, tid)
        return status is not None and self._switches.get(tid) == status.switches

    def _await_dump(self, now: float) -> None:
        size = self._channel.dump_size()
        status = threads.signal_status(self._pid, self._pid)
        if status is None:
            self._end_sample("The node process has ended.")
            return
        before, self._dump_size = self._dump_size, size
        # A signal is blocked while its handler runs.
        is_handled = not status.pending and not status.blocked
        if is_handled and size and size == before:
            found = stacks.parse_dump(self._channel.read_dump(size))
            if found:
                self._end_sample(None, found)
            else:
                self._give_up_signal("The process did not reply with stacks.")
        elif now < self._phase_ends or (is_handled and size and now < self._phase_ends + DUMP_SECONDS):
            self.due = now + DUMP_STEP_SECONDS
        elif is_handled:
            self._give_up_signal("The process did not reply: the node's code may have its own handler for SIGUSR2.")
        else:
            self._end_sample("The process did not reply in time.")

    def _give_up_signal(self, message: str) -> None:
        """End the sample, and do not use the signal with this attempt again."""
        self.signal_problem = message
        self._end_sample(message)

    def _end_sample(self, message: str | None, found: list[ThreadStack] | None = None) -> None:
        sample = self._sample
        assert sample is not None
        if found is not None:
            stacks.identify_main(found, self._pid)
            sample.threads = found
        self._message = message
        self.samples.append(sample)
        self._sample = None
        self._phase = SamplingPhase.IDLE

    def _kernel_view(self, now: float) -> StackSample:
        """Return a sample without frames: what the kernel says about the threads."""
        pid = self._pid
        self._tree = [process for process in procfs.tree(pid, children.CHILDREN_MAX + 1) if not process.is_gone]
        cpu = (now, sum(process.cpu_ticks for process in self._tree) / procfs.TICKS_PER_SECOND)
        self._cpu = [*self._cpu[:1], cpu]
        sample = StackSample(iso(datetime.now(UTC)), [], {})
        self._switches.clear()
        found = threads.list_threads(pid)
        program = found[0].name if found else ""
        stack_server = None if self._channel.reply is None else self._channel.reply.by
        with WaitReader(pid, self._tree) as waits:
            for thread in found:
                if thread.tid == stack_server:
                    continue
                sample.waits[thread.tid] = waits.wait_of(thread)
                if thread.state in "RD":
                    sample.busy.add(thread.tid)
                    status = threads.signal_status(pid, thread.tid)
                    if status is not None:
                        self._switches[thread.tid] = status.switches
                if thread.name != program:
                    sample.names[thread.tid] = thread.name
        return sample

    def body(self, now: float) -> dict[str, Any]:
        """Return the body of a Stack, at unix time `now`. All samples need not be taken yet."""
        if not self.samples:
            # A limit acts before the process has replied.
            self.samples.append(self._sample or self._kernel_view(time.monotonic()))
            self._message = self._message or "The process did not reply in time."
        # Samples without frames add nothing to those with frames.
        samples = [sample for sample in self.samples if sample.threads] or self.samples
        node_type, config = registry.get(self._work.type), self._work.config
        code = node_type.python_code(config) if node_type else None
        function = node_type.function_path(config) if node_type else None
        source = NodeSource(self._work.node, read_source_line, code=code, function=function)
        span, cpu = 0.0, None
        if len(self._cpu) > 1:
            span = self._cpu[1][0] - self._cpu[0][0]
            cpu = max(0.0, self._cpu[1][1] - self._cpu[0][1])
        described = [stacks.describe_threads(sample, self._pid, source) for sample in samples]
        described_children = self._children()
        return {
            "taken_at": iso(datetime.fromtimestamp(now, UTC)),
            "pid": self._pid,
            "samples": [
                {"at": sample.at, "threads": threads_} for sample, threads_ in zip(samples, described, strict=True)
            ],
            "children": described_children,
            "queries": samples[-1].queries,
            "look": self._look(samples[-1], described[-1], described_children, code),
            "moves": stacks.moves(self.samples, cpu),
            "cpu_percent": round(cpu / span * 100, 1) if cpu is not None and span >= PERCENT_SECONDS else None,
            "message": None if samples[-1].threads else self._message,
            "quiet": self.quiet,
        }

    def _look(
        self, sample: StackSample, described: list[dict[str, Any]], kids: list[dict[str, Any]], code: str | None
    ) -> dict[str, Any] | None:
        """Return what a loop of the node looks for, if it is in one that sleeps in between."""
        if code is not None:
            names = {thread.tid or thread.ident: thread.names for thread in sample.threads}
            return looks.look_of(self._pid, described, names, code)
        command = self._work.config.get("command")
        return looks.look_of_shell(self._pid, kids, command) if isinstance(command, str) else None

    def _children(self) -> list[dict[str, Any]]:
        described: list[dict[str, Any]] = []
        for process in self._tree:
            if process.pid == self._pid:
                continue
            child = children.describe(process)
            if len(described) < CHILDREN_WAITS_MAX:
                thread = threads.read_thread(process.pid, process.pid)
                if thread is not None:
                    with WaitReader(process.pid, self._tree) as waits:
                        child["waits_on"] = waits.wait_of(thread)
            described.append(child)
        return described


def read_source_line(file: str, line: int) -> str | None:
    """Return a line of a Python file; None if it cannot be read."""
    if not file.startswith("/") or not file.endswith(".py"):
        return None
    try:
        status = os.stat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > SOURCE_BYTES_MAX:
            return None
        lines = _source_lines(file, status.st_mtime_ns, status.st_size)
    except (OSError, ValueError):
        return None
    return lines[line - 1] if 0 < line <= len(lines) else None


@lru_cache(maxsize=SOURCE_FILES_MAX)
def _source_lines(file: str, modified_ns: int, size: int) -> list[str]:
    with open(file, encoding="utf-8", errors="replace") as source:
        return source.read(SOURCE_BYTES_MAX).split("\n")
