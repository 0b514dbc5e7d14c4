"""Response shapes of stacks, timelines, samples and node histories."""

from rest_framework import serializers

from dashboard.api.shapes import NODE_STATE, AnyObject, AnyObjectOrNull, Shape, Timestamp
from engine.states import ATTEMPT_STATES

STACK_REASONS = ("asked", "stuck", "quiet", "soft_timeout", "hard_timeout", "memory")


class Frame(Shape):
    file = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    function = serializers.CharField()
    source = serializers.CharField(  # type: ignore[assignment]  # DRF removes fields from the class: no clash
        allow_null=True, allow_blank=True, help_text="Text of the line."
    )
    author = serializers.BooleanField(help_text="Whether this is the node's own code.")


class Thread(Shape):
    id = serializers.IntegerField()
    name = serializers.CharField(allow_null=True, allow_blank=True)
    waits_on = AnyObjectOrNull(
        help_text="{kind, message, sentence?, address?, path?, pid?, syscall?, holder?, ...}; null if it does not wait."
        " `sentence` is the message as a template and its values, for translation."
    )
    frames = Frame(many=True, help_text="Innermost first.")


class StackSample(Shape):
    at = Timestamp(required=False)
    threads = Thread(many=True)


class Stack(Shape):
    taken_at = Timestamp()
    why = serializers.ChoiceField(STACK_REASONS, help_text="Why it was captured.")
    attempt = serializers.IntegerField()
    samples = StackSample(many=True)
    children = serializers.ListField(
        child=AnyObject(), help_text="{pid, command, state, cpu_seconds, since, waits_on?}"
    )
    moves = serializers.BooleanField(
        allow_null=True, required=False, help_text="Whether frames or CPU time changed between the samples."
    )
    cpu_percent = serializers.FloatField(allow_null=True, required=False)
    pid = serializers.IntegerField(allow_null=True, required=False, help_text="Process id of the node process.")
    message = serializers.CharField(
        allow_null=True, required=False, help_text="Why frames are missing; null if none are."
    )
    quiet = serializers.CharField(
        allow_null=True,
        required=False,
        help_text="How it was quiet: idle, computing or idling; null unless that is why the stacks were taken.",
    )
    look = AnyObjectOrNull(
        required=False, help_text="What a loop looks for that sleeps in between: {kind, what, every, line, there}."
    )
    queries = serializers.ListField(
        child=AnyObject(), required=False, help_text="Queries of DuckDB that run: {statement, percent, bytes}."
    )
    cut = AnyObject(required=False, help_text="What was left out because of its size: {frames, threads, children}.")


class Bar(Shape):
    node = serializers.CharField()
    attempt = serializers.IntegerField()
    state = serializers.ChoiceField(
        sorted({*ATTEMPT_STATES, "ready", "retrying", "waiting"}),
        help_text="State of the attempt; ready, retrying or waiting if it has not started.",
    )
    waiting_from = Timestamp(allow_null=True, help_text="When it became ready.")
    started_at = Timestamp(allow_null=True)
    finished_at = Timestamp(allow_null=True)
    retry_at = Timestamp(allow_null=True, help_text="When a retrying node becomes ready.")


class Timeline(Shape):
    run_id = serializers.CharField()
    to = Timestamp(allow_null=True, help_text="Null while the run has not ended.")
    now = Timestamp(help_text="The server's time.")
    bars = Bar(many=True, help_text="Ordered by node id, then by attempt.")
    next = serializers.URLField(allow_null=True, help_text="URL of the next bars; null if there are no more.")

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        # `from` is a Python keyword.
        return {"from": Timestamp(), **super().get_fields()}


class PastRun(Shape):
    run = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(NODE_STATE)
    started_at = Timestamp(allow_null=True)
    seconds = serializers.FloatField(
        allow_null=True, help_text="Duration of the newest attempt; null until it has ended."
    )
    expected = serializers.FloatField(allow_null=True, help_text="Expected seconds when it became ready.")


class Sample(Shape):
    attempt = serializers.IntegerField()
    at = Timestamp()
    cpu_percent = serializers.FloatField(allow_null=True, help_text="Percent of one core.")
    memory_bytes = serializers.IntegerField(allow_null=True)
    io_wait = serializers.BooleanField(allow_null=True, help_text="Whether a thread was in uninterruptible sleep.")
    io_bytes = serializers.IntegerField(allow_null=True, help_text="Bytes per second read and written by system calls.")
    network_bytes = serializers.IntegerField(allow_null=True, help_text="Bytes per second.")
    network_scope = serializers.ChoiceField(["tree", "host", "not_determined"])
