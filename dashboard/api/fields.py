"""Strict fields of request bodies: a number is not accepted as text, nor the text "1" as a number."""

from typing import Any

from rest_framework import serializers

NOT_BLANK = r"\S"
"""The pattern of a text that is not blank."""


class String(serializers.CharField):
    """A JSON string."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Integer(serializers.IntegerField):
    """A JSON number without a fraction. 1.0 equals 1, as in JSON Schema."""

    def to_internal_value(self, data: Any) -> int:
        integral = isinstance(data, int) or (isinstance(data, float) and data.is_integer())
        if not integral or isinstance(data, bool):
            self.fail("invalid")
        return int(data)


class Boolean(serializers.BooleanField):
    """JSON's true or false."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data
