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
