"""The key that signs cookies and links: from the environment, else kept in the home folder. Loads no Django."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from engine.config import ConfigError


def secret_key(home: Path) -> str:
    """The key; made at the first start. Raises ConfigError when the home folder cannot be used."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    try:
        key = _kept(home / "secret_key")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(
            f"the home folder {home} cannot be used ({home / 'secret_key'}: {why}). Give another by INTERLOCK_HOME."
        ) from None
    if not key:
        raise ConfigError(f"{home / 'secret_key'} is empty. Delete it, and a new one is made.")
    return key


def _kept(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"secret_key.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails when another process was first, so that both read one key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()
