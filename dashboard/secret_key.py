"""The key that signs cookies and links: from the environment, else stored in the home folder. Loads no Django."""

import os
import secrets
from pathlib import Path

from engine.config import ConfigError


def secret_key(home: Path) -> str:
    """Return the key; it is created at the first start. Raises ConfigError if the home folder cannot be used."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    try:
        key = _stored(home / "secret_key")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(
            f"the home folder {home} cannot be used ({home / 'secret_key'}: {why}). Set INTERLOCK_HOME to another "
            f"folder."
        ) from None
    if not key:
        raise ConfigError(f"{home / 'secret_key'} is empty. Delete it to create a new one.")
    return key


def _stored(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"secret_key.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
        file.flush()
        os.fsync(file.fileno())
    try:
        # Linking fails if another process was faster, so that both read the same key.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return path.read_text().strip()
