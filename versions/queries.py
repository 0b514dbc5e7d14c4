"""All reads about workflows and their history. Nothing here writes, and no list makes a query per row."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.db.models import Max, Q, QuerySet, TextField
from django.db.models.functions import Cast

from engine.clock import iso
from engine.models import Definition, Pool
from engine.text import dump
from versions.errors import UnknownVersion
from versions.models import AuditEntry, Deployment, Workflow, WorkflowVersion

# --- workflows ---------------------------------------------------------------------------------------------------


def workflows(*, search: str = "", tags: Sequence[str] = (), archived: bool | None = False) -> QuerySet[Workflow]:
    """Return workflows, newest first.

    `search` matches name, slug and description; all `tags` must be present; both ignore case. `archived`: False
    excludes archived ones, True returns only those, None returns all.
    """
    found = Workflow.objects.order_by("-id")
    if archived is not None:
        found = found.filter(archived_at__isnull=not archived)
    for word in search.split():
        found = found.filter(Q(name__icontains=word) | Q(slug__icontains=word) | Q(description__icontains=word))
    if tags:
        found = found.annotate(tags_text=Cast("tags", TextField()))
    for tag in tags:
        # In JSON text a tag is between quotes and its own quotes are escaped, so it never matches a part of another
        # tag.
        found = found.filter(Q(tags_text__icontains=dump(tag)))
    return found


def all_tags() -> list[str]:
    """Return the tags of all workflows that are not archived, sorted."""
    used = Workflow.objects.filter(archived_at=None).values_list("tags", flat=True)
    return sorted({tag for tags in used for tag in tags}, key=str.casefold)


def workflow_dicts(rows: Iterable[Workflow]) -> list[dict[str, Any]]:
    """Return the API's Workflow for each row, in order, with at most three queries for all."""
    rows = list(rows)
    ids = [row.pk for row in rows]
    live = {
        deployment.workflow_id: deployment
        for deployment in Deployment.objects.filter(workflow__in=ids, state="live").select_related("version")
    }
    newest = dict(
        WorkflowVersion.objects.filter(workflow__in=ids).values_list("workflow").annotate(Max("number")).order_by()
    )
    # Only where the newest version is not live can it have been taken back.
    apart = [pk for pk, deployment in live.items() if deployment.version.number != newest.get(pk)]
    replaced = Deployment.objects.filter(workflow__in=apart, state="replaced") if apart else Deployment.objects.none()
    taken_back = set(replaced.values_list("workflow_id", "version__number").distinct())
    return [
        _workflow_dict(row, live.get(row.pk), newest.get(row.pk), (row.pk, newest.get(row.pk)) in taken_back)
        for row in rows
    ]


def workflow_dict(workflow: Workflow) -> dict[str, Any]:
    return workflow_dicts([workflow])[0]


def _workflow_dict(workflow: Workflow, live: Deployment | None, newest: int | None, taken_back: bool) -> dict[str, Any]:
    return {
        "slug": workflow.slug,
        "name": workflow.name,
        "description": workflow.description,
        "tags": workflow.tags,
        "live": None
        if live is None
        else {"version": live.version.number, "colour": live.colour, "since": iso(live.at)},
        # Canary deployments are not available yet, so nothing is ever a candidate.
        "candidate": None,
        "newest": newest,
        "draft_base": live.version.number if live is not None and taken_back else newest,
        "archived_at": None if workflow.archived_at is None else iso(workflow.archived_at),
        "created_by": workflow.created_by,
        "created_at": iso(workflow.created_at),
    }


# --- versions ----------------------------------------------------------------------------------------------------


def versions(workflow: Workflow) -> QuerySet[WorkflowVersion]:
    """Return the versions of a workflow, newest first, without their documents."""
    return (
        WorkflowVersion.objects.filter(workflow=workflow)
        .select_related("definition")
        .defer("definition__document")
        .order_by("-number")
    )


def version(workflow: Workflow, number: int) -> WorkflowVersion:
    """Return the version. Raises UnknownVersion."""
    found = find_version(workflow, number)
    if found is None:
        raise UnknownVersion(workflow.slug, number, newest_number(workflow))
    return found


def find_version(workflow: Workflow, number: int) -> WorkflowVersion | None:
    return versions(workflow).filter(number=number).first()


def newest_version(workflow: Workflow) -> WorkflowVersion | None:
    return versions(workflow).first()


def newest_number(workflow: Workflow) -> int | None:
    """Return the number of the newest version; None if there is none."""
    newest: int | None = WorkflowVersion.objects.filter(workflow=workflow).aggregate(newest=Max("number"))["newest"]
    return newest


def draft_base(workflow: Workflow, newest: WorkflowVersion | None) -> WorkflowVersion | None:
    """Return the version that a new draft starts from: the newest, or the live one if the newest was taken back.

    A version is taken back when another one replaced it after it was live. A newest version that was never live waits
    to be deployed, so work continues on it.
    """
    live = live_deployment(workflow)
    if newest is None or live is None or live.version_id == newest.pk:
        return newest
    taken_back = Deployment.objects.filter(workflow=workflow, version=newest, state="replaced").exists()
    return live.version if taken_back else newest


def document_of(version: WorkflowVersion) -> dict[str, Any]:
    """Return a fresh copy of the version's document."""
    document: dict[str, Any] = json.loads(version.definition.document)
    return document


def version_dict(version: WorkflowVersion, *, definition: bool = False) -> dict[str, Any]:
    """Return the API's Version, optionally with its document."""
    shape: dict[str, Any] = {
        "number": version.number,
        "message": version.message,
        "author": version.author,
        "created_at": iso(version.created_at),
        "hash": version.definition.hash,
        "node_count": version.definition.node_count,
    }
    if definition:
        shape["definition"] = document_of(version)
    return shape


# --- deployments -------------------------------------------------------------------------------------------------


def deployments(workflow: Workflow) -> QuerySet[Deployment]:
    """Return the deployments of a workflow, newest first."""
    return Deployment.objects.filter(workflow=workflow).select_related("version").order_by("-id")


def live_deployment(workflow: Workflow) -> Deployment | None:
    """Return the live deployment with its version and the definition's hash; the document is loaded on access."""
    return (
        Deployment.objects.filter(workflow=workflow, state="live")
        .select_related("version__definition")
        .defer("version__definition__document")
        .first()
    )


def deployment_before(live: Deployment) -> Deployment | None:
    """Return the deployment that was live before `live`; None if there is none."""
    return (
        Deployment.objects.filter(workflow=live.workflow_id, state="replaced", id__lt=live.pk)
        .select_related("version__definition")
        .defer("version__definition__document")
        .order_by("-id")
        .first()
    )


def deployment_dict(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": str(deployment.pk),
        "version": deployment.version.number,
        "strategy": deployment.strategy,
        "colour": deployment.colour,
        "state": deployment.state,
        "canary_percent": deployment.canary_percent,
        "by": deployment.by,
        "at": iso(deployment.at),
        "ended_at": None if deployment.ended_at is None else iso(deployment.ended_at),
    }


# --- pools -------------------------------------------------------------------------------------------------------


def pool_sizes() -> dict[str, int]:
    """Return the slots of each pool by name."""
    return dict(Pool.objects.values_list("name", "slots"))


def pools_named(version: WorkflowVersion) -> Mapping[str, int]:
    """Return the pools that a version's nodes use, with the most slots that one node needs."""
    return _pools_of(version.definition.hash)


@lru_cache(maxsize=1024)
def _pools_of(digest: str) -> Mapping[str, int]:
    # Definitions never change, so neither does the result.
    document = json.loads(Definition.objects.values_list("document", flat=True).get(hash=digest))
    named: dict[str, int] = {}
    for node in document["nodes"]:
        policy = node.get("policy") or {}
        if pool := policy.get("pool"):
            named[pool] = max(named.get(pool, 0), policy.get("slots") or 1)
    return named


def live_versions_with_pool(name: str) -> list[tuple[str, int, int]]:
    """Return (slug, version, most slots that one node needs) of live versions that use the pool, sorted."""
    live = (
        Deployment.objects.filter(state="live")
        # Canonical JSON has no spaces, so a text search finds the few documents to parse.
        .filter(version__definition__document__contains=f'"pool":{dump(name)}')
        .select_related("workflow", "version__definition")
        .defer("version__definition__document")
    )
    named = ((row.workflow.slug, row.version.number, pools_named(row.version).get(name)) for row in live)
    return sorted((slug, number, slots) for slug, number, slots in named if slots is not None)


# --- audit -------------------------------------------------------------------------------------------------------


def audit(*, workflow: str | None = None, action: str | None = None, by: str | None = None) -> QuerySet[AuditEntry]:
    """Return audit entries, newest first."""
    found = AuditEntry.objects.order_by("-id")
    if workflow is not None:
        found = found.filter(workflow=workflow)
    if action is not None:
        found = found.filter(action=action)
    if by is not None:
        found = found.filter(by=by)
    return found


def audit_dict(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": str(entry.pk),
        "at": iso(entry.at),
        "by": entry.by,
        "action": entry.action,
        "workflow": entry.workflow or None,
        "run": None if entry.run is None else str(entry.run),
        "node": entry.node or None,
        "from": entry.from_version,
        "to": entry.to_version,
        "reason": entry.reason,
        "details": entry.details,
    }
