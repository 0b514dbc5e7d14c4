"""Publish: create the next immutable version of a workflow."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from engine import clock
from engine.actions import runs as engine_runs
from engine.definition import content_hash
from engine.models import Definition
from engine.problems import InvalidDocument
from engine.text import clean_text
from versions import checking, queries
from versions.actions import audit, deploy, drafts
from versions.actions.locks import lock
from versions.diff import changes
from versions.errors import Archived, OutdatedBase
from versions.models import Workflow, WorkflowVersion


class _Unchecked:
    """Means: the base version is not checked."""


UNCHECKED = _Unchecked()


@dataclass(frozen=True)
class Published:
    version: WorkflowVersion
    created: bool
    """False if the newest version has the same content; then no version was created."""
    went_live: bool
    """True for the first version of a workflow."""


def publish(
    workflow: Workflow,
    document: Any,
    *,
    message: str = "",
    base_version: int | _Unchecked | None = UNCHECKED,
    by: str,
    user: AbstractBaseUser | None = None,
) -> Published:
    """Make `document` the next version; the first version goes live.

    `base_version` is the version that the work is based on (None: on none). If another one is the newest by now,
    nothing is published. `user` is the publisher, whose draft is discarded if it has the same content. Raises
    InvalidDocument with every problem, OutdatedBase with the differences, Archived.
    """
    require_valid(document, workflow.slug, by)
    digest = content_hash(document)
    with transaction.atomic():
        workflow = lock(workflow)
        if workflow.archived_at is not None:
            raise Archived(workflow.slug)
        newest = queries.newest_version(workflow)
        if newest is not None and newest.definition.hash == digest:
            published = Published(newest, created=False, went_live=False)
        else:
            newest_number = newest.number if newest is not None else None
            if not isinstance(base_version, _Unchecked) and base_version != newest_number:
                raise _outdated(workflow, base_version, newest)
            definition = engine_runs.store_definition(document)
            published = add_version(workflow, definition, message=message, by=by)
        if user is not None:
            drafts.drop_if_published(workflow, user, digest)
        return published


def require_valid(document: Any, workflow: str, by: str, *, seconds: float = checking.COMPLETE_SECONDS) -> None:
    """Raise InvalidDocument with every problem, errors first, if there is an error."""
    pools = queries.pool_sizes()
    checked = checking.check(document, pools=pools, workflow=workflow, user=by, installed=True, seconds=seconds)
    found = checked.problems
    found.sort(key=lambda problem: problem.severity != "error")
    if found and found[0].severity == "error":
        raise InvalidDocument(found)


def add_version(workflow: Workflow, definition: Definition, *, message: str, by: str) -> Published:
    """Create a version from a valid, stored definition. The caller holds the workflow's lock or has just created it."""
    number = (queries.newest_number(workflow) or 0) + 1
    version = WorkflowVersion.objects.create(
        workflow=workflow,
        number=number,
        definition=definition,
        message=clean_text(message),
        author=by,
        created_at=clock.now(),
    )
    audit.record("version_published", by=by, workflow=workflow.slug, to_version=number, reason=message)
    went_live = number == 1
    if went_live:
        deploy.switch(workflow, version, by=by)
        audit.record("deployed", by=by, workflow=workflow.slug, to_version=number)
    return Published(version, created=True, went_live=went_live)


def _outdated(workflow: Workflow, base: int | None, newest: WorkflowVersion | None) -> OutdatedBase:
    base_document = {}
    if base is not None:
        started_from = queries.find_version(workflow, base)
        base_document = queries.document_of(started_from) if started_from is not None else {}
    newest_document = queries.document_of(newest) if newest is not None else {}
    return OutdatedBase(workflow.slug, base, newest, changes(base_document, newest_document))
