"""What the environment says, read once at start (by `dashboard.settings`) and passed on as values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class ConfigError(Exception):
    """A setting in the environment that cannot be used; the message names it and says what to write."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one installation. Paths are absolute."""

    home: Path
    """Folder of the database, artifacts, files and the secret key."""
    database_url: str
    """Empty: SQLite under `home`."""
    redis_url: str
    executor: str
    """`local` or `celery`."""
    artifacts: str
    """Absolute folder, or an object-store URL."""
    max_concurrent: int
    """Nodes that run at once over all runs."""
    workers: int
    """Node processes on this host."""
    node_python: str
    """Interpreter of `python` and `python.function` nodes; empty: the product's own."""
    node_env: tuple[str, ...]
    """Names of variables that node code gets from the server's environment."""
    data_roots: tuple[Path, ...]
    """Folders that absolute paths may point into; empty: anywhere."""
    admin_password: str
    trust_proxy: bool

    @property
    def files(self) -> Path:
        """Where uploads and samples live; relative paths of nodes start here."""
        return self.home / "files"

    @property
    def database_file(self) -> Path:
        return self.home / "interlock.sqlite3"

    @property
    def run_folder(self) -> Path:
        """Sockets, locks and pid files of running processes."""
        return self.home / "run"

    @property
    def scratch(self) -> Path:
        """Temporary folders of attempts, one per claim."""
        return self.home / "scratch"

    @property
    def processes(self) -> int:
        """Node processes in use: the cap on all running nodes is kept by their number."""
        return max(1, min(self.workers, self.max_concurrent))


def from_environment(env: Mapping[str, str]) -> Config:
    """The configuration that `env` describes. Raises ConfigError, naming the variable."""
    home = Path(env.get("INTERLOCK_HOME") or "~/.interlock").expanduser().absolute()
    executor = env.get("INTERLOCK_EXECUTOR") or "local"
    if executor not in ("local", "celery"):
        raise ConfigError(f'INTERLOCK_EXECUTOR is "{executor}"; write local or celery.')
    if executor == "celery":
        raise ConfigError("INTERLOCK_EXECUTOR=celery is not available yet; leave it out to run nodes on this host.")
    artifacts = env.get("INTERLOCK_ARTIFACTS") or str(home / "artifacts")
    if "://" in artifacts:
        raise ConfigError("INTERLOCK_ARTIFACTS is an object-store URL, which is not available yet; give a folder.")
    artifacts = str(Path(artifacts).expanduser().absolute())
    return Config(
        home=home,
        database_url=env.get("DATABASE_URL", ""),
        redis_url=env.get("REDIS_URL", ""),
        executor=executor,
        artifacts=artifacts,
        max_concurrent=_positive(env, "INTERLOCK_MAX_CONCURRENT", 10),
        workers=_positive(env, "INTERLOCK_WORKERS", max(2, os.cpu_count() or 1)),
        node_python=env.get("INTERLOCK_NODE_PYTHON", ""),
        node_env=tuple(env.get("INTERLOCK_NODE_ENV", "").replace(",", " ").split()),
        data_roots=tuple(
            Path(part).expanduser().absolute() for part in env.get("INTERLOCK_DATA_ROOTS", "").split(os.pathsep) if part
        ),
        admin_password=env.get("INTERLOCK_ADMIN_PASSWORD", ""),
        trust_proxy=env.get("INTERLOCK_TRUST_PROXY", "") in ("1", "true", "yes"),
    )


def _positive(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name)
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f'{name} is "{text}"; write a whole number from 1.')
    return int(text)
