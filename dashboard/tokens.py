"""API tokens: programs send one instead of signing in. Every write is one audited transaction."""

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dashboard.models import ApiToken, User, digest
from engine import clock
from engine.errors import InvalidValue, NotFound
from engine.text import clean_text
from versions.actions import audit

log = logging.getLogger("interlock.accounts")

TOKEN_PREFIX = "interlock_"  # noqa: S105 - a prefix for secret scanners to recognise, not a secret
SCOPES = ("metrics",)
"""What a token can be limited to. A token without scopes may do all that its user may."""


def create_token(
    user: User,
    name: str,
    scopes: Sequence[str] = (),
    *,
    expires_at: datetime | None = None,
    by: str | None = None,
) -> str:
    """Create a token and return it. It is shown once; only its hash is stored. Raises InvalidValue."""
    return issue_token(user, name, scopes, expires_at=expires_at, by=by)[0]


def issue_token(
    user: User,
    name: str,
    scopes: Sequence[str] = (),
    *,
    expires_at: datetime | None = None,
    by: str | None = None,
) -> tuple[str, ApiToken]:
    """Create a token and return it with its row. See `create_token`."""
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        raise InvalidValue(
            _('"%(scope)s" is not a scope. Use %(known)s, or omit scopes to allow all that the user may do.')
            % {"scope": unknown[0], "known": ", ".join(SCOPES)},
            path="scopes",
        )
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        raise InvalidValue(_("expires_at must be in the future."), path="expires_at")
    raw = TOKEN_PREFIX + secrets.token_urlsafe(32)
    name = clean_text(name)[:100]
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            hash=digest(raw),
            scopes=list(dict.fromkeys(scopes)),
            created_at=now,
            expires_at=expires_at,
        )
        details = {"user": user.username, "token": token.pk, "name": name, "scopes": token.scopes}
        audit.record("token_created", by=by or user.username, details=details)
    return raw, token


def authenticate_token(raw: str) -> tuple[User, ApiToken] | None:
    """Return the token's user and row; None if it is unknown, expired or its account is closed.

    Records the time of use once an hour.
    """
    # Look up by hash: comparison time then reveals something about the hash only, not about the token.
    token = ApiToken.objects.select_related("user").filter(hash=digest(raw)).first()
    now = clock.now()
    if token is None or not token.user.is_active or (token.expires_at is not None and token.expires_at <= now):
        return None
    hour = now.replace(minute=0, second=0, microsecond=0)
    if token.used_at is None or token.used_at < hour:
        # A token can be younger than the hour; its time of use must not lie before its creation.
        _record_use(token, max(hour, token.created_at))
    return token.user, token


def _record_use(token: ApiToken, at: datetime) -> None:
    try:
        with transaction.atomic():
            ApiToken.objects.filter(pk=token.pk).update(used_at=at)
    except DatabaseError as error:
        # The disk may be full. Reading with the token must still work.
        log.warning("token_use_not_recorded token=%s: %s", token.pk, error)


def tokens_of(user: User | None) -> QuerySet[ApiToken]:
    """Return the user's tokens, or for None those of all accounts, newest first."""
    found = ApiToken.objects.select_related("user").order_by("-id")
    return found if user is None else found.filter(user=user)


def find_token(user: User | None, token_id: int) -> ApiToken:
    """Return one of `tokens_of`. Raises NotFound."""
    token = tokens_of(user).filter(pk=token_id).first()
    if token is None:
        raise NotFound(_("There is no token with the id %(id)s, or it is not yours.") % {"id": token_id})
    return token


def delete_token(user: User | None, token_id: int, *, by: str) -> ApiToken:
    """Revoke one of `tokens_of` at once and return what it was. Raises NotFound."""
    with transaction.atomic():
        token = find_token(user, token_id)
        details = {"user": token.user.username, "token": token.pk, "name": token.name}
        audit.record("token_deleted", by=by, details=details)
        ApiToken.objects.filter(pk=token.pk).delete()
    return token


def token_dict(token: ApiToken) -> dict[str, object]:
    return {
        "id": str(token.pk),
        "user": token.user.username,
        "name": token.name,
        "scopes": token.scopes,
        "created_at": clock.iso(token.created_at),
        "expires_at": None if token.expires_at is None else clock.iso(token.expires_at),
        "used_at": None if token.used_at is None else clock.iso(token.used_at),
    }
