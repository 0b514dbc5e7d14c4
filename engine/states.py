"""The state machine of runs, node runs and attempts, as data.

Every transition of a node run is a row here; any other raises IllegalTransition. Code, buttons and tests read these
tables. Pure.
"""

from collections.abc import Mapping
from enum import StrEnum

RUN_STATES: Mapping[str, str] = {
    "queued": "Accepted; the scheduler starts it when a run limit allows.",
    "running": "Started; it ends when no node is left.",
    "paused": "Starts no new nodes until a person resumes it.",
    "succeeded": "Every node succeeded or was skipped.",
    "failed": "A node failed or timed out.",
    "cancelled": "A person cancelled it or one of its nodes, and nothing failed.",
    "timed_out": "It passed its own time limit.",
}
RUN_TERMINAL = frozenset({"succeeded", "failed", "cancelled", "timed_out"})

NODE_STATES: Mapping[str, str] = {
    "pending": "Its trigger rule is undecided until upstream nodes end.",
    "ready": "May start; the scheduler starts it when limits allow.",
    "running": "An attempt has started.",
    "waiting": "Waits for a time, a condition or a person, and holds no slot.",
    "retrying": "An attempt failed; the node becomes ready again after a delay.",
    "succeeded": "Its output is stored.",
    "failed": "Its attempts are used up.",
    "timed_out": "Its last attempt passed a time limit.",
    "cancelled": "Cancelled by a person or with its run.",
    "skipped": "Not taken by a branch, not part of this run, or skipped by a person.",
    "upstream_failed": "Its trigger rule cannot be met, because an upstream node failed.",
}
NODE_TERMINAL = frozenset({"succeeded", "failed", "timed_out", "cancelled", "skipped", "upstream_failed"})
NODE_FAILED = frozenset({"failed", "timed_out", "cancelled", "upstream_failed"})
"""States that count as failed for a trigger rule."""

SKIPPED_BY_PERSON = "skipped_by_person"
"""Reason of a node that a person skipped: for nodes downstream it has succeeded."""

NOT_ASKED = "not_asked"
"""Reason of a node that no target of its run depends on."""

RETRYABLE = ("failed", "timed_out", "cancelled")
"""States of the nodes that a retry without names takes up."""
RESTARTABLE = ("running", "retrying")
"""States in which a retry ends the current attempt, or the wait for the next one, and opens the next one."""
SKIPPABLE = ("failed", "timed_out", "cancelled", "upstream_failed")
"""Terminal states from which a person may still skip a node."""
DID_NOT_RUN = ("upstream_failed", "skipped", "cancelled")
"""States that a retry or a skip resets wherever they are downstream of what it changes."""
KEPT_BY_SKIP = (SKIPPED_BY_PERSON, "cancelled_by_person", NOT_ASKED)
"""Reasons of nodes that the skip of a node upstream does not reset: a person ended them, or did not select them."""


def may_retry(state: str, reason: str) -> bool:
    """Return whether a retry that names an ended node takes it up; this undoes a person's skip."""
    return state in SKIPPABLE or (state == "skipped" and reason == SKIPPED_BY_PERSON)


class PendingAction(StrEnum):
    """What a person wants done with a node when its attempt in flight has been killed."""

    CANCEL = "cancel"
    RETRY = "retry"
    SKIP = "skip"
    RESET = "reset"
    """Its trigger rule is decided again: what it consumed changes by a retry upstream."""

    def stored(self, claim: str) -> str:
        """Return the text for the database. With the claim of the attempt in it, nobody has to clear it."""
        # A scheduler of an earlier release, which knows no reset, reads nothing from this text instead of failing.
        return f"{self.value}{'/' if self is PendingAction.RESET else ' '}{claim}"

    @classmethod
    def from_stored(cls, text: str | None, claim: str) -> "PendingAction | None":
        """Return the stored action if it is about the attempt with this claim, else None."""
        action, _, about = (text or "").replace("/", " ").partition(" ")
        return cls(action) if claim and about == claim else None


class HostReason(StrEnum):
    """Why a host drains or is gone. Earlier releases read and write the same values: do not change them."""

    NONE = ""
    DRAIN_REQUESTED = "asked"
    """It drains because a person asked for it."""
    STOPPING = "stopping"
    """It drains because its worker is being stopped."""
    OTHER_RELEASE = "other release"
    """It speaks another protocol than the leading scheduler. It drains; if it had work, it is gone."""
    RESTARTED = "started anew"
    """It is gone because a worker of the same name registered."""
    STOPPED = "drained"
    """It is gone because its worker was stopped."""
    LEASE_EXPIRED = "lease expired"
    """It is gone because it did not renew its lease; the row says after how many seconds."""


def ended_silently(reason: str) -> bool:
    """Return whether a host that is gone for this reason did not report its end.

    Earlier releases wrote a sentence where LEASE_EXPIRED stands now.
    """
    return reason not in (HostReason.NONE, HostReason.RESTARTED, HostReason.STOPPED, HostReason.OTHER_RELEASE)


ATTEMPT_STATES = frozenset({"running", "succeeded", "failed", "timed_out", "cancelled", "lost"})

# (state, event) -> states that may follow; the scheduler decides between several by policy.
NODE_TRANSITIONS: Mapping[tuple[str, str], frozenset[str]] = {
    ("pending", "upstream_met"): frozenset({"ready"}),
    ("pending", "upstream_unmet"): frozenset({"upstream_failed", "skipped"}),
    ("pending", "not_asked"): frozenset({"skipped"}),
    ("pending", "stopped"): frozenset({"cancelled"}),
    ("pending", "cancelled_by_person"): frozenset({"cancelled"}),
    ("pending", "skipped_by_person"): frozenset({"skipped"}),
    ("ready", "sent"): frozenset({"ready"}),
    ("ready", "returned"): frozenset({"ready"}),
    ("ready", "started"): frozenset({"running"}),
    ("ready", "stopped"): frozenset({"cancelled"}),
    ("ready", "cancelled_by_person"): frozenset({"cancelled"}),
    ("ready", "skipped_by_person"): frozenset({"skipped"}),
    ("ready", "retried_by_person"): frozenset({"pending"}),
    ("running", "succeeded"): frozenset({"succeeded"}),
    ("running", "errored"): frozenset({"retrying", "failed"}),
    ("running", "limit_passed"): frozenset({"retrying", "timed_out"}),
    ("running", "lost"): frozenset({"ready", "failed"}),
    ("running", "interrupted"): frozenset({"ready"}),
    ("running", "must_wait"): frozenset({"waiting"}),
    ("running", "killed"): frozenset({"cancelled", "skipped", "ready"}),
    ("running", "retried_by_person"): frozenset({"pending"}),
    ("waiting", "due"): frozenset({"ready", "succeeded", "failed"}),
    ("waiting", "stopped"): frozenset({"cancelled"}),
    ("waiting", "cancelled_by_person"): frozenset({"cancelled"}),
    ("waiting", "skipped_by_person"): frozenset({"skipped"}),
    ("waiting", "retried_by_person"): frozenset({"pending"}),
    ("retrying", "delay_over"): frozenset({"ready"}),
    ("retrying", "stopped"): frozenset({"cancelled"}),
    ("retrying", "cancelled_by_person"): frozenset({"cancelled"}),
    ("retrying", "skipped_by_person"): frozenset({"skipped"}),
    ("retrying", "retried_by_person"): frozenset({"pending", "ready"}),
    # A person's commands on nodes that have ended.
    ("succeeded", "retried_by_person"): frozenset({"pending"}),
    ("failed", "retried_by_person"): frozenset({"pending", "ready"}),
    ("timed_out", "retried_by_person"): frozenset({"pending", "ready"}),
    ("cancelled", "retried_by_person"): frozenset({"pending", "ready"}),
    ("upstream_failed", "retried_by_person"): frozenset({"pending", "ready"}),
    ("skipped", "retried_by_person"): frozenset({"pending", "ready"}),
    ("failed", "skipped_by_person"): frozenset({"skipped"}),
    ("timed_out", "skipped_by_person"): frozenset({"skipped"}),
    ("cancelled", "skipped_by_person"): frozenset({"skipped"}),
    ("upstream_failed", "skipped_by_person"): frozenset({"skipped"}),
}

RUN_TRANSITIONS: Mapping[tuple[str, str], frozenset[str]] = {
    ("queued", "started"): frozenset({"running"}),
    ("queued", "cancelled_by_person"): frozenset({"cancelled"}),
    # A person skipped all of its nodes.
    ("queued", "nothing_left"): frozenset({"succeeded"}),
    ("running", "nothing_left"): RUN_TERMINAL,
    ("running", "paused_by_person"): frozenset({"paused"}),
    ("paused", "resumed_by_person"): frozenset({"running"}),
    ("paused", "nothing_left"): RUN_TERMINAL,
    **{(state, "retried_by_person"): frozenset({"running"}) for state in sorted(RUN_TERMINAL)},
    **{(state, "skipped_by_person"): frozenset({"running"}) for state in sorted(RUN_TERMINAL)},
}


def counts_as(state: str, reason: str) -> str:
    """Return a node's state as trigger rules downstream see it."""
    return "succeeded" if state == "skipped" and reason == SKIPPED_BY_PERSON else state


class IllegalTransition(Exception):
    """A transition that is not in the table: a bug, never a user's mistake."""

    def __init__(self, what: str, state: str, event: str, to: str) -> None:
        super().__init__(f"{what} cannot go from {state} to {to} by {event}.")
        self.what, self.state, self.event, self.to = what, state, event, to


def check_node(state: str, event: str, to: str) -> str:
    """Return `to` if a node run in `state` may get there by `event`. Raises IllegalTransition."""
    if to not in NODE_TRANSITIONS.get((state, event), ()):
        raise IllegalTransition("A node run", state, event, to)
    return to


def check_run(state: str, event: str, to: str) -> str:
    """Return `to` if a run in `state` may get there by `event`. Raises IllegalTransition."""
    if to not in RUN_TRANSITIONS.get((state, event), ()):
        raise IllegalTransition("A run", state, event, to)
    return to
