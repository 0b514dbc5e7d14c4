"""Authentication and permission of websockets: checked in the handshake, and again while the socket is open."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host

from dashboard import access, tokens
from dashboard.models import ApiToken, User
from engine.errors import NotFound

Scope = Mapping[str, Any]
Check = Callable[[User], Any]
"""Gets the object of the socket from dashboard.access, and raises its errors."""


class Denied(Exception):
    """The handshake is refused with this status; the message is for people."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def header(scope: Scope, name: bytes) -> str:
    """Return the value of the header `name` (lower case); empty if it is missing."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


def authorize(scope: Scope, check: Check) -> Any:
    """Return what `check` returns for the user of this handshake. Runs on a database thread. Raises Denied.

    Called again with the same scope, it tells whether the right still holds: sessions, tokens, accounts and roles are
    read again each time.
    """
    _check_host(scope)
    token = header(scope, b"authorization")
    user = _token_user(token) if token else _session_user(scope)
    try:
        return check(user)
    except access.SignedOut as error:
        raise Denied(HTTPStatus.UNAUTHORIZED, str(error)) from None
    except access.Forbidden as error:
        raise Denied(HTTPStatus.FORBIDDEN, str(error)) from None
    except NotFound as error:
        raise Denied(HTTPStatus.NOT_FOUND, str(error)) from None


def has_account(scope: Scope) -> bool:
    """Return whether the request comes from an account that is open, by a token or a session."""
    if token := header(scope, b"authorization"):
        return _token(token) is not None
    key = _session_key(scope)
    return bool(key) and _account_of_session(key) is not None


def _token(value: str) -> tuple[User, ApiToken] | None:
    scheme, _, raw = value.partition(" ")
    return tokens.authenticate_token(raw.strip()) if scheme.lower() == "bearer" else None


def _session_key(scope: Scope) -> str:
    return parse_cookie(header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME, "")


def _account_of_session(key: str) -> User | None:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def _token_user(value: str) -> User:
    found = _token(value)
    if found is None:
        raise Denied(HTTPStatus.UNAUTHORIZED, "This token is unknown, expired or revoked.")
    user, token = found
    if token.scopes:
        raise Denied(HTTPStatus.FORBIDDEN, "This token is limited to other uses.")
    return user


def _session_user(scope: Scope) -> User:
    key = _session_key(scope)
    if not key:
        raise Denied(HTTPStatus.UNAUTHORIZED, "Sign in, or send an API token: Authorization: Bearer <token>.")
    # Browsers send the cookie with the scripts of any site, and websockets have no CSRF token.
    if not same_origin(scope):
        raise Denied(HTTPStatus.FORBIDDEN, "Only pages of this host may open this websocket.")
    user = _account_of_session(key)
    if user is None:
        raise Denied(HTTPStatus.UNAUTHORIZED, "Your session has ended. Sign in again.")
    return user


def _check_host(scope: Scope) -> None:
    """Refuse host names that are not ours. They may point here through DNS rebinding."""
    domain, _port = split_domain_port(_host(scope))
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        raise Denied(HTTPStatus.BAD_REQUEST, "This host name is not in ALLOWED_HOSTS.")


def _host(scope: Scope) -> str:
    forwarded = header(scope, b"x-forwarded-host") if settings.INTERLOCK.trust_proxy else ""
    return forwarded.split(",")[0].strip() or header(scope, b"host")


def same_origin(scope: Scope) -> bool:
    """Return whether the handshake comes from a page of this scheme, host and port, or of CSRF_TRUSTED_ORIGINS."""
    origin = header(scope, b"origin")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    forwarded = header(scope, b"x-forwarded-proto") if settings.INTERLOCK.trust_proxy else ""
    secure = (forwarded.split(",")[0].strip() or scope["scheme"]) in ("wss", "https")
    scheme = "https" if secure else "http"
    found, own = _endpoint(origin), _endpoint(f"{scheme}://{_host(scope)}")
    return found is not None and found == own


def _endpoint(address: str) -> tuple[str, str, int] | None:
    """Return (scheme, host, port) with the scheme's default port filled in; None if it is not the origin of a page."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)
