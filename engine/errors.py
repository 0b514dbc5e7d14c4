"""Errors of the engine's verbs and reads.

    InterlockError
    ├── NotFound
    ├── WrongState          409: what was asked does not fit the state the object is in
    ├── AlreadyExists       409
    ├── InUse               409
    ├── InvalidValue        422: one value that cannot be used
    ├── InvalidInputs       422: the inputs of a run, all problems listed
    ├── InvalidTargets      422: nodes to run up to that do not exist, all problems listed
    ├── NotAvailableYet     501: part of the contract, but not built yet
    ├── NoAnswer            503: the scheduler did not answer in time
    ├── EventsGone          410: the requested events were compacted away
    ├── LostLeadership      another scheduler leads; this one must stop
    └── RunFault            the engine cannot go on with one run

`engine.problems.InvalidDocument` (pure, without Django) is the error of a whole definition.
Each has a stable `code` for programs, fields for callers and a sentence for people.
"""

from collections.abc import Sequence
from typing import Any

from engine.problems import Problem
from engine.sentences import Sentence, Text
from engine.sentences import gettext_noop as _


class InterlockError(Exception):
    """Base of all. `code` is stable, `fields` say what it is about; `str()` gives the message in English."""

    code = "error"

    def __init__(self, message: Text, *, code: str | None = None, **fields: Any) -> None:
        super().__init__(str(message))
        self.sentence = message
        self.fields = fields
        if code is not None:
            self.code = code


class NotFound(InterlockError):
    """The named object does not exist, or no longer exists."""

    code = "not_found"

    @classmethod
    def workflow(cls, slug: str) -> "NotFound":
        return cls(Sentence(_('There is no workflow "{workflow}".'), {"workflow": slug}), workflow=slug)

    @classmethod
    def run(cls, run: int | str) -> "NotFound":
        return cls(Sentence(_("There is no run {run}."), {"run": run}), run=str(run))

    @classmethod
    def node(cls, run: int | str, node: str) -> "NotFound":
        values = {"run": run, "node": node}
        return cls(Sentence(_('Run {run} has no node "{node}".'), values), run=str(run), node=node)

    @classmethod
    def pool(cls, name: str) -> "NotFound":
        return cls(no_pool(name), pool=name)

    @classmethod
    def worker(cls, name: str) -> "NotFound":
        return cls(Sentence(_('There is no worker "{worker}".'), {"worker": name}), worker=name)


def no_pool(name: str) -> Sentence:
    """Return the sentence that a pool does not exist."""
    return Sentence(_('There is no pool "{pool}".'), {"pool": name})


class WrongState(InterlockError):
    """The state of the object does not allow this. The message says which state and what to do instead."""

    code = "wrong_state"


class AlreadyExists(InterlockError):
    code = "already_exists"


class InUse(InterlockError):
    """The object cannot be deleted while something refers to it."""

    code = "in_use"


class InvalidValue(InterlockError):
    """A value that cannot be used; `path` names it in the request."""

    code = "invalid_value"

    def __init__(self, message: Text, *, path: str = "", **fields: Any) -> None:
        super().__init__(message, path=path, **fields)
        self.path = path


class InvalidInputs(InterlockError):
    """Inputs that do not fit the workflow's schema; `problems` lists every reason, at least one."""

    code = "invalid_inputs"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        first = self.problems[0].sentence
        super().__init__(Sentence(_("The inputs are not valid: {problem}"), {"problem": first}))


class InvalidTargets(InterlockError):
    """Nodes to run up to that do not exist; `problems` lists every one."""

    code = "invalid_targets"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems[0].sentence)


class NotAvailableYet(InterlockError):
    """Part of the contract that is not built yet: refused by name, never accepted and ignored."""

    code = "not_available_yet"

    def __init__(self, what: Text) -> None:
        super().__init__(Sentence(_("{name} is not available yet."), {"name": what}), what=str(what))
        self.what = what


class NoAnswer(InterlockError):
    """The scheduler, or a worker that it asked, did not answer in time."""

    code = "no_answer"


class EventsGone(InterlockError):
    """The events after `after` are no longer kept; the first one that is kept has the number `first`."""

    code = "events_gone"

    def __init__(self, run: int, after: int, first: int | None) -> None:
        values = {"run": run, "n": after}
        super().__init__(Sentence(_("The events of run {run} after {n} are no longer kept."), values), run=str(run))
        self.after, self.first = after, first


class LostLeadership(InterlockError):
    """Another scheduler has taken over: this one must write nothing more from its memory."""

    code = "lost_leadership"

    def __init__(self, epoch: int) -> None:
        super().__init__(
            f"Another scheduler leads this installation now (our epoch {epoch} is over); this one stops.", epoch=epoch
        )


class RunFault(InterlockError):
    """The engine cannot work on what is stored, reported or commanded about one run. Other runs are not affected."""

    code = "engine_fault"

    def __init__(self, run: int, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}", run=run)
        self.run = run
