"""Rules about nodes that nobody runs yet: all node processes are occupied, or no worker takes their queue. Pure."""

from __future__ import annotations

from engine.admission.conditions import WaitingCondition
from engine.clock import iso
from engine.diagnosis import actions
from engine.diagnosis.facts import Facts, Waiting
from engine.diagnosis.finding import Action, Evidence, Finding
from engine.diagnosis.waiting_evidence import held, own_words, seconds_since, waited, worst_holder
from engine.diagnosis.wording import span
from engine.sentences import Sentence, gettext_noop
from engine.states import HostReason

OCCUPIED_SECONDS = 2.0
"""A process that has one node for so long does not come free by itself in a moment."""
RESTING_MAX = 4
"""Workers without work that are named."""
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
_QUEUE_COMMAND = gettext_noop("Start one on any host, with the environment of this installation: {command}")
_OCCUPIED = gettext_noop('Node "{holder}" of run {run} has occupied {process} since {time}, for {span}')
_OCCUPIED_STUCK = gettext_noop(
    'Node "{holder}" of run {run} is stuck; it has occupied {process} since {time}, for {span}'
)


def no_worker(facts: Facts, one: Waiting, condition: WaitingCondition) -> Finding | None:
    occupants = facts.occupants
    full = len(occupants) >= facts.processes > 0
    lasting = full and all(seconds_since(facts, holder.since) >= OCCUPIED_SECONDS for holder in occupants)
    to_blame = any(holder.is_stuck or holder.run != facts.run for holder in occupants)
    if not facts.asked and not (lasting and to_blame and seconds_since(facts, one.since) >= OCCUPIED_SECONDS):
        return None
    first = worst_holder(occupants)
    if first is None or not full:
        message = Sentence(_WORKER_FREE, {"node": one.name})
    else:
        values = {
            "node": one.name,
            "n": facts.processes,
            "holder": first.node,
            "run": first.run,
            "span": span(seconds_since(facts, first.since)),
        }
        message = Sentence(_WORKER, values)
    ordered = [] if first is None else [first, *(holder for holder in occupants if holder is not first)]
    evidence = [
        *held(facts, "wait", _OCCUPIED, _OCCUPIED_STUCK, ordered, 8),
        *(waited(facts, one) or [own_words(condition)]),
    ]
    help_: list[Action] = []
    if first is not None and full and (first.is_stuck or first.run != facts.run):
        help_.append(actions.cancel_holder(first.run, first.node))
    help_.append(actions.cancel_node(facts.run, one.node))
    return Finding("no_worker", message, evidence, one.node, help_)


def no_queue_worker(facts: Facts, one: Waiting, condition: WaitingCondition) -> Finding:
    resting = [worker for worker in facts.resting if one.queue in worker.queues]
    said = [
        Sentence(_RELEASE if worker.reason == HostReason.OTHER_RELEASE else _DRAINS, {"worker": worker.name})
        for worker in resting[:RESTING_MAX]
    ]
    said.append(Sentence(_QUEUE_COMMAND, {"command": f"celery -A engine worker -Q {one.queue}"}))
    evidence = [
        *(Evidence("wait", words, None, None, None, iso(facts.now)) for words in said),
        *(waited(facts, one) or [own_words(condition)]),
    ]
    all_others = bool(resting) and all(worker.reason == HostReason.OTHER_RELEASE for worker in resting)
    message = Sentence(_QUEUE_RELEASE if all_others else _QUEUE, {"node": one.name, "queue": one.queue})
    return Finding("no_queue_worker", message, evidence, one.node, [actions.cancel_node(facts.run, one.node)])
