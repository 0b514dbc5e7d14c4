"""Shapes of what a run leaves behind it: stacks, bars of its timeline, samples, a node's history."""

from __future__ import annotations

from rest_framework import serializers

from dashboard.api.shapes import NODE_STATE, AnyObject, AnyObjectOrNull, Moment, Shape
from engine.states import ATTEMPT_STATES

STACK_REASONS = ("asked", "stuck", "quiet", "soft_timeout", "hard_timeout", "memory")


class Frame(Shape):
    file = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    function = serializers.CharField()
    source = serializers.CharField(  # type: ignore[assignment]  # DRF takes fields out of the class: no clash
        allow_null=True, allow_blank=True, help_text="Text of the line."
    )
    author = serializers.BooleanField(help_text="In the node's own code.")


class Thread(Shape):
    id = serializers.IntegerField()
    name = serializers.CharField(allow_null=True, allow_blank=True)
    waits_on = AnyObjectOrNull(help_text="{kind, message, address?, path?, pid?, syscall?}; null: on nothing.")
    frames = Frame(many=True, help_text="Innermost first.")


class StackSample(Shape):
    at = Moment(required=False)
    threads = Thread(many=True)


class Stack(Shape):
    taken_at = Moment()
    why = serializers.ChoiceField(STACK_REASONS, help_text="What it was taken for.")
    attempt = serializers.IntegerField()
    samples = StackSample(many=True)
    children = serializers.ListField(
        child=AnyObject(), help_text="{pid, command, state, cpu_seconds, since, waits_on?}"
    )
    moves = serializers.BooleanField(
        allow_null=True, required=False, help_text="Whether frames or CPU time changed between the samples."
    )
    cpu_percent = serializers.FloatField(allow_null=True, required=False)
    pid = serializers.IntegerField(allow_null=True, required=False, help_text="Of the node process.")
    message = serializers.CharField(
        allow_null=True, required=False, help_text="Why frames are missing; null: they are not."
    )
    cut = AnyObject(required=False, help_text="What was left out for its size: {frames, threads, children}.")


class Bar(Shape):
    node = serializers.CharField()
    attempt = serializers.IntegerField()
    state = serializers.ChoiceField(
        sorted({*ATTEMPT_STATES, "ready", "retrying", "waiting"}),
        help_text="Of the attempt; ready, retrying or waiting: it is still to come.",
    )
    waiting_from = Moment(allow_null=True, help_text="Since when it could have started.")
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)
    retry_at = Moment(allow_null=True, help_text="When a retrying node becomes ready.")


class Timeline(Shape):
    run_id = serializers.CharField()
    to = Moment(allow_null=True, help_text="Null: the run goes on.")
    now = Moment(help_text="The server's time.")
    bars = Bar(many=True, help_text="In the order of the nodes' ids, then of the attempts.")
    next = serializers.URLField(allow_null=True, help_text="Address of the bars that follow; null: these are all.")

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        # `from` is a word of Python.
        return {"from": Moment(), **super().get_fields()}


class PastRun(Shape):
    run = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(NODE_STATE)
    started_at = Moment(allow_null=True)
    seconds = serializers.FloatField(allow_null=True, help_text="Of its newest attempt; null unless that has ended.")
    expected = serializers.FloatField(allow_null=True, help_text="Seconds, as known when it became ready.")


class Sample(Shape):
    attempt = serializers.IntegerField()
    at = Moment()
    cpu_percent = serializers.FloatField(allow_null=True, help_text="Of one core.")
    memory_bytes = serializers.IntegerField(allow_null=True)
    io_wait = serializers.BooleanField(allow_null=True, help_text="Whether a thread was in uninterruptible sleep.")
    io_bytes = serializers.IntegerField(allow_null=True, help_text="A second, by system calls.")
    network_bytes = serializers.IntegerField(allow_null=True, help_text="A second.")
    network_scope = serializers.ChoiceField(["tree", "host", "not_determined"])
