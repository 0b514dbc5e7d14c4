"""How attempts end that do not end by themselves, and how node processes are ended and buried.

An end is reported only when nothing of the attempt is left: its whole tree was killed and looked for again.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import Config
from engine.executors.base import Ended, Lines, Returned
from engine.inspect import procfs
from engine.supervisor import cleanup, resource_sampling
from engine.supervisor.attempt import Attempt
from engine.supervisor.attempt_errors import death, lost, soft_timeout
from engine.supervisor.attempt_log import clean
from engine.supervisor.channel import envelope_file
from engine.supervisor.kill import TreeKill
from engine.supervisor.process import NodeProcess
from engine.supervisor.process_pool import START_FAILURES_MAX, Fleet

log = logging.getLogger("interlock.supervisor")

DRAIN_READS = 16
"""Reads of 64 KiB (the room of a pipe) from an ended process; what a survivor goes on writing is not waited for."""


@dataclass(slots=True)
class Ending:
    """Why a node process is being ended."""

    cause: str
    """killed (an attempt), left (something behind), died (by itself), retired (used up), stopped, broken (its
    channel), still (begins nothing), unstarted."""
    claim: str | None = None
    """The attempt that is meant; others in the process are interrupted."""
    state: str = "lost"
    error: dict[str, Any] | None = None


class Endings(Fleet):
    """The part of the supervisor that ends things."""

    def __init__(self, config: Config, *, worker: str, mark: str, main: str) -> None:
        super().__init__(config, worker=worker, mark=mark, main=main)
        self._tails: list[tuple[Iterator[list[Any]], str, Ended]] = []
        """Ends of attempts whose long logs are still being handed on."""
        self._removals: list[Any] = []
        self._refusals: dict[tuple[str, str], int] = {}
        """(run, node) -> processes that ended in a row when they took its work."""
        self._oom_before = self._oom_kills = 0
        """Kills by the kernel since boot: one to two seconds ago, and last read."""
        self._oom_at = 0.0

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        """End an attempt with its whole process tree; reported as Ended with `state` and its receipt.

        Unknown claims are ignored; sent work that has not started is Returned.
        """
        process = self._where.get(claim)
        if process is None:
            return
        if process.dying or process.dead:
            process.wishes.setdefault(claim, (state, dict(error) if error else None))
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
        # From here on it does nothing, whenever the search for its tree begins.
        process.interrupt(signal.SIGSTOP)
        if process.group is not None:
            process.group.freeze(True)
        known: set[tuple[int, int]] = set()
        for attempt in process.sent.values():
            attempt.ending = True
            known |= attempt.seen
            if attempt.started and not process.dead:
                resource_sampling.last_look(process, attempt, self._now)
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
            cleanup.remove_folder(process.folder, self._removals)
            self._release(process)
            self._soon(0.0)
            return
        if process.dying:
            self._end(process, process.ending)
            return
        code, number = process.how_it_ended()
        out_of_memory = False
        if number == signal.SIGKILL:
            kills = procfs.oom_kills()
            out_of_memory = kills > self._oom_before
            self._oom_before = self._oom_kills = kills
        self._end(process, Ending("died", error=death(code, number, out_of_memory)))

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

    def _bury(self, process: NodeProcess) -> None:
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
                self._deliver(attempt, self._cut_off(process, attempt, dict(receipt)))
            elif ending.cause in ("died", "unstarted", "broken", "still"):
                self._not_started(process, attempt, never)
            else:
                never.append(attempt.claim)
            _unlink(envelope_file(attempt.claim, self.scratch))
            cleanup.clear_staging(Path(self.config.artifacts), attempt.claim)
        if ending.cause in ("died", "unstarted") and not process.ready:
            self._note_failed_start(process)
        process.sent.clear()
        process.held.clear()
        process.current = None
        cleanup.remove_folder(process.folder, self._removals)
        if never:
            self._reports.append(Returned(never))
        self._release(process)

    def _cut_off(self, process: NodeProcess, attempt: Attempt, receipt: dict[str, Any]) -> Ended:
        """The end of an attempt that never said how it ended."""
        ending = process.ending
        meant = ending.claim in (None, attempt.claim)
        interrupted = ending.cause in ("stopped", "retired") or not meant
        state, error = ending.state, ending.error
        if attempt.claim in process.wishes and (ending.cause != "killed" or not meant):
            interrupted = False
            state, error = process.wishes[attempt.claim]
        elif ending.cause == "died" and resource_sampling.killed_at_limit(process, attempt):
            state, error = "failed", resource_sampling.memory_error(attempt)
        elif interrupted:
            state, error = "lost", lost("The node process was ended with another attempt, or by a stop.")
        elif attempt.soft_passed and state == "lost":
            state, error = "timed_out", soft_timeout(attempt.work, error)
        return Ended(
            attempt.claim,
            state,
            time.time(),
            self._now - attempt.began,
            error=error,
            usage=attempt.usage(None),
            receipt=receipt,
            interrupted=interrupted,
        )

    def _not_started(self, process: NodeProcess, attempt: Attempt, never: list[str]) -> None:
        """Work that a process took and ended before it started it: tried again, but not for ever."""
        key = (attempt.work.run, attempt.work.node)
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

    def _note_failed_start(self, process: NodeProcess) -> None:
        failures = self._failures[process.key] = self._failures.get(process.key, 0) + 1
        said = process.noise.decode("utf-8", "replace").strip()
        log.error("node_process_did_not_start pid=%s failures=%s: %s", process.pid, failures, said)
        if not process.key:
            self._retry_start_at = self._now + min(30.0, 0.5 * 2**failures)
            self._soon(self._retry_start_at)

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

    def _hand_on_tails(self) -> None:
        for tail in list(self._tails):
            batches, claim, ended = tail
            lines = next(batches, None)
            if lines is not None:
                self._reports.append(Lines(claim, lines))
            else:
                self._tails.remove(tail)
                self._reports.append(ended)

    def _drain(self, process: NodeProcess) -> None:
        """Read what stands in stdout and stderr, each at most a pipe's worth."""
        for stream, descriptor in enumerate((process.stdout, process.stderr)):
            for _ in range(DRAIN_READS):
                data = process.read_stream(descriptor)
                if not data:
                    break
                self._take_output(process, stream, data)

    def _take_output(self, process: NodeProcess, stream: int, data: bytes) -> None:
        raise NotImplementedError


def _unlink(path: Path) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
