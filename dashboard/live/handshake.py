"""Who opens a socket, and whether they may: asked in the handshake, and again while it is open."""

from __future__ import annotations

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

from dashboard import access, accounts
from dashboard.models import User
from engine.errors import NotFound

Scope = Mapping[str, Any]
Check = Callable[[User], Any]
"""Asks dashboard.access for the object of the socket; raises its errors."""


class Denied(Exception):
    """The handshake is refused with this status; the text is for people."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def header(scope: Scope, name: bytes) -> str:
    """The value of the header `name` (lower case); empty without it."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


def admit(scope: Scope, check: Check) -> Any:
    """What `check` returns for the user of this handshake. On a database thread. Raises Denied.

    Asked again with the same scope it says whether the right still holds: sessions, tokens, accounts and roles are
    read anew each time.
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


def _token_user(value: str) -> User:
    scheme, _, raw = value.partition(" ")
    found = accounts.authenticate_token(raw.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise Denied(HTTPStatus.UNAUTHORIZED, "The token is not valid, or no longer.")
    user, token = found
    if token.scopes:
        raise Denied(HTTPStatus.FORBIDDEN, "This token is for another use.")
    return user


def _session_user(scope: Scope) -> User:
    key = parse_cookie(header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME)
    if not key:
        raise Denied(HTTPStatus.UNAUTHORIZED, "Sign in, or send a token: Authorization: Bearer <token>.")
    # Browsers send the cookie for any page's script, and no CSRF token stands in its way here.
    if not same_origin(scope):
        raise Denied(HTTPStatus.FORBIDDEN, "Only a page of this address may open this socket.")
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    if not isinstance(user, User) or not user.is_active:
        raise Denied(HTTPStatus.UNAUTHORIZED, "The session is over. Sign in again.")
    return user


def _check_host(scope: Scope) -> None:
    """A name that is not ours may point here by a rebound DNS entry."""
    domain, _port = split_domain_port(_host(scope))
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        raise Denied(HTTPStatus.BAD_REQUEST, "This host name is not one of ALLOWED_HOSTS.")


def _host(scope: Scope) -> str:
    forwarded = header(scope, b"x-forwarded-host") if settings.INTERLOCK.trust_proxy else ""
    return forwarded.split(",")[0].strip() or header(scope, b"host")


def same_origin(scope: Scope) -> bool:
    """Whether the handshake comes from a page of this scheme, host and port (or of CSRF_TRUSTED_ORIGINS)."""
    origin = header(scope, b"origin")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    forwarded = header(scope, b"x-forwarded-proto") if settings.INTERLOCK.trust_proxy else ""
    secure = (forwarded.split(",")[0].strip() or scope["scheme"]) in ("wss", "https")
    scheme = "https" if secure else "http"
    found, own = _endpoint(origin), _endpoint(f"{scheme}://{_host(scope)}")
    return found is not None and found == own


def _endpoint(address: str) -> tuple[str, str, int] | None:
    """(scheme, host, port) with the scheme's own port filled in; None for what is no address of a page."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)
