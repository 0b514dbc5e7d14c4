"""The diagnosis of a run: why it is stuck, waits, failed or is short of resources, and what helps."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access
from dashboard.access import Right
from dashboard.api import installation_shapes, shapes
from dashboard.api.base import ApiView, Query, parameter
from dashboard.api.shapes import AnyJSON, AnyObjectOrNull, Shape, Timestamp
from dashboard.api.trace_shapes import Stack
from engine.diagnosis.run_rows import WAITING_MAX
from engine.diagnosis.shape import to_dict
from versions import diagnosis

SCOPES = ("tree", "host", "not_determined")
EVIDENCE = ("duration", "cpu", "memory", "io", "network", "stack", "wait", "child", "log", "pool", "error", "history")


class StuckNode(Shape):
    node_id = serializers.CharField()
    type = serializers.CharField()
    duration = serializers.FloatField(help_text="Seconds.")
    expected = serializers.FloatField(
        allow_null=True, help_text="Seconds; null if the node is listed because it is quiet."
    )
    expected_from = serializers.ChoiceField(["author", "learned", "none"])
    logs = shapes.LogLine(many=True, help_text="Its last 50 lines.")
    stack = Stack(required=False, help_text="The newest stacks stored for this attempt.")


class Condition(shapes.WaitingFor):
    holders = installation_shapes.PoolHolder(many=True, required=False)
    until = Timestamp(required=False, allow_null=True)


class Waiting(Shape):
    node_id = serializers.CharField()
    conditions = Condition(many=True)


class Usage(Shape):
    cpu_usage = serializers.FloatField(allow_null=True, help_text="Percent of one core.")
    memory_usage = serializers.FloatField(allow_null=True, help_text="Percent of memory_mb, else of the machine.")
    io_wait = serializers.FloatField(
        allow_null=True, help_text="Percent of the samples with a thread in uninterruptible sleep."
    )
    network_io = serializers.FloatField(allow_null=True, help_text="Bytes per second.")


class Scopes(Shape):
    cpu_usage = serializers.ChoiceField(SCOPES)
    memory_usage = serializers.ChoiceField(SCOPES)
    io_wait = serializers.ChoiceField(SCOPES)
    network_io = serializers.ChoiceField(SCOPES)


class Evidence(Shape):
    kind = serializers.ChoiceField(EVIDENCE)
    message = serializers.CharField()
    value = AnyJSON(help_text="The measured value; null if there is none.")
    unit = serializers.CharField(allow_null=True)
    pid = serializers.IntegerField(allow_null=True, help_text="The measured process.")
    at = Timestamp(allow_null=True, help_text="When it was measured, or since when it is so.")


class Action(Shape):
    """An API call that can be sent as it is."""

    method = serializers.CharField()
    path = serializers.CharField()
    body = AnyObjectOrNull()

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        # `label` is an attribute of DRF's fields, so it cannot be declared as a class attribute.
        return {"label": serializers.CharField(), **super().get_fields()}


class Suggestion(Shape):
    code = serializers.CharField(help_text="sleeping, cpu_loop, pool_full, failed_key_error, not_determined, ...")
    message = serializers.CharField(help_text="The cause in a sentence.")
    node_id = serializers.CharField(allow_null=True, help_text="Null if it concerns the whole run.")
    cause = serializers.CharField(
        allow_null=True, help_text="What keeps a stuck or quiet node from ending: cpu_loop, deadlock, file_lock, ..."
    )
    evidence = Evidence(many=True)
    action = Action(required=False, help_text="The best action; missing if there is none.")
    actions = Action(many=True, required=False, help_text="All actions, the best one first.")


class Report(Shape):
    workflow_id = serializers.CharField()
    run_id = serializers.CharField()
    status = serializers.ChoiceField(shapes.RUN_STATE)
    duration = serializers.FloatField(allow_null=True, help_text="Seconds since it left the queue; null if it has not.")
    stuck_nodes = StuckNode(many=True)
    waiting = Waiting(many=True, help_text=f"The first {WAITING_MAX}.")
    waiting_total = serializers.IntegerField()
    resource_usage = Usage()
    resource_scopes = Scopes()
    suggestions = Suggestion(many=True, help_text="The most useful first; empty for a healthy run.")

    class Meta:
        ref_name = "Diagnostics"


class Diagnostics(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "diagnose_run"}
    noun = "runs"

    @extend_schema(
        parameters=[parameter("node", "Only this node; then also explains what is in order.")],
        responses={200: Report},
        description=(
            "Why a run is stuck, waits, failed or is short of resources. Each suggestion names its evidence and, where "
            "there is one, an API call that helps and can be sent as it is. What is not determined is null, never 0."
        ),
    )
    def get(self, request: Request, run_id: str) -> Response:
        query = Query(request)
        run = access.run(request.user, run_id)
        found = diagnosis.diagnose(run, node=query.text("node") or None)
        if not access.can(request.user, Right.EDIT):
            found = found.without_edits()
        return Response(to_dict(found))
