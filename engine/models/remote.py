"""Attempts that run on other hosts: the hosts, the attempts dispatched to them, and their reports.

The rows change often and exist no longer than their attempt, so they have few columns and one index beside the keys.
When all runs have ended, none of them is needed.
"""

from django.db import models
from django.db.models import Q

from engine.models.fields import JSONText


class Host(models.Model):
    """One registration of a worker: a process that has node processes and takes attempts.

    It holds a lease, which `beat_at` renews by the database's clock. When the lease expires, the registration ends and
    the worker registers again.
    """

    name = models.CharField(max_length=200, help_text="The worker's name; registering it again ends the row before.")
    queues = JSONText(default=list, help_text="Names of the queues that it takes.")
    capacity = models.PositiveIntegerField(help_text="Node processes.")
    protocol = models.IntegerField()
    state = models.CharField(
        max_length=16, default="active", help_text="active, draining (takes no more) or gone (its claims are void)."
    )
    reason = models.CharField(max_length=200, blank=True, default="", help_text="A code: why it drains or is gone.")
    silent_seconds = models.FloatField(null=True, help_text="How long it had been silent when its lease expired.")
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    told = models.BigIntegerField(default=0, help_text="Number of its last report batch: none is written twice.")
    load = JSONText(default=dict, help_text="{pid, processes: [{pid, state, claims}]} as of its last heartbeat.")
    begun = JSONText(
        default=dict,
        help_text="{claim: unix time} of the attempts that its node processes started last; its successor writes it.",
    )

    class Meta:
        indexes = [models.Index(fields=["name"], name="host_alive", condition=~Q(state="gone"))]


class Dispatch(models.Model):
    """One attempt that may run on another host.

    The tick that admits the attempt writes it, and the tick that applies the attempt's end deletes it. While `host` is
    null, any host that takes its queue may set it; that compare-and-swap decides who runs the attempt.
    """

    claim = models.CharField(max_length=32, primary_key=True)
    queue = models.CharField(max_length=100)
    protocol = models.IntegerField()
    work = models.TextField(help_text="JSON for the supervisor: limits and names.")
    envelope = models.TextField(help_text="JSON for the node process, without what its host adds.")
    sent_at = models.DateTimeField(help_text="When its message was last published.")
    host = models.ForeignKey(Host, on_delete=models.DO_NOTHING, null=True, db_index=False, db_constraint=False)
    taken_at = models.DateTimeField(null=True)
    wish = models.CharField(
        max_length=40,
        null=True,
        help_text='What the scheduler asks of the host: "kill <state>", "stacks <number>" or "back"; null: nothing.',
    )


class HostReport(models.Model):
    """A report batch: reports of a host, in order, until a tick applies them.

    Ids do not follow the order of commits, so a reader takes every row that it finds.
    """

    host = models.ForeignKey(Host, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    body = models.TextField(help_text="JSON list of reports.")
