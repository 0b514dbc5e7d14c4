"""Admits nodes, passes their works to the executor, and recalls what has not started."""

import os
from collections.abc import Callable, Iterable, Mapping

from engine import faults
from engine.config import Config
from engine.errors import RunFault
from engine.executors.base import Ended, Executor, Started, Work
from engine.scheduler.core.changes import Changes
from engine.scheduler.core.core import Core
from engine.scheduler.core.state import NodeState
from engine.scheduler.dialects import COMPUTING_ERRORS
from engine.scheduler.envelopes import Envelopes, LoadOutput, Unreadable
from engine.scheduler.inbox import ReportInbox
from engine.scheduler.room import LocalRoom, RemoteRoom


class Dispatcher:
    """The scheduler's side of its executor.

    If attempts run on other hosts, the tick that admits works writes them to the database, and the tick that takes
    their end deletes them, so the database says what is dispatched. A local executor gets them after the write.
    """

    def __init__(
        self,
        config: Config,
        executor: Executor,
        load_output: LoadOutput,
        inbox: ReportInbox,
        wall: Callable[[], float],
    ) -> None:
        self.executor = executor
        self.remote = executor.remote
        self.envelopes = Envelopes(config, load_output, remote=self.remote is not None)
        self.inbox = inbox
        self.wall = wall
        self._works: dict[str, Work] = {}
        """Claim -> incomplete work of each node that the current tick has admitted (see `Envelopes.sketch`)."""
        self._recalled: set[str] = set()
        """Claims that were recalled. They are not recalled again: what was not returned is about to start."""

    def reset(self) -> None:
        """Forget what was admitted and recalled, because memory was discarded."""
        self._works.clear()
        self._recalled = set()

    def admit(self, core: Core) -> None:
        """Admit the nodes that the executor has room for."""
        memory, remote = core.memory, self.remote
        first = memory.ready.first()
        if remote is None:
            if first is None:
                return
            room: LocalRoom | RemoteRoom = LocalRoom(self.executor, self.envelopes)
        else:
            if first is None and not memory.parked_by_queue:
                return
            memory.served_queues = remote.served_queues()
            room = RemoteRoom(remote, self.envelopes)
        core.admission.admit(room)
        for node in memory.changes.dispatches:
            self._works[node.claim] = room.works[node]
        self._recall_overtaken(core)

    def _recall_overtaken(self, core: Core) -> None:
        """Recall dispatched nodes that have not started if a waiting node comes before one of them. All of them are
        then admitted in order."""
        memory = core.memory
        firsts: Mapping[str, NodeState] = {}
        head = None
        if self.remote is not None:
            firsts = core.admission.first_by_queue()
        else:
            head = memory.ready.first()
        if head is None and not firsts:
            return
        recalled = self._recalled
        for claim, node in memory.claims.items():
            if node.state == "ready" and claim not in recalled:
                first = head or firsts.get(node.plan.policy.queue)
                if first is not None and node.key > first.key:
                    break
        else:
            return
        self._recalled = {claim for claim, node in memory.claims.items() if node.state == "ready"}
        memory.changes.recall = True

    def prepare(self, changes: Changes) -> None:
        """Complete the works that are to be written with the tick."""
        if self.remote is not None:
            changes.works = self._complete(changes.dispatches)

    def dispatch(self, changes: Changes) -> None:
        """Do what a committed tick asks of the executor."""
        executor = self.executor
        if changes.dispatches:
            executor.send(self._complete(changes.dispatches) if changes.works is None else changes.works)
        if changes.kills:
            faults.point("tick.before_kill")
        for claim, state in changes.kills:
            executor.kill(claim, state)
        for claim in changes.stack_requests:
            executor.take_stacks(claim)
        if changes.recall:
            executor.recall()

    def _complete(self, nodes: Iterable[NodeState]) -> list[Work]:
        works = []
        for node in nodes:
            work = self._works.pop(node.claim)
            self.inbox.in_flight.add(node.claim)
            faults.point("tick.dispatching")
            if not node.plan.entry:
                message = f'There is no node type "{node.plan.type}": its package is no longer installed.'
                self._refuse(node, "MissingNodeType", message)
                continue
            try:
                works.append(self.envelopes.complete(work, node))
            except Unreadable as error:
                self._refuse(node, "ExpressionError", str(error))
            except COMPUTING_ERRORS as error:
                raise RunFault(node.run.id, error) from error
        return works

    def _refuse(self, node: NodeState, error_class: str, message: str) -> None:
        """Report an attempt that cannot be dispatched as started and failed."""
        at = self.wall()
        error = {"class": error_class, "message": message, "line": None, "traceback": None}
        started = Started(node.claim, os.getpid(), "", "scheduler", at)
        self.inbox.extend([started, Ended(node.claim, "failed", at, 0.0, error=error)])

    def discard(self, claims: set[str]) -> None:
        """End works that belong to no node, because the commit of the tick that dispatched them failed."""
        if self.remote is not None:
            self.remote.discard(claims)
            self.inbox.in_flight -= claims
            return
        for claim in claims:
            self.executor.kill(claim, "cancelled")
