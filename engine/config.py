"""The settings of an installation, read from the environment once at start and passed on as values."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

SETTINGS = (
    "INTERLOCK_HOME",
    "DATABASE_URL",
    "INTERLOCK_MAX_CONCURRENT",
    "INTERLOCK_WORKERS",
    "INTERLOCK_NODE_MEMORY_MB",
    "INTERLOCK_ARTIFACTS",
    "INTERLOCK_COPIES_MB",
    "INTERLOCK_RETENTION_DAYS",
    "INTERLOCK_NODE_PYTHON",
    "INTERLOCK_NODE_ENV",
    "INTERLOCK_DATA_ROOTS",
    "INTERLOCK_ADMIN_PASSWORD",
    "INTERLOCK_EXECUTOR",
    "INTERLOCK_TRUST_PROXY",
    "REDIS_URL",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
)
"""All variables that are settings; `dashboard.settings` reads the last three."""

REDIS_OPTIONS = ("ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_keyfile")
"""Options of a REDIS_URL that hints, the channel layer and Celery all understand."""

RETENTION_DAYS_MAX = 36_500
NODE_MEMORY_MB_MIN = 512
"""The smallest limit that is chosen for nodes; a setting may be smaller."""
CGROUP_MEMORY_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""What a container may use of the machine's memory, by the version of control groups."""


class ConfigError(Exception):
    """A variable has a value that cannot be used; the message names it and says what to enter."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one installation. Paths are absolute."""

    home: Path
    """Folder of the database, artifacts, files and the secret key."""
    database_url: str
    """Empty: SQLite under `home`."""
    redis_url: str
    """Empty: hints travel over a Unix socket under `home`."""
    executor: str
    """`local` or `celery`."""
    artifacts: str
    """Folder of the artifacts; with an object store, of the copies on this host."""
    max_concurrent: int
    """Nodes that run at once, in all runs together."""
    workers: int
    """Node processes on this host."""
    node_python: str
    """Interpreter of node types with `python` set (engine.nodes.base); empty: the product's own."""
    node_env: tuple[str, ...]
    """Names of the variables of the server's environment that node code gets."""
    data_roots: tuple[Path, ...]
    """Folders that absolute paths may point into; empty: anywhere."""
    admin_password: str
    trust_proxy: bool
    artifact_store: str = ""
    """URL of the object store for artifacts; empty: they are in the folder."""
    copies_mb: int = 10_240
    """How many MiB of copies of objects stay on this host."""
    retention_days: int = 30
    """How long runs that have ended are kept."""
    node_memory_mb: int | None = None
    """Limit on memory of nodes that have no `memory_mb`. None: none."""

    @property
    def files(self) -> Path:
        """Folder of uploads and samples; relative paths of nodes start here."""
        return self.home / "files"

    @property
    def closed(self) -> tuple[str, str]:
        """Folders in which nodes may use `files` only."""
        return str(self.home), self.artifacts

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
        """Number of node processes, which keeps the limit on nodes that run at once."""
        return max(1, min(self.workers, self.max_concurrent))


def from_environment(env: Mapping[str, str]) -> Config:
    """Return the configuration that `env` describes. Raises ConfigError."""
    home = _folder(env.get("INTERLOCK_HOME") or "~/.interlock", "INTERLOCK_HOME")
    executor = env.get("INTERLOCK_EXECUTOR") or "local"
    if executor not in ("local", "celery"):
        raise ConfigError(f'INTERLOCK_EXECUTOR is "{executor}"; set it to local or celery.')
    if executor == "celery":
        missing = [name for name in ("DATABASE_URL", "REDIS_URL") if not env.get(name)]
        if missing:
            raise ConfigError(
                f"INTERLOCK_EXECUTOR=celery needs {' and '.join(missing)}: a PostgreSQL database and a Redis server "
                "that all hosts reach. Set it, or unset INTERLOCK_EXECUTOR to run nodes on this host."
            )
    artifacts = env.get("INTERLOCK_ARTIFACTS") or str(home / "artifacts")
    store = ""
    if "://" in artifacts:
        store = _store_url(artifacts)
        # Not the folder of artifacts without an object store: those may have no other copy.
        artifacts = str(home / "artifact-copies")
    artifacts = str(_folder(artifacts, "INTERLOCK_ARTIFACTS"))
    max_concurrent = _positive_integer(env, "INTERLOCK_MAX_CONCURRENT", 10)
    workers = _positive_integer(env, "INTERLOCK_WORKERS", max(2, os.cpu_count() or 1))
    memory_mb = default_node_memory_mb(machine_memory_bytes(), min(workers, max_concurrent))
    return Config(
        home=home,
        database_url=_database_url(env.get("DATABASE_URL", "")),
        redis_url=_redis_url(env.get("REDIS_URL", "")),
        executor=executor,
        artifacts=artifacts,
        max_concurrent=max_concurrent,
        workers=workers,
        node_python=env.get("INTERLOCK_NODE_PYTHON", ""),
        node_env=tuple(env.get("INTERLOCK_NODE_ENV", "").replace(",", " ").split()),
        data_roots=tuple(
            Path(part).expanduser().absolute() for part in env.get("INTERLOCK_DATA_ROOTS", "").split(os.pathsep) if part
        ),
        admin_password=env.get("INTERLOCK_ADMIN_PASSWORD", ""),
        trust_proxy=_boolean(env, "INTERLOCK_TRUST_PROXY"),
        artifact_store=store,
        copies_mb=_positive_integer(env, "INTERLOCK_COPIES_MB", 10_240),
        retention_days=_positive_integer(env, "INTERLOCK_RETENTION_DAYS", 30, RETENTION_DAYS_MAX),
        node_memory_mb=_positive_integer(env, "INTERLOCK_NODE_MEMORY_MB", memory_mb),
    )


def default_node_memory_mb(machine_bytes: int, processes: int) -> int:
    """Return half of the machine's memory divided by its node processes, in MiB."""
    return max(NODE_MEMORY_MB_MIN, machine_bytes // 2 // processes // 2**20)


def machine_memory_bytes() -> int:
    """Return how much memory this machine or container has."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in CGROUP_MEMORY_FILES:
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            found = min(found, int(text))
    return found


def _store_url(url: str) -> str:
    match = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9._=-]+)*)/?", url)
    if match is None or {".", ".."} & set(match[2].split("/")):
        # The value may contain a password, so the message does not repeat it.
        raise ConfigError(
            "INTERLOCK_ARTIFACTS must be a folder, or look like s3://bucket/prefix, in letters, digits and . - _ =. "
            "Other schemes (gs://, abfs://) are not supported; Google Cloud Storage, MinIO, Ceph and others support "
            "S3. Set the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and the address of a server "
            "that is not Amazon's in AWS_ENDPOINT_URL."
        )
    return f"s3://{match[1]}{match[2]}"


def _database_url(url: str) -> str:
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        is_valid = (
            url.startswith(("postgres://", "postgresql://")) and bool(parts.path.strip("/")) and parts.port != 0
        )  # fmt: skip
    except ValueError:
        is_valid = False
    if not is_valid:
        # The value may contain a password, so the message does not repeat it.
        raise ConfigError(
            "DATABASE_URL must look like postgresql://user:password@host:5432/name, or be unset for SQLite. In a "
            "password, write / as %2F, @ as %40, # as %23, ? as %3F and % as %25."
        )
    if unknown := [name for name in database_options(url) if not _is_option(name)]:
        raise ConfigError(
            f'DATABASE_URL has the option "{unknown[0]}", which PostgreSQL does not know; valid options look like '
            "?sslmode=verify-full&sslrootcert=/path/to/ca.pem"
        )
    return url


def database_options(url: str) -> dict[str, str]:
    """Return the options after the ? of a DATABASE_URL."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def _is_option(name: str) -> bool:
    # Loaded only where there are options, because the driver takes time to load.
    import psycopg2.extensions

    try:
        psycopg2.extensions.make_dsn(**{name: "x"})
    except psycopg2.ProgrammingError:
        return False
    return True


def _redis_url(url: str) -> str:
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        number = parts.path.strip("/")
        is_valid = parts.port != 0 and (
            (parts.scheme in ("redis", "rediss") and bool(parts.hostname) and (not number or number.isdigit()))
            or (parts.scheme == "unix" and bool(number))
        )
    except ValueError:
        is_valid = False
    if not is_valid:
        # The value may contain a password, so the message does not repeat it.
        raise ConfigError(
            "REDIS_URL must look like redis://:password@host:6379/0 (rediss:// with TLS), or be unset on a single host."
        )
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if parts.scheme != "rediss" or name not in REDIS_OPTIONS:
            raise ConfigError(
                f'REDIS_URL has the option "{name}", which is not supported. With rediss:// it may have '
                f"{', '.join(REDIS_OPTIONS)}, as in ?ssl_ca_certs=/path/to/ca.pem"
            )
        if name == "ssl_cert_reqs" and value not in ("required", "optional", "none"):
            raise ConfigError("The option ssl_cert_reqs of REDIS_URL must be required, optional or none.")
    return url


def _folder(text: str, name: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ConfigError(f'{name} is "{text}", but there is no such user; use the full path.') from None


def _boolean(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "")
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("", "0", "false", "no", "off"):
        return False
    raise ConfigError(f'{name} is "{text}"; set it to 1, or unset it.')


def _positive_integer(env: Mapping[str, str], name: str, default: int, most: int = 999_999_999) -> int:
    text = env.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        limit = f" to {most}" if most < 999_999_999 else ""
        raise ConfigError(f'{name} is "{text}"; set it to a whole number from 1{limit}.')
    return int(text)
