"""Accounts: users and roles, passwords, login links, sessions. Every write is one audited transaction."""

import hashlib
import ipaddress
import re
import secrets
import unicodedata
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate, login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.models import ApiToken, LoginLink, Role, Session, SignInAttempt, User, digest
from dashboard.sessions import SessionStore
from engine import clock
from engine.errors import AlreadyExists, InterlockError, InvalidValue, NotFound
from engine.text import clean_text
from versions.actions import audit

LINK_LIFETIME = timedelta(minutes=15)
SIGNED_IN_KEY = "interlock_signed_in"
"""The entry of a session's data that says when it began, by what, and from which address."""
SESSION_ID_LENGTH = 16
"""A session is named by the first digits of its key's hash, from which nobody can tell the key."""

# Limits on password guessing. The limit per client and name is low and locks nobody else out. The limits per client and
# per name are high; they stop guessing over many names or from many clients.
TRY_WINDOW = timedelta(minutes=15)
TRIES_PER_USER_AND_ADDRESS = 10
TRIES_PER_ADDRESS = 60
TRIES_PER_USER = 200


class WrongCredentials(InterlockError):
    """The name or password is wrong, or the account is closed. The message does not say which."""

    code = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__(_("Incorrect user name or password. Check both and try again."))


class TooManyAttempts(InterlockError):
    code = "too_many_attempts"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            _("Too many failed attempts. Try again in %(minutes)d minutes, or use a login link.")
            % {"minutes": max(1, -(-retry_after_seconds // 60))}
        )
        self.retry_after_seconds = retry_after_seconds

    def retry_later(self, response: HttpResponse) -> HttpResponse:
        response["Retry-After"] = str(self.retry_after_seconds)
        return response


class LastAdmin(InterlockError):
    code = "last_admin"

    def __init__(self, username: str) -> None:
        super().__init__(
            _('"%(user)s" is the only admin. Give another account the admin role first.') % {"user": username}
        )


# --- people ------------------------------------------------------------------------------------------------------


def create_user(username: str, role: str, *, password: str | None = None, by: str) -> User:
    """Create an account; without a password it signs in with login links. Raises AlreadyExists, InvalidValue."""
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
        raise AlreadyExists(_('An account named "%(user)s" already exists.') % {"user": username}) from None
    return user


def find_user(username: str) -> User:
    """Return the account. Raises NotFound."""
    found = User.objects.filter(username=unicodedata.normalize("NFKC", clean_text(username))).first()
    if found is None:
        raise NotFound(_('There is no account named "%(user)s".') % {"user": username}, user=username)
    return found


def change_user(
    user: User, *, role: str | None = None, active: bool | None = None, password: str | None = None, by: str
) -> User:
    """Change the values that are given.

    A new password and closing the account void its sessions, tokens and login links for good. Raises InvalidValue,
    LastAdmin.
    """
    with transaction.atomic():
        # Lock all admins in a fixed order, so that two of them cannot demote each other at the same time.
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
            if password is not None or active is False:
                _void_access(user)
            audit.record("user_changed", by=by, details=details)
    return user


def _void_access(user: User) -> None:
    for model in (Session, ApiToken, LoginLink):
        model.objects.filter(user=user).delete()


def has_password(user: User) -> bool:
    """Return whether the account has a password. Without one it signs in with login links only."""
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
            _('"%(role)s" is not a role. The roles are %(roles)s.') % {"role": role, "roles": ", ".join(Role.values)},
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
    """Check a password and sign the user into a fresh session. Raises WrongCredentials, TooManyAttempts."""
    user = check_password(request, username, password)
    _sign_in(request, user, "password")
    return user


def sign_in_with_link(request: HttpRequest, raw: str) -> User | None:
    """Use up a login link and sign its user in, or return None."""
    user = use_login_link(raw)
    if user is not None:
        _sign_in(request, user, "link")
    return user


def _sign_in(request: HttpRequest, user: User, by_what: str) -> None:
    details = {"with": by_what, "address": client_address(request)}
    with transaction.atomic():
        Session.objects.filter(expire_date__lt=clock.now()).delete()
        login(request, user)
        request.session[SIGNED_IN_KEY] = {"at": clock.iso(clock.now()), **details}
        audit.record("signed_in", by=user.username, details=details)


def check_password(request: HttpRequest, username: str, password: str) -> User:
    """Return whose name and password these are.

    The attempt is recorded before the password is checked and deleted when it was right, so that simultaneous attempts
    count too. An unknown name takes as long as a known one, because a hash is computed for both. Raises
    WrongCredentials, TooManyAttempts.
    """
    username = unicodedata.normalize("NFKC", clean_text(username))[:150]
    address = client_address(request)
    key = hashlib.sha256(username.encode()).hexdigest()
    attempt = _count_attempt(key, address)
    user = authenticate(request, username=username, password=clean_text(password)[:4096])
    if not isinstance(user, User):
        # Do not record an unknown name: it may be a password, typed into the wrong field.
        known = User.objects.filter(username=username).exists()
        with transaction.atomic():
            audit.record("sign_in_failed", by=username if known else "?", details={"address": address})
        raise WrongCredentials
    SignInAttempt.objects.filter(Q(pk=attempt.pk) | Q(user_key=key, address=address)).delete()
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
    for condition, limit in limits:
        times = list(
            SignInAttempt.objects.filter(condition, at__gte=since)
            .order_by("-at")
            .values_list("at", flat=True)[: limit + 1]
        )
        if len(times) > limit:
            # A refused attempt does not count: whoever waits long enough gets in, even after trying meanwhile.
            attempt.delete()
            raise TooManyAttempts(int((times[-1] - since).total_seconds()) + 1)
    return attempt


def client_address(request: HttpRequest) -> str:
    """Return the address that limits are counted for.

    It is the peer's address, or the one reported by a trusted proxy; for an IPv6 client, its /64 network.
    """
    address = str(request.META.get("REMOTE_ADDR") or "")
    if settings.INTERLOCK.trust_proxy and (forwarded := request.headers.get("X-Forwarded-For")):
        # The proxy appends the peer that it saw. What stands before it comes from the client and is not trusted.
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


def create_login_link(user: User, base_url: str, *, by: str) -> str:
    """Return a URL that signs the user in once, within LINK_LIFETIME. Only its hash is stored."""
    raw = secrets.token_urlsafe(32)
    now = clock.now()
    with transaction.atomic():
        LoginLink.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()
        LoginLink.objects.create(user=user, hash=digest(raw), expires_at=now + LINK_LIFETIME)
        audit.record("login_link_created", by=by, details={"user": user.username})
    return base_url.rstrip("/") + reverse("login-link", args=[raw])


def peek_login_link(raw: str) -> User | None:
    """Return whom a link would sign in, without using it up; None if it is unknown, used or expired.

    The confirmation page needs this, because programs that scan mail and chat open links too.
    """
    link = _usable_links(raw).select_related("user").first()
    return link.user if link is not None and link.user.is_active else None


def use_login_link(raw: str) -> User | None:
    """Use up a link and return its user, or None. Of two simultaneous calls, one gets the user."""
    if not _usable_links(raw).update(used_at=clock.now()):
        return None
    user = LoginLink.objects.select_related("user").get(hash=digest(raw)).user
    return user if user.is_active else None


def _usable_links(raw: str) -> QuerySet[LoginLink]:
    return LoginLink.objects.filter(hash=digest(raw), used_at=None, expires_at__gt=clock.now())


# --- sessions ----------------------------------------------------------------------------------------------------


def sessions_of(user: User | None) -> QuerySet[Session]:
    """Return the user's open sessions, or for None those of all accounts, newest first."""
    found = Session.objects.filter(user__isnull=False, expire_date__gt=clock.now()).select_related("user")
    return (found if user is None else found.filter(user=user)).order_by("-expire_date", "session_key")


def end_session(user: User | None, session_id: str, *, by: str) -> Session:
    """Sign out one of `sessions_of` at once and return what it was. Raises NotFound."""
    with transaction.atomic():
        session = None
        if re.fullmatch(f"[0-9a-f]{{{SESSION_ID_LENGTH}}}", session_id):
            session = sessions_of(user).filter(session_key__startswith=session_id).first()
        if session is None or session.user is None:
            message = _("There is no session with the id %(id)s, or it is not yours.")
            raise NotFound(message % {"id": clean_text(session_id)[:60]})
        audit.record("session_ended", by=by, details={"user": session.user.username, "session": session_id})
        Session.objects.filter(pk=session.pk).delete()
    return session


def session_dict(session: Session) -> dict[str, object]:
    """Return what is known of a session. How it began is null if another release began it."""
    assert session.user is not None
    began = SessionStore().decode(session.session_data).get(SIGNED_IN_KEY, {})
    return {
        "id": session.session_key[:SESSION_ID_LENGTH],
        "user": session.user.username,
        "signed_in_at": began.get("at"),
        "signed_in_with": began.get("with"),
        "address": began.get("address"),
        "expires_at": clock.iso(session.expire_date),
    }
