"""Preparation of a start: folders, schema, first account, samples."""

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
    """The product cannot start. The message says why and what to do."""


@dataclass(frozen=True)
class Prepared:
    """What a start has to report."""

    login_link: str
    """Signs in once; empty if the first account has a password."""
    new: bool
    """Whether the database was created by this start."""


def prepare(base_url: str) -> Prepared:
    """Prepare everything that `up` needs. Takes well under a second if there is nothing to do.

    Raises StartError or schema.SchemaError. Waits a few seconds for a Redis that does not respond.
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
            link = accounts.create_login_link(admin, base_url, by="interlock up")
    except DatabaseError as error:
        raise StartError(f"The database {schema.location()} cannot be written: {error}. Check that you may "
                         "write to it and to its folder, and that the disk is not full.") from error  # fmt: skip
    finally:
        connection.close()
    return Prepared(login_link=link, new=new)


def check_ready() -> str:
    """Check what a web process needs, without preparing anything. Return what is wrong with Redis, which is optional;
    empty if nothing is.

    Raises StartError or schema.SchemaError. Waits a few seconds for a Redis that does not respond.
    """
    make_folders()
    schema.require()
    if settings.INTERLOCK.redis_url:
        from engine.hints import check

        if trouble := check.find_problem(settings.INTERLOCK):
            return f"{trouble} Until then, pages poll the database every second."
    return ""


def _check_redis() -> None:
    """Raise StartError if Redis is unusable. Running work continues without Redis, but a start with a wrong URL
    would never have it."""
    from engine.hints import check

    found = check.find_problem(settings.INTERLOCK)
    if found is None:
        return
    if not found.is_warning:
        raise StartError(str(found))
    log.warning("%s", found)


def make_folders() -> None:
    """Create the home and its folders. Raises StartError, which names the folder."""
    config = settings.INTERLOCK
    for folder in (config.home, config.files, config.run_folder, config.scratch, Path(config.artifacts)):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not folder.is_dir():
                raise NotADirectoryError(20, "it is a file")
        except OSError as error:
            raise StartError(
                f"The folder {folder} cannot be created: {error.strerror}. Set INTERLOCK_HOME to a writable folder."
            ) from error
    _protect(config.database_file)


def _protect(database: Path) -> None:
    """Make the database private, in case it was created with another umask."""
    for file in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))):
        try:
            file.chmod(0o600)
        except OSError:
            # The file does not exist, or another account owns it and decides about its mode.
            continue


def first_account() -> User | None:
    """Return the account `admin`, created if there are no accounts; None if it was removed.

    INTERLOCK_ADMIN_PASSWORD sets its first password and never changes an existing one.
    """
    password = settings.INTERLOCK.admin_password
    admin = User.objects.filter(username=ADMIN).first()
    if admin is None:
        if User.objects.exists():
            return None
        admin = accounts.create_user(ADMIN, Role.ADMIN, by=ADMIN)
    if password and not accounts.has_password(admin):
        # Its strength is not checked: whoever controls the environment controls everything.
        admin.set_password(password)
        admin.save(update_fields=["password"])
    return admin if admin.is_active else None
