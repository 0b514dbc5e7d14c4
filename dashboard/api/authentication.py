"""Authentication of API requests: by a bearer token or by the session of a page."""

from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from dashboard import tokens
from dashboard.models import ApiToken, User

REALM = 'Bearer realm="interlock"'


def bearer_token(header: str) -> str | None:
    """Return the token in an Authorization header; None if its scheme is not Bearer."""
    scheme, _space, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class BearerTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`.

    The first authentication class: its `WWW-Authenticate` header makes DRF answer 401 to anonymous requests.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        raw = bearer_token(request.headers.get("Authorization", ""))
        if raw is None:
            return None
        found = tokens.authenticate_token(raw)
        if found is None:
            raise exceptions.AuthenticationFailed(
                _("This token is unknown, expired or revoked. Create a new one: interlock token --user <name>.")
            )
        return found

    def authenticate_header(self, request: Request) -> str:
        return REALM


class CsrfFailed(exceptions.APIException):
    """The CSRF check failed. 403 and not 401: the user is known, but another site may have made the request."""

    status_code = 403
    default_code = "csrf_failed"


class PageSessionAuthentication(SessionAuthentication):
    """The session cookie of the pages. Every write must carry the CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise CsrfFailed(
                _("Writes with a session need the page's CSRF token in the X-CSRFToken header.")
            ) from error
