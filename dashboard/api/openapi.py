"""Extensions of the OpenAPI document."""

import functools
from collections.abc import Callable
from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.views import APIView

from dashboard.api import shapes
from dashboard.api.authentication import BearerTokenAuthentication, PageSessionAuthentication
from dashboard.api.fields import NOT_BLANK, String
from dashboard.api.problems import CONTENT_TYPE


class ProblemSchema(AutoSchema):
    """Documents for every call that any other answer is a problem document."""

    def get_operation(self, *arguments: Any, **named: Any) -> Any:
        operation = super().get_operation(*arguments, **named)
        if operation is not None and "default" not in operation["responses"]:
            component = self.resolve_serializer(shapes.Problem(), "response")
            operation["responses"]["default"] = {
                "content": {CONTENT_TYPE: {"schema": component.ref}},
                "description": "An error; `code` says which.",
            }
        body: dict[str, Any] = (operation or {}).get("requestBody", {})
        if any("$ref" not in content["schema"] for content in body.get("content", {}).values()):
            # drf-spectacular decides this for bodies with fields only. Patches and files are always required.
            body["required"] = True
        return operation

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if getattr(serializer, "closed", False):
            # The docstring of the class is for developers.
            schema.pop("description", None)
            schema["additionalProperties"] = False
        return schema

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, shapes.AnyJSON) and schema is not None:
            # "Anything, or null" would become two alternatives, and null matches both.
            schema.pop("oneOf", None)
        if direction == "request" and _refuses_blank(field):
            schema.setdefault("pattern", NOT_BLANK)
        return schema

    def get_tags(self) -> list[str]:
        return [getattr(self.view, "noun", "other")]

    def get_operation_id(self) -> str:
        name = getattr(self.view, "operations", {}).get(self.method)
        return name or str(super().get_operation_id())


def _refuses_blank(field: Any) -> bool:
    """Return whether a text of spaces is refused, and by no pattern of the field."""
    return (
        isinstance(field, String)
        and not field.allow_blank
        and field.trim_whitespace
        and not any(isinstance(validator, RegexValidator) for validator in field.validators)
    )


@functools.cache
def query_parameters(call: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the query parameters that the document lists for a view's method."""
    documented = getattr(call, "kwargs", {}).get("schema")
    if documented is None:
        return ()
    schema = documented()
    schema.view = APIView(request=None, kwargs={})
    return tuple(
        parameter.name
        for parameter in schema.get_override_parameters()
        if parameter.location == OpenApiParameter.QUERY and not parameter.response
    )


class _BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token made with `interlock token --user NAME`."}


class _SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = PageSessionAuthentication
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "interlock_session",
            "description": "The session of the pages; writes also need the header X-CSRFToken.",
        }
