"""What a start makes sure of before the product serves: the folders, the schema, the first account, the samples."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from dashboard import accounts, samples
from dashboard.models import Role, User
from engine.database import schema

log = logging.getLogger("interlock.start")

ADMIN = "admin"


class StartError(Exception):
    """The product cannot start; the message says why and what to do."""


@dataclass(frozen=True)
class Prepared:
    """What there is to tell people after a start."""

    login_link: str
    """Signs in once; empty when the first account has a password."""
    new: bool
    """Whether this was the first start of the database."""


def prepare(base_url: str) -> Prepared:
    """Make ready what `up` needs. Writes; takes well under a second when there is nothing to do.

    Raises StartError, or schema.SchemaError. Waits a few seconds for a Redis that does not answer.
    """
    make_folders()
    new = schema.migrate()
    if settings.INTERLOCK.redis_url:
        _check_redis()
    try:
        admin = first_account()
        samples.install_once(by=ADMIN)
        link = ""
        if admin is not None and not accounts.has_password(admin):
            link = accounts.create_login_link(admin, base_url)
    except DatabaseError as error:
        raise StartError(f"The database {schema.place()} cannot be written: {error}. Check that you may "
                         "write to it and to its folder, and that the disk is not full.") from error  # fmt: skip
    finally:
        connection.close()
    return Prepared(login_link=link, new=new)


def look() -> str:
    """See to what a web process needs that prepares nothing; what is wrong with Redis, which it does without: empty,
    nothing is. Raises StartError, schema.SchemaError. Waits a few seconds for a Redis that does not answer."""
    make_folders()
    schema.require()
    if settings.INTERLOCK.redis_url:
        from engine.hints import check

        if found := check.find_problem(settings.INTERLOCK):
            return f"{found} Until then pages look into the database each second."
    return ""


def _check_redis() -> None:
    """Raises StartError: what runs goes on without Redis, but a start with a wrong address would never have it."""
    from engine.hints import check

    found = check.find_problem(settings.INTERLOCK)
    if found is None:
        return
    if not found.is_warning:
        raise StartError(str(found))
    log.warning("%s", found)


def make_folders() -> None:
    """Create the home and its folders. Raises StartError, naming the folder."""
    config = settings.INTERLOCK
    for folder in (config.home, config.files, config.run_folder, config.scratch, Path(config.artifacts)):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not folder.is_dir():
                raise NotADirectoryError(20, "it is a file")
        except OSError as error:
            raise StartError(
                f"The folder {folder} cannot be made: {error.strerror}. Set INTERLOCK_HOME to a folder that you may "
                "write to."
            ) from error


def first_account() -> User | None:
    """The account `admin`, made when there is no account at all; None when people removed it.

    INTERLOCK_ADMIN_PASSWORD sets its first password, and never changes one that is set.
    """
    password = settings.INTERLOCK.admin_password
    admin = User.objects.filter(username=ADMIN).first()
    if admin is None:
        if User.objects.exists():
            return None
        admin = accounts.create_user(ADMIN, Role.ADMIN, by=ADMIN)
    if password and not accounts.has_password(admin):
        # Not checked for its strength: who can set our environment may do as they like.
        admin.set_password(password)
        admin.save(update_fields=["password"])
    return admin if admin.is_active else None
