"""Reads people's commands from the database and applies them to the core."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from engine.scheduler.core import commands
from engine.scheduler.core.commands import Outcome
from engine.scheduler.core.core import Core
from engine.scheduler.store import COMMANDS_AT_ONCE, Store

log = logging.getLogger("interlock.scheduler")

LOOK_SECONDS = 1.0
"""How often commands are read without a hint, because hints can be lost."""


class CommandInbox:
    """Reads commands when a hint says that there are new ones, and every LOOK_SECONDS."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.next_look = 0.0
        """Monotonic time."""
        self._open: set[int] = set()
        """Commands that have been applied and are not complete yet, because their work is spread over several ticks."""

    def wake(self) -> None:
        """Read commands in the next tick."""
        self.next_look = 0.0

    def reset(self) -> None:
        """Forget which commands were applied, because memory was discarded."""
        self._open.clear()
        self.wake()

    def completed(self, commands: Iterable[tuple[int, Outcome]]) -> None:
        """Forget commands whose completion has been committed."""
        for command, _ in commands:
            self._open.discard(command)

    def apply_new(self, core: Core, mono: float) -> None:
        """Read and apply commands, if it is time to look. Raises database errors."""
        if mono < self.next_look:
            return
        self.next_look = mono + LOOK_SECONDS
        found = [command for command in self.store.open_commands() if command.pk not in self._open]
        if len(found) > COMMANDS_AT_ONCE:
            found = found[:COMMANDS_AT_ONCE]
            self.wake()
        runs = core.memory.runs
        new = {
            command.run_id
            for command in found
            if command.kind == "start" and command.run_id is not None and command.run_id not in runs
        }
        if new:
            for run in self.store.queued(new):
                core.memory.run_in_hand = run.id
                if run.state == "queued":
                    core.lifecycle.add_run(run)
        for command in found:
            self._open.add(command.pk)
            core.memory.run_in_hand = command.run_id
            self._apply(core, command.pk, command.kind, command.run_id, command.node, command.body or {})

    def _apply(
        self, core: Core, command: int, kind: str, run_id: int | None, node: str, body: Mapping[str, Any]
    ) -> None:
        def done(outcome: Outcome) -> None:
            core.memory.changes.commands.append((command, outcome))

        if kind == "start":
            done(None)
            return
        if kind == "pool_changed":
            commands.pools_changed(core, self.store.pools())
            done(None)
            return
        run = None if run_id is None else core.memory.runs.get(run_id)
        if kind in ("retry", "skip"):
            # These open an ended run again.
            if run is None and run_id is not None:
                run = self.store.run(run_id)
            if run is None:
                done({"refused": "no such run"})
            elif kind == "retry":
                commands.retry(core, run, body, done)
            else:
                commands.skip(core, run, node, body.get("output"), done)
        elif kind not in ("cancel", "cancel_node", "stack"):
            log.error("unknown_command kind=%s", kind)
            done({"refused": "unknown"})
        elif run is None:
            done({"refused": "ended"})
        elif kind == "cancel":
            done(commands.cancel(core, run))
        elif kind == "cancel_node":
            done(commands.cancel_node(core, run, node))
        else:
            done(commands.take_stack(core, run, node))
