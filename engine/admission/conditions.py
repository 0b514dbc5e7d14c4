"""Why a node does not run: a code with parameters, and the one place where English sentences are made of them. Pure.

`static/src/words/engine.ts` has the same templates for the browser; tests/unit/admission compares them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.sentences import Sentence, gettext_noop
from engine.shapes import iso

NAMES_MAX = 3
"""Upstream nodes that a condition names."""

TEMPLATES: Mapping[str, str] = {
    "workflow_limit": gettext_noop(
        "Waits for another run of this workflow to end: at most {max_runs} may run at once."
    ),
    "run_limit": gettext_noop("Waits for another node of this run to end: at most {max_concurrent} may run at once."),
    "suspect": gettext_noop(
        "Was lost {losses} times: waits for another such node to end, because one of them may be the cause."
    ),
    "pool_missing": gettext_noop('Waits for pool "{pool}", which does not exist. Create it to continue.'),
    "pool_too_small": gettext_noop(
        'Needs {slots} slots of pool "{pool}", which has {pool_slots}. Add slots to the pool, or cancel the node '
        "and retry it with fewer."
    ),
    "pool_line": gettext_noop('Waits for pool "{pool}": its free slots are reserved for a node ahead in the queue.'),
    "pool": gettext_noop('Waits for {slots} slots of pool "{pool}": {in_use} of {pool_slots} are in use.'),
    "pool.one": gettext_noop('Waits for 1 slot of pool "{pool}": {in_use} of {pool_slots} are in use.'),
    "queue": gettext_noop(
        'No worker serves the queue "{queue}". Start one with `celery -A engine worker -Q {queue}`, or give the node '
        "another queue."
    ),
    "worker": gettext_noop("Waits for a free node process."),
    "worker.counted": gettext_noop("Waits for a free node process; there are {processes}."),
    "worker.dispatched": gettext_noop("Dispatched to a node process that is finishing another short node."),
    "upstream": gettext_noop("Waits for {names} to end."),
    "upstream.more": gettext_noop("Waits for {names} and {more} more to end."),
    "upstream.undecided": gettext_noop("Waits for its upstream nodes to be decided."),
    "run_queued": gettext_noop("Waits for the scheduler to start the run."),
    "retry_delay": gettext_noop("Retry {retry} of {retries} starts at {at}."),
}
"""By code, and by `code.variant` where the parameters decide between several."""


@dataclass(frozen=True, slots=True)
class SlotHolder:
    """A node that holds slots of a pool."""

    run: int
    node: str
    slots: int
    since_us: int | None

    def shape(self) -> dict[str, Any]:
        """Return the contract's holder of a pool."""
        return {"run": str(self.run), "node": self.node, "slots": self.slots, "since": iso(self.since_us)}


@dataclass(slots=True)
class WaitingCondition:
    """One thing that a node waits for."""

    code: str
    params: Mapping[str, Any]
    """JSON values by the names that the templates of the code use."""
    since_us: int | None
    holders: Sequence[SlotHolder] = ()
    """The nodes that hold the slots it waits for, the longest first."""
    _shape: dict[str, Any] | None = None

    @property
    def since(self) -> str | None:
        return iso(self.since_us)

    @property
    def sentence(self) -> Sentence:
        """The condition in words that can be translated."""
        params = self.params
        if self.code == "upstream":
            params = {**params, "names": ", ".join(f'"{name}"' for name in params["names"])}
        return Sentence(TEMPLATES[_variant(self.code, params)], params)

    def shape(self) -> dict[str, Any]:
        """Return the contract's waiting condition, {code, message, since, params, holders?, until?}; do not change it.

        `until`: when a retrying node becomes ready.
        """
        if self._shape is None:
            shape: dict[str, Any] = {
                "code": self.code,
                "message": str(self.sentence),
                "since": iso(self.since_us),
                "params": dict(self.params),
            }
            if self.holders:
                shape["holders"] = [holder.shape() for holder in self.holders]
            if self.code == "retry_delay":
                shape["until"] = self.params["at"]
            self._shape = shape
        return self._shape

    def stored(self) -> list[Any]:
        """Return what an event stores: [code, since (us), params]."""
        return [self.code, self.since_us, self.params]


def sentence_of(shape: Mapping[str, Any]) -> Sentence:
    """Return the sentence of a waiting condition in the contract's shape."""
    if "params" not in shape:
        # It was stored by an earlier release.
        return Sentence("{message}", {"message": shape["message"]})
    return WaitingCondition(shape["code"], shape["params"], None).sentence


def shape_of_stored(stored: list[Any] | dict[str, Any]) -> dict[str, Any]:
    """Return the contract's waiting condition for one that an event stored."""
    if isinstance(stored, dict):
        # Earlier releases stored the shape, without `params`.
        return stored
    code, since_us, params = stored
    return WaitingCondition(code, params, since_us).shape()


def _variant(code: str, params: Mapping[str, Any]) -> str:
    """Return the key of TEMPLATES; static/src/words/engine.ts decides alike."""
    if code == "pool" and params["slots"] == 1:
        return "pool.one"
    if code == "worker" and "dispatched" in params:
        return "worker.dispatched"
    if code == "worker" and "processes" in params:
        return "worker.counted"
    if code == "upstream" and not params["nodes"]:
        return "upstream.undecided"
    if code == "upstream" and params["more"]:
        return "upstream.more"
    if code == "run_queued" and params["max_runs"] is not None:
        return "workflow_limit"
    return code


@dataclass(slots=True)
class ReadyNode:
    """What the conditions of a ready node are made of."""

    since_us: int | None
    """When it became ready."""
    losses: int = 0
    slots: int = 1
    pool: str = ""
    pool_slots: int | None = None
    pool_in_use: int = 0
    holders: Sequence[SlotHolder] = ()
    max_concurrent: int | None = None
    max_runs: int | None = None
    queue: str = ""
    processes: int = 0
    """Node processes that take its queue; 0: not determined."""
    dispatched: bool = False
    """It waits in a node process for another short node to end."""

    def conditions(self, codes: Iterable[str]) -> list[WaitingCondition]:
        """Return the conditions with these codes (see rules.waiting_codes)."""
        return [
            WaitingCondition(code, self._params(code), self.since_us, self.holders if code in _POOL_CODES else ())
            for code in codes
        ]

    def _params(self, code: str) -> dict[str, Any]:
        if code == "worker":
            if self.dispatched:
                return {"dispatched": True}
            return {"processes": self.processes} if self.processes else {}
        if code == "pool":
            return {
                "pool": self.pool,
                "slots": self.slots,
                "in_use": self.pool_in_use,
                "pool_slots": self.pool_slots,
            }
        if code == "pool_too_small":
            return {"pool": self.pool, "slots": self.slots, "pool_slots": self.pool_slots}
        if code in ("pool_line", "pool_missing"):
            return {"pool": self.pool}
        if code == "queue":
            return {"queue": self.queue}
        if code == "run_limit":
            return {"max_concurrent": self.max_concurrent}
        if code == "workflow_limit":
            return {"max_runs": self.max_runs}
        return {"losses": self.losses}


_POOL_CODES = frozenset({"pool", "pool_line"})


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def upstream_condition(awaited: Sequence[str], nodes: Mapping[str, _Named], since_us: int | None) -> WaitingCondition:
    """Return the condition of a pending node; `awaited`: ids of the upstream nodes that have not ended, `nodes`: by
    id."""
    shown = list(awaited[:NAMES_MAX])
    names = [nodes[node].name for node in shown]
    return WaitingCondition("upstream", {"nodes": shown, "names": names, "more": len(awaited) - len(shown)}, since_us)


def queued_condition(max_runs: int | None, since_us: int | None) -> WaitingCondition:
    """Return the condition of every node of a queued run."""
    return WaitingCondition("run_queued", {"max_runs": max_runs}, since_us)


def retry_condition(retry: int, retries: int, retry_us: int | None, since_us: int | None) -> WaitingCondition:
    """Return the condition of a retrying node."""
    return WaitingCondition("retry_delay", {"retry": retry, "retries": retries, "at": iso(retry_us)}, since_us)
