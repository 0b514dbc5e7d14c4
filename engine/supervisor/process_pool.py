"""The node processes of one supervisor: started, kept spare, given work, relieved of it again.

All of it happens on the one thread that also spawns, inside the selector loop; what comes back from the
processes and how they end is in `supervisor.py`.
"""

from __future__ import annotations

import logging
import os
import selectors
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from engine.config import Config
from engine.executors.base import Ended, NodeProcessInfo, Report, Returned, Started, Work
from engine.inspect import procfs
from engine.supervisor import resource_sampling
from engine.supervisor.attempt import Attempt
from engine.supervisor.cgroup import ControlGroup
from engine.supervisor.channel import claim_of, encode_envelope, envelope_file
from engine.supervisor.process import CannotStart, NodeProcess
from engine.supervisor.short_work import ShortWork
from engine.worker import MAIN

log = logging.getLogger("interlock.supervisor")

GROWTH_BYTES_MAX = 64 * 1024 * 1024
SPARES = 1
RECALL_SECONDS = 0.1
"""An attempt that runs longer keeps nothing waiting behind it ..."""
RECALL_BESIDE_IDLE_SECONDS = 0.01
"""... and sooner when another process has nothing to do."""
START_SECONDS = 60.0
STILL_SECONDS = 5.0
"""A process that says nothing for so long, with work before it and none begun, stands still (stopped, or stuck in the
kernel): no limit on an attempt would ever end it."""
START_FAILURES_MAX = 3
IDLE_OTHER_SECONDS = 60.0
"""How long a process of another interpreter is kept without work."""


class Fleet:
    """Processes and the work in them. Subclassed by Supervisor, which hears and ends them."""

    lease: int | None = None
    """An open file that says until when node processes may begin something (see engine.worker.lease)."""

    def __init__(self, config: Config, *, worker: str, mark: str, main: str = MAIN) -> None:
        self.config = config
        self.scratch = config.scratch
        self.worker = worker
        self.mark = mark
        self.capacity = config.processes
        self.selector = selectors.DefaultSelector()
        self.short_work = ShortWork()
        self._main = main
        self._processes: list[NodeProcess] = []
        self._idle: dict[str, list[NodeProcess]] = {"": []}
        """By interpreter, the last used at the end: its caches are warm."""
        self._where: dict[str, NodeProcess] = {}
        """Claim -> the process that has it."""
        self._reports: list[Report] = []
        self._now = 0.0
        """Monotonic time of this turn of the loop."""
        self._due = 0.0
        """Monotonic time of the next thing to do without being woken."""
        self._stopping = False
        self._serial = 0
        self._groups: list[ControlGroup] = []
        """Control groups that could not be removed yet: the kernel is still clearing away a member."""
        self._failures: dict[str, int] = {}
        """Interpreter -> starts that failed in a row."""
        self._retry_start_at = 0.0

    # What the scheduler asks.

    def has_room(self, work: Work) -> bool:
        """Whether `work` would be taken now (an idle process, or room ahead on a short one)."""
        if self._stopping:
            return False
        key = self._key(work)
        if self._busy() < self.capacity:
            return bool(self._idle.get(key)) or self._may_spawn()
        return self.is_short(work) and self._ahead(key) is not None

    def idle_credit(self) -> int:
        """How many more works would be taken now, however long they are."""
        if self._stopping:
            return 0
        places = max(0, self.capacity - self._busy())
        return places if self._may_spawn() else min(places, len(self._idle[""]))

    def is_short(self, work: Work) -> bool:
        """Whether `work` is believed to be short enough to be sent ahead."""
        # A limit on memory is set on a whole process: such work has one for itself.
        if work.short is not None:
            return work.short and work.memory_mb is None
        return work.memory_mb is None and self.short_work.is_short(work)

    def prefetch_credit(self) -> int:
        """How many more works would be taken now, if they were short."""
        if self._stopping:
            return 0
        now = time.monotonic()
        busy = total = 0
        for process in self._processes:
            if process.sent or process.held:
                busy += 1
                if self._may_take_ahead(process, now):
                    total += process.places
        places = max(0, self.capacity - busy)
        nearest = self._idle[""][-places:] if places else []
        ahead = sum(process.places if process.ready else 1 for process in nearest)
        return total + ahead + (places - len(nearest) if self._may_spawn() else 0)

    def send(self, works: Iterable[Work]) -> None:
        """Take works; each ends with an Ended or a Returned report, whatever happens."""
        returned = [work.claim for work in works if self._stopping or not self._place(work)]
        if returned:
            self._reports.append(Returned(returned))

    def recall(self) -> None:
        """Ask for all work that was sent ahead and has not started; comes as Returned."""
        for process in self._processes:
            if process.sent and not process.dead:
                self._unsend(process)

    def node_processes(self) -> list[NodeProcessInfo]:
        found = []
        for process in self._processes:
            if process.dying or process.dead:
                state = "stopping"
            elif process.sent:
                state = "busy"
            else:
                state = "idle" if process.ready else "starting"
            found.append(NodeProcessInfo(process.pid, state, list(process.sent)))
        return found

    # Assignment.

    def _key(self, work: Work) -> str:
        return "" if work.python == sys.executable else work.python

    def _busy(self) -> int:
        busy = 0
        for process in self._processes:
            if process.sent or process.held:
                busy += 1
        return busy

    def _place(self, work: Work) -> bool:
        key = self._key(work)
        short = self.is_short(work)
        process: NodeProcess | None = None
        if self._busy() < self.capacity:
            process = self._take_idle(key)
            if process is None:
                try:
                    process = self._spawn(key)
                except CannotStart as error:
                    if not error.for_good:
                        self._rest(str(error))
                        return False
                    self._refuse(work, str(error))
                    return True
                self._idle[key].remove(process)
        elif short:
            process = self._ahead(key)
        if process is None:
            return False
        self._assign(process, Attempt(work, short))
        return True

    def _take_idle(self, key: str) -> NodeProcess | None:
        idle = self._idle.get(key)
        if not idle:
            return None
        for at in range(len(idle) - 1, -1, -1):
            if idle[at].ready:
                return idle.pop(at)
        return idle.pop()

    def _may_take_ahead(self, process: NodeProcess, now: float) -> bool:
        return (
            process.all_short
            and process.ready
            and not process.dying
            and not process.dead
            and bool(process.sent)
            and process.places > 0
            and (process.current is None or now - process.current.began < RECALL_BESIDE_IDLE_SECONDS)
        )

    def _ahead(self, key: str) -> NodeProcess | None:
        """The process that is through soonest among those that may be sent one more."""
        best: NodeProcess | None = None
        now = time.monotonic()
        for process in self._processes:
            if (
                process.key == key
                and (best is None or len(process.sent) < len(best.sent))
                and self._may_take_ahead(process, now)
            ):
                best = process
        return best

    def _assign(self, process: NodeProcess, attempt: Attempt) -> None:
        work = attempt.work
        try:
            message = encode_envelope(work, self.scratch)
        except OSError as error:
            # The disk is full, or the folder is gone: the attempt fails, the engine stays.
            self._refuse(work, f"The envelope could not be written to {self.scratch}: {error.strerror}.")
            if not process.sent:
                self._make_idle(process)
            return
        if not process.sent:
            process.heard_at = time.monotonic()
            process.all_short = attempt.short
            resource_sampling.limit_memory(process, attempt)
        elif not attempt.short:
            process.all_short = False
        process.sent[work.claim] = attempt
        self._where[work.claim] = process
        if not process.post(work.claim, message) and len(process.backlog) == 1:
            self.selector.register(process.socket, selectors.EVENT_WRITE, partial(self._on_room, process))

    def _on_room(self, process: NodeProcess) -> None:
        """The process has read some: send what was kept."""
        if process.post_backlog():
            self._unwatch(process.socket)

    def _unsend(self, process: NodeProcess) -> None:
        """Take back what the process has not read, and report it Returned."""
        if process.backlog:
            self._unwatch(process.socket)
        claims = []
        for message in process.unsend():
            claim = claim_of(message)
            if process.sent.pop(claim, None) is not None:
                del self._where[claim]
                claims.append(claim)
                _remove(envelope_file(claim, self.scratch))
        if claims:
            self._reports.append(Returned(claims))
            self._when_empty(process)

    def _when_empty(self, process: NodeProcess) -> None:
        if not process.sent and process.takes_work:
            self._make_idle(process)

    def _make_idle(self, process: NodeProcess) -> None:
        idle = self._idle[process.key]
        if process not in idle:
            process.idle_since = time.monotonic()
            idle.append(process)

    def _refuse(self, work: Work, message: str) -> None:
        """End work that no process can be had for."""
        now = time.time()
        error = {"class": "WorkerLost", "message": message, "line": None, "traceback": None}
        self._reports.append(Started(work.claim, os.getpid(), str(procfs.start_of(os.getpid())), self.worker, now))
        self._reports.append(Ended(work.claim, "failed", now, 0.0, error=error))

    # Processes.

    def _spawn(self, key: str) -> NodeProcess:
        """Start a process; it is idle. Raises CannotStart."""
        taken = {process.index for process in self._processes}
        index = next(number for number in range(1, len(taken) + 2) if number not in taken)
        self._serial += 1
        process = NodeProcess(
            key or sys.executable,
            main=self._main,
            folder=self.scratch / str(self._serial),
            mark=f"{self.mark}-{self._serial}",
            lease=self.lease,
            index=index,
            key=key,
            now=time.monotonic(),
        )
        self._processes.append(process)
        self._idle.setdefault(key, []).append(process)
        register = self.selector.register
        register(process.out, selectors.EVENT_READ, partial(self._on_frames, process))
        register(process.stdout, selectors.EVENT_READ, partial(self._on_stream, process, 0))
        register(process.stderr, selectors.EVENT_READ, partial(self._on_stream, process, 1))
        register(process.ask, selectors.EVENT_READ, partial(self._on_answer, process))
        register(process.pidfd, selectors.EVENT_READ, partial(self._on_death, process))
        return process

    def _fill(self, now: float) -> None:
        """Keep as many processes of the product's own interpreter as may be busy, and a spare beside them."""
        if self._stopping or now < self._retry_start_at:
            return
        alive = sum(
            1 for process in self._processes if not process.key and process.takes_work and not process.is_nearly_used_up
        )
        starting = any(not process.ready for process in self._processes if not process.key and process.takes_work)
        wanted = self.capacity if starting and alive < self.capacity else self.capacity + SPARES
        # The spare waits until the others are up: they share the cores with it.
        if starting and alive >= self.capacity:
            return
        for _ in range(wanted - alive):
            try:
                self._spawn("")
            except CannotStart as error:
                self._rest(str(error))
                return

    def _may_spawn(self) -> bool:
        return time.monotonic() >= self._retry_start_at

    def _rest(self, message: str) -> None:
        """The host has no room for another process now: try again in a second."""
        log.error("node_process_cannot_start: %s", message)
        self._retry_start_at = time.monotonic() + 1.0
        self._soon(self._retry_start_at)

    def _release(self, process: NodeProcess) -> None:
        """Forget a process that is gone, and close its ends."""
        for fileobj in (process.out, process.stdout, process.stderr, process.ask, process.pidfd, process.socket):
            self._unwatch(fileobj)
        process.close()
        if process.group is not None and not process.group.remove():
            self._groups.append(process.group)
        self._processes.remove(process)

    def _leave_idle(self, process: NodeProcess) -> None:
        idle = self._idle.get(process.key)
        if idle and process in idle:
            idle.remove(process)

    def _unwatch(self, fileobj: Any) -> None:
        try:
            self.selector.unregister(fileobj)
        except (KeyError, ValueError):
            pass

    def _soon(self, at: float) -> None:
        if at < self._due:
            self._due = at

    # Heard by the supervisor.

    def _on_frames(self, process: NodeProcess) -> None:
        raise NotImplementedError

    def _on_stream(self, process: NodeProcess, stream: int) -> None:
        raise NotImplementedError

    def _on_answer(self, process: NodeProcess) -> None:
        raise NotImplementedError

    def _on_death(self, process: NodeProcess) -> None:
        raise NotImplementedError


def _remove(path: Path) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
