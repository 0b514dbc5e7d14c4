"""The supervisor: owns the node processes of one host and everything that happens to attempts in them.

It is one selector loop that runs only inside `poll`, on the thread of its owner: there is no other thread and no lock,
and nothing waits for a process. The parts: `ProcessPool` starts processes, `WorkDistributor` sends them work,
`Receiver` reads what they send, `AttemptMonitor` keeps limits, `StackSchedule` takes stacks, `Termination` ends process
trees.
"""

import ctypes
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from engine.config import Config
from engine.executors.base import NodeProcessInfo, Report, Work
from engine.supervisor import cgroup, cleanup
from engine.supervisor.attempt_errors import worker_lost
from engine.supervisor.attempt_monitor import AttemptMonitor
from engine.supervisor.end_reason import Cause, EndReason
from engine.supervisor.loop import Loop
from engine.supervisor.process import NodeProcess
from engine.supervisor.process_pool import ProcessPool
from engine.supervisor.receiver import Receiver
from engine.supervisor.reports import DELAYED_MAX, ReportQueue
from engine.supervisor.stack_schedule import StackSchedule
from engine.supervisor.termination import Termination
from engine.supervisor.work_distributor import WorkDistributor
from engine.worker import MAIN, start_notes

log = logging.getLogger("interlock.supervisor")

PR_SET_CHILD_SUBREAPER = 36
HOUSEKEEPING_SECONDS = 1.0
KILL_STEP_SECONDS = 0.005
START_SECONDS = 60.0
"""How long a process may take to become ready."""
UNRESPONSIVE_SECONDS = 5.0
"""A process that has work and starts none of it for this long has been stopped (SIGSTOP) or hangs in the kernel. The
supervisor ends it, because no limit of an attempt would."""
IDLE_OTHER_SECONDS = 60.0
"""How long a process of another interpreter is kept without work."""
STOP_SECONDS = 10.0
"""How long `stop` waits until killed trees are gone."""


class Supervisor:
    """Implements `engine.executors.base.Executor`."""

    remote = None
    """Its work and reports stay in memory."""

    def __init__(
        self,
        config: Config,
        *,
        worker: str = "local",
        mark: str | None = None,
        main: str = MAIN,
        lease: int | None = None,
        owns_artifacts: bool = True,
    ) -> None:
        """Create, start and poll it on a thread that lives as long as the process.

        `worker` labels attempts; `mark` replaces the mark of this home in the environment of node processes; `lease`
        is the file with the host's lease, if it has one; `owns_artifacts` is False if other supervisors use the folder
        of artifacts too, so that half-written files in it may be theirs.
        """
        self.config = config
        self.worker = worker
        self.scratch = config.scratch
        self.mark_prefix = mark or cleanup.mark_prefix(config.home)
        self._owns_artifacts = owns_artifacts
        self._starts_held_at = 0.0
        """When node processes were last kept from starting what they have."""
        loop, reports = self._loop, self._reports = Loop(), ReportQueue()
        pool = self._pool = ProcessPool(
            loop,
            capacity=config.processes,
            scratch=self.scratch,
            mark=cleanup.own_mark(self.mark_prefix),
            main=main,
            lease=lease,
            on_start=self._attach,
        )
        distributor = self._distributor = WorkDistributor(
            loop, reports, pool, scratch=self.scratch, worker=worker, memory_mb=config.node_memory_mb
        )
        stacks = self._stacks = StackSchedule(loop, reports)
        termination = self._termination = Termination(
            loop, reports, pool, distributor, stacks, scratch=self.scratch, artifacts=Path(config.artifacts)
        )
        self._receiver = Receiver(loop, reports, pool, distributor, stacks, termination, worker=worker)
        self._monitor = AttemptMonitor(loop, reports, distributor, stacks, termination)

    @property
    def capacity(self) -> int:
        """Processes that may be busy at once."""
        return self._pool.capacity

    def start(self) -> Mapping[str, float]:
        # Orphans of a node process that is killed become children of this process, where they are found and reaped.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        cleanup.end_orphans(self.mark_prefix)
        cgroup.remove_orphans()
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        notes = start_notes.read_all(str(self.scratch))
        cleanup.clear_folder(self.scratch)
        if self._owns_artifacts:
            cleanup.clear_folder(Path(self.config.artifacts) / "staging")
        self._pool.keep_ready(time.monotonic())
        return notes

    def _attach(self, process: NodeProcess) -> None:
        self._receiver.attach(process)
        self._loop.register(process.pidfd, partial(self._on_death, process))

    # What the scheduler asks for.

    def has_room(self, work: Work) -> bool:
        return self._distributor.has_room(work)

    def idle_credit(self) -> int:
        return self._distributor.idle_credit()

    def is_short(self, work: Work) -> bool:
        return self._distributor.is_short(work)

    def prefetch_credit(self) -> int:
        return self._distributor.prefetch_credit()

    def send(self, works: Iterable[Work]) -> None:
        self._distributor.send(works)

    def starts_are_held(self) -> None:
        """Note that node processes may start nothing now (see engine.worker.lease), so none of them hangs."""
        self._starts_held_at = time.monotonic()

    def recall(self) -> None:
        self._distributor.recall_all()

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        self._termination.kill(claim, state, error)

    def take_stacks(self, claim: str) -> None:
        process = self._pool.by_claim.get(claim)
        attempt = None if process is None else process.current
        if process is not None and attempt is not None and attempt.claim == claim:
            self._loop.now = time.monotonic()
            self._stacks.take(process, attempt, "asked")

    def node_processes(self) -> list[NodeProcessInfo]:
        found = []
        for process in self._pool.processes:
            if not process.takes_work:
                state = "stopping"
            elif process.attempts:
                state = "busy"
            else:
                state = "idle" if process.is_ready else "starting"
            found.append(NodeProcessInfo(process.pid, state, list(process.attempts)))
        return found

    def pause_output(self, paused: bool) -> None:
        """Stop reading what node processes print, so that they wait, or read it again."""
        self._receiver.pause_output(paused)

    # The loop.

    def watch(self, fileobj: Any, callback: Callable[[], None]) -> None:
        self._loop.watch(fileobj, callback)

    def unwatch(self, fileobj: Any) -> None:
        self._loop.unregister(fileobj)

    def poll(self, timeout: float) -> list[Report]:
        return self._turn(timeout, serve_watched=True)

    def _turn(self, timeout: float, *, serve_watched: bool) -> list[Report]:
        loop, reports = self._loop, self._reports
        now = loop.now = time.monotonic()
        end = now + timeout
        called = False
        while True:
            if now >= loop.due:
                loop.due = now + HOUSEKEEPING_SECONDS
                # Handle what has arrived before acting on limits that have passed, because this thread may have been
                # held up.
                loop.select(0.0, serve_watched=False)
                now = loop.now
                self._run_housekeeping(now)
            if reports.has_long_logs and (not self._receiver.is_paused or self._pool.is_stopping):
                reports.append_long_logs()
            wait = 0.0 if reports.ready or called else max(0.0, min(end, loop.due, reports.due) - now)
            if reports.expects_more and wait:
                # Read nothing until the delayed reports are due: then much can be read at once.
                if len(reports.delayed) < DELAYED_MAX:
                    time.sleep(wait)
                else:
                    reports.due = now
                wait = 0.0
            called = loop.select(wait, serve_watched=serve_watched) or called
            now = loop.now
            if reports.ready or called or now >= min(end, reports.due):
                if reports.has_lines:
                    self._termination.flush_lines()
                return reports.take()

    def _run_housekeeping(self, now: float) -> None:
        """Do whatever is due: kills, limits, samples, spares. Sets when the next thing is due."""
        beside_idle = self._pool.busy_count() < self._pool.capacity
        for process in list(self._pool.processes):
            self._check_process(process, now)
            attempt = process.current
            if attempt is not None:
                self._monitor.check(process, attempt, now, beside_idle=beside_idle)
            elif process.interpreter and not process.attempts and now - process.idle_since > IDLE_OTHER_SECONDS:
                self._termination.retire(process)
        self._termination.check_oom_kills(now)
        self._pool.remove_groups()
        self._pool.keep_ready(now)

    def _check_process(self, process: NodeProcess, now: float) -> None:
        """End a process that does not work as it should, and go on with ends that are under way."""
        if process.kill is not None:
            if process.kill.advance(now):
                self._receiver.read_rest(process)
                self._termination.complete(process)
            else:
                self._loop.wake_at(now + KILL_STEP_SECONDS)
        elif process.is_ending:
            return
        elif not process.is_ready and now - process.started_at > START_SECONDS:
            self._termination.end(process, EndReason(Cause.NOT_READY))
        elif process.close_deadline < now:
            error = worker_lost("The node process closed the pipe over which it reports, and was ended.")
            self._termination.end(process, EndReason(Cause.CHANNEL_BROKEN, error=error))
        elif process.should_start and now - max(process.responded_at, self._starts_held_at) > UNRESPONSIVE_SECONDS:
            log.warning("node_process_unresponsive pid=%s", process.pid)
            error = worker_lost(f"The node process did nothing for {UNRESPONSIVE_SECONDS:g} s and was ended.")
            self._termination.end(process, EndReason(Cause.UNRESPONSIVE, error=error))

    def _on_death(self, process: NodeProcess) -> None:
        self._loop.unregister(process.pidfd)
        process.is_dead = True
        self._receiver.read_rest(process)
        self._termination.on_death(process)

    def stop(self, grace: float) -> list[Report]:
        """Let running attempts end for up to `grace` seconds, interrupt the others, and end all processes.

        Blocks, and serves no watched files meanwhile. An owner that must serve them recalls, polls until nothing runs,
        and then calls `stop(0)`.
        """
        pool = self._pool
        reports: list[Report] = []
        pool.is_stopping = True
        self.recall()
        end = time.monotonic() + grace
        while pool.busy_count() and (left := end - time.monotonic()) > 0:
            reports += self._turn(min(left, 0.5), serve_watched=False)
        for process in list(pool.processes):
            if process.takes_work:
                if process.attempts:
                    self._termination.end(process, EndReason(Cause.STOPPED))
                else:
                    self._termination.retire(process)
        end = time.monotonic() + STOP_SECONDS
        while (pool.processes or self._reports.has_long_logs) and time.monotonic() < end:
            reports += self._turn(0.05, serve_watched=False)
        if pool.processes:
            log.error("node_processes_left: %s", [process.pid for process in pool.processes])
        pool.wait_for_removals()
        self._loop.close()
        return reports + self._reports.take()
