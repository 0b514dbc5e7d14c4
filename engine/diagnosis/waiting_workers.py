"""Rules about nodes that no process runs yet: all node processes are busy, or no worker takes their queue. Pure."""

from engine.admission.conditions import WaitingCondition
from engine.clock import iso
from engine.diagnosis import actions
from engine.diagnosis.facts import RunFacts, WaitingFacts
from engine.diagnosis.finding import Action, Evidence, Finding
from engine.diagnosis.waiting_evidence import (
    blocker_evidence,
    condition_evidence,
    seconds_since,
    waited_evidence,
    worst_first,
)
from engine.sentences import Sentence, gettext_noop, span
from engine.states import HostReason

OCCUPIED_SECONDS = 2.0
"""A process that has run one node for longer does not become free in a moment."""
OCCUPANTS_MAX = 8
"""Busy node processes that a finding names."""
DRAINING_MAX = 4
"""Draining workers that a finding names."""
_WORKER = gettext_noop(
    '"{node}" waits for a free node process: all {n} are occupied, the longest by node "{holder}" of run {run} '
    "for {span}."
)
_WORKER_FREE = gettext_noop('"{node}" is about to start: it waits for a node process.')
_QUEUE = gettext_noop('"{node}" waits for a worker: none serves the queue {queue}.')
_QUEUE_RELEASE = gettext_noop(
    '"{node}" waits for a worker: those that serve the queue {queue} run another release than the scheduler.'
)
_RELEASE = gettext_noop(
    "Worker {worker} runs another release than the scheduler: upgrade both to the same release and restart it"
)
_DRAINS = gettext_noop("Worker {worker} serves this queue but is draining: resume it on the Resources page")
_QUEUE_COMMAND = gettext_noop("Start a worker on any host, with the environment of this installation: {command}")
_OCCUPIED = gettext_noop('Node "{holder}" of run {run} has occupied {process} since {time}, for {span}')
_OCCUPIED_STUCK = gettext_noop(
    'Node "{holder}" of run {run} is stuck; it has occupied {process} since {time}, for {span}'
)


def no_worker(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> Finding | None:
    """Return the finding about a node that waits for a free node process."""
    occupants = worst_first(facts.occupants)
    full = len(occupants) >= facts.processes > 0
    lasting = full and all(seconds_since(facts, occupant.since) >= OCCUPIED_SECONDS for occupant in occupants)
    to_blame = any(occupant.is_stuck or occupant.run != facts.run for occupant in occupants)
    if not facts.requested_node and not (lasting and to_blame and seconds_since(facts, node.since) >= OCCUPIED_SECONDS):
        return None
    worst = occupants[0] if occupants else None
    if worst is None or not full:
        message = Sentence(_WORKER_FREE, {"node": node.name})
    else:
        values = {
            "node": node.name,
            "n": facts.processes,
            "holder": worst.node,
            "run": worst.run,
            "span": span(seconds_since(facts, worst.since)),
        }
        message = Sentence(_WORKER, values)
    evidence = [
        *blocker_evidence(facts, "wait", _OCCUPIED, _OCCUPIED_STUCK, occupants, OCCUPANTS_MAX),
        *(waited_evidence(facts, node) or [condition_evidence(condition)]),
    ]
    help_: list[Action] = []
    if worst is not None and full and (worst.is_stuck or worst.run != facts.run):
        help_.append(actions.cancel_holder(worst.run, worst.node))
    help_.append(actions.cancel_node(facts.run, node.node))
    return Finding("no_worker", message, evidence, node.node, help_)


def no_queue_worker(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> Finding:
    """Return the finding about a node whose Celery queue no worker takes."""
    draining = [worker for worker in facts.draining if node.queue in worker.queues]
    messages = [
        Sentence(_RELEASE if worker.reason == HostReason.OTHER_RELEASE else _DRAINS, {"worker": worker.name})
        for worker in draining[:DRAINING_MAX]
    ]
    messages.append(Sentence(_QUEUE_COMMAND, {"command": f"celery -A engine worker -Q {node.queue}"}))
    evidence = [
        *(Evidence("wait", message, None, None, None, iso(facts.now)) for message in messages),
        *(waited_evidence(facts, node) or [condition_evidence(condition)]),
    ]
    other_release = bool(draining) and all(worker.reason == HostReason.OTHER_RELEASE for worker in draining)
    message = Sentence(_QUEUE_RELEASE if other_release else _QUEUE, {"node": node.name, "queue": node.queue})
    return Finding("no_queue_worker", message, evidence, node.node, [actions.cancel_node(facts.run, node.node)])
