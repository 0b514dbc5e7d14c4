"""What happened in a run, in the order of sequence numbers, and what its nodes wrote."""

from django.db import models

from engine.models.fields import RowId
from engine.models.runs import Run


class EventBatch(models.Model):
    """The events of one run in one transaction, numbered `first_seq` to `last_seq` without a gap.

    Log lines take numbers from the same counter but are in LogBatch; readers merge both by seq.
    """

    id = RowId(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, db_index=False)
    first_seq = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    body = models.TextField(help_text="JSON list of stored events.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "first_seq"], name="event_batch_once")]


class LogBatch(models.Model):
    """Up to 200 lines of one attempt, numbered `first_seq` to `last_seq` without a gap."""

    id = RowId(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, db_index=False)
    node = models.CharField(max_length=63)
    item = models.IntegerField(default=-1)
    attempt = models.PositiveIntegerField()
    first_seq = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    body = models.TextField(help_text="JSON list of [at (ISO), level, message].")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "first_seq"], name="log_batch_once")]
        indexes = [models.Index(fields=["run", "node", "first_seq"], name="log_batch_node")]
