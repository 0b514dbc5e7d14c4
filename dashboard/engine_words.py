"""Sentences that the engine stores in English, in the reader's language: why nodes wait, and what threads wait for.

They come out of rows and answers as text. Each has one of the templates below; what fits none is shown as it is.
static/src/words/engine.ts does the same for those that the browser gets.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import gettext as _

from dashboard.presenters.amounts import duration
from engine.sentences import gettext_noop

CONDITIONS = (
    gettext_noop("Waits until another run of this workflow ends: at most {n} may run at once."),
    gettext_noop("Waits until another node of this run ends: at most {n} may run at once."),
    gettext_noop(
        "Waits for another node that was lost {n} times to end: such run one at a time, for one may be the cause."
    ),
    gettext_noop('Waits for pool "{pool}", which does not exist (any more); create it to go on.'),
    gettext_noop(
        'Needs {n} slots of pool "{pool}", which has {slots}; add slots to the pool, or retry the node with fewer.'
    ),
    gettext_noop('Waits for pool "{pool}" behind another node, for which its free slots are reserved.'),
    gettext_noop('Waits for 1 slot of pool "{pool}": {used} of {slots} are in use.'),
    gettext_noop('Waits for {n} slots of pool "{pool}": {used} of {slots} are in use.'),
    gettext_noop(
        'No worker takes the queue "{queue}": start one with `celery -A engine worker -Q {name}`, or give the node '
        "another queue."
    ),
    gettext_noop("Has been sent to a node process, which first ends another short node."),
    gettext_noop("Waits for a free node process; there are {n}."),
    gettext_noop("Waits for a free node process."),
    gettext_noop("Waits for its upstream nodes to be decided."),
    gettext_noop("Waits for {names} and {n} more to end."),
    gettext_noop("Waits for {names} to end."),
    gettext_noop("Waits for the scheduler to take up the run."),
    gettext_noop("Retry {n} of {all} starts at {time}."),
)
"""`waiting_for` of nodes (engine.admission)."""

WAITS = (
    gettext_noop("{what}, which has closed the connection"),
    gettext_noop("{what}, or {n} more"),
    gettext_noop("being continued: it is stopped (SIGSTOP)"),
    gettext_noop("the system call {call}"),
    gettext_noop("the kernel"),
    gettext_noop("the kernel ({place})"),
    gettext_noop("input or output in the kernel"),
    gettext_noop("input or output in the kernel ({place})"),
    gettext_noop("input or output of {path} in the kernel"),
    gettext_noop("input or output of {path} in the kernel ({place})"),
    gettext_noop("a lock"),
    gettext_noop("a lock, in {function} ({module})"),
    gettext_noop("a lock on a file"),
    gettext_noop("a lock on a file, held by process {process}"),
    gettext_noop("a lock on {path}, held by process {process}"),
    gettext_noop("a lock on {path}"),
    gettext_noop("its turn at Python's interpreter lock, or a lock for less than 20 ms"),
    gettext_noop("a sleep"),
    gettext_noop("a sleep of {seconds}"),
    gettext_noop("a sleep with {seconds} left"),
    gettext_noop("a child process"),
    gettext_noop("any of its {n} child processes"),
    gettext_noop("the end of a process"),
    gettext_noop("the end of process {process}"),
    gettext_noop("one of several files"),
    gettext_noop("events that only itself can send"),
    gettext_noop("events"),
    gettext_noop("a signal"),
    gettext_noop("file descriptor {n}"),
    gettext_noop("a socket"),
    gettext_noop("a socket without address"),
    gettext_noop("process {process}, over a socket"),
    gettext_noop("a connection to its own {address}"),
    gettext_noop("a connection to {address}"),
    gettext_noop("the named pipe {path}"),
    gettext_noop("data from a pipe"),
    gettext_noop("a pipe to take data"),
    gettext_noop("data from process {process}, over a pipe"),
    gettext_noop("process {process} to take data from a pipe"),
    gettext_noop("a file to be opened"),
    gettext_noop("{path} to be opened"),
    gettext_noop("data from {address}"),
    gettext_noop("{address} to take data"),
)
"""What a thread or process waits on (engine.inspect.waits, engine.inspect.stacks), the more exact ones first."""

_NUMBERS = frozenset(("n", "all", "used", "slots"))
_PARTS = ("what",)
"""Places that hold a part of a sentence themselves."""


def engine_words(text: str) -> str:
    """`text` of the engine in the reader's language."""
    for template, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found is not None:
            values = found.groupdict()
            values |= {part: engine_words(values[part]) for part in _PARTS if part in values}
            if "seconds" in values:
                values["seconds"] = duration(float(values["seconds"].replace(",", "")))
            return _(template).format_map(values)
    return text


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((template, _pattern(template)) for template in (*CONDITIONS, *WAITS))


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    for place in range(1, len(parts), 2):
        name = parts[place]
        if name == "seconds":
            parts[place] = "(?P<seconds>[0-9.,]+) s"
        else:
            parts[place] = f"(?P<{name}>{'[0-9.,]+' if name in _NUMBERS else '.+'})"
    parts[::2] = [re.escape(part) for part in parts[::2]]
    return re.compile("".join(parts))
