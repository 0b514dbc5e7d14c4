"""Response shapes of node types, pools, workers, files, tokens, users and health."""

from rest_framework import serializers

from dashboard.api.shapes import AnyObject, Problem, Shape, Timestamp
from dashboard.models import Role
from engine.reads.workers import STATES


class CodeField(Shape):
    field = serializers.CharField()
    language = serializers.CharField()


class PathField(Shape):
    field = serializers.CharField()
    direction = serializers.ChoiceField(("read", "write"))


class NodeType(Shape):
    type = serializers.CharField()
    name = serializers.CharField()
    category = serializers.CharField()
    icon = serializers.CharField()
    description = serializers.CharField()
    config = AnyObject(help_text="JSON Schema of the config.")
    default_config = AnyObject(help_text="The config of a new node.")
    code = CodeField(allow_null=True, help_text="The field of the config that holds code.")
    paths = PathField(many=True, help_text="The fields of the config that name files.")
    previews_files = serializers.BooleanField(help_text="Whether its columns and first rows are known before a run.")
    out_ports = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Null if they depend on the config."
    )
    default_ports = serializers.ListField(child=serializers.CharField(), help_text="The ports of an empty config.")
    must_name_port = serializers.BooleanField(help_text="Whether edges out of it name their `source_port`.")
    uses_inputs = serializers.BooleanField(help_text="False if edges into it only order.")
    needs_input = serializers.BooleanField(help_text="Whether a node without an incoming edge is a problem.")
    names_inputs = serializers.BooleanField(help_text="False if it takes inputs whatever they are called.")
    output = serializers.ChoiceField(("any", "table", "value", "input", "nothing"))
    followed_by = serializers.ListField(child=serializers.CharField(), help_text="Types that usually come after it.")
    preceded_by = serializers.ListField(child=serializers.CharField(), help_text="Types that usually come before it.")
    start_rank = serializers.IntegerField(allow_null=True, help_text="Place among the types for a first node.")
    between_rank = serializers.IntegerField(allow_null=True, help_text="Place among the types between two nodes.")


class PoolHolder(Shape):
    run = serializers.CharField()
    node = serializers.CharField()
    slots = serializers.IntegerField()
    since = Timestamp(allow_null=True)


class Pool(Shape):
    name = serializers.CharField()
    slots = serializers.IntegerField()
    in_use = serializers.IntegerField()
    waiting = serializers.IntegerField()
    acquired = serializers.IntegerField(help_text="Slots of attempts that started.")
    released = serializers.IntegerField()
    longest_wait = serializers.FloatField(help_text="Seconds.")
    holders = PoolHolder(many=True)


class WorkerAttempt(Shape):
    run = serializers.CharField()
    workflow = serializers.CharField()
    node = serializers.CharField()
    attempt = serializers.IntegerField()
    pid = serializers.IntegerField(allow_null=True, help_text="Process id of the node process.")
    since = Timestamp()


class Worker(Shape):
    name = serializers.CharField(help_text='"local": the node processes of the scheduler.')
    host = serializers.CharField(help_text="Host name of its machine.")
    pid = serializers.IntegerField(allow_null=True, help_text="Process id of its main process.")
    queues = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Queues that it takes work from; null if all."
    )
    capacity = serializers.IntegerField(help_text="Number of node processes.")
    state = serializers.ChoiceField(
        STATES,
        help_text="draining: finishes what it runs and accepts no more; lost: its heartbeat is overdue.",
    )
    stopping = serializers.BooleanField(help_text="Whether it drains because it is being stopped.")
    other_release = serializers.BooleanField(
        help_text="Whether it drains because its release differs from the scheduler's; it gets no work then."
    )
    beat_at = Timestamp(help_text="Time of its last heartbeat.")
    silent_seconds = serializers.FloatField(help_text="Seconds since the last heartbeat.")
    running = WorkerAttempt(many=True)
    busy = serializers.IntegerField(help_text="Number of busy node processes.")
    load = serializers.FloatField(help_text="`busy` as a share of `capacity`, 0 to 1.")


class File(Shape):
    path = serializers.CharField(help_text="Path under INTERLOCK_HOME/files.")
    bytes = serializers.IntegerField()
    modified_at = Timestamp()


class Token(Shape):
    id = serializers.CharField()
    user = serializers.CharField(help_text="Name of the account that it belongs to.")
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField(), help_text="Empty: everything that the user may do.")
    created_at = Timestamp()
    expires_at = Timestamp(allow_null=True)
    used_at = Timestamp(allow_null=True, help_text="Rounded down to the hour, but never before `created_at`.")


class NewToken(Token):
    token = serializers.CharField(help_text="Returned only here.")


class Session(Shape):
    id = serializers.CharField(help_text="Names the session; it cannot be signed in with.")
    user = serializers.CharField(help_text="Name of the account that is signed in.")
    signed_in_at = Timestamp(allow_null=True)
    signed_in_with = serializers.ChoiceField(["password", "link"], allow_null=True)
    address = serializers.CharField(allow_null=True, help_text="Of the client when it signed in.")
    expires_at = Timestamp()


class User(Shape):
    username = serializers.CharField()
    role = serializers.ChoiceField(Role.values)
    active = serializers.BooleanField()
    has_password = serializers.BooleanField(help_text="False if the account signs in with login links only.")
    created_at = Timestamp()
    last_login = Timestamp(allow_null=True)


class Health(Shape):
    status = serializers.ChoiceField(["ok"])


class NotReady(Problem):
    failing = serializers.ChoiceField(["database", "schema", "scheduler"])
