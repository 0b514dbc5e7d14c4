"""Measurements of running attempts, and durations learned from finished ones."""

from django.db import models

from engine.models.fields import JSONText, RowId
from engine.models.runs import Run


class Sample(models.Model):
    """Resource use of one attempt's process tree at one moment; one about every second while it runs."""

    id = RowId(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, db_index=False)
    node = models.CharField(max_length=63)
    item = models.IntegerField(default=-1)
    attempt = models.PositiveIntegerField()
    at = models.DateTimeField()
    cpu_percent = models.FloatField(null=True, help_text="Of one core.")
    memory_bytes = models.BigIntegerField(null=True)
    io_wait = models.BooleanField(null=True, help_text="Whether a thread was in uninterruptible sleep.")
    io_bytes = models.BigIntegerField(
        null=True, help_text="Bytes a second read and written by system calls; null: not determined."
    )
    network_bytes = models.BigIntegerField(null=True, help_text="Bytes a second; null: not determined.")
    network_scope = models.CharField(max_length=16, default="not_determined")

    class Meta:
        indexes = [models.Index(fields=["run", "node", "at"], name="sample_node")]


class Stack(models.Model):
    """What the threads of one attempt did at one moment, sampled a few times; stored with the run."""

    id = RowId(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, db_index=False)
    node = models.CharField(max_length=63)
    item = models.IntegerField(default=-1)
    attempt = models.PositiveIntegerField()
    taken_at = models.DateTimeField()
    why = models.CharField(
        max_length=16, help_text="Why it was taken: asked, stuck, quiet, soft_timeout, hard_timeout or memory."
    )
    body = JSONText(help_text="{samples, children}, as the API returns them.")

    class Meta:
        indexes = [models.Index(fields=["run", "node", "taken_at"], name="stack_node")]


class NodeStat(models.Model):
    """Learned duration of one node of one workflow: its last 50 successes outside of draft runs."""

    id = RowId(primary_key=True)
    workflow = models.CharField(max_length=80)
    node = models.CharField(max_length=63)
    durations = JSONText(default=list, help_text="Seconds, oldest first, at most 50.")
    median = models.FloatField(null=True, help_text="Null until there are 3.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "node"], name="node_stat_once")]
