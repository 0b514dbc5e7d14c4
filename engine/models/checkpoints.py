"""Progress that an attempt saved for the next one."""

from django.db import models

from engine.models.runs import Run


class Checkpoint(models.Model):
    """The newest value that a node run saved; deleted when the node succeeds."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, db_index=False)
    node = models.CharField(max_length=63)
    item = models.IntegerField(default=-1)
    attempt = models.PositiveIntegerField(help_text="The attempt that saved it.")
    body = models.TextField(help_text="JSON.")
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "node", "item"], name="checkpoint_once")]
