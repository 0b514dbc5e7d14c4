"""Permissions: which rights each role has, and the lookups that check them.

Pages, API and sockets check permissions here and nowhere else. The role is read from the account on every check, so
that a changed role takes effect at once.
"""

from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from dashboard.models import Role
from engine.errors import InterlockError, NotFound
from engine.models import Run
from versions import queries as versions_queries
from versions.models import Workflow, WorkflowVersion


class Right(StrEnum):
    """What a role may allow."""

    VIEW = "view"
    """See workflows, versions, runs, outputs, logs, files and pools; manage one's own tokens and
    sessions."""
    RUN = "run"
    """Start runs of versions, cancel and retry runs and nodes, drain workers."""
    DEPLOY = "deploy"
    """Put a version live, roll back."""
    EDIT = "edit"
    """Change workflows and drafts, publish versions. Editors run their own code on the workers, so running a draft
    needs this right too."""
    RESOURCES = "resources"
    """Upload and delete files, create, resize and delete pools, delete ended runs."""
    ADMIN = "admin"
    """Manage accounts and the tokens and sessions of everybody, read the whole audit log, delete workflows."""


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
"""Rights by role. A role that is missing here has none."""

Person = Any
"""A User, Django's AnonymousUser, or None."""


class Forbidden(InterlockError):
    """The user is signed in but lacks the right."""

    code = "forbidden"

    def __init__(self, user: Person, right: Right) -> None:
        role = getattr(user, "role", "")
        needed = next((name for name, rights in RIGHTS.items() if right in rights), "")
        message = (
            _("This requires the %(needed)s role; yours is %(role)s.")
            if needed == Role.ADMIN
            else _("This requires the %(needed)s role or higher; yours is %(role)s.")
        )
        super().__init__(message % {"needed": _role_name(needed), "role": _role_name(role) if role else "-"})
        self.user, self.right, self.needed = user, right, needed


class ForeignDraft(Forbidden):
    """The run is of another user's draft, which is private."""

    def __init__(self, run: Run, *, again: bool = False) -> None:
        if again:
            message = _("Run {id} is a draft run of {by}. Only they can run it again.")
        else:
            message = _("Run {id} is a draft run of {by}. Only they and admins can open or retry it.")
        InterlockError.__init__(self, message.format(id=run.pk, by=run.created_by))


def _role_name(role: str) -> str:
    """Return the role's name as it is written inside a sentence."""
    return str(Role(role).label).lower() if role in Role else role


class SignedOut(InterlockError):
    """The call needs a user, and nobody is signed in."""

    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__(_("Sign in, or send an API token: Authorization: Bearer <token>."))


def rights_of(user: Person) -> frozenset[Right]:
    """Return the user's rights; empty for anonymous users and closed accounts."""
    if user is None or not getattr(user, "is_authenticated", False) or not user.is_active:
        return frozenset()
    return RIGHTS.get(getattr(user, "role", ""), frozenset())


def can(user: Person, right: Right) -> bool:
    return right in rights_of(user)


def require(user: Person, right: Right) -> None:
    """Raise SignedOut or Forbidden unless the user has the right."""
    if can(user, right):
        return
    if user is None or not getattr(user, "is_authenticated", False):
        raise SignedOut
    raise Forbidden(user, right)


def workflow(user: Person, slug: str, right: Right = Right.VIEW) -> Workflow:
    """Return the workflow.

    Raises SignedOut, Forbidden or NotFound. The right is checked first, so that users without it cannot learn which
    workflows exist.
    """
    require(user, right)
    found = Workflow.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound.workflow(slug)
    return found


def version(user: Person, slug: str, number: int, right: Right = Right.VIEW) -> WorkflowVersion:
    """Return a version of the workflow. Raises the errors of `workflow`, and UnknownVersion."""
    return versions_queries.version(workflow(user, slug, right), number)


def run(user: Person, run_id: int | str, right: Right = Right.VIEW, *, outside_only: bool = False) -> Run:
    """Return the run with its definition's hash but without the document.

    `outside_only`: the caller shows only that the run exists and its state, which is open to all for draft runs too.
    Raises SignedOut, Forbidden, NotFound, and without `outside_only` ForeignDraft.
    """
    require(user, right)
    # The id comes from a URL: accept digits only, and no more than the column can hold.
    text = str(run_id)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound.run(text[:40])
    found = Run.objects.select_related("definition").defer("definition__document").filter(pk=int(text)).first()
    if found is None:
        raise NotFound.run(text)
    if found.draft and not outside_only and found.created_by != user.get_username() and not can(user, Right.ADMIN):
        # A draft run shows unpublished code and the data that it was tried on.
        raise ForeignDraft(found)
    return found


def may_run_again(user: Person, found: Run) -> bool:
    """Return whether the user may repeat the run. A draft is private, and code of a draft takes the right to edit."""
    if found.draft:
        return found.created_by == user.get_username() and can(user, Right.EDIT)
    return can(user, Right.RUN)


def run_to_repeat(user: Person, run_id: int | str) -> Run:
    """Return the run if the user may repeat it. Raises the errors of `run`."""
    found = run(user, run_id, Right.RUN, outside_only=True)
    if not may_run_again(user, found):
        if found.created_by != user.get_username():
            raise ForeignDraft(found, again=True)
        require(user, Right.EDIT)
    return found
