"""The OpenAPI document, and the page that shows it under the strict Content-Security-Policy."""

import threading
from functools import lru_cache
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseBase
from django.urls import reverse
from django.utils.translation import get_language
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import Right, can
from dashboard.api.authentication import bearer_token
from dashboard.api.base import ApiView
from dashboard.api.permissions import HasRight


@lru_cache(maxsize=8)
def openapi_document(language: str | None) -> dict[str, Any]:
    """Return the document. It depends on the code only, so it is made once per process and language."""
    # The generator keeps state in its classes: two simultaneous first requests would break each other.
    with _making:
        document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


_making = threading.Lock()


class Schema(ApiView):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "get_schema"}
    noun = "schema"
    renderer_classes = [JSONRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, description="This document (OpenAPI 3.1), as JSON or YAML.")
    def get(self, request: Request) -> Response:
        return Response(openapi_document(get_language()))


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI from local files, with its start script at a URL of its own: no inline script, no CDN."""

    permission_classes = [HasRight]
    rights = {"GET": Right.VIEW}
    url_name = "api-schema"
    title = "Interlock API"
    template_name = "api/docs.html"
    template_name_js = "api/docs.js"

    def dispatch(self, request: Any, *arguments: Any, **named: Any) -> HttpResponseBase:
        # This is a page: redirect to the sign-in page instead of answering with a problem document. A bearer token is
        # checked by the view, as in all calls.
        if not can(request.user, Right.VIEW) and bearer_token(request.headers.get("Authorization", "")) is None:
            return redirect_to_login(request.get_full_path(), reverse("sign-in"))
        return super().dispatch(request, *arguments, **named)
