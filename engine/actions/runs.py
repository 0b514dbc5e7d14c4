"""What people do with runs: each verb is one transaction that checks, writes a Command, and wakes the scheduler.

Only the scheduler's tick changes the state of a run or a node run. A verb refuses what the current state does not
allow. If the state changes before the scheduler applies the command, the scheduler decides.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from engine import clock, hints
from engine.actions.overrides import checked_overrides
from engine.artifacts import artifacts_of
from engine.artifacts.empty_table import store_empty_table
from engine.definition import canonical, content_hash, store
from engine.errors import InvalidTargets, InvalidValue, NoAnswer, NotFound, WrongState
from engine.models import Command, Definition, NodeRun, Run, Stack
from engine.policy import STACK_FRESH_SECONDS
from engine.problems import Problem
from engine.reads import queries
from engine.reads.skip_effects import last_known_schema
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.states import NODE_TERMINAL, NOT_ASKED, RESTARTABLE, RETRYABLE, RUN_TERMINAL, SKIPPABLE, may_retry
from engine.text import clean_text

EMPTY_TABLE = "empty_table"
STACK_SECONDS = 2.0
"""How long `take_stack` waits for the stacks that it requested."""


def store_definition(document: Mapping[str, Any]) -> Definition:
    """Return the row of this valid document; create it if its content is new."""
    text = canonical(document)
    digest = content_hash(document)
    stored = Definition.objects.filter(hash=digest).first()
    if stored is not None:
        return stored
    try:
        with transaction.atomic():
            return Definition.objects.create(
                hash=digest, document=text, node_count=len(document["nodes"]), created_at=clock.now()
            )
    except IntegrityError:
        # Another process has just stored the same content.
        return Definition.objects.get(hash=digest)


def start(
    definition: Definition,
    *,
    workflow: str,
    version: int | None = None,
    draft: bool = False,
    inputs: Mapping[str, Any] | None = None,
    priority: int | None = None,
    targets: Sequence[str] | None = None,
    rerun_of: int | None = None,
    by: str = "",
) -> Run:
    """Create a queued run and return it.

    `inputs` must be valid and contain their defaults. `priority`: None for the definition's own. `targets`: run only
    these nodes and everything upstream of them, and skip the others. Raises InvalidTargets.
    """
    now = clock.now()
    asked = None if targets is None else _targets(definition, targets)
    with transaction.atomic(savepoint=False):
        run = Run.objects.create(
            definition=definition,
            workflow=workflow,
            version=version,
            draft=draft,
            inputs=dict(inputs or {}),
            priority=store.document_of(definition).settings.priority if priority is None else priority,
            targets=asked,
            rerun_of=rerun_of,
            counts={"pending": definition.node_count},
            created_by=by,
            created_at=now,
        )
        _command("start", run, by=by, now=now)
    return run


def _targets(definition: Definition, targets: Sequence[str]) -> list[str]:
    nodes = store.document_of(definition).by_id
    wrong = [
        Problem(
            "unknown_node", Sentence(_('There is no node "{node}".'), {"node": clean_text(name)}), f"targets[{place}]"
        )
        for place, name in enumerate(targets)
        if name not in nodes
    ]
    if not targets:
        message = _("Name at least one node, or omit `targets` to run all nodes.")
        wrong = [Problem("empty", Sentence(message), "targets")]
    if wrong:
        raise InvalidTargets(wrong)
    return list(dict.fromkeys(targets))


def cancel(run: Run, *, by: str) -> Run:
    """Request the cancellation of a run: running nodes are killed, the others never start. Raises WrongState."""
    now = clock.now()
    with transaction.atomic():
        run = _locked(run)
        if run.state in RUN_TERMINAL:
            values = {"run": run.pk, "why": _ended(run.state)}
            raise WrongState(Sentence(_("Run {run} cannot be cancelled: {why}."), values), run=str(run.pk))
        if run.cancel_requested_at is None:
            run.cancel_requested_at, run.cancel_requested_by = now, by
            run.save(update_fields=["cancel_requested_at", "cancel_requested_by"])
            _command("cancel", run, by=by, now=now)
    return run


def retry(
    run: Run,
    *,
    nodes: Sequence[str] | None = None,
    from_: str | None = None,
    policy: Mapping[str, Mapping[str, Any]] | None = None,
    by: str,
) -> Run:
    """Request another attempt of nodes, by default of all that failed, timed out or were cancelled.

    `from_`: `checkpoint` (default) or `start`. `policy`: {node: {field: value}} with the fields of `overrides.FIELDS`,
    which are stored with the run. Raises WrongState, InvalidValue, and NotFound for a node that the run does not have.
    """
    if from_ not in (None, "checkpoint", "start"):
        raise InvalidValue(Sentence(_('"from" must be "checkpoint" or "start".')), path="from")
    document = store.load(run.definition_id)
    wanted = None if nodes is None else list(dict.fromkeys(nodes))
    changes = checked_overrides(run, document, policy or {})
    for node in wanted or ():
        if node not in document.by_id:
            raise NotFound.node(run.pk, node)
    if wanted is not None and not wanted:
        message = _("Name at least one node, or omit `nodes` to retry all nodes that failed.")
        raise InvalidValue(Sentence(message), path="nodes")
    now = clock.now()
    with transaction.atomic():
        run = _locked(run)
        rows = NodeRun.objects.filter(run=run, item=-1).values_list("node", "state", "reason")
        states = {node: (state, reason) for node, state, reason in rows}
        if wanted is None:
            if not any(state in RETRYABLE for state, _ in states.values()):
                message = _(
                    "Run {run} has nothing to retry: no node failed, timed out or was cancelled. "
                    "Name the nodes, or start a new run."
                )
                raise WrongState(Sentence(message, {"run": run.pk}), run=str(run.pk))
        else:
            for node in wanted:
                _check_retry(run, node, *states.get(node, ("pending", "")))
        body = {"nodes": wanted, "from": from_ or "checkpoint", "policy": changes}
        _command("retry", run, by=by, now=now, body=body)
    return run


def retry_node(
    run: Run, node: str, *, from_: str | None = None, policy: Mapping[str, Any] | None = None, by: str
) -> Run:
    """Request another attempt of one node; `policy`: {field: value}. Raises the errors of `retry`."""
    return retry(run, nodes=[node], from_=from_, policy={node: policy} if policy else None, by=by)


def wait_until_taken_up(run: Run, kind: str = "retry", *, seconds: float = 2.0) -> None:
    """Wait up to `seconds` until the scheduler has applied this run's commands of this kind.

    Otherwise a caller that requests a retry and then reads the run could take the end of the earlier attempt for the
    end of the new one. Returns at once when no scheduler is alive.
    """
    if connection.in_atomic_block or not queries.scheduler_alive():
        return
    deadline = time.monotonic() + seconds
    pause = 0.002
    while Command.objects.filter(run=run, kind=kind, done_at=None).exists() and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def cancel_node(run: Run, node: str, *, by: str) -> Run:
    """Request the cancellation of one node: it is killed, or never starts. Raises WrongState, NotFound."""
    if node not in store.load(run.definition_id).by_id:
        raise NotFound.node(run.pk, node)
    now = clock.now()
    with transaction.atomic():
        run = _locked(run)
        state = NodeRun.objects.filter(run=run, node=node, item=-1).values_list("state", flat=True).first() or "pending"
        if state in NODE_TERMINAL or run.state in RUN_TERMINAL:
            why = _ended(state) if state in NODE_TERMINAL else Sentence(_("its run has ended"))
            values = {"run": run.pk, "node": node, "why": why}
            message = _('Node "{node}" of run {run} cannot be cancelled: {why}.')
            raise WrongState(Sentence(message, values), run=str(run.pk), node=node)
        _command("cancel_node", run, by=by, now=now, node=node)
    return run


def skip_output(run: Run, node: str, kind: str | None) -> dict[str, Any] | None:
    """Return what a node hands on when it is skipped, in stored form, for `skip_node`; None: null.

    `kind`: None for null, EMPTY_TABLE for a table without rows of the node's last known schema, which is stored here.
    Raises NotFound, and InvalidValue if no schema is known or there is no such kind.
    """
    if node not in store.load(run.definition_id).by_id:
        raise NotFound.node(run.pk, node)
    if kind is None:
        return None
    if kind != EMPTY_TABLE:
        raise InvalidValue(Sentence(_('"output" must be "empty_table" or null.')), path="output")
    known = last_known_schema(run, node)
    stored = None if known is None else store_empty_table(known.columns, artifacts_of(settings.INTERLOCK))
    if stored is None:
        message = _(
            'Node "{node}" of run {run} cannot hand on an empty table, because no schema of its table is known from '
            "earlier runs. Skip it with output null, or retry it."
        )
        raise InvalidValue(Sentence(message, {"run": run.pk, "node": node}), code="no_known_schema", path="output")
    return stored


def skip_node(run: Run, node: str, *, output: dict[str, Any] | None = None, by: str) -> Run:
    """Request that the run goes on without one node, as if the node had succeeded with this output (see `skip_output`).

    A running node is killed first. If the node failed, timed out, was cancelled or could not start, a run that has
    ended goes on. Raises NotFound, and WrongState if the node has succeeded or is skipped, or its run is being stopped.
    """
    if node not in store.load(run.definition_id).by_id:
        raise NotFound.node(run.pk, node)
    now = clock.now()
    with transaction.atomic():
        run = _locked(run)
        state = NodeRun.objects.filter(run=run, node=node, item=-1).values_list("state", flat=True).first() or "pending"
        why = None
        if state in NODE_TERMINAL and state not in SKIPPABLE:
            why = _ended(state)
        elif state in NODE_TERMINAL and run.stopping in ("cancelled", "run_timeout"):
            why = Sentence(_("its run is being stopped"))
        if why is not None:
            values = {"run": run.pk, "node": node, "why": why}
            message = _('Node "{node}" of run {run} cannot be skipped: {why}.')
            raise WrongState(Sentence(message, values), run=str(run.pk), node=node, state=state)
        _command("skip", run, by=by, now=now, node=node, body={} if output is None else {"output": output})
    return run


def take_stack(run: Run, node: str, *, by: str) -> Stack | None:
    """Have the stacks of a running node taken and return them; stacks of the last second are returned as they are.

    Waits up to STACK_SECONDS. Returns None if the node ended meanwhile. Raises NotFound, WrongState if the node does
    not run, and NoAnswer if no stacks arrived in time.
    """
    if node not in store.load(run.definition_id).by_id:
        raise NotFound.node(run.pk, node)
    rows = NodeRun.objects.filter(run=run, node=node, item=-1)
    state, attempt = rows.values_list("state", "attempt").first() or ("pending", 0)
    if state != "running":
        values = {"run": run.pk, "node": node, "state": state}
        message = _('Node "{node}" of run {run} has no live stack traces: it is {state}.')
        raise WrongState(Sentence(message, values), run=str(run.pk), node=node, state=state)
    asked = clock.now()
    since = asked - timedelta(seconds=STACK_FRESH_SECONDS)
    fresh = Stack.objects.filter(run=run, node=node, item=-1, attempt=attempt, taken_at__gte=since)
    fresh = fresh.order_by("-taken_at", "-id")
    if (found := fresh.first()) is not None:
        return found
    with transaction.atomic():
        command = _command("stack", run, by=by, now=asked, node=node)
    deadline = time.monotonic() + (0.0 if connection.in_atomic_block else STACK_SECONDS)
    pause = 0.005
    while (found := fresh.first()) is None:
        outcome = Command.objects.filter(pk=command.pk).values_list("outcome", flat=True).first()
        if outcome or not rows.filter(state="running", attempt=attempt).exists():
            return fresh.first()
        if time.monotonic() >= deadline:
            values = {"run": run.pk, "node": node, "s": f"{STACK_SECONDS:g}"}
            message = _('The stack traces of node "{node}" of run {run} did not arrive within {s} s. Try again.')
            raise NoAnswer(Sentence(message, values), run=str(run.pk), node=node)
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return found


def _command(
    kind: str, run: Run | None, *, by: str, now: Any, node: str = "", body: dict[str, Any] | None = None
) -> Command:
    command = Command.objects.create(kind=kind, run=run, node=node, body=body or {}, by=by, created_at=now)
    transaction.on_commit(hints.wake)
    return command


def _locked(run: Run) -> Run:
    """Return the run's current row, locked until the transaction ends. On SQLite the transaction itself is the lock.
    Raises NotFound."""
    try:
        return Run.objects.select_for_update().get(pk=run.pk)
    except Run.DoesNotExist:
        raise NotFound.run(run.pk) from None


def _check_retry(run: Run, node: str, state: str, reason: str) -> None:
    if state in RESTARTABLE or may_retry(state, reason):
        return
    if state == "succeeded":
        why, instead = _ended(state), _("Start a new run to run it again.")
    elif reason == NOT_ASKED:
        why, instead = Sentence(_("it is not part of this run")), _("Start a new run that includes it.")
    elif state == "skipped":
        why, instead = _ended(state), _("Retry the upstream node because of which it was skipped.")
    else:
        why, instead = Sentence(_("it is {state}"), {"state": state}), _("Wait until it has started.")
    values = {"run": run.pk, "node": node, "why": why, "instead": Sentence(instead)}
    message = _('Node "{node}" of run {run} cannot be retried: {why}. {instead}')
    raise WrongState(Sentence(message, values), run=str(run.pk), node=node, state=state)


_ENDED = {
    "succeeded": _("it has succeeded"),
    "failed": _("it has failed"),
    "timed_out": _("it has timed out"),
    "cancelled": _("it was cancelled"),
    "skipped": _("it was skipped"),
    "upstream_failed": _("it did not run because an upstream node failed"),
}


def _ended(state: str) -> Sentence:
    """Return how a run or node run in this terminal state ended, as a part of a sentence."""
    return Sentence(_ENDED[state])
