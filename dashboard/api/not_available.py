"""API calls of the contract that are not built yet. Each is refused by name, after the usual checks."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import Right
from dashboard.api import shapes
from dashboard.api.base import ApiView
from dashboard.api.problems import CONTENT_TYPE
from engine.errors import NotAvailableYet

_RESPONSES = {(501, CONTENT_TYPE): shapes.Problem}


def not_available_yet(what: str, noun: str, name: str, **rights: Right) -> type[ApiView]:
    """Return a view that answers 501 `not_available_yet` and names `what`. `rights` gives the right of each method."""

    def refuse(self: ApiView, request: Request, *arguments: Any, **named: Any) -> Response:
        raise NotAvailableYet(what)

    members: dict[str, Any] = {
        "rights": dict(rights),
        "noun": noun,
        "operations": {method: f"{method.lower()}_{name}" if len(rights) > 1 else name for method in rights},
    }
    for method in rights:
        documented = extend_schema(request=None, responses=_RESPONSES, description=f"{what}: not available yet.")
        # Each method needs its own function, because the decorator stores the documentation on it.
        members[method.lower()] = documented(_copy_of(refuse))
    return type(f"Later_{name}", (ApiView,), members)


def _copy_of(function: Any) -> Any:
    def refuse(self: ApiView, request: Request, *arguments: Any, **named: Any) -> Any:
        return function(self, request, *arguments, **named)

    return refuse
