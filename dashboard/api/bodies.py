"""Request bodies. Unknown fields are refused; fields that are not built yet are refused by name."""

from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dashboard.api.base import INTEGER_MAX, Body
from dashboard.api.fields import NOT_BLANK, Boolean, Integer, String
from dashboard.api.shapes import AnyJSON, AnyObject
from dashboard.models import Role
from dashboard.tokens import SCOPES
from engine.actions import pools
from engine.actions.overrides import FIELDS
from engine.actions.runs import EMPTY_TABLE
from versions.actions.deploy import STRATEGIES
from versions.actions.workflows import NAME_MAX, RESERVED_SLUGS, SLUG


class Name(String):
    """A name chosen by people: one line of any characters, including HTML, emoji and bidirectional text."""

    def to_internal_value(self, data: Any) -> str:
        text = " ".join(str(super().to_internal_value(data)).split())
        if not text:
            self.fail("blank")
        return text


class Tags(serializers.ListField):
    child = Name(max_length=60)

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=50, **options)


_SLUG_RULE = _(
    "A slug has 1 to 80 characters (a-z, 0-9, - and _), starts with a letter or digit, and is not a reserved word."
)


def _not_reserved(value: str) -> None:
    if value in RESERVED_SLUGS:
        raise serializers.ValidationError(_SLUG_RULE)


class NewWorkflow(Body):
    name = Name(max_length=NAME_MAX)
    slug = String(
        required=False,
        validators=[RegexValidator(SLUG, _SLUG_RULE), _not_reserved],
        help_text="Derived from the name if omitted.",
    )
    description = String(required=False, allow_blank=True, max_length=20_000, trim_whitespace=False)
    tags = Tags(required=False)


class WorkflowChange(Body):
    name = Name(max_length=NAME_MAX, required=False)
    description = String(required=False, allow_blank=True, max_length=20_000, trim_whitespace=False)
    tags = Tags(required=False)
    archived = Boolean(required=False)


def _base_version() -> Integer:
    """A version number. 0 is let through, because the action's error names the existing versions."""
    return Integer(
        required=False, allow_null=True, min_value=0, max_value=INTEGER_MAX, help_text="Null: based on no version."
    )


class DraftSave(Body):
    definition = AnyObject(required=False, allow_null=True, help_text="It may be an invalid definition.")
    base_version = _base_version()


class Validate(Body):
    definition = AnyJSON(required=False, allow_null=True)


class Publish(Body):
    definition = AnyObject(required=False, allow_null=True)
    message = String(required=False, allow_blank=True, max_length=2000)
    base_version = _base_version()


class Deploy(Body):
    version = Integer(min_value=1, max_value=INTEGER_MAX)
    strategy = serializers.ChoiceField(STRATEGIES, default="immediate")
    canary_percent = Integer(required=False, allow_null=True, min_value=1, max_value=99)


class Rollback(Body):
    version = Integer(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=INTEGER_MAX,
        help_text="If omitted: the version that was live before the current one.",
    )
    reason = String(max_length=2000)


TARGETS_MAX = 10_000


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "string", "maxLength": 63, "pattern": NOT_BLANK},
        "minItems": 1,
        "maxItems": TARGETS_MAX,
    }
)
class Targets(serializers.ListField):
    """Node ids. The action refuses an empty list with a sentence of its own."""

    child = String(max_length=63)

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=TARGETS_MAX, **options)


class Launch(Body):
    inputs = AnyObject(required=False, allow_null=True, help_text="It matches the definition's `inputs`.")
    priority = Integer(required=False, allow_null=True, min_value=1, max_value=9)
    version = Integer(required=False, allow_null=True, min_value=1, max_value=INTEGER_MAX)
    draft = Boolean(required=False, default=False, help_text="Run the caller's draft.")
    targets = Targets(
        required=False,
        allow_null=True,
        help_text=(
            "Node ids. Only these nodes and everything they depend on run, also when the run is retried. "
            "If omitted or null: the whole workflow."
        ),
    )


_CHANGED_POLICY = {
    "type": "object",
    "properties": {name: field.schema() for name, field in FIELDS.items()},
    "additionalProperties": False,
}


@extend_schema_field(_CHANGED_POLICY)
class ChangedPolicy(AnyObject):
    """The fields of a policy that a retry changes."""


@extend_schema_field({"type": "object", "additionalProperties": _CHANGED_POLICY})
class ChangedPolicies(AnyObject):
    """The same by node id."""


class Retry(Body):
    nodes = serializers.ListField(child=String(max_length=63), required=False, max_length=10_000)
    policy = ChangedPolicies(
        required=False,
        help_text=(
            "By node id. One of the two limits is enough: a hard limit below the soft one lowers that too, a soft "
            "limit above the hard one raises that too."
        ),
    )

    def get_fields(self) -> Any:
        return {**super().get_fields(), "from": _from()}


class RetryNode(Body):
    policy = ChangedPolicy(required=False)

    def get_fields(self) -> Any:
        return {**super().get_fields(), "from": _from()}


def _from() -> serializers.ChoiceField:
    return serializers.ChoiceField(["checkpoint", "start"], default="checkpoint")


class Rerun(Body):
    inputs = AnyObject(required=False, allow_null=True, help_text="If omitted or null: those of the earlier run.")


class SkipNode(Body):
    output = serializers.ChoiceField(
        [EMPTY_TABLE],
        required=False,
        allow_null=True,
        help_text="What the node hands on. `empty_table`: a table without rows, of its last known schema. If omitted "
        "or null: null.",
    )


class Nothing(Body):
    """A body without fields."""


@extend_schema_field({"type": "string", "pattern": f"^{pools.NAME.pattern}$"})
class PoolName(String):
    """The action says what is wrong with another name."""


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": pools.SLOTS_MAX})
class Slots(Integer):
    """The action says what is wrong with another number."""


class NewPool(Body):
    name = PoolName(max_length=200)
    slots = Slots(min_value=1, max_value=INTEGER_MAX)


class PoolChange(Body):
    slots = Slots(min_value=1, max_value=INTEGER_MAX)


class NewToken(Body):
    name = Name(max_length=100)
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES), required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


@extend_schema_field({"type": "string", "pattern": r"^[\w.@+-]+$", "maxLength": 150})
class Username(String):
    """The model says what is wrong with another name."""


class NewUser(Body):
    username = Username(max_length=150)
    role = serializers.ChoiceField(Role.values)
    password = String(required=False, allow_null=True, max_length=4096, trim_whitespace=False)


class UserChange(Body):
    role = serializers.ChoiceField(Role.values, required=False)
    active = Boolean(required=False)
    password = String(required=False, max_length=4096, trim_whitespace=False)
