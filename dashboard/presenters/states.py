"""States of runs and nodes as text, icon and colour; texts of reasons and audit actions. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy

from engine.policy import stuck_after
from engine.states import NODE_TERMINAL


@dataclass(frozen=True, slots=True)
class StateStyle:
    """How a state is shown: never by colour alone."""

    state: str
    icon: str
    word: Any
    """Lazy text, capitalised."""

    @property
    def css_class(self) -> str:
        """CSS class that sets the state's colours."""
        return f"st-{self.state}"


_STYLES: Mapping[str, tuple[str, Any]] = {
    "queued": ("clock", gettext_lazy("Queued")),
    "running": ("run", gettext_lazy("Running")),
    "paused": ("wait", gettext_lazy("Paused")),
    "succeeded": ("ok", gettext_lazy("Succeeded")),
    "failed": ("bad", gettext_lazy("Failed")),
    "cancelled": ("stop", gettext_lazy("Cancelled")),
    "timed_out": ("timer", gettext_lazy("Timed out")),
    "pending": ("hollow", gettext_lazy("Pending")),
    "ready": ("clock", gettext_lazy("Ready")),
    "waiting": ("wait", gettext_lazy("Waiting")),
    "retrying": ("retry", gettext_lazy("Retrying")),
    "skipped": ("skip", gettext_lazy("Skipped")),
    "upstream_failed": ("upstream", gettext_lazy("Upstream failed")),
    "lost": ("bad", gettext_lazy("Lost")),
    "stuck": ("warn", gettext_lazy("Stuck")),
}

_REASONS: Mapping[str, Any] = {
    "run_stopped": gettext_lazy("Not started because the run failed"),
    "run_timeout": gettext_lazy("The run timed out"),
    "not_asked": gettext_lazy("Not part of this run"),
    "branch_not_taken": gettext_lazy("Branch not taken"),
    "rule_not_met": gettext_lazy("Trigger rule not met"),
    "cancelled": gettext_lazy("Stopped with the run"),
    "cancelled_by_person": gettext_lazy("Stopped manually"),
    "skipped_by_person": gettext_lazy("Skipped manually"),
}

_ACTIONS: Mapping[str, Any] = {
    "workflow_created": gettext_lazy("Created the workflow"),
    "workflow_changed": gettext_lazy("Changed name, description or tags"),
    "workflow_archived": gettext_lazy("Archived the workflow"),
    "workflow_restored": gettext_lazy("Restored the workflow"),
    "workflow_deleted": gettext_lazy("Deleted the workflow"),
    "version_published": gettext_lazy("Published a version"),
    "deployed": gettext_lazy("Made a version live"),
    "rolled_back": gettext_lazy("Rolled back"),
    "run_cancelled": gettext_lazy("Cancelled a run"),
    "run_retried": gettext_lazy("Retried a run"),
    "run_set_aside": gettext_lazy("Ended a run that the engine cannot go on with"),
    "run_deleted": gettext_lazy("Deleted a run"),
    "node_cancelled": gettext_lazy("Cancelled a node"),
    "node_skipped": gettext_lazy("Skipped a node"),
    "node_retried": gettext_lazy("Retried a node"),
    "pool_created": gettext_lazy("Created a pool"),
    "pool_resized": gettext_lazy("Resized a pool"),
    "pool_deleted": gettext_lazy("Deleted a pool"),
    "worker_drained": gettext_lazy("Drained a worker"),
    "worker_resumed": gettext_lazy("Resumed a worker"),
    "user_created": gettext_lazy("Created an account"),
    "user_changed": gettext_lazy("Changed an account"),
    "signed_in": gettext_lazy("Signed in"),
    "sign_in_failed": gettext_lazy("Failed to sign in"),
    "login_link_created": gettext_lazy("Created a login link"),
    "token_created": gettext_lazy("Created an API token"),
    "token_deleted": gettext_lazy("Revoked an API token"),
    "session_ended": gettext_lazy("Ended a session"),
    "samples_installed": gettext_lazy("Installed the samples"),
    "file_uploaded": gettext_lazy("Uploaded a file"),
    "file_deleted": gettext_lazy("Deleted a file"),
}


def state_style(state: str) -> StateStyle:
    """Return how a state of a run, node run or attempt is shown; an unknown state is shown by its name."""
    icon, word = _STYLES.get(state, ("dot", state))
    return StateStyle(state, icon, word)


def reason_text(code: str) -> str:
    """Return the text of a state's reason; empty for none."""
    return str(_REASONS.get(code, code.replace("_", " "))) if code else ""


def audit_action_text(code: str) -> str:
    """Return the text of an audit entry's action."""
    return str(_ACTIONS.get(code, code.replace("_", " ").replace(".", " ").capitalize()))


def times_too_long(
    started_at: datetime | None, expected: float | None, expected_from: str, now: datetime
) -> float | None:
    """Return how many times its expected duration a running node has run; None unless it is stuck (engine.policy)."""
    limit = stuck_after(expected, expected_from)
    if started_at is None or not expected or limit is None:
        return None
    seconds = (now - started_at).total_seconds()
    return seconds / expected if seconds > limit else None


def progress_counts(counts: Mapping[str, int]) -> tuple[int, int]:
    """Return (ended nodes, all nodes) of a run's counts."""
    return sum(number for state, number in counts.items() if state in NODE_TERMINAL), sum(counts.values())
