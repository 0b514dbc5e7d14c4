"""Accounts: people and their roles, passwords, one-time links, API tokens. Every write is one transaction, audited."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import authenticate, login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.models import ApiToken, LoginLink, Role, SignInAttempt, User
from engine import clock
from engine.errors import AlreadyExists, InterlockError, InvalidValue, NotFound
from engine.models.fields import clean_text
from versions.actions import audit

log = logging.getLogger("interlock.accounts")

LINK_LIFETIME = timedelta(minutes=15)
TOKEN_PREFIX = "interlock_"  # noqa: S105 - what scanners for leaked secrets recognise, no secret itself
SCOPES = ("metrics",)
"""What a token can be limited to; none: all that its user may do."""

# Guessing a password: per client and name few tries, so that nobody is locked out by others; per client alone and
# per name alone many, so that neither many names nor many clients get further.
TRY_WINDOW = timedelta(minutes=15)
TRIES_PER_USER_AND_ADDRESS = 10
TRIES_PER_ADDRESS = 60
TRIES_PER_USER = 200


class WrongCredentials(InterlockError):
    """The name or the password is wrong, or the account is closed; which of them is not told."""

    code = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__(_("This name and password do not fit together. Check both and try again."))


class TooManyAttempts(InterlockError):
    code = "too_many_attempts"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            _("Too many failed attempts. Try again in %(minutes)d minutes, or use a login link.")
            % {"minutes": max(1, -(-retry_after_seconds // 60))}
        )
        self.retry_after_seconds = retry_after_seconds


class LastAdmin(InterlockError):
    code = "last_admin"

    def __init__(self, username: str) -> None:
        super().__init__(
            _('"%(user)s" is the last account with the role admin. Make another one admin first.') % {"user": username}
        )


# --- people ------------------------------------------------------------------------------------------------------


def create_user(username: str, role: str, *, password: str | None = None, by: str) -> User:
    """A new account; without a password it signs in by a login link. Raises AlreadyExists, InvalidValue."""
    username = unicodedata.normalize("NFKC", username)
    user = User(username=username, role=_role(role))
    try:
        User.username_validator(username)
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise InvalidValue(" ".join(error.messages), path="username") from None
    _set_password(user, password)
    try:
        with transaction.atomic():
            user.save()
            audit.record("user_created", by=by, details={"user": username, "role": user.role})
    except IntegrityError:
        raise AlreadyExists(_('There is an account "%(user)s" already.') % {"user": username}) from None
    return user


def find_user(username: str) -> User:
    """Raises NotFound."""
    found = User.objects.filter(username=unicodedata.normalize("NFKC", clean_text(username))).first()
    if found is None:
        raise NotFound(_('There is no account "%(user)s".') % {"user": username}, user=username)
    return found


def set_role(user: User, role: str, *, by: str) -> User:
    """Raises InvalidValue, LastAdmin."""
    return change_user(user, role=role, by=by)


def change_user(
    user: User, *, role: str | None = None, active: bool | None = None, password: str | None = None, by: str
) -> User:
    """Change what is given. A new password ends the sessions of the account; a closed account ends tokens too.

    Raises InvalidValue, LastAdmin.
    """
    with transaction.atomic():
        # All admins are locked in one order, so that two of them cannot demote each other at once.
        admins = list(User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("id"))
        user = User.objects.select_for_update().get(pk=user.pk)
        details: dict[str, object] = {"user": user.username}
        if role is not None and _role(role) != user.role:
            details |= {"role": role, "from": user.role}
            user.role = _role(role)
        if active is not None and active != user.is_active:
            details["active"] = active
            user.is_active = active
        if password is not None:
            details |= {"password": "changed"}
            _set_password(user, password)
        if [admin.pk for admin in admins] == [user.pk] and (user.role != Role.ADMIN or not user.is_active):
            raise LastAdmin(user.username)
        if len(details) > 1:
            user.save()
            audit.record("user_changed", by=by, details=details)
    return user


def has_password(user: User) -> bool:
    """Whether it can sign in with a password; otherwise only by a login link."""
    return user.has_usable_password()


def user_dict(user: User) -> dict[str, object]:
    return {
        "username": user.username,
        "role": user.role,
        "active": user.is_active,
        "has_password": user.has_usable_password(),
        "created_at": clock.iso(user.date_joined),
        "last_login": None if user.last_login is None else clock.iso(user.last_login),
    }


def _role(role: str) -> str:
    if role not in Role.values:
        raise InvalidValue(
            _('"%(role)s" is no role; the roles are %(roles)s.') % {"role": role, "roles": ", ".join(Role.values)},
            path="role",
        )
    return role


def _set_password(user: User, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
        return
    password = clean_text(password)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidValue(" ".join(error.messages), path="password") from None
    user.set_password(password)


# --- signing in --------------------------------------------------------------------------------------------------


def sign_in(request: HttpRequest, username: str, password: str) -> User:
    """Sign a person in with a password, into a fresh session. Raises WrongCredentials, TooManyAttempts.

    A try is written before the password is looked at and taken away when it was right: tries made at the same time
    count too. An unknown name costs the same hash computation as a known one.
    """
    username = unicodedata.normalize("NFKC", clean_text(username))[:150]
    address = client_address(request)
    key = hashlib.sha256(username.encode()).hexdigest()
    attempt = _count_attempt(key, address)
    user = authenticate(request, username=username, password=clean_text(password)[:4096])
    if not isinstance(user, User):
        raise WrongCredentials
    SignInAttempt.objects.filter(Q(pk=attempt.pk) | Q(user_key=key, address=address)).delete()
    login(request, user)
    return user


def _count_attempt(key: str, address: str) -> SignInAttempt:
    now = clock.now()
    since = now - TRY_WINDOW
    SignInAttempt.objects.filter(at__lt=since).delete()
    attempt = SignInAttempt.objects.create(user_key=key, address=address, at=now)
    limits = (
        (Q(user_key=key, address=address), TRIES_PER_USER_AND_ADDRESS),
        (Q(address=address), TRIES_PER_ADDRESS),
        (Q(user_key=key), TRIES_PER_USER),
    )
    for which, limit in limits:
        times = list(
            SignInAttempt.objects.filter(which, at__gte=since).order_by("-at").values_list("at", flat=True)[: limit + 1]
        )
        if len(times) > limit:
            # A refused try does not count: who waits gets in, however impatient they were.
            attempt.delete()
            raise TooManyAttempts(int((times[-1] - since).total_seconds()) + 1)
    return attempt


def client_address(request: HttpRequest) -> str:
    """Whom a limit counts: the peer, or what the trusted proxy says; of an IPv6 client its /64 network."""
    address = str(request.META.get("REMOTE_ADDR") or "")
    if settings.INTERLOCK.trust_proxy and (forwarded := request.headers.get("X-Forwarded-For")):
        # The proxy appends the peer that it saw; what stands before it is the client's own claim.
        address = forwarded.rsplit(",", 1)[-1].strip()
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def create_login_link(user: User, base_url: str) -> str:
    """An address that signs the person in once, within LINK_LIFETIME. Only its hash is kept."""
    raw = secrets.token_urlsafe(32)
    now = clock.now()
    with transaction.atomic():
        LoginLink.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()
        LoginLink.objects.create(user=user, hash=_digest(raw), expires_at=now + LINK_LIFETIME)
    return base_url.rstrip("/") + reverse("login-link", args=[raw])


def peek_login_link(raw: str) -> User | None:
    """Whom a link would sign in; None: unknown, used or expired. Uses nothing up: for the page that asks to confirm,
    because programs that look into mails and chats open links too."""
    link = _usable_links(raw).select_related("user").first()
    return link.user if link is not None and link.user.is_active else None


def use_login_link(raw: str) -> User | None:
    """Use a link up; whom it signs in, or None. Of two at the same moment one gets the person."""
    if not _usable_links(raw).update(used_at=clock.now()):
        return None
    user = LoginLink.objects.select_related("user").get(hash=_digest(raw)).user
    return user if user.is_active else None


def _usable_links(raw: str) -> QuerySet[LoginLink]:
    return LoginLink.objects.filter(hash=_digest(raw), used_at=None, expires_at__gt=clock.now())


# --- tokens ------------------------------------------------------------------------------------------------------


def create_token(
    user: User,
    name: str,
    scopes: Sequence[str] = (),
    *,
    expires_at: datetime | None = None,
    by: str | None = None,
) -> str:
    """A new token; it is shown once, only its hash is kept. Raises InvalidValue."""
    return issue_token(user, name, scopes, expires_at=expires_at, by=by)[0]


def issue_token(
    user: User,
    name: str,
    scopes: Sequence[str] = (),
    *,
    expires_at: datetime | None = None,
    by: str | None = None,
) -> tuple[str, ApiToken]:
    """As `create_token`, with its row."""
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        raise InvalidValue(
            _('"%(scope)s" is no scope; leave scopes out for all that the user may do, or use %(known)s.')
            % {"scope": unknown[0], "known": ", ".join(SCOPES)},
            path="scopes",
        )
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        raise InvalidValue(_("expires_at lies in the past."), path="expires_at")
    raw = TOKEN_PREFIX + secrets.token_urlsafe(32)
    name = clean_text(name)[:100]
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            hash=_digest(raw),
            scopes=list(dict.fromkeys(scopes)),
            created_at=now,
            expires_at=expires_at,
        )
        details = {"user": user.username, "token": token.pk, "name": name, "scopes": token.scopes}
        audit.record("token_created", by=by or user.username, details=details)
    return raw, token


def authenticate_token(raw: str) -> tuple[User, ApiToken] | None:
    """Whose token it is; None: unknown, expired, or of a closed account. Notes its use once an hour."""
    # Looked up by hash: what the comparison's time tells is about the hash, not about the token.
    token = ApiToken.objects.select_related("user").filter(hash=_digest(raw)).first()
    now = clock.now()
    if token is None or not token.user.is_active or (token.expires_at is not None and token.expires_at <= now):
        return None
    hour = now.replace(minute=0, second=0, microsecond=0)
    if token.used_at is None or token.used_at < hour:
        # The hour of its making began before it: nothing is used before it exists.
        _note_use(token, max(hour, token.created_at))
    return token.user, token


def _note_use(token: ApiToken, at: datetime) -> None:
    try:
        with transaction.atomic():
            ApiToken.objects.filter(pk=token.pk).update(used_at=at)
    except DatabaseError as error:
        # A full disk, say: what is only read needs no room.
        log.warning("use_not_noted token=%s: %s", token.pk, error)


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """One's own tokens, newest first."""
    return ApiToken.objects.filter(user=user).order_by("-id")


def delete_token(user: User, token_id: int, *, by: str) -> None:
    """End a token at once. Raises NotFound, also for somebody else's."""
    with transaction.atomic():
        token = tokens_of(user).filter(pk=token_id).first()
        if token is None:
            raise NotFound(_("You have no token %(id)s.") % {"id": token_id})
        audit.record("token_deleted", by=by, details={"user": user.username, "token": token.pk, "name": token.name})
        token.delete()


def token_dict(token: ApiToken) -> dict[str, object]:
    return {
        "id": str(token.pk),
        "name": token.name,
        "scopes": token.scopes,
        "created_at": clock.iso(token.created_at),
        "expires_at": None if token.expires_at is None else clock.iso(token.expires_at),
        "used_at": None if token.used_at is None else clock.iso(token.used_at),
    }


def _digest(raw: str) -> str:
    return hashlib.sha256(raw.encode(errors="replace")).hexdigest()
