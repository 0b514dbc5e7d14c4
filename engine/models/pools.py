"""Pools, and the row of the leading scheduler."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now


class Pool(models.Model):
    """A number of slots shared by all runs. What is in use is counted from node runs, never stored."""

    name = models.CharField(max_length=100, unique=True)
    slots = models.PositiveIntegerField()
    acquired = models.BigIntegerField(default=0, help_text="Slots of attempts that started.")
    released = models.BigIntegerField(default=0, help_text="Slots of attempts that started and ended.")
    longest_wait = models.FloatField(default=0, help_text="Seconds from ready to started.")
    created_at = models.DateTimeField()


class Leader(models.Model):
    """The one row (id 1) of the leading scheduler. A tick whose epoch is not in it fails."""

    epoch = models.BigIntegerField(default=0)
    host = models.CharField(max_length=200, blank=True, default="")
    pid = models.IntegerField(null=True)
    beat_at = models.DateTimeField(null=True, help_text="Heartbeat, also while idle, by the database's clock.")
    pruned_at = models.DateTimeField(null=True, help_text="When old runs were last deleted.")
    silent: timedelta | None
    """Time since `beat_at` by the same clock; set by `seen`."""

    @classmethod
    def seen(cls) -> "Leader | None":
        """Return the row with `silent`; None: no scheduler has led yet."""
        return cls.objects.annotate(silent=Now() - models.F("beat_at")).filter(pk=1).first()
