"""What keeps a node from ending, in words. Pure."""

from typing import Any

from engine.diagnosis.evidence import location_text
from engine.diagnosis.threads import Activity, wait_text
from engine.diagnosis.wording import cut
from engine.sentences import Sentence, gettext_noop

_CAUSES = {
    "sleeping": gettext_noop('"{node}" sleeps{where}'),
    "polling": gettext_noop('"{node}" waits for an event{where}'),
    "cpu_loop": gettext_noop('"{node}" keeps computing{where}'),
    "child_computes": gettext_noop('"{node}" waits for its child process {pid}, which keeps computing: {command}'),
    "child_hangs": gettext_noop('"{node}" waits for its child process {pid}, which hangs: {command}'),
    "child_stopped": gettext_noop('"{node}" waits for its child process {pid}, which is stopped (SIGSTOP): {command}'),
    "stopped": gettext_noop('The process of "{node}" is stopped (SIGSTOP){where}'),
    "looks_for": gettext_noop('"{node}" looks again and again for what is not there{where}'),
    "name_lookup": gettext_noop('"{node}" waits for the name server {address}{where}'),
    "query": gettext_noop('"{node}" runs a query of DuckDB{where}'),
    "database_lock": gettext_noop('"{node}" waits for a lock in the database at {address}{where}'),
    "connecting": gettext_noop('"{node}" waits for a connection to {address}, which does not answer{where}'),
    "listening": gettext_noop('"{node}" waits at its own address {address} for others, who do not come{where}'),
    "blocked_on_socket": gettext_noop('"{node}" waits for an answer from {address}{where}'),
    "queue": gettext_noop('"{node}" waits for an item from a queue that nothing is added to{where}'),
    "queue_put": gettext_noop('"{node}" waits for space in a queue that nothing is taken from{where}'),
    "result": gettext_noop('"{node}" waits for a result of another thread that does not arrive{where}'),
    "signal": gettext_noop('"{node}" waits for a signal of another thread that does not arrive{where}'),
    "join": gettext_noop('"{node}" waits for another thread to end{where}'),
    "blocked_on_lock": gettext_noop('"{node}" waits for a lock that is not released{where}'),
    "file_lock": gettext_noop('"{node}" waits for {what}{where}'),
    "blocked_on_file": gettext_noop('"{node}" waits for {what}{where}'),
    "blocked_on_pipe": gettext_noop('"{node}" waits for {what}{where}'),
    "io_wait": gettext_noop('"{node}" waits for the disk or another device{where}'),
    "blocked": gettext_noop('"{node}" waits for {what}{where}'),
}
_NO_ADDRESS = gettext_noop('"{node}" waits for an answer over the network{where}')
_NO_COMMAND = gettext_noop('"{node}" waits for its child process {pid}, which hangs')
_DEADLOCK = gettext_noop(
    '"{node}" is in a deadlock: thread {first}{first_where} and thread {second}{second_where} wait for each other'
)
_DEADLOCK_MORE = gettext_noop(
    '"{node}" is in a deadlock of {n} threads: among them {first}{first_where} and {second}{second_where} '
    "wait for each other"
)
_DEADLOCK_ONE = gettext_noop(
    '"{node}" is in a deadlock with itself: it waits for a lock, and no other thread could release it{where}'
)
_DEADLOCK_CHILD = gettext_noop(
    '"{node}" is in a deadlock with its child process {pid} ({command}): it waits for {what}, and the child for '
    "{other}{where}"
)
_DEADLOCK_CHILDREN = gettext_noop(
    '"{node}" waits for child processes that are in a deadlock: process {pid} ({command}) waits for {other}, and '
    "{n} more wait for each other{where}"
)
_CHILD_WAITS = gettext_noop('"{node}" waits for its child process {pid}, which waits for {what}: {command}')
_FILE = gettext_noop("the file {path}")
_PIPE = gettext_noop("the other end of a pipe")
_SOMETHING = gettext_noop("something in the kernel")


def cause(name: str, activity: Activity) -> Sentence:
    """Say what the node called `name` does, without a full stop."""
    threads = activity.threads
    values: dict[str, Any] = {
        "node": name,
        "address": activity.address,
        "where": location_text(threads[0][1]) if threads else "",
    }
    if activity.code == "deadlock" and activity.circle:
        return _process_circle(values, activity)
    if activity.code == "deadlock" and len(threads) < 2:
        return Sentence(_DEADLOCK_ONE, values)
    if activity.code == "deadlock":
        (first, first_location), (second, second_location) = threads[:2]
        values |= {"first": first, "first_where": location_text(first_location)}
        values |= {"second": second, "second_where": location_text(second_location), "n": len(threads)}
        return Sentence(_DEADLOCK if len(threads) == 2 else _DEADLOCK_MORE, values)
    template = _CAUSES[activity.waits_for_thread or activity.code]
    if activity.code in ("child_hangs", "child_computes", "child_stopped"):
        child = activity.child or {}
        values |= {"pid": child.get("pid") or "?", "command": cut(str(child.get("command") or ""))}
        waits = child.get("waits_on") or {}
        if not values["command"]:
            template = _NO_COMMAND
        elif activity.code == "child_hangs" and waits.get("kind") in ("socket", "file", "pipe", "lock", "io", "other"):
            template, values["what"] = _CHILD_WAITS, wait_text(waits)
    elif activity.code == "blocked_on_socket":
        if not activity.address:
            template = _NO_ADDRESS
    elif activity.code in ("file_lock", "blocked_on_file", "blocked_on_pipe", "blocked"):
        values["what"] = activity.message or _awaited(activity)
    return Sentence(template, values)


def _process_circle(values: dict[str, Any], activity: Activity) -> Sentence:
    child = activity.circle[0]
    values |= {"pid": child.get("pid"), "command": cut(str(child.get("command") or "?"), 60), "what": activity.message}
    values |= {"other": wait_text(child.get("waits_on")), "n": len(activity.circle) - 1}
    return Sentence(_DEADLOCK_CHILD if len(activity.circle) == 1 else _DEADLOCK_CHILDREN, values)


def _awaited(activity: Activity) -> Sentence:
    if activity.path:
        return Sentence(_FILE, {"path": cut(activity.path)})
    return Sentence(_PIPE if activity.code == "blocked_on_pipe" else _SOMETHING)
