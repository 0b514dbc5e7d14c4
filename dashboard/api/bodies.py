"""The shapes that come in. A field that is not here is refused; one that is not built yet is refused by name."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dashboard.accounts import SCOPES
from dashboard.api.base import INTEGER_MAX, Body
from dashboard.api.fields import Flag, Text, Whole
from dashboard.api.shapes import AnyJSON, AnyObject
from dashboard.models import Role
from versions.actions.deploy import STRATEGIES
from versions.actions.workflows import NAME_MAX, RESERVED_SLUGS, SLUG


class Name(Text):
    """What people call something: any characters of one line, also HTML, emoji and bidi ones, kept as text."""

    def to_internal_value(self, data: Any) -> str:
        text = " ".join(str(super().to_internal_value(data)).split())
        if not text:
            self.fail("blank")
        return text


class Tags(serializers.ListField):
    child = Name(max_length=60)

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=50, **options)


_SLUG_SAID = _(
    "A slug has 1 to 80 of a-z, 0-9, - and _, begins with a letter or digit, and is not a word of the pages."
)


def _free(value: str) -> None:
    if value in RESERVED_SLUGS:
        raise serializers.ValidationError(_SLUG_SAID)


class NewWorkflow(Body):
    name = Name(max_length=NAME_MAX)
    slug = Text(
        required=False,
        validators=[RegexValidator(SLUG, _SLUG_SAID), _free],
        help_text="Made from the name when left out.",
    )
    description = Text(required=False, allow_blank=True, max_length=20_000, trim_whitespace=False)
    tags = Tags(required=False)


class WorkflowChange(Body):
    name = Name(max_length=NAME_MAX, required=False)
    description = Text(required=False, allow_blank=True, max_length=20_000, trim_whitespace=False)
    tags = Tags(required=False)
    archived = Flag(required=False)


def _base_version() -> Whole:
    """0 gets through to the verbs: they say which versions there are."""
    return Whole(required=False, allow_null=True, min_value=0, max_value=INTEGER_MAX, help_text="Null: there was none.")


class DraftSave(Body):
    definition = AnyJSON(required=False, allow_null=True, help_text="A JSON object, valid as a document or not.")
    base_version = _base_version()


class Validate(Body):
    definition = AnyJSON(required=False, allow_null=True)


class Publish(Body):
    definition = AnyJSON(required=False, allow_null=True)
    message = Text(required=False, allow_blank=True, max_length=2000)
    base_version = _base_version()


class Deploy(Body):
    version = Whole(min_value=1, max_value=INTEGER_MAX)
    strategy = serializers.ChoiceField(STRATEGIES, default="immediate")
    canary_percent = Whole(required=False, allow_null=True, min_value=1, max_value=99)


class Rollback(Body):
    version = Whole(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=INTEGER_MAX,
        help_text="Left out: the version that was live before the present deployment.",
    )
    reason = Text(max_length=2000)


class Launch(Body):
    inputs = AnyJSON(required=False, allow_null=True, help_text="An object that fits the definition's `inputs`.")
    priority = Whole(required=False, allow_null=True, min_value=1, max_value=9)
    version = Whole(required=False, allow_null=True, min_value=1, max_value=INTEGER_MAX)
    draft = Flag(required=False, default=False, help_text="Run the caller's own working copy.")
    targets = serializers.ListField(
        child=Text(max_length=63),
        required=False,
        allow_null=True,
        max_length=10_000,
        help_text=(
            "Ids of nodes to run up to: these and all before them run, no other node does, also when the run is "
            "retried. Left out or null: the whole workflow."
        ),
    )


@extend_schema_field({"type": "object", "additionalProperties": {"type": "object"}})
class Policies(AnyObject):
    """A policy for each of some nodes."""


class Retry(Body):
    nodes = serializers.ListField(child=Text(max_length=63), required=False, max_length=10_000)
    policy = Policies(
        required=False,
        help_text=(
            "{node: {soft_timeout, hard_timeout, memory_mb, pool, slots}}. One of the two limits is enough: a hard one "
            "below the soft one takes that down with it, a soft one above the hard one takes that up."
        ),
    )

    def get_fields(self) -> Any:
        return {**super().get_fields(), "from": _from()}


class RetryNode(Body):
    policy = AnyObject(required=False, help_text="{soft_timeout, hard_timeout, memory_mb, pool, slots}")

    def get_fields(self) -> Any:
        return {**super().get_fields(), "from": _from()}


def _from() -> serializers.ChoiceField:
    return serializers.ChoiceField(["checkpoint", "start"], default="checkpoint")


class Nothing(Body):
    """No fields."""


class NewPool(Body):
    name = Text(max_length=200)
    slots = Whole(min_value=1, max_value=INTEGER_MAX)


class PoolChange(Body):
    slots = Whole(min_value=1, max_value=INTEGER_MAX)


class NewToken(Body):
    name = Name(max_length=100)
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES), required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class NewUser(Body):
    username = Text(max_length=150)
    role = serializers.ChoiceField(Role.values)
    password = Text(required=False, allow_null=True, max_length=4096, trim_whitespace=False)


class UserChange(Body):
    role = serializers.ChoiceField(Role.values, required=False)
    active = Flag(required=False)
    password = Text(required=False, max_length=4096, trim_whitespace=False)
