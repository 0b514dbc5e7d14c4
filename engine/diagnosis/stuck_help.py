"""What helps against each cause that keeps a node from ending: advice, and calls with the best one first. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.diagnosis import actions
from engine.diagnosis.facts import RunFacts, RunningFacts
from engine.diagnosis.finding import Action
from engine.diagnosis.threads import Activity
from engine.sentences import Sentence, gettext_noop

RETRY, RESTART, CANCEL, SKIP, STACKS, EDIT = "retry", "restart", "cancel", "skip", "stacks", "edit"
_TIME_HELPS = (RETRY, STACKS, SKIP, CANCEL)
"""A new attempt may go better, and a limit ends it if it does not."""
_CODE_IS_WRONG = (CANCEL, EDIT, STACKS, SKIP, RETRY)
"""A new attempt would do the same."""
_SOMETHING_IS_MISSING = (CANCEL, SKIP, STACKS, RETRY)
"""Nothing in the run brings what the node waits for, and a limit does not either."""

_ORDERS: Mapping[str, tuple[str, ...]] = {
    "cpu_loop": _CODE_IS_WRONG,
    "child_computes": _CODE_IS_WRONG,
    "deadlock": (CANCEL, SKIP, EDIT, STACKS, RETRY),
    "blocked_on_lock": _SOMETHING_IS_MISSING,
    "database_lock": _SOMETHING_IS_MISSING,
    "looks_for": _SOMETHING_IS_MISSING,
    "query": _CODE_IS_WRONG,
    "stopped": (RESTART, STACKS, SKIP, CANCEL),
    "child_stopped": (RESTART, STACKS, SKIP, CANCEL),
    "file_lock": _SOMETHING_IS_MISSING,
    "blocked_on_file": _SOMETHING_IS_MISSING,
    "blocked_on_pipe": _SOMETHING_IS_MISSING,
    "blocked": _SOMETHING_IS_MISSING,
    "polling": _SOMETHING_IS_MISSING,
    "listening": _SOMETHING_IS_MISSING,
    "not_determined": (STACKS, RETRY, SKIP, CANCEL),
}
"""By the code of the activity; all others: _TIME_HELPS."""

_ADVICE: Mapping[str, str] = {
    "cpu_loop": gettext_noop("If it never ends, cancel it and correct this line in a draft: more time does not help"),
    "child_computes": gettext_noop("If it never ends, cancel it and correct the command in a draft"),
    "deadlock": gettext_noop(
        "None of them can go on: cancel it, and take locks in the same order everywhere or with a timeout"
    ),
    "blocked_on_lock": gettext_noop("Cancel or skip it unless something outside of the node releases it"),
    "stopped": gettext_noop("Continue it (kill -CONT), or retry: a new attempt has a process of its own"),
    "child_stopped": gettext_noop("`kill -CONT {pid}` on its host continues it; a retry starts it anew"),
    "database_lock": gettext_noop(
        "It goes on when the other transaction ends: end who holds it, or cancel or skip this node"
    ),
    "looks_for": gettext_noop("Supply what it looks for, or cancel or skip it: a new attempt looks for the same"),
    "name_lookup": gettext_noop("Check the name and the name server (/etc/resolv.conf), then retry"),
    "connecting": gettext_noop("Check the address and the network, then retry"),
    "listening": gettext_noop("Check who should connect to it, or cancel it"),
    "query": gettext_noop(
        "If it takes longer than it should, cancel it and look at its joins: without a condition each row meets each"
    ),
    "file_lock": gettext_noop("It goes on when the lock is released: end who holds it, or cancel or skip this node"),
    "blocked_on_file": gettext_noop("Supply what it waits for, or cancel or skip it"),
    "blocked_on_pipe": gettext_noop("Cancel it unless the other end of the pipe goes on"),
    "blocked_on_socket": gettext_noop("Check that service; a retry makes a new connection"),
}
_ITSELF = gettext_noop("It can never go on: cancel it, and release the lock before it is taken again")
_UNTIL_GONE = gettext_noop("It goes on when that is gone: remove it if nothing needs it, or cancel or skip the node")
_PIPES = gettext_noop(
    "None of them can go on: cancel it, then read what the child writes while writing to it, for instance with "
    "communicate(), and close its input"
)


def advice(activity: Activity) -> Sentence | None:
    """Return what to do about a cause, as a sentence without a full stop; None if the calls say it all."""
    pipes = any((child.get("waits_on") or {}).get("kind") == "pipe" for child in activity.circle)
    template = _PIPES if pipes else _ADVICE.get(activity.code)
    if activity.code == "deadlock" and not activity.circle and len(activity.threads) == 1 and not activity.path:
        template = _ITSELF
    if activity.code == "looks_for" and (activity.look or {}).get("there"):
        template = _UNTIL_GONE
    values = {"pid": (activity.child or {}).get("pid") or "?"} if activity.code == "child_stopped" else {}
    return None if template is None else Sentence(template, values)


def kind_of(activity: Activity) -> str:
    """Return the code whose calls help: of a child that hangs, of what it waits for."""
    waits = (activity.child or {}).get("waits_on") or {}
    if activity.code == "child_hangs" and waits.get("kind") in ("file", "pipe", "lock"):
        return "blocked_on_file"
    return activity.code


def calls(
    facts: RunFacts, running: RunningFacts, code: str, active_seconds: float = 0.0, line: int | None = None
) -> list[Action]:
    """Return the calls that help against the cause `code`, the best one first. See `actions.limit_of`.

    `line`: where the node's code is to be edited.
    """
    made: Mapping[str, Callable[[], Any]] = {
        RETRY: lambda: actions.retry_with_limit(facts.run, running, active_seconds),
        RESTART: lambda: actions.restart(facts.run, running.node),
        CANCEL: lambda: actions.cancel_node(facts.run, running.node),
        SKIP: lambda: actions.skip(facts.run, running.node),
        EDIT: lambda: actions.edit(facts.workflow, running.node, line),
        STACKS: lambda: actions.take_stacks(facts.run, running.node),
    }
    return [made[name]() for name in _ORDERS.get(code, _TIME_HELPS)]
