"""Errors of the engine's verbs and reads.

    InterlockError
    ├── NotFound
    ├── WrongState          409: what was asked does not fit the state the object is in
    ├── AlreadyExists       409
    ├── InUse               409
    ├── InvalidValue        422: one value that cannot be used
    ├── InvalidInputs       422: the inputs of a run, all problems listed
    ├── InvalidTargets      422: nodes to run up to that the definition does not have, all listed
    ├── NotAvailableYet     501: of the contract, but not built
    ├── NoAnswer            503: the scheduler did not do it in time
    ├── EventsGone          events that a reader asks for were compacted away
    └── LostLeadership      another scheduler leads; this one must stop

`engine.problems.InvalidDocument` (pure, without Django) is the error of a whole document; it is passed on from here.
Each has a stable `code` for programs, fields for callers and a sentence for people as its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.problems import InvalidDocument, Problem

__all__ = [
    "AlreadyExists",
    "EventsGone",
    "InUse",
    "InterlockError",
    "InvalidDocument",
    "InvalidInputs",
    "InvalidTargets",
    "InvalidValue",
    "LostLeadership",
    "NoAnswer",
    "NotAvailableYet",
    "NotFound",
    "Problem",
    "WrongState",
]


class InterlockError(Exception):
    """Base of all. `code` is stable, `fields` say what it is about, the text is for people."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields
        if code is not None:
            self.code = code


class NotFound(InterlockError):
    """The named object does not exist (or not any more)."""

    code = "not_found"

    @classmethod
    def workflow(cls, slug: str) -> NotFound:
        return cls(f'There is no workflow "{slug}".', workflow=slug)

    @classmethod
    def run(cls, run: int | str) -> NotFound:
        return cls(f"There is no run {run}.", run=str(run))

    @classmethod
    def node(cls, run: int | str, node: str) -> NotFound:
        return cls(f'Run {run} has no node "{node}".', run=str(run), node=node)

    @classmethod
    def pool(cls, name: str) -> NotFound:
        return cls(f'There is no pool "{name}".', pool=name)

    @classmethod
    def worker(cls, name: str) -> NotFound:
        return cls(f'There is no worker "{name}".', worker=name)


class WrongState(InterlockError):
    """The object is not in a state in which this can be done. The text says what it is in and what to do instead."""

    code = "wrong_state"


class AlreadyExists(InterlockError):
    code = "already_exists"


class InUse(InterlockError):
    """It cannot go while something names it."""

    code = "in_use"


class InvalidValue(InterlockError):
    """One value that cannot be used; `path` says where it stands."""

    code = "invalid_value"

    def __init__(self, message: str, *, path: str = "", **fields: Any) -> None:
        super().__init__(message, path=path, **fields)
        self.path = path


class InvalidInputs(InterlockError):
    """Inputs that do not fit the workflow's; `problems` lists every one."""

    code = "invalid_inputs"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        first = self.problems[0].message if self.problems else "They cannot be read."
        super().__init__(f"The inputs do not fit: {first}")


class InvalidTargets(InterlockError):
    """Nodes to run up to that there are not; `problems` lists every one."""

    code = "invalid_targets"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems[0].message)


class NotAvailableYet(InterlockError):
    """Part of the contract that is not built yet: refused by name, never accepted and ignored."""

    code = "not_available_yet"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not available yet.", what=what)
        self.what = what


class NoAnswer(InterlockError):
    """What was asked of the scheduler, or through it of a worker, did not come within the time one can wait."""

    code = "no_answer"


class EventsGone(InterlockError):
    """Events after `after` are not kept any more; the first one that is has number `first`."""

    code = "events_gone"

    def __init__(self, run: int, after: int, first: int | None) -> None:
        super().__init__(f"The events of run {run} after {after} are not kept any more.", run=str(run))
        self.after, self.first = after, first


class LostLeadership(InterlockError):
    """Another scheduler has taken over: nothing of this one's memory may be written any more."""

    code = "lost_leadership"

    def __init__(self, epoch: int) -> None:
        super().__init__(
            f"Another scheduler leads this installation now (our epoch {epoch} is over); this one stops.", epoch=epoch
        )
