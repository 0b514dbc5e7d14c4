"""The supervisor: owns the node processes of this host and everything that happens to attempts in them.

It is one selector loop, advanced only inside `poll`, on the thread of whoever holds it (the scheduler): no
thread, no lock, no hand-over. It hears frames, lines and deaths, keeps time limits and limits of memory and
processes, takes samples, and ends whole process trees. Nothing in it waits for a process.
"""

from __future__ import annotations

import ctypes
import logging
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.config import Config
from engine.executors.base import PREFETCH_MAX, Ended, Report, Started
from engine.inspect import procfs
from engine.supervisor import cgroup, cleanup, resource_sampling
from engine.supervisor.attempt import NEVER, Attempt, moment
from engine.supervisor.attempt_errors import hard_timeout, lost, reported, soft_timeout
from engine.supervisor.process import NodeProcess
from engine.supervisor.process_pool import (
    GROWTH_BYTES_MAX,
    IDLE_OTHER_SECONDS,
    RECALL_BESIDE_IDLE_SECONDS,
    RECALL_SECONDS,
    START_SECONDS,
    STILL_SECONDS,
)
from engine.supervisor.stack_schedule import Stacking
from engine.supervisor.termination import Ending
from engine.worker import MAIN, start_note

log = logging.getLogger("interlock.supervisor")

PR_SET_CHILD_SUBREAPER = 36
KILL_STEP_SECONDS = 0.005
HELD_SECONDS = 0.001
"""How long the start of a short attempt is kept for its end to come, and its end for those of the attempts behind it:
alone they are worth no tick of their own."""
ENOUGH_AHEAD = PREFETCH_MAX // 4
"""Works that keep a process busy for that long."""
ENOUGH_HELD = PREFETCH_MAX // 2
"""Reports that are worth a tick."""
GROWTH_CHECK_EVERY = 16
"""Attempts between looks at the memory of an idle process."""
STOP_SECONDS = 10.0
"""How long `stop` waits for killed trees to be gone."""


class Supervisor(Stacking):
    """See `engine.executors.base.Executor`, which it implements."""

    alone = True
    """No other supervisor uses the folder of artifacts."""
    remote = None
    """Its work and reports stay in memory (see `engine.executors.base.Executor`)."""

    def __init__(self, config: Config, *, worker: str = "local", mark: str | None = None, main: str = MAIN) -> None:
        """`worker` labels attempts; `mark` replaces the mark of this home in the environment of node processes.

        Must be made, started and polled by a thread that lives as long as the process.
        """
        self.mark_prefix = mark or cleanup.mark_prefix(config.home)
        super().__init__(config, worker=worker, mark=cleanup.own_mark(self.mark_prefix), main=main)
        self._held: list[Report] = []
        """Reports on short attempts, which go before all others ..."""
        self._held_due = NEVER
        """... at this time by themselves."""
        self._gathers = False
        """Whether an end is among them: nothing is heard until they are due, for then much can be read at once."""

    def start(self) -> Mapping[str, float]:
        """Clean up what an earlier, killed supervisor of this home left, and start node processes. Which attempts the
        earlier processes had begun last: {claim: unix time}."""
        # Orphans of a node process that is killed come here, where they are found and waited for.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        cleanup.end_orphans(self.mark_prefix)
        cgroup.remove_orphans()
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        notes = start_note.read_all(str(self.scratch))
        cleanup.clear_folder(self.scratch)
        if self.alone:
            cleanup.clear_folder(Path(self.config.artifacts) / "staging")
        self._oom_before = self._oom_kills = procfs.oom_kills()
        self._fill(time.monotonic())
        return notes

    # The loop.

    def watch(self, fileobj: Any, callback: Callable[[], None]) -> None:
        """Call `callback` within `poll` whenever `fileobj` is readable; it also ends the wait."""
        self.selector.register(fileobj, 1, _Watched(callback))

    def unwatch(self, fileobj: Any) -> None:
        self._unwatch(fileobj)

    def poll(self, timeout: float) -> list[Report]:
        """Reports since the last call, waiting up to `timeout` seconds for the first or for a watched file."""
        return self._turn(timeout, True)

    def _turn(self, timeout: float, watched: bool) -> list[Report]:
        now = self._now = time.monotonic()
        end = now + timeout
        called = False
        while True:
            if now >= self._due:
                self._due = now + 1.0
                # What has come counts before what the time says: this thread may have been kept waiting.
                self._hear(0.0, False)
                now = self._now
                self._keep_house(now)
            if self._tails:
                self._hand_on_tails()
            wait = 0.0 if self._reports or called else max(0.0, min(end, self._due, self._held_due) - now)
            if self._gathers and wait:
                if len(self._held) < ENOUGH_HELD:
                    time.sleep(wait)
                else:
                    self._held_due = now
                wait = 0.0
            called = self._hear(wait, watched) or called
            now = self._now
            if self._reports or called or now >= min(end, self._held_due):
                reports = self._held + self._reports
                self._held, self._reports, self._held_due, self._gathers = [], [], NEVER, False
                return reports

    def _hear(self, wait: float, watched: bool) -> bool:
        """Take what has come, or comes within so long; whether the callback of a watched file was called."""
        called = False
        events = self.selector.select(wait)
        self._now = time.monotonic()
        for key, _ in events:
            handler = key.data
            if type(handler) is not _Watched:
                handler()
            elif watched:
                handler.callback()
                called = True
        return called

    def _hold(self, report: Report) -> None:
        """Report within HELD_SECONDS; after what is to be reported at once already, so that order is kept."""
        if self._reports:
            self._reports.append(report)
        else:
            self._held.append(report)
            self._held_due = min(self._held_due, self._now + HELD_SECONDS)

    def _keep_house(self, now: float) -> None:
        """Whatever is due: limits, samples, batches, kills, spares. Sets the next due time."""
        beside_idle = self._busy() < self.capacity
        for process in list(self._processes):
            if process.kill is not None:
                if process.kill.advance(now):
                    self._bury(process)
                else:
                    self._soon(now + KILL_STEP_SECONDS)
            elif not process.ready and not process.dying and now - process.born > START_SECONDS:
                self._end(process, Ending("unstarted"))
            elif process.broken_at < now and not process.dying:
                self._end(process, Ending("broken"))
            elif process.awaits_start and now - process.heard_at > STILL_SECONDS:
                log.warning("node_process_stands_still pid=%s", process.pid)
                message = f"The node process did nothing for {STILL_SECONDS:g} s and was ended."
                self._end(process, Ending("still", error=lost(message)))
            attempt = process.current
            if attempt is not None:
                self._keep_attempt(process, attempt, now, beside_idle)
            elif process.key and not process.sent and now - process.idle_since > IDLE_OTHER_SECONDS:
                self._dismiss(process)
        if now >= self._oom_at:
            # Kept fresh, so that a kill of long ago does not explain a death of now.
            self._oom_at = now + 1.0
            self._oom_before, self._oom_kills = self._oom_kills, procfs.oom_kills()
        self._groups = [one for one in self._groups if not one.remove()]
        self._removals = [one for one in self._removals if one.poll() is None]
        self._fill(now)

    def _keep_attempt(self, process: NodeProcess, attempt: Attempt, now: float, beside_idle: bool) -> None:
        if attempt.lines_at <= now:
            attempt.flush_lines(self._reports)
        if attempt.progress_due <= now:
            attempt.flush_progress(now, self._reports)
        if not attempt.ending:
            ran = now - attempt.began
            if len(process.sent) > 1:
                if ran >= (RECALL_BESIDE_IDLE_SECONDS if beside_idle else RECALL_SECONDS):
                    self._unsend(process)
                else:
                    self._soon(attempt.began + (RECALL_BESIDE_IDLE_SECONDS if beside_idle else RECALL_SECONDS))
            if attempt.stacks_at <= now:
                self._keep_stacks(process, attempt, now)
            if attempt.verdict is not None:
                self._judge(process, attempt, now)
            elif attempt.hard_at <= now:
                self._before_limit(process, attempt, "hard_timeout")
                self.kill(attempt.claim, "timed_out", hard_timeout(attempt.work))
            elif attempt.soft_at <= now:
                self._before_limit(process, attempt, "soft_timeout")
                attempt.soft_at, attempt.soft_passed = NEVER, True
                process.interrupt(signal.SIGUSR1)
            if attempt.check_at <= now:
                used = time.thread_time()
                error = resource_sampling.check_limits(process, attempt, now)
                # A look at a tree of hundreds takes its time: it gets a tenth of ours, but happens every second.
                attempt.check_at = now + min(
                    1.0, max(resource_sampling.CHECK_SECONDS, 10 * (time.thread_time() - used))
                )
                if error and error["class"] == "MemoryLimit":
                    self._over_memory(process, attempt, error, now)
                elif error:
                    self.kill(attempt.claim, "failed", error)
                else:
                    self._near_memory(process, attempt)
            if attempt.sample_at <= now:
                attempt.sample_at = now + resource_sampling.SAMPLE_SECONDS
                sampled = resource_sampling.sample(process, attempt, now)
                self._reports.append(sampled)
                if attempt.work.stuck_after is None and resource_sampling.is_quiet(attempt, sampled, now):
                    self._take(process, attempt, "quiet")
        self._soon(attempt.due())

    # What comes from a node process.

    def _on_answer(self, process: NodeProcess) -> None:
        """It has told its stacks, or closed that channel."""
        if not process.read_answer():
            self._unwatch(process.ask)
        attempt = process.current
        if attempt is not None and attempt.sampling is not None:
            attempt.sampling.due = attempt.stacks_at = self._now
            self._soon(self._now)

    def _on_frames(self, process: NodeProcess) -> None:
        """One read of frames; what more there is wakes the selector again."""
        try:
            for frame in process.read_frames() or ():
                self._on_frame(process, frame)
            process.heard_at = self._now
            if process.frames.broken:
                self._break(process, process.frames.broken)
        except (KeyError, TypeError, ValueError) as error:
            self._break(process, f"A frame cannot be understood: {error!r}.")
        if process.out not in process.open_pipes:
            self._unwatch(process.out)
            # Its death shows a moment later; one that closed the pipe and lives on is ended.
            process.broken_at = self._now + 0.5
            self._soon(process.broken_at)

    def _break(self, process: NodeProcess, message: str) -> None:
        process.open_pipes.discard(process.out)
        log.warning("node_process_broken pid=%s: %s", process.pid, message)
        if not process.dying:
            self._end(process, Ending("broken", error=lost(f"The node process broke its channel. {message}")))

    def _on_frame(self, process: NodeProcess, frame: dict[str, Any]) -> None:
        kind = frame["k"]
        if kind == "ready":
            process.ready = True
            self._failures.pop(process.key, None)
            process.memory_start = _memory(process)
            self._soon(self._now)
            return
        attempt = process.sent.get(frame["c"])
        if attempt is None:
            return
        if kind == "started":
            # Not when this turn began, which may have been before: the signal of a soft limit must not come early.
            self._now = time.monotonic()
            process.current = attempt
            attempt.start(self._now)
            if self._refusals:
                self._refusals.clear()
            started = self._started(process, attempt, frame["at"])
            if attempt.short:
                self._hold(started)
            else:
                self._reports.append(started)
            due = attempt.due()
            if len(process.sent) > 1:
                due = min(due, self._now + RECALL_BESIDE_IDLE_SECONDS)
            self._soon(due)
        elif "began" in frame and process.current is None:
            # An instant attempt, which ran none of an author's code, tells its start and its end in one.
            self._hold(self._started(process, attempt, frame["began"]))
            self._finish(process, attempt, frame)
        elif attempt is not process.current:
            return
        elif kind == "done" or kind == "failed":
            process.worn += 1
            if process.is_nearly_used_up:
                self._soon(self._now)
            self._finish(process, attempt, frame)
        elif kind == "log":
            attempt.say(frame, self._now, self._reports)
            self._soon(attempt.lines_at)
        elif kind == "progress":
            attempt.progress(frame, self._now, self._reports)
            self._soon(attempt.progress_due)

    def _started(self, process: NodeProcess, attempt: Attempt, at: Any) -> Started:
        return Started(attempt.claim, process.pid, process.start_text, f"{self.worker}/{process.index}", moment(at))

    def _on_stream(self, process: NodeProcess, stream: int) -> None:
        """One read of stdout or stderr, so that a flood starves nobody."""
        if process.out in process.open_pipes and process.sent:
            # Whose output it is: the frame that says so may have come in the same moment.
            self._on_frames(process)
        descriptor = process.stderr if stream else process.stdout
        data = process.read_stream(descriptor)
        if data:
            self._take_output(process, stream, data)
        elif descriptor not in process.open_pipes:
            self._unwatch(descriptor)

    def _take_output(self, process: NodeProcess, stream: int, data: bytes) -> None:
        attempt = process.current
        if attempt is None:
            process.noise += data[-4096:]
            del process.noise[:-4096]
            return
        attempt.feed(stream, data, self._now, time.time(), self._reports)
        self._soon(attempt.lines_at)

    def _finish(self, process: NodeProcess, attempt: Attempt, frame: dict[str, Any]) -> None:
        """The node process said how the attempt ended."""
        self._cut_sampling(process, attempt)
        reusable = frame.get("clean", True) is True
        if not reusable:
            # A process that goes on has waited until its output was read, for its next attempt may print at once.
            # Where none follows, what stands in the pipes is still this attempt's.
            self._drain(process)
        failed = frame["k"] == "failed"
        seconds = float(frame["seconds"])
        if not 0.0 <= seconds < 1e9:
            seconds = self._now - attempt.began
        output = frame.get("output")
        if not failed and type(output) is not dict:
            raise ValueError("a result without its output")
        error = reported(frame["error"]) if failed else None
        state = "failed" if failed else "succeeded"
        if attempt.soft_passed or (error is not None and error["class"] == "SoftTimeout"):
            state = "timed_out"
            if error is None or error["class"] != "SoftTimeout":
                error = soft_timeout(attempt.work, error)
        elif failed and resource_sampling.killed_at_limit(process, attempt):
            # The kernel took a child; what the code made of it is not the cause.
            error = resource_sampling.memory_error(attempt)
        elif error is not None and resource_sampling.tasks_refused(process, attempt):
            error = resource_sampling.tasks_error(error)
        ended = Ended(
            attempt.claim,
            state,
            moment(frame["at"]),
            seconds,
            output=output if state == "succeeded" else None,
            error=error,
            usage=attempt.usage(frame.get("usage")),
        )
        self.short_work.record(attempt.work, seconds, attempt.log is not None and attempt.log.wrote)
        del process.sent[attempt.claim]
        del self._where[attempt.claim]
        process.current = None
        process.ended += 1
        if process.dying or process.dead:
            process.held.append((attempt, ended))
            return
        if not reusable:
            if procfs.children(process.pid) or not procfs.LISTS_CHILDREN:
                process.held.append((attempt, ended))
                self._end(process, Ending("left", attempt.claim))
            else:
                self._deliver(attempt, ended)
                self._dismiss(process)
            return
        if attempt.short and attempt.log is None and len(process.sent) >= ENOUGH_AHEAD:
            attempt.flush_progress(self._now, self._reports)
            self._hold(ended)
            self._gathers = True
            return
        self._deliver(attempt, ended)
        if not process.sent:
            if process.is_used_up or self._has_grown(process):
                self._dismiss(process)
            else:
                self._make_idle(process)

    def _has_grown(self, process: NodeProcess) -> bool:
        if process.ended % GROWTH_CHECK_EVERY or process.memory_start is None:
            return False
        memory = _memory(process)
        return memory is not None and memory - process.memory_start > GROWTH_BYTES_MAX

    def stop(self, grace: float) -> list[Report]:
        """Let running attempts end for up to `grace` seconds, interrupt the others, end all processes.

        Blocks; watched files are not served meanwhile. A caller that must stay awake takes back, polls until
        nothing runs, and then calls `stop(0)`.
        """
        reports: list[Report] = []
        self._stopping = True
        self.recall()
        end = time.monotonic() + grace
        while self._busy() and (left := end - time.monotonic()) > 0:
            reports += self._turn(min(left, 0.5), False)
        for process in list(self._processes):
            if not process.dying and not process.dead:
                if process.sent:
                    self._end(process, Ending("stopped"))
                else:
                    self._dismiss(process)
        end = time.monotonic() + STOP_SECONDS
        while (self._processes or self._tails) and time.monotonic() < end:
            reports += self._turn(0.05, False)
        if self._processes:
            log.error("node_processes_left: %s", [process.pid for process in self._processes])
        for removal in self._removals:
            removal.wait()
        self.selector.close()
        return reports + self._held + self._reports


class _Watched:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback


def _memory(process: NodeProcess) -> int | None:
    one = procfs.process(process.pid)
    return None if one is None else one.memory_bytes
