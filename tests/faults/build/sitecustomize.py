"""Builds of the product that are broken on purpose: each must be detected."""

import importlib.abc
import importlib.machinery
import os
import re
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

CHANGES: dict[str, tuple[str, Callable[[ModuleType], None]]] = {}
"""Name of a build -> the module that it changes, and how."""


def change(module: str) -> Callable[[Callable[[ModuleType], None]], Callable[[ModuleType], None]]:
    def keep(function: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        CHANGES[function.__name__] = (module, function)
        return function

    return keep


class Unfenced:
    """The scheduler's connection, for which neither the epoch nor a run's number decides whether a tick is written."""

    def __init__(self, db: Any) -> None:
        self.db = db

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)

    def execute(self, sql: str, *parameters: Any) -> Any:
        if "engine_leader" in sql:
            sql = dropped(sql, "epoch")
        return self.db.execute(sql, *parameters)

    def executemany(self, sql: str, *parameters: Any) -> Any:
        if sql.startswith("UPDATE engine_run "):
            sql = dropped(sql, "seq")
        return self.db.executemany(sql, *parameters)


def dropped(sql: str, column: str) -> str:
    """The statement with a condition on `column` that always holds."""
    changed, n = re.subn(rf" AND {column} = (\?\d*|%s)", r" AND \1 IS NOT NULL", sql)
    assert n == 1, sql
    return changed


@change("engine.scheduler.dialects")
def fences_dropped(module: ModuleType) -> None:
    made = module.SQLite.__init__

    def make(self: Any, *arguments: Any) -> None:
        made(self, *arguments)
        self.db = Unfenced(self.db)

    module.SQLite.__init__ = make
    made_for_postgres = module.PostgreSQL.__init__

    def make_for_postgres(self: Any, *arguments: Any) -> None:
        made_for_postgres(self, *arguments)
        self.beat, self.fence = dropped(self.beat, "epoch"), dropped(self.fence, "epoch")
        fence = " AND r.seq = v.old::bigint"
        assert self.update_runs.endswith(fence), self.update_runs
        self.update_runs = self.update_runs.removesuffix(fence)

    module.PostgreSQL.__init__ = make_for_postgres


@change("engine.scheduler.leader_lock")
def lock_forgotten(module: ModuleType) -> None:
    """No mutant: the server releases the lock while the connection stays open, as behind a pooler."""
    acquire = module.LeaderLock.acquire

    def forget(self: Any) -> bool:
        got = bool(acquire(self))
        if got:
            with module.connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [module.ADVISORY_KEY])
        return got

    module.LeaderLock.acquire = forget


@change("engine.scheduler.core.admission_control")
def release_forgotten(module: ModuleType) -> None:
    release = module.AdmissionControl.release

    def forget(self: Any, node: Any) -> None:
        if node.pool is not None:
            node.pool.in_use += node.slots
        release(self, node)

    module.AdmissionControl.release = forget


@change("engine.scheduler.core.admission_control")
def claim_kept(module: ModuleType) -> None:
    release = module.AdmissionControl.release

    def keep(self: Any, node: Any) -> None:
        claim = node.claim
        release(self, node)
        node.claim = claim

    module.AdmissionControl.release = keep


@change("engine.scheduler.store")
def pools_larger(module: ModuleType) -> None:
    pools = module.Store.pools
    module.Store.pools = lambda self: {name: slots + 1 for name, slots in pools(self).items()}


@change("engine.scheduler.loop")
def dispatched_before_commit(module: ModuleType) -> None:
    write, dispatch = module.Scheduler._write, module.Dispatcher.dispatch

    def early(self: Any, changes: Any, mono: float) -> None:
        if changes:
            dispatch(self.dispatcher, changes)
        if changes.dispatches:
            # Lets the next node start before a test kills this process.
            self.inbox.extend(self.executor.poll(5))
        write(self, changes, mono)

    module.Scheduler._write = early
    module.Dispatcher.dispatch = lambda self, changes: None


@change("engine.scheduler.core.transitions")
def results_told_twice(module: ModuleType) -> None:
    move = module.Transitions.move

    def twice(self: Any, node: Any, *arguments: Any, **named: Any) -> None:
        move(self, node, *arguments, **named)
        if node.state == "succeeded":
            run = node.run
            run.seq += 1
            run.events.append([run.seq, *run.events[-1][1:]])

    module.Transitions.move = twice


@change("engine.scheduler.core.recovery")
def lost_not_declared(module: ModuleType) -> None:
    adopt = module.adopt

    def forget(*arguments: Any) -> list[Any]:
        adopt(*arguments)
        return []

    module.adopt = forget  # type: ignore[attr-defined]


@change("engine.scheduler.store")
def success_forgotten(module: ModuleType) -> None:
    fill = module._fill

    def forget(node: Any, row: Any) -> None:
        fill(node, row)
        if node.state == "succeeded":
            node.state, node.finished_us = "ready", None

    module._fill = forget  # type: ignore[attr-defined]


@change("engine.scheduler.core.report_handler")
def losses_not_counted(module: ModuleType) -> None:
    lost = module.ReportHandler._lost

    def forget(self: Any, node: Any, at: int) -> None:
        node.losses = -1
        lost(self, node, at)

    module.ReportHandler._lost = forget


@change("engine.supervisor.cleanup")
def leftovers_kept(module: ModuleType) -> None:
    module.end_orphans = lambda prefix: 0  # type: ignore[attr-defined]


@change("engine.supervisor.kill")
def tree_kept(module: ModuleType) -> None:
    """Only the node process of a tree is ended."""
    search = module.TreeKill._search
    module.TreeKill._search = lambda self: [one for one in search(self) if one.pid == self._root]


@change("engine.supervisor.process")
def descriptors_kept(module: ModuleType) -> None:
    close = module.NodeProcess.close

    def leak(self: Any) -> None:
        os.dup(self.pidfd)
        os.dup(self.stacks.dump)
        close(self)

    module.NodeProcess.close = leak


@change("engine.supervisor.cleanup")
def folders_kept(module: ModuleType) -> None:
    module.remove_scratch = lambda folder: None  # type: ignore[attr-defined]


@change("engine.supervisor.cgroup")
def groups_kept(module: ModuleType) -> None:
    module.ControlGroup.remove = lambda self: True


@change("engine.supervisor.termination")
def threads_kept(module: ModuleType) -> None:
    import threading

    complete = module.Termination.complete

    def leak(self: Any, process: Any) -> None:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        complete(self, process)

    module.Termination.complete = leak


@change("engine.supervisor.process_pool")
def memory_kept(module: ModuleType) -> None:
    release, kept = module.ProcessPool.release, []

    def leak(self: Any, process: Any) -> None:
        kept.append(b"x" * (4 << 20))
        release(self, process)

    module.ProcessPool.release = leak


@change("engine.scheduler.core.state")
def run_limit_larger(module: ModuleType) -> None:
    limit = module.RunState.max_concurrent
    module.RunState.max_concurrent = property(lambda self: limit.fget(self) and limit.fget(self) + 1)


@change("engine.scheduler.core.lifecycle")
def workflow_limit_larger(module: ModuleType) -> None:
    """One of the runs that are active is not counted."""
    start_runs = module.RunLifecycle.start_runs

    def start(self: Any, name: str) -> None:
        active = self.memory.workflow(name).active
        one = active.pop() if active else None
        start_runs(self, name)
        if one is not None:
            active.add(one)

    module.RunLifecycle.start_runs = start


@change("engine.admission.rules")
def priority_reversed(module: ModuleType) -> None:
    module.key = lambda ready_at, priority: ready_at - priority * module.AGING_SECONDS  # type: ignore[attr-defined]


@change("engine.actions.runs")
def runs_forgotten(module: ModuleType) -> None:
    """Acknowledged before it is durable: the run is lost again."""
    start = module.start

    def forget(*arguments: Any, **named: Any) -> Any:
        run = start(*arguments, **named)
        if run.pk % 5 == 0:
            module.Run.objects.filter(pk=run.pk).delete()
            run.pk = run.id = run.pk or 0
        return run

    module.start = forget  # type: ignore[attr-defined]


@change("dashboard.live.sockets")
def impatient(module: ModuleType) -> None:
    """No mutant: a client that reads nothing is disconnected after a second."""
    module.SEND_SECONDS_MAX = 1.0  # type: ignore[attr-defined]


@change("dashboard.up.connection")
def hasty(module: ModuleType) -> None:
    """No mutant: a disconnected client is removed at once."""
    module.CLOSE_SECONDS_MAX = 0.1  # type: ignore[attr-defined]


@change("dashboard.live.protocol")
def event_dropped(module: ModuleType) -> None:
    events = module.events
    module.events = lambda after, texts: events(after, texts[:-2] + texts[-1:])  # type: ignore[attr-defined]


@change("dashboard.live.protocol")
def events_out_of_order(module: ModuleType) -> None:
    events = module.events
    module.events = lambda after, texts: events(after, texts[::-1])  # type: ignore[attr-defined]


@change("dashboard.live.protocol")
def event_told_twice(module: ModuleType) -> None:
    events = module.events
    module.events = lambda after, texts: events(after, texts[:1] + texts)  # type: ignore[attr-defined]


@change("dashboard.live.feed")
def news_kept_back(module: ModuleType) -> None:
    """All events of a run stay in memory after its first watcher has come."""
    advance = module.Feed.advance

    def keep(self: Any, seq: int) -> None:
        if vars(self).setdefault("first", seq) == seq:
            advance(self, seq)

    module.Feed.advance = keep


@change("dashboard.live.consumers")
def return_misheard(module: ModuleType) -> None:
    """A client that reconnects misses one event."""
    from dataclasses import replace

    answer = module.RunSocket._answer_hello

    async def skip(self: Any, feed: Any, hello: Any) -> None:
        if hello.after is not None and hello.after < feed.head:
            hello = replace(hello, after=hello.after + 1)
        await answer(self, feed, hello)

    module.RunSocket._answer_hello = skip


@change("uvicorn.protocols.websockets.websockets_sansio_impl")
def queue_without_end(module: ModuleType) -> None:
    """A client gets messages without waiting until it has read the earlier ones."""
    module.WebSocketsSansIOProtocol.pause_writing = lambda self: None


@change("dashboard.live.sockets")
def everybody_waits(module: ModuleType) -> None:
    """For clients that are just receiving something."""
    import asyncio

    send, turn = module.Socket.send_text, asyncio.Lock()

    async def in_turn(self: Any, text: str) -> None:
        async with turn:
            await send(self, text)

    module.Socket.send_text = in_turn


@change("engine.supervisor.attempt_log")
def cut_not_told(module: ModuleType) -> None:
    close = module._LogTail.close
    module._LogTail.close = lambda self, at: [line for line in close(self, at) if "were dropped here" not in line[2]]


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules to be changed in the normal way, and changes them when they have been loaded."""

    def __init__(self, names: Sequence[str]) -> None:
        self.wanted: dict[str, list[Callable[[ModuleType], None]]] = {}
        for name in names:
            module, function = CHANGES[name]
            self.wanted.setdefault(module, []).append(function)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        changes = self.wanted.pop(name, None)
        if changes is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.loader is not None
        load = spec.loader.exec_module

        def load_and_change(module: ModuleType) -> None:
            load(module)
            for one in changes:
                one(module)

        spec.loader.exec_module = load_and_change  # type: ignore[method-assign]
        return spec


if wanted := os.environ.get("INTERLOCK_TEST_BUILD"):
    # They add their own to CHANGES.
    import passages  # type: ignore[import-not-found] # noqa: F401
    import scaled  # type: ignore[import-not-found] # noqa: F401

    sys.meta_path.insert(0, Finder(wanted.split(",")))
