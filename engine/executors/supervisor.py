"""The supervisor: owns the node processes of this host and everything that happens to attempts in them.

It is one selector loop, advanced only inside `poll`, on the thread of whoever holds it (the scheduler): no
thread, no lock, no hand-over. It hears frames, lines and deaths, keeps time limits and limits of memory and
processes, takes samples, and ends whole process trees. Nothing in it waits for a process.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import Config
from engine.executors import cgroup, leftovers, measure, procfs
from engine.executors.attempts import NEVER, Attempt
from engine.executors.base import Ended, Lines, Report, Returned
from engine.executors.capture import clean
from engine.executors.channel import envelope_file
from engine.executors.fleet import (
    ATTEMPTS_MAX,
    GROWTH_BYTES_MAX,
    IDLE_OTHER_SECONDS,
    LONG_BESIDE_IDLE_SECONDS,
    LONG_SECONDS,
    START_FAILURES_MAX,
    START_SECONDS,
    Fleet,
)
from engine.executors.kill import TreeKill
from engine.executors.process import MAIN, NodeProcess

log = logging.getLogger("interlock.supervisor")

PR_SET_CHILD_SUBREAPER = 36
KILL_STEP_SECONDS = 0.005
DRAIN_READS = 16
"""Reads of 64 KiB (the room of a pipe) from an ended process; what a survivor goes on writing is not waited for."""
GROWTH_CHECK_EVERY = 16
"""Attempts between looks at the memory of an idle process."""
STOP_SECONDS = 10.0
"""How long `stop` waits for killed trees to be gone."""


@dataclass(slots=True)
class Ending:
    """Why a node process is being ended."""

    cause: str
    """killed (an attempt), died (by itself), retired (used up), stopped, broken (its channel), unstarted."""
    claim: str | None = None
    """The attempt that is meant; others in the process are interrupted."""
    state: str = "lost"
    error: dict[str, Any] | None = None


class Supervisor(Fleet):
    """See `engine.executors.base.Executor`, which it implements."""

    def __init__(self, config: Config, *, worker: str = "local", mark: str | None = None, main: Path = MAIN) -> None:
        """`worker` labels attempts; `mark` replaces the mark of this home in the environment of node processes.

        Must be made, started and polled by a thread that lives as long as the process.
        """
        self.mark_prefix = mark or leftovers.mark_prefix(config.home)
        super().__init__(config, worker=worker, mark=leftovers.own_mark(self.mark_prefix), main=main)
        self._tails: list[tuple[Iterator[list[Any]], str, Ended]] = []
        """Ends of attempts whose long logs are still being handed on."""
        self._kills: list[NodeProcess] = []
        self._removals: list[Any] = []
        self._refusals: dict[tuple[str, str, int], int] = {}
        """(run, node, item) -> processes that ended in a row when they took its work."""
        self._oom_before = self._oom_kills = 0
        """Kills by the kernel since boot: one to two seconds ago, and last read."""
        self._oom_at = 0.0
        self._now = 0.0

    def start(self) -> None:
        """Clean up what an earlier, killed supervisor of this home left, and start node processes."""
        # Orphans of a node process that is killed come here, where they are found and waited for.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        leftovers.end_processes(self.mark_prefix)
        cgroup.remove_leftovers(self.mark_prefix + "-")
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        leftovers.clear_folder(self.scratch)
        leftovers.clear_folder(Path(self.config.artifacts) / "staging")
        self._oom_before = self._oom_kills = procfs.oom_kills()
        self._fill(time.monotonic())

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
                self._keep_house(now)
            if self._tails:
                self._hand_on_tails()
            wait = 0.0 if self._reports or called else max(0.0, min(end, self._due) - now)
            events = self.selector.select(wait)
            now = self._now = time.monotonic()
            for key, _ in events:
                handler = key.data
                if type(handler) is not _Watched:
                    handler()
                elif watched:
                    handler.callback()
                    called = True
            if self._reports or called or now >= end:
                reports, self._reports = self._reports, []
                return reports

    def _hand_on_tails(self) -> None:
        for tail in list(self._tails):
            batches, claim, ended = tail
            lines = next(batches, None)
            if lines is not None:
                self._reports.append(Lines(claim, lines))
            else:
                self._tails.remove(tail)
                self._reports.append(ended)

    def _keep_house(self, now: float) -> None:
        """Whatever is due: limits, samples, batches, kills, spares. Sets the next due time."""
        beside_idle = self._busy() < self.capacity
        for process in list(self._processes):
            if process.kill is not None:
                if process.kill.advance(now):
                    self._bury(process, now)
                else:
                    self._soon(now + KILL_STEP_SECONDS)
            elif not process.ready and not process.dying and now - process.born > START_SECONDS:
                self._end(process, Ending("unstarted"))
            elif process.broken_at < now and not process.dying:
                self._end(process, Ending("broken"))
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
                if ran >= (LONG_BESIDE_IDLE_SECONDS if beside_idle else LONG_SECONDS):
                    self._unsend(process)
                else:
                    self._soon(attempt.began + (LONG_BESIDE_IDLE_SECONDS if beside_idle else LONG_SECONDS))
            if attempt.hard_at <= now:
                self.kill(attempt.claim, "timed_out", _hard_timeout(attempt))
            elif attempt.soft_at <= now:
                attempt.soft_at, attempt.soft_passed = NEVER, True
                process.interrupt(signal.SIGUSR1)
            if attempt.check_at <= now:
                attempt.check_at = now + measure.CHECK_SECONDS
                if error := measure.check_limits(process, attempt, now):
                    self.kill(attempt.claim, "failed", error)
            if attempt.sample_at <= now:
                attempt.sample_at = now + measure.SAMPLE_SECONDS
                self._reports.append(measure.sample(process, attempt, now))
        self._soon(attempt.due())

    # What comes from a node process.

    def _on_frames(self, process: NodeProcess) -> None:
        """One read of frames; what more there is wakes the selector again."""
        try:
            for frame in process.read_frames() or ():
                self._on_frame(process, frame)
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
            self._end(process, Ending("broken", error=_lost(f"The node process broke its channel. {message}")))

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
            process.current = attempt
            attempt.start(self._now)
            if self._refusals:
                self._refusals.clear()
            self._reports.append(
                attempt.started_report(process.pid, process.start, f"{self.worker}/{process.index}", float(frame["at"]))
            )
            due = attempt.due()
            if len(process.sent) > 1:
                due = min(due, self._now + LONG_BESIDE_IDLE_SECONDS)
            self._soon(due)
        elif attempt is not process.current:
            return
        elif kind == "done" or kind == "failed":
            self._finish(process, attempt, frame)
        elif kind == "log":
            attempt.say(frame, self._now, self._reports)
            self._soon(attempt.lines_at)
        elif kind == "progress":
            attempt.progress(frame, self._now, self._reports)
            self._soon(attempt.progress_due)

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

    def _drain(self, process: NodeProcess) -> None:
        """Read what stands in stdout and stderr, each at most a pipe's worth."""
        for stream, descriptor in enumerate((process.stdout, process.stderr)):
            for _ in range(DRAIN_READS):
                data = process.read_stream(descriptor)
                if not data:
                    break
                self._take_output(process, stream, data)

    def _finish(self, process: NodeProcess, attempt: Attempt, frame: dict[str, Any]) -> None:
        """The node process said how the attempt ended."""
        reusable = frame.get("clean", True) is True
        if not reusable:
            # A process that goes on has waited until its output was read, for its next attempt may print at once.
            # Where none follows, what stands in the pipes is still this attempt's.
            self._drain(process)
        failed = frame["k"] == "failed"
        seconds = float(frame["seconds"])
        error = _error(frame["error"]) if failed else None
        state = "failed" if failed else "succeeded"
        if attempt.soft_passed or (error is not None and error["class"] == "SoftTimeout"):
            state = "timed_out"
            if error is None or error["class"] != "SoftTimeout":
                error = _soft_timeout(attempt, error)
        elif failed and measure.killed_at_limit(process, attempt):
            # The kernel took a child; what the code made of it is not the cause.
            error = measure.memory_error(attempt)
        ended = Ended(
            attempt.claim,
            state,
            float(frame["at"]),
            seconds,
            output=frame["output"] if state == "succeeded" else None,
            error=error,
            usage=attempt.usage(frame.get("usage")),
        )
        self.forecast.note(attempt.work, seconds, attempt.log is not None and attempt.log.wrote)
        del process.sent[attempt.claim]
        del self._where[attempt.claim]
        process.current = None
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
        self._deliver(attempt, ended)
        if not process.sent:
            if process.assigned >= ATTEMPTS_MAX or self._has_grown(process):
                self._dismiss(process)
            else:
                self._make_idle(process)

    def _has_grown(self, process: NodeProcess) -> bool:
        if process.assigned % GROWTH_CHECK_EVERY or process.memory_start is None:
            return False
        memory = _memory(process)
        return memory is not None and memory - process.memory_start > GROWTH_BYTES_MAX

    def _deliver(self, attempt: Attempt, ended: Ended) -> None:
        """Report an end, after everything that came before it."""
        attempt.flush_progress(self._now, self._reports)
        if attempt.log is None:
            self._reports.append(ended)
            return
        batches = attempt.log.close(time.time())
        if attempt.log.is_long:
            self._tails.append((batches, attempt.claim, ended))
            return
        self._reports += [Lines(attempt.claim, lines) for lines in batches]
        self._reports.append(ended)

    # How attempts and processes are ended.

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        """End an attempt with its whole process tree; reported as Ended with `state` and its receipt.

        Unknown claims are ignored; sent work that has not started is Returned.
        """
        process = self._where.get(claim)
        if process is None or process.dying or process.dead:
            return
        attempt = process.sent[claim]
        if attempt is not process.current:
            self._unsend(process)
            if claim not in self._where:
                return
            # The process has read it: it starts at this moment.
        self._end(process, Ending("killed", claim, state, dict(error) if error else None))

    def _end(self, process: NodeProcess, ending: Ending) -> None:
        """Begin to end a process and all that it started. Its attempts are reported when nothing is left."""
        process.dying = True
        process.ending = ending
        self._leave_idle(process)
        if process.ready or ending.cause not in ("died", "unstarted"):
            self._unsend(process)
        known: set[tuple[int, int]] = set()
        for attempt in process.sent.values():
            attempt.ending = True
            known |= attempt.seen
            if attempt.started and not process.dead:
                measure.last_look(process, attempt, self._now)
        process.kill = TreeKill(process.pid, process.start, process.mark, time.monotonic(), known, process.group)
        self._due = 0.0

    def _dismiss(self, process: NodeProcess) -> None:
        """End a process without children that has nothing to do: no search is needed."""
        if not process.dying and not process.dead:
            self._unsend(process)
            process.dying = True
            process.ending = Ending("retired")
            self._leave_idle(process)
            process.interrupt(signal.SIGKILL)
            self._due = 0.0

    def _on_death(self, process: NodeProcess) -> None:
        """The node process itself has ended; its descendants may live."""
        self._unwatch(process.pidfd)
        process.dead = True
        self._hear_last(process)
        if process.kill is not None:
            self._due = 0.0
            return
        if process.dying and not process.sent and not process.held:
            self._release(process)
            self._soon(0.0)
            return
        code, number = process.how_it_ended()
        self._end(process, Ending("died", error=self._death(process, code, number)))

    def _hear_last(self, process: NodeProcess) -> None:
        """Read what a process wrote before it ended; a whole `done` among it counts."""
        for _ in range(DRAIN_READS):
            if process.out not in process.open_pipes:
                break
            before = process.frames_read
            self._on_frames(process)
            if process.frames_read == before:
                break
        self._drain(process)

    def _bury(self, process: NodeProcess, now: float) -> None:
        """Nothing of the tree is left: report what it held."""
        kill, ending = process.kill, process.ending
        assert kill is not None
        self._hear_last(process)
        receipt = {"processes": len(kill.ended), "slots": None, "seconds": round(kill.seconds, 3)}
        never: list[str] = []
        for attempt, ended in process.held:
            if ending.cause == "left" and attempt.claim == ending.claim:
                ended.receipt = dict(receipt)
            self._deliver(attempt, ended)
        for attempt in process.sent.values():
            del self._where[attempt.claim]
            if attempt.started:
                self._deliver(attempt, self._cut_off(process, attempt, dict(receipt), now))
            elif ending.cause in ("died", "unstarted", "broken"):
                self._not_started(process, attempt, never)
            else:
                never.append(attempt.claim)
            _unlink(envelope_file(attempt.claim, self.scratch))
            if folder := attempt.work.envelope.get("scratch"):
                leftovers.remove(Path(folder), self._removals)
            leftovers.clear_staging(Path(self.config.artifacts), attempt.claim)
        if ending.cause in ("died", "unstarted") and not process.ready:
            self._note_failed_start(process, now)
        process.sent.clear()
        process.held.clear()
        process.current = None
        if never:
            self._reports.append(Returned(never))
        self._release(process)

    def _cut_off(self, process: NodeProcess, attempt: Attempt, receipt: dict[str, Any], now: float) -> Ended:
        """The end of an attempt that never said how it ended."""
        ending = process.ending
        meant = ending.claim in (None, attempt.claim)
        interrupted = ending.cause == "stopped" or not meant
        state, error = ending.state, ending.error
        if ending.cause == "died" and measure.killed_at_limit(process, attempt):
            state, error = "failed", measure.memory_error(attempt)
        elif interrupted:
            state, error = "lost", _lost("The node process was ended with another attempt, or by a stop.")
        elif attempt.soft_passed and state == "lost":
            state, error = "timed_out", _soft_timeout(attempt, error)
        return Ended(
            attempt.claim,
            state,
            time.time(),
            now - attempt.began,
            error=error,
            usage=attempt.usage(None),
            receipt=receipt,
            interrupted=interrupted,
        )

    def _death(self, process: NodeProcess, code: int | None, number: int | None) -> dict[str, Any]:
        """The error of an attempt whose node process ended by itself."""
        if number is None:
            return _lost(f"The node process ended with exit code {code}: the node's code ended it.")
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        message = f"The node process was ended by {name} while the attempt ran."
        if number == signal.SIGKILL:
            kills = procfs.oom_kills()
            if kills > self._oom_before:
                message = f"The node process was ended by {name}: killed by the kernel, probably out of memory."
            self._oom_before = self._oom_kills = kills
        return _lost(message)

    def _not_started(self, process: NodeProcess, attempt: Attempt, never: list[str]) -> None:
        """Work that a process took and ended before it started it: tried again, but not for ever."""
        envelope = attempt.work.envelope
        key = (str(envelope.get("run", {}).get("id")), str(envelope.get("node")), int(envelope.get("item", -1)))
        if len(self._refusals) > 1000:
            self._refusals.clear()
        times = self._refusals[key] = self._refusals.get(key, 0) + 1
        if times < START_FAILURES_MAX:
            never.append(attempt.claim)
            return
        del self._refusals[key]
        said = clean(process.noise.decode("utf-8", "replace")).strip()
        if process.ready:
            text = (process.ending.error or {}).get("message") or "The node process ended before the attempt began."
        else:
            text = f"{process.key or 'The node process'} did not start."
        self._refuse(attempt.work, f"{text} {said}".strip())

    def _note_failed_start(self, process: NodeProcess, now: float) -> None:
        failures = self._failures[process.key] = self._failures.get(process.key, 0) + 1
        said = process.noise.decode("utf-8", "replace").strip()
        log.error("node_process_did_not_start pid=%s failures=%s: %s", process.pid, failures, said)
        if not process.key:
            self._retry_start_at = now + min(30.0, 0.5 * 2**failures)
            self._soon(self._retry_start_at)

    def stop(self, grace: float) -> list[Report]:
        """Let running attempts end for up to `grace` seconds, interrupt the others, end all processes.

        Blocks; watched files are not served meanwhile. A caller that must stay awake takes back, polls until
        nothing runs, and then calls `stop(0)`.
        """
        reports: list[Report] = []
        self._stopping = True
        self.take_back()
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
        return reports + self._reports


class _Watched:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback


def _memory(process: NodeProcess) -> int | None:
    one = procfs.process(process.pid)
    return None if one is None else one.memory_bytes


def _unlink(path: Path) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _lost(message: str) -> dict[str, Any]:
    return {"class": "WorkerLost", "message": message, "line": None, "traceback": None}


def _soft_timeout(attempt: Attempt, ended_with: dict[str, Any] | None) -> dict[str, Any]:
    message = f"The soft limit of {attempt.work.soft_timeout:g} s had passed when the attempt ended."
    if ended_with is not None:
        message += f" It ended with {ended_with['class']}: {ended_with['message']}"
    given = ended_with or {}
    return {"class": "SoftTimeout", "message": message, "line": given.get("line"), "traceback": given.get("traceback")}


def _hard_timeout(attempt: Attempt) -> dict[str, Any]:
    message = f"The hard limit of {attempt.work.hard_timeout:g} s has passed; the attempt was ended with its processes."
    return {"class": "HardTimeout", "message": message, "line": None, "traceback": None}


def _error(given: dict[str, Any]) -> dict[str, Any]:
    """An error as the node process reported it, made fit for every database."""
    line, traceback = given.get("line"), given.get("traceback")
    return {
        **given,
        "class": clean(str(given["class"])),
        "message": clean(str(given.get("message") or "")),
        "line": line if isinstance(line, int) else None,
        "traceback": None if traceback is None else clean(str(traceback)),
    }
