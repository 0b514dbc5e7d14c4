"""Sentences that the engine keeps in English, said in the reader's language: why nodes wait, what threads wait on, what
is not there, and why a wish is refused.

They come out of rows and answers as text. Each has one of the templates below; what fits none is shown as it is.
static/src/words/engine.ts does the same for those that the browser gets.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import gettext as _

from dashboard.amounts import duration
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

GONE = (
    gettext_noop('There is no workflow "{slug}".'),
    gettext_noop("There is no run {run}."),
    gettext_noop('Run {run} has no node "{node}".'),
    gettext_noop('There is no pool "{pool}".'),
    gettext_noop('There is no worker "{worker}".'),
)
"""What is asked for and is not there (engine.errors.NotFound)."""

REFUSED = (
    gettext_noop("Run {run} cannot be cancelled: {why}."),
    gettext_noop("Run {run} cannot be deleted: {why}. Cancel it first."),
    gettext_noop(
        "Run {run} has nothing to retry: no node has failed, timed out or been cancelled. "
        "Name the nodes, or start a new run."
    ),
    gettext_noop('Node "{node}" of run {run} cannot be cancelled: {why}.'),
    gettext_noop('Node "{node}" of run {run} cannot be skipped: {why}.'),
    gettext_noop('Node "{node}" of run {run} cannot be retried: {why}. {instead}'),
    gettext_noop('Node "{node}" of run {run} has no live stacks: {why}.'),
    gettext_noop('The stacks of node "{node}" of run {run} did not come within {seconds}; try again.'),
    gettext_noop("The events of run {run} after {n} are not kept any more."),
    gettext_noop('There is no node "{node}" to run up to.'),
    gettext_noop("Name at least one node, or leave `targets` out to run all."),
    gettext_noop("Name at least one node, or leave `nodes` out to retry all that failed."),
    gettext_noop('"from" must be "checkpoint" or "start".'),
    gettext_noop("Give the changed fields of a node as an object."),
    gettext_noop('"{field}" cannot be changed by a retry; these can: {names}.'),
    gettext_noop("hard_timeout ({hard} s) is below soft_timeout ({soft} s)."),
    gettext_noop("soft_timeout must be a number of seconds above 0."),
    gettext_noop("hard_timeout must be a number of seconds above 0, or null for none."),
    gettext_noop("memory_mb must be a whole number from 1, or null for none."),
    gettext_noop("slots must be a whole number from 1."),
    gettext_noop("slots must be a whole number from 1 to {n}."),
    gettext_noop("pool must be the name of a pool, or null for none."),
    gettext_noop('Pool "{pool}" has {slots} slots, fewer than {n}.'),
    gettext_noop('Pool "{pool}" cannot be deleted: node "{node}" of run {run} uses it.'),
    gettext_noop('There is a pool "{pool}" already.'),
    gettext_noop(
        "A pool's name has letters, digits, dots, dashes and underscores, at most 100, and begins with a letter "
        "or a digit."
    ),
    gettext_noop('Worker "{worker}" cannot be drained: {why}.'),
    gettext_noop('Worker "{worker}" cannot be resumed: {why}.'),
    gettext_noop(
        "The scheduler's own node processes cannot be drained: stop Interlock instead, or run Celery workers with "
        "INTERLOCK_EXECUTOR=celery."
    ),
    gettext_noop("{name} is not available yet."),
)
"""Why a wish is refused (the other errors of engine.errors), the more exact ones first."""

STORE = (
    gettext_noop("The artifact {artifact} cannot be read now. {why}"),
    gettext_noop("The artifact {artifact} cannot be read: it is gone."),
    gettext_noop("The artifact {artifact} cannot be read: {told}."),
    gettext_noop("An input could not be fetched. {why}"),
    gettext_noop("The output could not be stored. {why}"),
    gettext_noop("There is no object {object}."),
    gettext_noop(
        "INTERLOCK_ARTIFACTS: an object does not hold what its name says, but {n} bytes with another hash. It was "
        "changed or cut off outside Interlock. Put it back from a backup, or retry the node that made it: {object}."
    ),
    gettext_noop("INTERLOCK_ARTIFACTS is {url}, but there is no such bucket. Make it, or correct the name."),
    gettext_noop(
        "INTERLOCK_ARTIFACTS is {url}, but its objects may not be used: {told} (to {verb} {name}). Check the variables "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the server, and what that key may do there."
    ),
    gettext_noop(
        "INTERLOCK_ARTIFACTS is {url}, but there are no credentials for it: set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY for every process of Interlock on this host."
    ),
    gettext_noop(
        "INTERLOCK_ARTIFACTS is {url}, but its server does not answer: {told}. Check that it runs, the network, and "
        "AWS_ENDPOINT_URL (left out: Amazon)."
    ),
    gettext_noop(
        "INTERLOCK_ARTIFACTS is {url}, but the disk of INTERLOCK_HOME is full: there is no room for a copy of {name}."
    ),
    gettext_noop("INTERLOCK_ARTIFACTS is {url}, but that failed to {verb} {name}: {told}."),
    gettext_noop(
        "INTERLOCK_ARTIFACTS is {url}, which needs the package s3fs, and that is not installed in {place}. Install it "
        "there with what it needs: make install-s3"
    ),
)
"""What is wrong with stored outputs (engine.artifacts.outputs) and their store (engine.artifacts.s3), the more exact
ones first."""

REASONS = (
    gettext_noop("it has succeeded"),
    gettext_noop("it has failed"),
    gettext_noop("it has timed out"),
    gettext_noop("it has been cancelled"),
    gettext_noop("it has been skipped"),
    gettext_noop("it has not been started, for an upstream node failed"),
    gettext_noop("it was skipped"),
    gettext_noop("its run is being ended"),
    gettext_noop("its run has ended"),
    gettext_noop("nobody asked for it"),
    gettext_noop("it drains already"),
    gettext_noop("it is being stopped"),
    gettext_noop("it takes work"),
    gettext_noop("it is lost"),
    gettext_noop("it is {state}"),
    gettext_noop("Start a new run to run it again."),
    gettext_noop("Start a new run that does."),
    gettext_noop("Retry the upstream node that decided so."),
    gettext_noop("Wait until it has started."),
)
"""Parts of those: `why`, and what to do `instead`."""

_NUMBERS = frozenset(("n", "all", "used", "slots"))
_PARTS = ("what", "why", "instead")
"""Places that hold a sentence, or a part of one, themselves."""


def engine_words(text: str) -> str:
    """`text` of the engine in the reader's language."""
    for template, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found is not None:
            values = found.groupdict()
            values |= {part: engine_words(values[part]) for part in _PARTS if part in values}
            if "state" in values:
                # The words of presenters.look.
                values["state"] = _(values["state"].replace("_", " ").capitalize()).lower()
            if "seconds" in values:
                values["seconds"] = duration(float(values["seconds"].replace(",", "")))
            return _(template).format_map(values)
    return text


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (template, _pattern(template)) for template in (*CONDITIONS, *WAITS, *GONE, *REFUSED, *STORE, *REASONS)
    )


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    for place in range(1, len(parts), 2):
        name = parts[place]
        if name == "seconds":
            parts[place] = "(?P<seconds>[0-9.,]+) s"
        elif name == "state":
            parts[place] = "(?P<state>[a-z_]+)"
        else:
            parts[place] = f"(?P<{name}>{'[0-9.,]+' if name in _NUMBERS else '.+'})"
    parts[::2] = [re.escape(part) for part in parts[::2]]
    return re.compile("".join(parts))
