"""The one place for permissions: what each role may do, and (user, id) -> object or an error.

Pages, API and sockets ask here and nowhere else. Roles are read from the account at every question, so a changed
role holds at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from dashboard.models import Role
from engine.errors import InterlockError, NotFound
from engine.models import Run
from versions import queries as versions_queries
from versions.models import Workflow, WorkflowVersion


class Right(StrEnum):
    """What one may be allowed to do."""

    VIEW = "view"
    """See workflows, versions, runs, outputs, logs, files, pools; have tokens of one's own."""
    RUN = "run"
    """Start runs of versions; cancel and retry runs and nodes; drain workers."""
    DEPLOY = "deploy"
    """Put a version live, roll back."""
    EDIT = "edit"
    """Workflows, drafts, versions. It leads to code on the workers: also a run of a draft needs it."""
    RESOURCES = "resources"
    """Upload and delete files; create, resize and delete pools; delete ended runs."""
    ADMIN = "admin"
    """Accounts, the whole audit log, delete workflows."""


_VIEWER = frozenset({Right.VIEW})
_OPERATOR = _VIEWER | {Right.RUN, Right.DEPLOY}
_EDITOR = _OPERATOR | {Right.EDIT, Right.RESOURCES}
_ADMIN = _EDITOR | {Right.ADMIN}

RIGHTS: dict[str, frozenset[Right]] = {
    Role.VIEWER.value: _VIEWER,
    Role.OPERATOR.value: _OPERATOR,
    Role.EDITOR.value: _EDITOR,
    Role.ADMIN.value: _ADMIN,
}
"""Everything that is not here is denied."""

Person = Any
"""A User, or Django's AnonymousUser, or None."""


class Forbidden(InterlockError):
    """Signed in, but without the right."""

    code = "forbidden"

    def __init__(self, user: Person, right: Right) -> None:
        role = getattr(user, "role", "")
        needed = next((name for name, rights in RIGHTS.items() if right in rights), "")
        said = (
            _("This is for the role %(needed)s; yours is %(role)s.")
            if needed == Role.ADMIN
            else _("This needs the role %(needed)s or a higher one; yours is %(role)s.")
        )
        super().__init__(said % {"needed": _named(needed), "role": _named(role) if role else "-"})
        self.user, self.right, self.needed = user, right, needed


def _named(role: str) -> str:
    """A role as it is called within a sentence."""
    return str(Role(role).label).lower() if role in Role else role


class SignedOut(InterlockError):
    """Nobody is signed in, and this needs somebody."""

    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__(_("Sign in, or send a token: Authorization: Bearer <token>."))


def rights_of(user: Person) -> frozenset[Right]:
    """All rights of a person; none of somebody who is not signed in or whose account is closed."""
    if user is None or not getattr(user, "is_authenticated", False) or not user.is_active:
        return frozenset()
    return RIGHTS.get(getattr(user, "role", ""), frozenset())


def can(user: Person, right: Right) -> bool:
    return right in rights_of(user)


def require(user: Person, right: Right) -> None:
    """Raises SignedOut or Forbidden."""
    if can(user, right):
        return
    if user is None or not getattr(user, "is_authenticated", False):
        raise SignedOut
    raise Forbidden(user, right)


def workflow(user: Person, slug: str, right: Right = Right.VIEW) -> Workflow:
    """Raises SignedOut, Forbidden, NotFound: who may not see workflows does not learn which exist."""
    require(user, right)
    found = Workflow.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound.workflow(slug)
    return found


def version(user: Person, slug: str, number: int, right: Right = Right.VIEW) -> WorkflowVersion:
    """Raises as `workflow`, and UnknownVersion."""
    return versions_queries.version(workflow(user, slug, right), number)


def run(user: Person, run_id: int | str, right: Right = Right.VIEW) -> Run:
    """The run with its definition's hash, without the document. Raises SignedOut, Forbidden, NotFound."""
    require(user, right)
    # Ids come from addresses: digits only, and no more than the column holds.
    text = str(run_id)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound.run(text[:40])
    found = Run.objects.select_related("definition").defer("definition__document").filter(pk=int(text)).first()
    if found is None:
        raise NotFound.run(text)
    return found
