"""Who asks: a bearer token, or the session of a page."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from dashboard import accounts
from dashboard.models import ApiToken, User

REALM = 'Bearer realm="interlock"'


def bearer_token(header: str) -> str | None:
    """The token in an Authorization header; None: it is no bearer header."""
    scheme, _space, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class BearerTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`. Comes first: its header makes 401 the answer to who is not signed in."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        raw = bearer_token(request.headers.get("Authorization", ""))
        if raw is None:
            return None
        found = accounts.authenticate_token(raw)
        if found is None:
            raise exceptions.AuthenticationFailed(
                _("This token is unknown, expired or taken back. Make a new one: interlock token --user <name>.")
            )
        return found

    def authenticate_header(self, request: Request) -> str:
        return REALM


class CsrfFailed(exceptions.APIException):
    """403, not 401: the person is known, but the request may have been made by somebody else's page."""

    status_code = 403
    default_code = "csrf_failed"


class PageSessionAuthentication(SessionAuthentication):
    """The session cookie of the pages; every write must carry the CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise CsrfFailed(
                _("A write with a session needs the page's CSRF token in the header X-CSRFToken.")
            ) from error
