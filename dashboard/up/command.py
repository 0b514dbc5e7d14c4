"""The `up` command. It loads no Django: this process stays small, and its children start at once."""

import argparse
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dashboard.secret_key import secret_key
from dashboard.up import listen
from dashboard.up.home import HomeLock, Refused, RunningUp
from dashboard.up.manager import ProcessManager, say
from engine.config import Config, ConfigError, from_environment

HELP: Final = (
    "Start everything: migrate the database, create the first account, serve pages and run workflows. The first Ctrl-C "
    "(or SIGTERM) lets running nodes finish for up to 10 s, the second stops at once. Exit code 0 after a requested "
    "stop, 1 if it cannot start, 128 + the signal if stopped at once."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000; 0: a free one)")
    parser.add_argument(
        "--no-worker", action="store_true",
        help="with INTERLOCK_EXECUTOR=celery: start no worker here, because nodes run on other workers",
    )  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Parse the arguments and run. Return the exit code."""
    os.umask(0o077)
    parser = argparse.ArgumentParser(prog="interlock up", description=HELP)
    add_arguments(parser)
    options = parser.parse_args(arguments)
    return run(options.host, options.port, has_worker=not options.no_worker)


def run(host: str, port: int, *, has_worker: bool) -> int:
    """Serve until asked to stop. Return the exit code; every error is printed as one sentence.

    With `has_worker`, a Celery worker is started too if nodes run on workers.
    """
    config: Config | None = None
    try:
        config = from_environment(os.environ)
        return _run(config, host, port, has_worker and config.executor == "celery")
    except (ConfigError, Refused, listen.CannotListen) as error:
        return _fail(str(error))
    except Exception as error:
        place = _record(config)
        return _fail(f"up failed with an internal error: {error!r}.{place}")


def _run(config: Config, host: str, port: int, has_worker: bool) -> int:
    if not 0 <= port <= 65535:
        raise Refused(f"{port} is not a port: use a number from 0 to 65535.")
    lock = HomeLock(config.run_folder)
    # The children need the key too. Checked here, a missing one is a single sentence.
    secret_key(config.home)
    sockets = listen.open_sockets(host, port)
    url = listen.address(host, sockets[0].getsockname()[1])
    public = listen.public_address(os.environ.get("ALLOWED_HOSTS", "")) if config.trust_proxy else ""
    # `doctor` uses the local URL, people use the public one.
    lock.describe(RunningUp(os.getpid(), url, public))
    manager = ProcessManager(config.home, sockets, public or url, _environment(host), has_worker)
    needs_worker = config.executor == "celery" and not has_worker
    return manager.run(lambda prepared: _announce(url, public, host, needs_worker, prepared))


def _environment(host: str) -> dict[str, str]:
    """Return the environment of the children. If ALLOWED_HOSTS is not set, it allows the given `host`."""
    environment = dict(os.environ)
    if not environment.get("ALLOWED_HOSTS") and not listen.is_any(host) and not listen.is_loopback(host):
        name = f"[{host}]" if ":" in host else host
        environment["ALLOWED_HOSTS"] = name
    return environment


def _announce(url: str, public: str, host: str, needs_worker: bool, prepared: Mapping[str, Any]) -> None:
    say(
        f"Interlock is ready: {public} (through the proxy, which forwards to {url})"
        if public
        else f"Interlock is ready: {url}"
    )
    if prepared["login_link"]:
        say(f"Sign in as admin with this one-time link: {prepared['login_link']}")
        say("A new link is printed at every start until you set a password (or INTERLOCK_ADMIN_PASSWORD).")
    if needs_worker:
        say("Nodes run on workers. Start at least one, here or on another host, with the same environment:")
        say("    celery -A engine worker -Q default")
    if listen.is_any(host) and not os.environ.get("ALLOWED_HOSTS"):
        say("Only localhost is allowed. Set ALLOWED_HOSTS to the host names that others use for this machine.")
    if not listen.is_loopback(host):
        say("Other machines can connect. Editors can run code here: protect it with TLS and a firewall.")
    say("Stop with Ctrl-C.")


def _fail(text: str) -> int:
    try:
        print(f"interlock: {text}", file=sys.stderr, flush=True)
    except OSError:
        pass
    return 1


def _record(config: Config | None) -> str:
    """Write the current traceback to a file. Return a sentence that says where it is."""
    if config is None:
        return ""
    log = config.home / "log" / "up.log"
    try:
        log.parent.mkdir(mode=0o700, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
    except OSError:
        return ""
    return f" See {log}."
