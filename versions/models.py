"""Workflows and their history: drafts, immutable versions, deployments, the audit log."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from engine.models.definitions import Definition
from engine.models.fields import JSONText


class Workflow(models.Model):
    """The named thing that people own. Its slug never changes, because runs refer to it."""

    slug = models.CharField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    tags = JSONText(default=list, help_text="List of strings.")
    archived_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=150, blank=True, default="")
    created_at = models.DateTimeField()


class WorkflowVersion(models.Model):
    """A numbered, immutable definition."""

    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE)
    number = models.PositiveIntegerField(help_text="From 1, without gaps.")
    definition = models.ForeignKey(Definition, on_delete=models.PROTECT)
    message = models.TextField(blank=True, default="")
    author = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "number"], name="version_once")]


class Draft(models.Model):
    """One user's working copy of a workflow."""

    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    definition = JSONText(
        null=True,
        help_text="Any JSON object, also an invalid document. Null: published or discarded; the row stays for `saves`.",
    )
    base_version = models.PositiveIntegerField(null=True, help_text="The version it was started from.")
    saves = models.PositiveIntegerField(
        default=1, help_text="Counts saves by this person, never starts again; the ETag."
    )
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "user"], name="draft_once")]


class Deployment(models.Model):
    """One version put live by a strategy, in one of the two colours."""

    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE)
    version = models.ForeignKey(WorkflowVersion, on_delete=models.CASCADE)
    strategy = models.CharField(max_length=16, default="immediate")
    colour = models.CharField(max_length=8, help_text="blue or green.")
    state = models.CharField(max_length=16, help_text="active live replaced aborted.")
    canary_percent = models.PositiveSmallIntegerField(null=True)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="When it stopped being live.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workflow"], name="one_live_deployment", condition=Q(state="live")),
        ]
        indexes = [models.Index(fields=["workflow", "-id"], name="deployment_newest")]


class AuditEntry(models.Model):
    """Who did what, when and why. Written in the transaction of the change, never changed."""

    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    action = models.CharField(max_length=40)
    workflow = models.CharField(max_length=80, blank=True, default="", help_text="Slug.")
    run = models.BigIntegerField(null=True)
    node = models.CharField(max_length=63, blank=True, default="")
    from_version = models.PositiveIntegerField(null=True)
    to_version = models.PositiveIntegerField(null=True)
    reason = models.TextField(blank=True, default="")
    details = JSONText(default=dict)

    class Meta:
        indexes = [models.Index(fields=["workflow", "-id"], name="audit_workflow")]
