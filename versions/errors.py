"""What can be wrong with a wish about workflows and their versions.

    VersionsError
    ├── UnknownVersion       also an engine.errors.NotFound
    ├── Conflict             its state does not allow the wish
    │   └── SlugTaken OutdatedBase AlreadyLive NothingToRollBackTo NothingLive NoDraft Archived RunInProgress
    │       PoolMissing PoolNamed
    ├── StaleDraft           somebody saved first
    └── Unusable             what was given cannot be used
        └── NotADocument DraftTooLarge BadPatch PatchDoesNotApply ReasonMissing

Each has a stable `code`, its facts as attributes, and a message that says what to do next. None is worth
trying again unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from engine.errors import InterlockError, NotFound
from engine.problems import Problem, shown
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
    """It is there, but its state does not allow the wish."""

    code = "conflict"


class SlugTaken(Conflict):
    code = "slug_taken"

    def __init__(self, slug: str) -> None:
        super().__init__(_('A workflow with the slug "%(slug)s" exists already. Choose another.') % {"slug": slug})
        self.slug = slug


class OutdatedBase(Conflict):
    """Somebody published since the work was started, or it names a version to start from that never was."""

    code = "outdated_base_version"

    def __init__(
        self,
        slug: str,
        base_version: int | None,
        newest: WorkflowVersion | None,
        changes: Sequence[Mapping[str, Any]],
    ) -> None:
        if newest is None:
            text = _('Nothing was published: "%(slug)s" has no version %(base)s yet. Publish without a base version.')
        elif base_version is None:
            text = _(
                "Nothing was published: version %(newest)d of %(author)s is there, and this work was started from no "
                "version. Take over what differs, then publish with %(newest)d as base version."
            )
        elif not 1 <= base_version <= newest.number:
            text = _(
                'Nothing was published: "%(slug)s" never had a version %(base)d; the newest is %(newest)d. Name the '
                "version that this work was started from as base version."
            )
        else:
            text = _(
                "Nothing was published: version %(newest)d of %(author)s came after version %(base)s, which this "
                "work was started from. Take over what differs, then publish with %(newest)d as base version."
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
            _('Version %(number)d of "%(slug)s" is live already. Name another one.') % {"number": number, "slug": slug}
        )
        self.slug, self.number = slug, number


class NothingToRollBackTo(Conflict):
    code = "nothing_to_roll_back_to"

    def __init__(self, slug: str, live: int | None) -> None:
        if live is None:
            text = _('"%(slug)s" has nothing live yet. Publish a version first.')
        else:
            text = _('No version of "%(slug)s" was live before version %(live)d. Name a version to go to.')
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
        super().__init__(
            _('You have no saved draft of "%(slug)s" to run. Save one, or run a version.') % {"slug": slug}
        )
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
            _('"%(slug)s" cannot be deleted: run %(run)d is %(state)s. Cancel it, or wait for its end.')
            % {"slug": slug, "run": run, "state": state}
        )
        self.slug, self.run, self.state = slug, run, state


class PoolMissing(Conflict):
    """A version names a pool that is gone or has become too small."""

    code = "pool_missing"

    def __init__(self, slug: str, number: int, pool: str, wanted: int, slots: int | None) -> None:
        if slots is None:
            text = _(
                'Version %(number)d of "%(slug)s" cannot go live: its pool "%(pool)s" does not exist any more. '
                "Create it with %(wanted)d slots or more."
            )
        else:
            text = _(
                'Version %(number)d of "%(slug)s" cannot go live: a node of it takes %(wanted)d slots of pool '
                '"%(pool)s", which has %(slots)d. Give it more.'
            )
        super().__init__(text % {"number": number, "slug": slug, "pool": pool, "wanted": wanted, "slots": slots or 0})
        self.slug, self.number, self.pool, self.wanted, self.slots = slug, number, pool, wanted, slots


class PoolNamed(Conflict):
    """A live version names the pool."""

    code = "in_use_by_version"

    def __init__(self, pool: str, users: Sequence[tuple[str, int, int]], slots: int | None = None) -> None:
        who = ", ".join(f"{slug} v{number}" for slug, number, _slots in users)
        if slots is None:
            text = _('Pool "%(pool)s" cannot be deleted: live versions name it (%(who)s). Deploy others first.')
        else:
            text = _('Pool "%(pool)s" cannot have %(slots)d slots: nodes of live versions take more at once (%(who)s).')
        super().__init__(text % {"pool": pool, "who": who, "slots": slots or 0})
        self.pool, self.users = pool, list(users)
        """(slug, version, slots that one node takes), sorted."""


class StaleDraft(VersionsError):
    """Somebody, most likely the same person in another tab, saved first."""

    code = "stale_draft"

    def __init__(self, slug: str, expected: int, found: int) -> None:
        super().__init__(
            _(
                'Your draft of "%(slug)s" was saved from somewhere else meanwhile. Nothing was stored; load it again, '
                "then save."
            )
            % {"slug": slug}
        )
        self.slug, self.expected, self.found = slug, expected, found


class Unusable(VersionsError):
    """What was given cannot be used."""

    code = "unusable"


class NotADocument(Unusable):
    """A definition that is no JSON object; `problems` has the one problem."""

    code = "invalid_document"

    def __init__(self, found: Any) -> None:
        message = _("A definition is a JSON object with schema, nodes and edges; this is %(found)s.") % {
            "found": shown(found)
        }
        super().__init__(message)
        self.problems = [Problem("not_an_object", message, "")]


class DraftTooLarge(Unusable):
    code = "too_large"

    def __init__(self, bytes_max: int) -> None:
        super().__init__(
            _("A draft holds at most %(size)d MiB. Keep data in files.") % {"size": bytes_max // (1024 * 1024)}
        )
        self.bytes_max = bytes_max


class BadPatch(Unusable):
    code = "bad_patch"


class PatchDoesNotApply(Unusable):
    """A patch that asks for what the draft does not have."""

    code = "patch_does_not_apply"


class ReasonMissing(Unusable):
    code = "reason_required"

    def __init__(self, slug: str) -> None:
        super().__init__(_('Say why "%(slug)s" is rolled back: the reason goes into the audit log.') % {"slug": slug})
        self.slug = slug
