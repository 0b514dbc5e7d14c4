"""Attempts that run on other hosts: what the scheduler has given out, who takes it, and what they told.

Hot rows that live as long as their attempt: few columns, no index beside the keys but one. Nothing here is needed when
all runs are over.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engine.models.fields import JSONText


class Host(models.Model):
    """One life of a worker: a process that has node processes and takes attempts. Its lease is held by `beat_at`, by
    the database's clock alone."""

    name = models.CharField(max_length=200, help_text="The worker's name; a new life with it ends the one before.")
    queues = JSONText(default=list, help_text="Names of the queues that it takes.")
    capacity = models.PositiveIntegerField(help_text="Node processes.")
    protocol = models.IntegerField()
    state = models.CharField(
        max_length=16, default="active", help_text="active, draining (takes no more) or gone (its claims are void)."
    )
    reason = models.CharField(max_length=200, blank=True, default="", help_text="Why it is gone.")
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    told = models.BigIntegerField(default=0, help_text="Number of its last HostReport: none is written twice.")
    load = JSONText(default=dict, help_text="{pid, release, processes: [{pid, state, claims}]} as of its last beat.")
    begun = JSONText(
        default=dict, help_text="{claim: unix time} that its node processes had begun last, told by its next life."
    )

    class Meta:
        indexes = [models.Index(fields=["name"], name="host_alive", condition=~Q(state="gone"))]


class Dispatch(models.Model):
    """One attempt that may run on another host: written in the tick that admits it, deleted in the tick that takes its
    end. While `host` is empty it is anybody's who takes its queue; to set it is the compare-and-swap that starts it."""

    claim = models.CharField(max_length=32, primary_key=True)
    queue = models.CharField(max_length=100)
    protocol = models.IntegerField()
    work = models.TextField(help_text="JSON of engine.executors.wire: limits and names, for the supervisor.")
    envelope = models.TextField(help_text="JSON for the node process, without what its host adds.")
    sent_at = models.DateTimeField(help_text="When it was last published.")
    host = models.ForeignKey(Host, on_delete=models.DO_NOTHING, null=True, db_index=False, db_constraint=False)
    taken_at = models.DateTimeField(null=True)
    wish = models.CharField(
        max_length=40, null=True, help_text='"kill <state>", "stacks <number>" or "back"; null: none.'
    )


class HostReport(models.Model):
    """Reports of a host, in order, until the tick that takes them up. Numbers are not the order of commits: a reader
    takes whatever stands here."""

    host = models.ForeignKey(Host, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    body = models.TextField(help_text="JSON of engine.executors.wire.")
