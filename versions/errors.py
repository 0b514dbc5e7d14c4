"""Errors of actions on workflows and their versions.

    VersionsError
    ├── UnknownVersion       also an engine.errors.NotFound
    ├── Conflict             the state of the object does not allow the action
    │   └── SlugTaken OutdatedBase AlreadyLive NothingToRollBackTo NothingLive NoDraft Archived RunInProgress
    │       PoolMissing PoolNamed
    ├── StaleDraft           the draft was saved meanwhile
    └── Unusable             the given value cannot be used
        └── NotADocument DraftTooLarge BadPatch PatchDoesNotApply ReasonMissing

Each has a stable `code`, its facts as attributes, and a message that says what to do next. Retrying unchanged
never helps.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from engine.errors import InterlockError, NotFound
from engine.problems import Problem, format_value
from engine.sentences import Sentence, gettext_noop
from versions.models import WorkflowVersion


class VersionsError(InterlockError):
    """Base of all errors of this package."""

    code = "versions_error"


class UnknownVersion(VersionsError, NotFound):
    code = "unknown_version"

    def __init__(self, slug: str, number: int, newest: int | None) -> None:
        if newest is None:
            text = _('Workflow "%(slug)s" has no version %(number)d: none is published yet.')
        else:
            text = _('Workflow "%(slug)s" has no version %(number)d; the newest is %(newest)d.')
        super().__init__(text % {"slug": slug, "number": number, "newest": newest or 0})
        self.slug, self.number, self.newest = slug, number, newest


class Conflict(VersionsError):
    """The object exists, but its state does not allow the action."""

    code = "conflict"


class SlugTaken(Conflict):
    code = "slug_taken"

    def __init__(self, slug: str) -> None:
        super().__init__(_('The slug "%(slug)s" is already in use. Choose another one.') % {"slug": slug})
        self.slug = slug


class OutdatedBase(Conflict):
    """Another version was published since, or the base version does not exist."""

    code = "outdated_base_version"

    def __init__(
        self,
        slug: str,
        base_version: int | None,
        newest: WorkflowVersion | None,
        changes: Sequence[Mapping[str, Any]],
    ) -> None:
        if newest is None:
            text = _('Not published: "%(slug)s" has no version %(base)s yet. Publish without a base version.')
        elif base_version is None:
            text = _(
                "Not published: %(author)s published version %(newest)d, but this work is based on no version. Merge "
                "the changes, then publish with base version %(newest)d."
            )
        elif not 1 <= base_version <= newest.number:
            text = _(
                'Not published: "%(slug)s" has no version %(base)d; the newest is %(newest)d. Set the base version '
                "to the version that this work is based on."
            )
        else:
            text = _(
                "Not published: %(author)s published version %(newest)d after version %(base)s, which this work is "
                "based on. Merge the changes, then publish with base version %(newest)d."
            )
        super().__init__(
            text
            % {
                "slug": slug,
                "base": base_version or 0,
                "newest": newest.number if newest is not None else 0,
                "author": newest.author if newest is not None else "",
            }
        )
        self.slug, self.base_version, self.newest = slug, base_version, newest
        self.changes = list(changes)
        """From the base to the newest version; see versions.diff."""


class AlreadyLive(Conflict):
    code = "already_live"

    def __init__(self, slug: str, number: int) -> None:
        super().__init__(
            _('Version %(number)d of "%(slug)s" is already live. Choose another one.')
            % {"number": number, "slug": slug}
        )
        self.slug, self.number = slug, number


class NothingToRollBackTo(Conflict):
    code = "nothing_to_roll_back_to"

    def __init__(self, slug: str, live: int | None) -> None:
        if live is None:
            text = _('"%(slug)s" has no live version yet. Publish one first.')
        else:
            text = _('No version of "%(slug)s" was live before version %(live)d. Choose a version to roll back to.')
        super().__init__(text % {"slug": slug, "live": live or 0})
        self.slug, self.live = slug, live


class NothingLive(Conflict):
    code = "nothing_live"

    def __init__(self, slug: str) -> None:
        super().__init__(_('"%(slug)s" has no live version to run. Publish one first.') % {"slug": slug})
        self.slug = slug


class NoDraft(Conflict):
    code = "no_draft"

    def __init__(self, slug: str) -> None:
        super().__init__(_('You have no saved draft of "%(slug)s". Save one, or run a version.') % {"slug": slug})
        self.slug = slug


class Archived(Conflict):
    code = "archived"

    def __init__(self, slug: str) -> None:
        super().__init__(_('Workflow "%(slug)s" is archived. Restore it first.') % {"slug": slug})
        self.slug = slug


class RunInProgress(Conflict):
    code = "run_in_progress"

    def __init__(self, slug: str, run: int, state: str) -> None:
        super().__init__(
            _('"%(slug)s" cannot be deleted while run %(run)d is %(state)s. Cancel it or wait until it ends.')
            % {"slug": slug, "run": run, "state": state}
        )
        self.slug, self.run, self.state = slug, run, state


class PoolMissing(Conflict):
    """The version uses a pool that is missing or has become too small."""

    code = "pool_missing"

    def __init__(self, slug: str, number: int, pool: str, wanted: int, slots: int | None) -> None:
        if slots is None:
            text = _(
                'Version %(number)d of "%(slug)s" cannot go live, because its pool "%(pool)s" does not exist. '
                "Create it with at least %(wanted)d slots."
            )
        else:
            text = _(
                'Version %(number)d of "%(slug)s" cannot go live, because one of its nodes needs %(wanted)d slots of '
                "pool "
                '"%(pool)s", which has %(slots)d. Add slots to the pool.'
            )
        super().__init__(text % {"number": number, "slug": slug, "pool": pool, "wanted": wanted, "slots": slots or 0})
        self.slug, self.number, self.pool, self.wanted, self.slots = slug, number, pool, wanted, slots


class PoolNamed(Conflict):
    """A live version uses the pool."""

    code = "in_use_by_version"

    def __init__(self, pool: str, users: Sequence[tuple[str, int, int]], slots: int | None = None) -> None:
        who = ", ".join(f"{slug} v{number}" for slug, number, _slots in users)
        if slots is None:
            text = _(
                'Pool "%(pool)s" cannot be deleted, because live versions use it: %(who)s. Deploy other versions first.'
            )
        else:
            text = _(
                'Pool "%(pool)s" cannot be reduced to %(slots)d slots, because nodes of live versions need more: '
                "%(who)s."
            )
        super().__init__(text % {"pool": pool, "who": who, "slots": slots or 0})
        self.pool, self.users = pool, list(users)
        """(slug, version, slots that one node needs), sorted."""


class StaleDraft(VersionsError):
    """The draft was saved meanwhile, most likely by the same user in another tab."""

    code = "stale_draft"

    def __init__(self, slug: str, expected: int, found: int) -> None:
        super().__init__(
            _(
                'Your draft of "%(slug)s" was saved elsewhere in the meantime. Nothing was saved. Reload it, then '
                "save again."
            )
            % {"slug": slug}
        )
        self.slug, self.expected, self.found = slug, expected, found


class Unusable(VersionsError):
    """The given value cannot be used."""

    code = "unusable"


class NotADocument(Unusable):
    """The definition is not a JSON object. `problems` has this one problem."""

    code = "invalid_document"

    def __init__(self, found: Any) -> None:
        message = gettext_noop("A definition must be a JSON object with schema, nodes and edges, not {value}.")
        sentence = Sentence(message, {"value": format_value(found)})
        super().__init__(sentence)
        self.problems = [Problem("not_an_object", sentence, "")]


class DraftTooLarge(Unusable):
    code = "too_large"

    def __init__(self, bytes_max: int) -> None:
        super().__init__(
            _("A draft can have at most %(size)d MiB. Keep data in files.") % {"size": bytes_max // (1024 * 1024)}
        )
        self.bytes_max = bytes_max


class BadPatch(Unusable):
    code = "bad_patch"


class PatchDoesNotApply(Unusable):
    """The patch refers to something that the draft does not contain."""

    code = "patch_does_not_apply"


class ReasonMissing(Unusable):
    code = "reason_required"

    def __init__(self, slug: str) -> None:
        super().__init__(
            _('Enter a reason for rolling back "%(slug)s". It is recorded in the audit log.') % {"slug": slug}
        )
        self.slug = slug
