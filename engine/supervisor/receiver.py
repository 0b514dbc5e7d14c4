"""Reads what node processes send, frames and output, and turns it into reports."""

import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.executors.base import PREFETCH_MAX, Ended, Started
from engine.inspect import procfs
from engine.supervisor import resource_limits
from engine.supervisor.attempt import Attempt
from engine.supervisor.attempt_errors import reported, soft_timeout, task_limit, worker_lost
from engine.supervisor.cgroup import TASKS_MAX
from engine.supervisor.channel import frame_time
from engine.supervisor.end_reason import Cause, EndReason
from engine.supervisor.loop import Loop
from engine.supervisor.process import NodeProcess
from engine.supervisor.process_pool import ProcessPool
from engine.supervisor.reports import ReportQueue
from engine.supervisor.stack_schedule import StackSchedule
from engine.supervisor.termination import Termination
from engine.supervisor.work_distributor import RECALL_BESIDE_IDLE_SECONDS, WorkDistributor

log = logging.getLogger("interlock.supervisor")

CLOSED_PIPE_SECONDS = 0.5
"""How long a process may live after it has closed its frame pipe. One that dies closes it a moment before its death is
seen."""
PREFETCHED_ENOUGH = PREFETCH_MAX // 4
"""Works that keep a process busy for as long as a report may be delayed."""
LAST_READS = 16
"""Reads of 64 KiB, the size of a pipe, from an ended process. What a survivor goes on writing is not waited for."""
GROWTH_CHECK_EVERY = 16
"""Attempts between checks of the memory of an idle process."""
GROWTH_BYTES_MAX = 64 * 1024 * 1024
SECONDS_MAX = 1e9


@dataclass(slots=True, eq=False)
class Receiver:
    """Reads each process one read at a time, so that a flood from one does not hold up the others."""

    loop: Loop
    reports: ReportQueue
    pool: ProcessPool
    distributor: WorkDistributor
    stacks: StackSchedule
    termination: Termination
    worker: str
    is_paused: bool = False
    """Whether what node processes print is left in their pipes."""

    def attach(self, process: NodeProcess) -> None:
        """Read the process whenever it has sent something."""
        self.loop.register(process.frame_pipe, partial(self.on_frames, process))
        self.loop.register(process.stacks.socket, partial(self.stacks.on_reply, process))
        if not self.is_paused:
            self._attach_output(process)

    def _attach_output(self, process: NodeProcess) -> None:
        for stream, descriptor in enumerate((process.stdout, process.stderr)):
            if descriptor in process.open_pipes:
                self.loop.register(descriptor, partial(self._on_output, process, stream))

    def pause_output(self, paused: bool) -> None:
        """Leave what node processes print in their pipes, so that they wait, or read it again."""
        if paused == self.is_paused:
            return
        self.is_paused = paused
        for process in self.pool.processes:
            if paused:
                self.loop.unregister(process.stdout)
                self.loop.unregister(process.stderr)
            else:
                self._attach_output(process)

    # Frames.

    def on_frames(self, process: NodeProcess) -> None:
        """Handle the frames of one read; the selector reports the rest."""
        try:
            for frame in process.read_frames():
                self._on_frame(process, frame)
            process.responded_at = self.loop.now
            if process.frames.error:
                self._break_channel(process, process.frames.error)
        except (KeyError, TypeError, ValueError) as error:
            self._break_channel(process, f"A frame cannot be understood: {error!r}.")
        if process.frame_pipe not in process.open_pipes:
            self.loop.unregister(process.frame_pipe)
            process.close_deadline = self.loop.now + CLOSED_PIPE_SECONDS
            self.loop.wake_at(process.close_deadline)

    def _break_channel(self, process: NodeProcess, message: str) -> None:
        process.open_pipes.discard(process.frame_pipe)
        log.warning("node_process_broken pid=%s: %s", process.pid, message)
        if not process.is_ending:
            error = worker_lost(f"The node process broke its channel. {message}")
            self.termination.end(process, EndReason(Cause.CHANNEL_BROKEN, error=error))

    def _on_frame(self, process: NodeProcess, frame: dict[str, Any]) -> None:
        """Handle one frame. Raises KeyError, TypeError or ValueError if it is malformed."""
        loop = self.loop
        kind = frame["k"]
        if kind == "ready":
            self.pool.on_ready(process)
            loop.wake_at(loop.now)
            return
        attempt = process.attempts.get(frame["c"])
        if attempt is None:
            return
        if kind == "started":
            self._on_started(process, attempt, frame)
        elif "began" in frame and process.current is None:
            # An instant attempt, which runs no author's code, reports its start and its end in one frame.
            self.reports.delay(self._started(process, attempt, frame["began"]), loop.now)
            self._on_end(process, attempt, frame)
        elif attempt is not process.current:
            return
        elif kind == "done" or kind == "failed":
            process.author_attempts += 1
            if process.is_nearly_used_up:
                loop.wake_at(loop.now)
            self._on_end(process, attempt, frame)
        elif kind == "log":
            attempt.output.add_log_frame(frame, loop.now, self.reports.append)
            loop.wake_at(attempt.output.lines_due)
        elif kind == "progress":
            attempt.output.add_progress_frame(frame, loop.now, self.reports.append)
            loop.wake_at(attempt.output.progress_due)

    def _on_started(self, process: NodeProcess, attempt: Attempt, frame: dict[str, Any]) -> None:
        # The loop's time may be before the start, and a soft limit must not act early.
        now = self.loop.now = time.monotonic()
        process.current = attempt
        attempt.start(now)
        self.distributor.on_started()
        started = self._started(process, attempt, frame["at"])
        if attempt.is_short:
            self.reports.delay(started, now)
        else:
            self.reports.append(started)
        due = attempt.due()
        if len(process.attempts) > 1:
            due = min(due, now + RECALL_BESIDE_IDLE_SECONDS)
        self.loop.wake_at(due)

    def _started(self, process: NodeProcess, attempt: Attempt, at: Any) -> Started:
        worker = f"{self.worker}/{process.index}"
        return Started(attempt.claim, process.pid, process.start_text, worker, frame_time(at))

    def _on_end(self, process: NodeProcess, attempt: Attempt, frame: dict[str, Any]) -> None:
        """Handle the frame by which the node process reports how the attempt ended."""
        if attempt.is_started:
            self.stacks.on_end(attempt)
        is_clean = frame.get("clean", True) is True
        if not is_clean:
            # A process that goes on has waited until its output was read, because its next attempt may print at once.
            # No attempt follows in this one, so what is left in its pipes is still this attempt's.
            self._read_rest_of_output(process)
        ended = self._ended(process, attempt, frame)
        self.distributor.short_work.record(attempt.work, ended.seconds, attempt.output.printed)
        self.distributor.forget(process, attempt)
        process.current = None
        process.attempts_ended += 1
        if not process.takes_work:
            process.pending_ends.append((attempt, ended))
        elif not is_clean:
            if procfs.children(process.pid) or not procfs.LISTS_CHILDREN:
                process.pending_ends.append((attempt, ended))
                self.termination.end(process, EndReason(Cause.CHILDREN_LEFT, attempt.claim))
            else:
                self.termination.report_end(attempt, ended)
                self.termination.retire(process)
        elif attempt.is_short and attempt.output.log is None and len(process.attempts) >= PREFETCHED_ENOUGH:
            attempt.output.flush_progress(self.loop.now, self.reports.append)
            self.reports.delay(ended, self.loop.now)
            self.reports.expects_more = True
        else:
            self.termination.report_end(attempt, ended)
            if not process.attempts:
                if process.is_used_up or _has_grown(process):
                    self.termination.retire(process)
                else:
                    self.pool.make_idle(process)

    def _ended(self, process: NodeProcess, attempt: Attempt, frame: dict[str, Any]) -> Ended:
        has_failed = frame["k"] == "failed"
        seconds = float(frame["seconds"])
        if not 0.0 <= seconds < SECONDS_MAX:
            seconds = self.loop.now - attempt.began
        output = frame.get("output")
        if not has_failed and type(output) is not dict:
            raise ValueError("a result without its output")
        error = reported(frame["error"]) if has_failed else None
        state = "failed" if has_failed else "succeeded"
        if attempt.soft_passed or (error is not None and error["class"] == "SoftTimeout"):
            state = "timed_out"
            if error is None or error["class"] != "SoftTimeout":
                error = soft_timeout(attempt.work, error)
        elif has_failed and resource_limits.was_killed_at_limit(process, attempt):
            # The kernel has killed a child; the error that the code made of it is not the cause.
            error = resource_limits.memory_error(attempt)
        elif error is not None and resource_limits.was_refused_tasks(process.group, attempt):
            error = task_limit(TASKS_MAX, error)
        return Ended(
            attempt.claim,
            state,
            frame_time(frame["at"]),
            seconds,
            output=output if state == "succeeded" else None,
            error=error,
            usage=attempt.usage.merge(frame.get("usage")),
        )

    # Standard output and standard error.

    def _on_output(self, process: NodeProcess, stream: int) -> None:
        if process.frame_pipe in process.open_pipes and process.attempts:
            # The frame that says whose output it is may have come at the same moment.
            self.on_frames(process)
        descriptor = process.stderr if stream else process.stdout
        data = process.read_pipe(descriptor)
        if data:
            self._add_output(process, stream, data)
        elif descriptor not in process.open_pipes:
            self.loop.unregister(descriptor)

    def _add_output(self, process: NodeProcess, stream: int, data: bytes) -> None:
        attempt = process.current
        if attempt is None:
            process.add_stray_output(data)
            return
        attempt.output.add_bytes(stream, data, self.loop.now, time.time(), self.reports.append)
        self.loop.wake_at(attempt.output.lines_due)

    def _read_rest_of_output(self, process: NodeProcess) -> None:
        for stream, descriptor in enumerate((process.stdout, process.stderr)):
            for _ in range(LAST_READS):
                data = process.read_pipe(descriptor)
                if not data:
                    break
                self._add_output(process, stream, data)

    def read_rest(self, process: NodeProcess) -> None:
        """Read what a process wrote before it ended; a complete result among it counts."""
        for _ in range(LAST_READS):
            if process.frame_pipe not in process.open_pipes:
                break
            before = process.frame_bytes
            self.on_frames(process)
            if process.frame_bytes == before:
                break
        self._read_rest_of_output(process)


def _has_grown(process: NodeProcess) -> bool:
    """Return whether the process uses much more memory than when it was ready; checked now and then."""
    if process.attempts_ended % GROWTH_CHECK_EVERY or process.memory_at_start is None:
        return False
    memory = process.memory_bytes()
    return memory is not None and memory - process.memory_at_start > GROWTH_BYTES_MAX
