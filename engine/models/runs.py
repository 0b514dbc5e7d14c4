"""Runs, their node runs and attempts, and the commands for the scheduler.

Only the scheduler's tick changes the state of a run, a node run or an attempt; all others write a Command. A node
run gets its row when the node first leaves `pending`.
"""

from django.db import models
from django.db.models import Q

from engine.models.definitions import Definition
from engine.models.fields import JSONText, RowId

RUN_UNFINISHED = ("queued", "running", "paused")
NODE_UNFINISHED = ("ready", "running", "waiting", "retrying")


class Run(models.Model):
    """One execution of one definition."""

    definition = models.ForeignKey(Definition, on_delete=models.PROTECT)
    workflow = models.CharField(
        max_length=80, help_text="Slug of the workflow, a label to the engine; for a file its name."
    )
    version = models.PositiveIntegerField(null=True, help_text="Null for a draft's run.")
    draft = models.BooleanField(default=False)
    state = models.CharField(
        max_length=16, default="queued", help_text="queued, running, paused, succeeded, failed, cancelled or timed_out."
    )
    reason = models.CharField(
        max_length=64, blank=True, default="", help_text="Why it ended as it did, where the state does not say."
    )
    priority = models.SmallIntegerField(default=5, help_text="1 first .. 9 last.")
    inputs = JSONText(default=dict)
    altered = JSONText(default=dict, help_text="Policy fields that retries changed: {node: {field: value}}.")
    targets = JSONText(
        null=True, help_text="Ids of the target nodes: only they and what they depend on run. Null: the whole workflow."
    )
    rerun_of = models.BigIntegerField(
        null=True, help_text="Id of the run that it repeats, which may be deleted by now."
    )
    counts = JSONText(default=dict, help_text="{node run state: number}; sums to all nodes.")
    seq = models.BigIntegerField(default=0, help_text="Number of its last event or log line.")
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.CharField(max_length=150, blank=True, default="")
    stopping = models.CharField(
        max_length=32, blank=True, default="", help_text="run_stopped, run_timeout or cancelled: starts nothing new."
    )
    created_by = models.CharField(max_length=150, blank=True, default="")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, help_text="When it left queued.")
    resumed_at = models.DateTimeField(
        null=True, help_text="When a retry made it running again; its time limit then counts from here."
    )
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # States are in the indexes, so that counting and filtering by them reads no other rows.
            models.Index(fields=["workflow", "-id", "state"], name="run_workflow"),
            models.Index(fields=["workflow", "version", "-id", "state"], name="run_version"),
            models.Index(fields=["id"], name="run_unfinished", condition=Q(state__in=RUN_UNFINISHED)),
            models.Index(fields=["finished_at", "state"], name="run_finished", condition=Q(finished_at__isnull=False)),
            # For lists of a period or a person, which would otherwise read many other runs to fill a page.
            models.Index(fields=["created_at", "id"], name="run_created"),
            models.Index(fields=["created_by", "-id", "workflow"], name="run_by"),
            models.Index(fields=["workflow", "created_by", "-id"], name="run_draft", condition=Q(draft=True)),
            # Runs without success are few; the other columns are what lists of them filter by.
            models.Index(
                fields=["-id", "state", "workflow", "created_by", "created_at"],
                name="run_no_success",
                condition=~Q(state="succeeded"),
            ),
        ]


class NodeRun(models.Model):
    """One node in one run, in exactly one state."""

    id = RowId(primary_key=True)
    # The unique constraint begins with the run; a second index would only slow down every write.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, db_index=False)
    node = models.CharField(max_length=63)
    item = models.IntegerField(default=-1, help_text="Position in a map's list; -1: the node itself.")
    state = models.CharField(max_length=16)
    reason = models.CharField(max_length=64, blank=True, default="")
    attempt = models.PositiveIntegerField(default=0, help_text="Number of its newest attempt; 0: none yet.")
    claim = models.CharField(
        max_length=32, blank=True, default="", help_text="Fencing token of the attempt in flight; empty: none."
    )
    retries = models.PositiveIntegerField(default=0, help_text="Retries used since a person last asked for one.")
    losses = models.PositiveIntegerField(default=0, help_text="Lost attempts since a person last asked for one.")
    pool = models.CharField(max_length=100, blank=True, default="")
    slots = models.PositiveIntegerField(default=1)
    ready_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True, help_text="Start of the newest attempt.")
    finished_at = models.DateTimeField(null=True)
    expected = models.FloatField(null=True, help_text="Seconds, as known when it became ready.")
    expected_from = models.CharField(max_length=8, default="none", help_text="author, learned or none.")
    progress = JSONText(null=True, help_text="{fraction, message, at}.")
    error = JSONText(null=True, help_text="{class, message, node, line, traceback}.")
    output = JSONText(
        null=True,
        help_text="{kind, bytes, ports, value | artifact, schema?, row_count?}.",
    )
    artifact = models.CharField(max_length=80, blank=True, default="", help_text="Name of the output's artifact.")
    pending_action = models.CharField(
        max_length=40,
        null=True,
        db_column="wish",
        help_text='What to do when the attempt in flight has been killed: "cancel <claim>"; void with another claim.',
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "node", "item"], name="node_run_once")]
        indexes = [
            models.Index(fields=["run"], name="node_run_unfinished", condition=Q(state__in=NODE_UNFINISHED)),
            models.Index(fields=["pool"], name="node_run_holds", condition=~Q(claim="") & ~Q(pool="")),
            models.Index(fields=["artifact"], name="node_run_artifact", condition=~Q(artifact="")),
        ]


class Attempt(models.Model):
    """One attempt of a node run, since its reported start."""

    id = RowId(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, db_index=False)
    node = models.CharField(max_length=63)
    item = models.IntegerField(default=-1)
    number = models.PositiveIntegerField(help_text="From 1.")
    state = models.CharField(max_length=16, help_text="running, succeeded, failed, timed_out, cancelled or lost.")
    claim = models.CharField(max_length=32)
    worker = models.CharField(max_length=100)
    pid = models.IntegerField(help_text="Of the node process.")
    pid_started = models.CharField(
        max_length=32, blank=True, default="", help_text="Start time of that process in clock ticks since boot."
    )
    ready_at = models.DateTimeField(null=True, help_text="When the node became ready for this attempt.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    error = JSONText(null=True)
    usage = JSONText(null=True, help_text="{cpu_seconds, memory_peak_bytes, ...} of its process tree.")
    receipt = JSONText(null=True, help_text="After a kill: {processes, slots, seconds}.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "node", "item", "number"], name="attempt_once"),
        ]
        indexes = [models.Index(fields=["run"], name="attempt_running", condition=Q(state="running"))]


class Command(models.Model):
    """What a person wants the scheduler to do; done when `done_at` is set."""

    kind = models.CharField(max_length=32, help_text="start, cancel, retry, cancel_node, skip, stack or pool_changed.")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True)
    node = models.CharField(max_length=63, blank=True, default="")
    body = JSONText(default=dict)
    by = models.CharField(max_length=150, blank=True, default="")
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    outcome = JSONText(null=True, help_text="Why it was refused; null: it was carried out.")

    class Meta:
        indexes = [models.Index(fields=["id"], name="command_open", condition=Q(done_at=None))]
