"""Launch: start a run of a workflow's live version, of another version, or of a draft."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from engine.actions import runs as engine_runs
from engine.definition import Document, parse, store
from engine.definition import inputs as engine_inputs
from engine.errors import InvalidInputs
from engine.models import Definition, Run
from versions import checking, queries
from versions.actions import drafts, publish
from versions.actions.locks import lock_for_run
from versions.errors import Archived, NoDraft, NothingLive
from versions.models import Workflow


def launch(
    workflow: Workflow,
    *,
    version: int | None = None,
    draft_of: AbstractBaseUser | None = None,
    inputs: Any = None,
    priority: int | None = None,
    targets: Sequence[str] | None = None,
    unsaved: bool = False,
    by: str,
) -> Run:
    """Start a run of the live version, of `version`, or of the draft of `draft_of`.

    `inputs`: an object that matches the definition's schema; None means {}. `targets`: run only these nodes and what
    they depend on. `unsaved`: also run a draft without saved changes; otherwise that raises NoDraft. Raises Archived,
    NothingLive, UnknownVersion, NoDraft, InvalidDocument (of the draft), InvalidInputs, InvalidTargets.
    """
    if workflow.archived_at is not None:
        raise Archived(workflow.slug)
    number: int | None = None
    definition: Definition | None = None
    draft: dict[str, Any] = {}
    if draft_of is not None:
        copy = drafts.load(workflow, draft_of)
        if copy.saved_at is None and not (unsaved and copy.definition.get("nodes")):
            raise NoDraft(workflow.slug)
        draft = copy.definition
        publish.require_valid(draft, workflow.slug, by, seconds=checking.BLOCKING_SECONDS)
        document: Document = parse(draft, trusted=True)
    else:
        if version is None:
            live = queries.live_deployment(workflow)
            if live is None:
                raise NothingLive(workflow.slug)
            chosen = live.version
        else:
            chosen = queries.version(workflow, version)
        number, definition = chosen.number, chosen.definition
        document = store.load(chosen.definition_id)
    accepted = _accepted(document, inputs)
    # Everything is known by now, so the write transaction, which others wait for, is short.
    with transaction.atomic():
        lock_for_run(workflow.slug)
        if definition is None:
            definition = engine_runs.store_definition(draft)
        return engine_runs.start(
            definition,
            workflow=workflow.slug,
            version=number,
            draft=draft_of is not None,
            inputs=accepted,
            priority=priority,
            targets=targets,
            by=by,
        )


def rerun(run: Run, *, inputs: Any = None, by: str) -> Run:
    """Start a new run of the same version, or of the same content of a draft, with the same targets and priority.

    `inputs`: None for those of `run`. Raises NotFound (the workflow), Archived, InvalidInputs.
    """
    accepted = _accepted(store.load(run.definition_id), run.inputs if inputs is None else inputs)
    with transaction.atomic():
        lock_for_run(run.workflow)
        return engine_runs.start(
            run.definition,
            workflow=run.workflow,
            version=run.version,
            draft=run.draft,
            inputs=accepted,
            priority=run.priority,
            targets=run.targets,
            rerun_of=run.pk,
            by=by,
        )


def _accepted(document: Document, inputs: Any) -> dict[str, Any]:
    accepted, problems = engine_inputs.accept(document.inputs, inputs)
    if problems:
        raise InvalidInputs(problems)
    return accepted
