"""What the OpenAPI document says beyond what the views say themselves."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from dashboard.api import shapes
from dashboard.api.authentication import BearerTokenAuthentication, PageSessionAuthentication
from dashboard.api.problems import CONTENT_TYPE


class ProblemSchema(AutoSchema):
    """Documents, for every call, that any other answer is a problem document."""

    def get_operation(self, *arguments: Any, **named: Any) -> Any:
        operation = super().get_operation(*arguments, **named)
        if operation is not None and "default" not in operation["responses"]:
            component = self.resolve_serializer(shapes.Problem(), "response")
            operation["responses"]["default"] = {
                "content": {CONTENT_TYPE: {"schema": component.ref}},
                "description": "An error; `code` says which.",
            }
        return operation

    def get_tags(self) -> list[str]:
        return [getattr(self.view, "noun", "other")]

    def get_operation_id(self) -> str:
        name = getattr(self.view, "operations", {}).get(self.method)
        return name or str(super().get_operation_id())


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
