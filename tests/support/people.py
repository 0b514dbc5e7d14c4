"""Accounts for tests: one of each role, created when first requested."""

from dashboard.models import Role, User

ROLES = (Role.VIEWER, Role.OPERATOR, Role.EDITOR, Role.ADMIN)


def person(role: str, username: str | None = None) -> User:
    """Return the account of this role (or of this name with this role)."""
    user, _made = User.objects.get_or_create(username=username or f"{role}-person", defaults={"role": role})
    return user
