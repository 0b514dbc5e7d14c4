"""Builds of the scaled form that are broken on purpose: of hosts, and of what the scheduler knows of them.

As in sitecustomize, whose table they are in. Where two fences keep the same thing out a mutant drops both: it is then
several names, with commas between.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sitecustomize import change  # type: ignore[import-not-found] # it lies beside this file


@change("engine.executors.messages")
def messages_twice(module: ModuleType) -> None:
    """No mutant: each message comes twice."""
    publish = module.Messages.publish

    def twice(self: Any, queue: str, claims: list[str]) -> None:
        publish(self, queue, claims)
        publish(self, queue, claims)

    module.Messages.publish = twice


@change("engine.host.records")
def letters_unnumbered(module: ModuleType) -> None:
    """A report whose answer was lost is written once more."""
    do = module.Records._do

    def unnumbered(self: Any, statement: str, values: Any) -> Any:
        if "INSERT INTO engine_hostreport" in statement:
            changed = statement.replace(" AND told = %s - 1", " AND %s IS NOT NULL")
            assert changed != statement
            statement = changed
        return do(self, statement, values)

    module.Records._do = unnumbered


@change("engine.scheduler.remote")
def reports_taken_twice(module: ModuleType) -> None:
    """From memory, after a commit that may have taken them up."""
    module.without_batches = list  # type: ignore[attr-defined]


@change("engine.host.loop")
def takings_forgotten(module: ModuleType) -> None:
    """What the host took without hearing of it stays with it."""
    module.Host.see_to_strange = lambda self, mine: None


@change("engine.runs")
def launches_in_pieces(module: ModuleType) -> None:
    """What is done with a run is stored, then what is asked of the scheduler."""
    command = module._command

    def apart(*arguments: Any, **named: Any) -> Any:
        module.connection.connection.commit()
        return command(*arguments, **named)

    module._command = apart  # type: ignore[attr-defined]
