"""What threads wait on, which the engine stores as English sentences, in the reader's language.

Each has one of the templates below; text that fits none is shown as it is.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import gettext as _

from dashboard.presenters.amounts import duration
from engine.sentences import gettext_noop

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

_NUMBERS = frozenset(("n",))
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
    return tuple((template, _pattern(template)) for template in WAITS)


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
