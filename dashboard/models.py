"""Accounts with one role each, sessions, API tokens, login links; hosts that serve pages."""

import hashlib

from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _

from engine.models.fields import JSONText


def digest(secret: str) -> str:
    """Return what is stored of a session key, an API token or a login link."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


class Role(models.TextChoices):
    """What an account may do; each role includes the ones before it. Its rights are in dashboard.access."""

    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    EDITOR = "editor", _("Editor")
    ADMIN = "admin", _("Admin")


class User(AbstractUser):
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)


class Session(AbstractBaseSession):
    """A session of the pages; see dashboard.sessions."""

    session_key = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 (hex) of the key.")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True)


class ApiToken(models.Model):
    """A bearer token. Only its hash is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    name = models.CharField(max_length=100)
    hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 (hex) of the token.")
    scopes = JSONText(default=list, help_text='Empty: all that the user may do; ["metrics"]: /metrics only.')
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True, help_text="Kept to the hour.")


class LoginLink(models.Model):
    """A link that signs a user in once, within minutes."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class WebHost(models.Model):
    """A host that serves pages, for `doctor`; see dashboard.serving.web_hosts."""

    name = models.CharField(max_length=200, primary_key=True)
    key_print = models.CharField(max_length=32, help_text="Of its SECRET_KEY.")
    seen_at = models.DateTimeField()


class SignInAttempt(models.Model):
    """A failed sign-in with a password. Rows live for minutes and limit guessing."""

    user_key = models.CharField(max_length=64, help_text="SHA-256 (hex) of the name typed: it may be a password.")
    address = models.CharField(max_length=64, help_text="Of the client; an IPv6 one by its /64 network.")
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["user_key", "at"], name="sign_in_attempt_user"),
            models.Index(fields=["address", "at"], name="sign_in_attempt_address"),
        ]
