"""Response shapes for the OpenAPI document. The values come from queries; tests check every response against it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.states import ATTEMPT_STATES, NODE_STATES, RUN_STATES

RUN_STATE = sorted(RUN_STATES)
NODE_STATE = sorted(NODE_STATES)
LEVELS = ("debug", "info", "warning", "error")


@extend_schema_field({})
class AnyJSON(serializers.JSONField):
    """Any JSON value, also null."""


@extend_schema_field({"type": "object", "additionalProperties": True})
class AnyObject(serializers.JSONField):
    """Any JSON object."""


@extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
class AnyObjectOrNull(serializers.JSONField):
    """Any JSON object, or null."""


@extend_schema_field({"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}})
class Counts(serializers.JSONField):
    """Number of nodes by state."""


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": True}})
class Objects(serializers.JSONField):
    """A list of JSON objects."""


def Timestamp(**options: Any) -> serializers.DateTimeField:
    return serializers.DateTimeField(**options)


class Shape(serializers.Serializer[Any]):
    """Base of all response shapes: every field is present unless it says otherwise."""


# --- problems ----------------------------------------------------------------------------------------------------


class DocumentProblem(Shape):
    node = serializers.CharField(allow_null=True, help_text="Id of the node concerned.")
    path = serializers.CharField(help_text='Place in the document: "nodes[3].config.sql".')
    code = serializers.CharField()
    message = serializers.CharField(help_text="What is wrong and what to change.")
    severity = serializers.ChoiceField(["error", "warning"], required=False)
    line = serializers.IntegerField(required=False, help_text="Line in the code or SQL at `path`, from 1.")
    span = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        help_text="[start, end] in characters (Unicode code points) of the text at `path`.",
    )
    fix = AnyObject(required=False, help_text="{label, changes: JSON Patch}, if there is an obvious fix.")


class Problem(Shape):
    """RFC 9457, with a stable `code`."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="For people.")
    code = serializers.CharField(help_text="For programs; stable.")
    errors = DocumentProblem(  # type: ignore[assignment]  # DRF removes fields from the class: no clash
        many=True, required=False, help_text="All problems of the request."
    )


class Change(Shape):
    kind = serializers.ChoiceField(
        [
            "node_added",
            "node_removed",
            "node_changed",
            "edge_added",
            "edge_removed",
            "edge_changed",
            "settings_changed",
            "inputs_changed",
            "requires_changed",
        ]
    )
    node = serializers.CharField(required=False)
    name = serializers.CharField(required=False)
    fields = serializers.ListField(  # type: ignore[assignment]  # as above
        child=serializers.CharField(), required=False
    )
    edge = AnyObject(required=False)


class PublishConflict(Problem):
    """`outdated_base_version` with the differences, or `archived`."""

    base_version = serializers.IntegerField(allow_null=True, required=False)
    newest = serializers.IntegerField(allow_null=True, required=False)
    changes = Change(many=True, required=False, help_text="Changes from the base to the newest version.")


class Validation(Shape):
    valid = serializers.BooleanField(help_text="No problem has the severity error.")
    problems = DocumentProblem(many=True)


# --- workflows and their history ---------------------------------------------------------------------------------


class Live(Shape):
    version = serializers.IntegerField()
    colour = serializers.ChoiceField(["blue", "green"])
    since = Timestamp()


class Candidate(Shape):
    version = serializers.IntegerField()
    colour = serializers.ChoiceField(["blue", "green"])
    percent = serializers.IntegerField()


class Workflow(Shape):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    live = Live(allow_null=True)
    candidate = Candidate(allow_null=True)
    newest = serializers.IntegerField(allow_null=True, help_text="Number of the newest version.")
    draft_base = serializers.IntegerField(
        allow_null=True,
        help_text="The version that a new draft in the editor starts from: the newest, or the live one if the newest "
        "was live before and has been replaced, for example by a rollback.",
    )
    archived_at = Timestamp(allow_null=True)
    created_by = serializers.CharField()
    created_at = Timestamp()


class Draft(Shape):
    definition = AnyObject()
    base_version = serializers.IntegerField(allow_null=True)
    saved_at = Timestamp(
        allow_null=True, help_text="Null if none is saved; then a version (see `start`) or an empty document."
    )


class Version(Shape):
    number = serializers.IntegerField()
    message = serializers.CharField()
    author = serializers.CharField()
    created_at = Timestamp()
    hash = serializers.CharField(help_text="SHA-256 over the canonical document, positions included.")
    node_count = serializers.IntegerField()


class VersionWithDefinition(Version):
    definition = AnyObject()


class Deployment(Shape):
    id = serializers.CharField()
    version = serializers.IntegerField()
    strategy = serializers.ChoiceField(["immediate", "blue_green", "canary"])
    colour = serializers.ChoiceField(["blue", "green"])
    state = serializers.ChoiceField(["active", "live", "replaced", "aborted"])
    canary_percent = serializers.IntegerField(allow_null=True)
    by = serializers.CharField()
    at = Timestamp()
    ended_at = Timestamp(allow_null=True, help_text="When it was replaced or aborted.")


class Rollback(Shape):
    to = serializers.IntegerField(help_text="The version that is live now.")
    reason = serializers.CharField()
    by = serializers.CharField()
    at = Timestamp()
    deployment = Deployment()

    def get_fields(self) -> Any:
        # `from` is a Python keyword.
        was = serializers.IntegerField(help_text="The version that was live before.")
        return {"from": was, **super().get_fields()}


class AuditEntry(Shape):
    id = serializers.CharField()
    at = Timestamp()
    by = serializers.CharField()
    action = serializers.CharField()
    workflow = serializers.CharField(allow_null=True)
    run = serializers.CharField(allow_null=True)
    node = serializers.CharField(allow_null=True)
    to = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()
    details = AnyObject()

    def get_fields(self) -> Any:
        return {"from": serializers.IntegerField(allow_null=True), **super().get_fields()}


# --- runs --------------------------------------------------------------------------------------------------------


class Run(Shape):
    id = serializers.CharField()
    workflow = serializers.CharField()
    version = serializers.IntegerField(allow_null=True, help_text="Null for a run of a draft.")
    draft = serializers.BooleanField()
    state = serializers.ChoiceField(RUN_STATE)
    reason = serializers.CharField(allow_null=True)
    inputs = AnyObject()
    priority = serializers.IntegerField(help_text="1 first .. 9 last.")
    altered = serializers.BooleanField(help_text="Somebody changed a policy for this run.")
    rerun_of = serializers.CharField(allow_null=True, help_text="Id of the run that it repeats.")
    created_by = serializers.CharField()
    created_at = Timestamp()
    started_at = Timestamp(allow_null=True, help_text="When it left the state queued.")
    finished_at = Timestamp(allow_null=True)
    counts = Counts(help_text="They add up to all nodes.")


class Progress(Shape):
    fraction = serializers.FloatField(allow_null=True)
    message = serializers.CharField(allow_null=True)
    at = Timestamp()


class NodeError(Shape):
    message = serializers.CharField()
    node = serializers.CharField()
    line = serializers.IntegerField(allow_null=True, help_text="Line in the node's code or SQL.")
    traceback = serializers.CharField(allow_null=True)

    def get_fields(self) -> Any:
        return {"class": serializers.CharField(), **super().get_fields()}


class WaitingFor(Shape):
    code = serializers.CharField()
    message = serializers.CharField()
    since = Timestamp(allow_null=True)
    params = serializers.DictField(
        required=False, help_text="The values in `message`, by name; not in events of earlier releases."
    )


class OutputSummary(Shape):
    kind = serializers.ChoiceField(["json", "table"])
    row_count = serializers.IntegerField(required=False)
    skipped_lines = serializers.IntegerField(
        required=False, help_text="Lines of files that could not be read and were left out, where that is allowed."
    )
    bytes = serializers.IntegerField()
    ports = serializers.ListField(child=serializers.CharField(), help_text="Ports that were taken.")


class NodeRun(Shape):
    node = serializers.CharField()
    type = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(NODE_STATE)
    reason = serializers.CharField(allow_null=True)
    attempt = serializers.IntegerField(help_text="Number of the newest attempt; 0 if there is none.")
    started_at = Timestamp(allow_null=True)
    finished_at = Timestamp(allow_null=True)
    expected = serializers.FloatField(allow_null=True, help_text="Seconds.")
    expected_from = serializers.ChoiceField(["author", "learned", "none"])
    progress = Progress(allow_null=True)
    error = NodeError(allow_null=True)
    waiting_for = WaitingFor(many=True)
    output = OutputSummary(allow_null=True)


class Column(Shape):
    name = serializers.CharField()
    type = serializers.CharField()


class FailingReader(Shape):
    node = serializers.CharField()
    name = serializers.CharField()
    input = serializers.CharField(help_text="The input that would be null.")


class KnownSchema(Shape):
    run = serializers.CharField(help_text="The run whose output has this schema.")
    columns = Column(many=True)


class SkipEffects(Shape):
    fails_on_null = FailingReader(many=True)
    empty_table = KnownSchema(allow_null=True, help_text="Null if no schema of its table is known.")


class Receipt(Shape):
    processes = serializers.IntegerField(allow_null=True)
    slots = serializers.IntegerField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)


class Attempt(Shape):
    number = serializers.IntegerField()
    state = serializers.ChoiceField(sorted(ATTEMPT_STATES))
    worker = serializers.CharField()
    pid = serializers.IntegerField(help_text="Process id of the node process.")
    started_at = Timestamp()
    finished_at = Timestamp(allow_null=True)
    error = NodeError(allow_null=True)
    usage = AnyObjectOrNull(help_text="Resources used by its process tree: {cpu_seconds, memory_peak_bytes, ...}.")
    receipt = Receipt(allow_null=True, help_text="Set after a kill.")


class LogLine(Shape):
    seq = serializers.IntegerField()
    at = Timestamp()
    node = serializers.CharField()
    attempt = serializers.IntegerField()
    level = serializers.ChoiceField(LEVELS)
    message = serializers.CharField()


class OutputColumn(Column):
    number_text = serializers.BooleanField(
        required=False,
        help_text="True: numbers of this column that a JSON number cannot say exactly are text in the rows. Omitted "
        "for other columns.",
    )


class JSONOutput(Shape):
    kind = serializers.ChoiceField(["json"])
    value = AnyJSON()


class TableOutput(Shape):
    kind = serializers.ChoiceField(["table"])
    schema = OutputColumn(many=True)
    row_count = serializers.IntegerField()
    rows = Objects(
        help_text="What a JSON number cannot say exactly is text; the column has `number_text` in the schema. That is "
        "`NaN`, `Infinity`, `-Infinity`, and decimals that a double would round."
    )
