"""The state machine of runs, node runs and attempts, as data.

Every transition of a node run is a row here; one that is not raises IllegalTransition. Code, buttons,
the diagram in the docs and the tests all read these tables. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

RUN_STATES: Mapping[str, str] = {
    "queued": "Accepted; the scheduler starts it when a run limit allows.",
    "running": "Has left the queue; nodes are worked on until none is left.",
    "paused": "Starts nothing new until a person resumes it.",
    "succeeded": "Every node succeeded or was skipped.",
    "failed": "A node failed or timed out.",
    "cancelled": "A person stopped it, or a node of it, and nothing failed.",
    "timed_out": "Its own time limit passed.",
}
RUN_TERMINAL = frozenset({"succeeded", "failed", "cancelled", "timed_out"})

NODE_STATES: Mapping[str, str] = {
    "pending": "Its trigger rule is undecided; upstream nodes move it.",
    "ready": "May start; the scheduler starts it when limits allow.",
    "running": "An attempt has reported its start; its end moves it.",
    "waiting": "Waits for a time, a condition or a person, and holds no slot.",
    "retrying": "An attempt failed; the next becomes ready after the delay.",
    "succeeded": "Its output is stored.",
    "failed": "Its attempts are used up.",
    "timed_out": "Its last attempt passed a time limit.",
    "cancelled": "Stopped by a person or with its run.",
    "skipped": "Not taken by a branch, not asked for, or skipped by a person.",
    "upstream_failed": "Its trigger rule cannot be met, for an upstream node failed.",
}
NODE_TERMINAL = frozenset({"succeeded", "failed", "timed_out", "cancelled", "skipped", "upstream_failed"})
NODE_FAILED = frozenset({"failed", "timed_out", "cancelled", "upstream_failed"})
"""States that count as failed for a trigger rule."""

SKIPPED_BY_PERSON = "skipped_by_person"
"""Reason of a node that a person skipped: for what lies downstream it has succeeded, with output null."""

NOT_ASKED = "not_asked"
"""Reason of a node of a run with targets that none of them needs."""


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

# (state, event) -> states that may follow; which of several is decided by policy, in the scheduler.
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
    ("running", "succeeded"): frozenset({"succeeded"}),
    ("running", "errored"): frozenset({"retrying", "failed"}),
    ("running", "limit_passed"): frozenset({"retrying", "timed_out"}),
    ("running", "lost"): frozenset({"ready", "failed"}),
    ("running", "interrupted"): frozenset({"ready"}),
    ("running", "must_wait"): frozenset({"waiting"}),
    ("running", "killed"): frozenset({"cancelled", "skipped", "ready"}),
    ("waiting", "due"): frozenset({"ready", "succeeded", "failed"}),
    ("waiting", "stopped"): frozenset({"cancelled"}),
    ("waiting", "cancelled_by_person"): frozenset({"cancelled"}),
    ("waiting", "skipped_by_person"): frozenset({"skipped"}),
    ("retrying", "delay_over"): frozenset({"ready"}),
    ("retrying", "stopped"): frozenset({"cancelled"}),
    ("retrying", "cancelled_by_person"): frozenset({"cancelled"}),
    ("retrying", "skipped_by_person"): frozenset({"skipped"}),
    ("retrying", "retried_by_person"): frozenset({"ready"}),
    # A person's audited commands on what has ended.
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
    # A person skipped every node of it.
    ("queued", "nothing_left"): frozenset({"succeeded"}),
    ("running", "nothing_left"): RUN_TERMINAL,
    ("running", "paused_by_person"): frozenset({"paused"}),
    ("paused", "resumed_by_person"): frozenset({"running"}),
    ("paused", "nothing_left"): RUN_TERMINAL,
    **{(state, "retried_by_person"): frozenset({"running"}) for state in sorted(RUN_TERMINAL)},
    **{(state, "skipped_by_person"): frozenset({"running"}) for state in sorted(RUN_TERMINAL)},
}


def counts_as(state: str, reason: str) -> str:
    """What a node's state is to the trigger rules of those downstream."""
    return "succeeded" if state == "skipped" and reason == SKIPPED_BY_PERSON else state


class IllegalTransition(Exception):
    """A transition that the table does not have: a bug, never a user's mistake."""

    def __init__(self, what: str, state: str, event: str, to: str) -> None:
        super().__init__(f"{what} cannot go from {state} to {to} by {event}.")
        self.what, self.state, self.event, self.to = what, state, event, to


def check_node(state: str, event: str, to: str) -> str:
    """`to`, when a node run in `state` may get there by `event`. Raises IllegalTransition."""
    if to not in NODE_TRANSITIONS.get((state, event), ()):
        raise IllegalTransition("A node run", state, event, to)
    return to


def check_run(state: str, event: str, to: str) -> str:
    """`to`, when a run in `state` may get there by `event`. Raises IllegalTransition."""
    if to not in RUN_TRANSITIONS.get((state, event), ()):
        raise IllegalTransition("A run", state, event, to)
    return to
