"""Create, change, duplicate and delete workflows."""

import re
from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from engine import clock
from engine.actions import deletion
from engine.models import NodeStat, Run
from engine.models.conditions import unfinished_runs
from engine.text import clean_text
from versions.actions import audit, publish
from versions.actions.locks import lock
from versions.errors import RunInProgress, SlugTaken
from versions.models import Workflow, WorkflowVersion

SLUG = re.compile(r"^[a-z0-9][a-z0-9_-]{0,79}\Z")
NAME_MAX = 200
RUNS_PER_BATCH = 500
# Pages use these words in place of a slug.
RESERVED_SLUGS = frozenset({"new"})


def create(name: str, *, slug: str | None = None, description: str = "", tags: Iterable[str] = (), by: str) -> Workflow:
    """Create an empty workflow. Without `slug`, a unique one is derived from the name.

    Raises SlugTaken if the given slug exists.
    """
    wanted = slug or _slug_of(name)
    for number in range(1, 1000):
        chosen = wanted if number == 1 else f"{wanted[:75]}-{number}"
        if chosen in RESERVED_SLUGS and slug is None:
            continue
        try:
            with transaction.atomic():
                workflow = Workflow.objects.create(
                    slug=chosen,
                    name=clean_text(name),
                    description=clean_text(description),
                    tags=unique_tags(tags),
                    created_by=by,
                    created_at=clock.now(),
                )
                audit.record("workflow_created", by=by, workflow=chosen)
                return workflow
        except IntegrityError:
            # The slug's constraint is the only one that a new row can violate.
            if slug is not None:
                raise SlugTaken(slug) from None
    raise SlugTaken(wanted)


def change(
    workflow: Workflow,
    *,
    by: str,
    name: str | None = None,
    description: str | None = None,
    tags: Iterable[str] | None = None,
    archived: bool | None = None,
) -> Workflow:
    """Change what is given. Unchanged values are neither written nor audited. The slug never changes."""
    with transaction.atomic():
        workflow = lock(workflow)
        wanted: dict[str, Any] = {}
        if name is not None:
            wanted["name"] = clean_text(name)
        if description is not None:
            wanted["description"] = clean_text(description)
        if tags is not None:
            wanted["tags"] = unique_tags(tags)
        changed = {field: value for field, value in wanted.items() if getattr(workflow, field) != value}
        if changed:
            details = {field: {"from": getattr(workflow, field), "to": value} for field, value in changed.items()}
            audit.record("workflow_changed", by=by, workflow=workflow.slug, details=details)
        if archived is not None and archived != (workflow.archived_at is not None):
            changed["archived_at"] = clock.now() if archived else None
            action = "workflow_archived" if archived else "workflow_restored"
            audit.record(action, by=by, workflow=workflow.slug)
        for field, value in changed.items():
            setattr(workflow, field, value)
        if changed:
            workflow.save(update_fields=list(changed))
        return workflow


def archive(workflow: Workflow, *, by: str) -> Workflow:
    return change(workflow, by=by, archived=True)


def restore(workflow: Workflow, *, by: str) -> Workflow:
    return change(workflow, by=by, archived=False)


def duplicate(workflow: Workflow, *, by: str, name: str | None = None, slug: str | None = None) -> Workflow:
    """Create a workflow with the newest version of this one as its live version 1.

    Runs, older versions, drafts and deployments stay with the original. Raises SlugTaken.
    """
    with transaction.atomic():
        newest = (
            WorkflowVersion.objects.filter(workflow=workflow).select_related("definition").order_by("-number").first()
        )
        copy = create(
            name or _("%(name)s (copy)") % {"name": workflow.name[: NAME_MAX - 20]},
            slug=slug,
            description=workflow.description,
            tags=workflow.tags,
            by=by,
        )
        if newest is not None:
            message = _("Copy of %(workflow)s, version %(number)d") % {
                "workflow": workflow.slug,
                "number": newest.number,
            }
            publish.add_version(copy, newest.definition, message=message, by=by)
        return copy


def delete(workflow: Workflow, *, by: str) -> int:
    """Delete a workflow with its versions, drafts, deployments and runs. Return the number of runs.

    The audit log stays. Raises RunInProgress if a run has not ended. The workflow is archived first, so that nothing
    starts any more; then its runs are deleted in many transactions, because a single one would hold SQLite's only lock
    while the scheduler waits. If interrupted, it leaves an archived workflow that can be deleted again.
    """
    with transaction.atomic():
        workflow = lock(workflow)
        _refuse_unfinished(workflow)
        if workflow.archived_at is None:
            workflow.archived_at = clock.now()
            workflow.save(update_fields=["archived_at"])
            audit.record("workflow_archived", by=by, workflow=workflow.slug, reason=_("It is being deleted."))
    count = 0
    while runs := list(Run.objects.filter(workflow=workflow.slug).order_by("id").only("counts")[:RUNS_PER_BATCH]):
        count += deletion.delete_many(runs)
        # A retry may have restarted a run meanwhile.
        _refuse_unfinished(workflow)
    with transaction.atomic():
        workflow = lock(workflow)
        _refuse_unfinished(workflow)
        NodeStat.objects.filter(workflow=workflow.slug).delete()
        audit.record("workflow_deleted", by=by, workflow=workflow.slug, details={"name": workflow.name, "runs": count})
        workflow.delete()
    return count


def _refuse_unfinished(workflow: Workflow) -> None:
    unfinished = unfinished_runs().filter(workflow=workflow.slug).order_by("id").first()
    if unfinished is not None:
        raise RunInProgress(workflow.slug, unfinished.pk, unfinished.state)


def unique_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags stripped, without empty ones and duplicates, in order."""
    return list(dict.fromkeys(tag for tag in (clean_text(tag).strip() for tag in tags) if tag))


def _slug_of(name: str) -> str:
    # Names in other scripts may contain nothing that a slug allows.
    return slugify(name)[:80].strip("-_") or "workflow"
