"""`up` as a command. It loads no Django: the parent stays small, and its children start at once."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dashboard.secret_key import secret_key
from dashboard.up import listen
from dashboard.up.home import Holder, HomeLock, Refused
from dashboard.up.parent import Parent, say
from engine.config import Config, ConfigError, from_environment

HELP: Final = (
    "Start everything: migrate, make the first account, serve, run workflows. The first Ctrl-C (or SIGTERM) lets "
    "running nodes end for up to 10 s, the second ends at once. Exit code 0 after a stop that was asked for, 1 when it "
    "cannot start, 128 + the signal when it was ended at once."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000; 0: a free one)")
    parser.add_argument(
        "--no-worker", action="store_true",
        help="with INTERLOCK_EXECUTOR=celery: start none here, for nodes run on workers that others start",
    )  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Parse and run; the exit code. Also the place where every error becomes a sentence."""
    parser = argparse.ArgumentParser(prog="interlock up", description=HELP)
    add_arguments(parser)
    options = parser.parse_args(arguments)
    return run(options.host, options.port, has_worker=not options.no_worker)


def run(host: str, port: int, *, has_worker: bool) -> int:
    """Serve until asked to stop; the exit code. `has_worker`: where nodes run on workers, one is started too."""
    config: Config | None = None
    try:
        config = from_environment(os.environ)
        return _run(config, host, port, has_worker and config.executor == "celery")
    except (ConfigError, Refused, listen.CannotListen) as error:
        return _refused(str(error))
    except Exception as error:
        place = _record(config)
        return _refused(f"up failed by an error of its own: {error!r}.{place}")


def _run(config: Config, host: str, port: int, has_worker: bool) -> int:
    if not 0 <= port <= 65535:
        raise Refused(f"{port} is no port: give a number from 0 to 65535.")
    lock = HomeLock(config.run_folder)
    # The children ask for it too; only here its absence is one sentence.
    secret_key(config.home)
    sockets = listen.open_sockets(host, port)
    url = listen.address(host, sockets[0].getsockname()[1])
    public = listen.public_address(os.environ.get("ALLOWED_HOSTS", "")) if config.trust_proxy else ""
    # doctor asks at the first address, people are sent to the last.
    lock.describe(Holder(os.getpid(), url, public))
    parent = Parent(config.home, sockets, public or url, _environment(host), has_worker)
    needs_worker = config.executor == "celery" and not has_worker
    return parent.run(lambda prepared: _announce(url, public, host, needs_worker, prepared))


def _environment(host: str) -> dict[str, str]:
    """Of the children: as ours, and the address that people were told is one they may use."""
    environment = dict(os.environ)
    if not environment.get("ALLOWED_HOSTS") and not listen.is_any(host) and not listen.is_loopback(host):
        name = f"[{host}]" if ":" in host else host
        environment["ALLOWED_HOSTS"] = name
    return environment


def _announce(url: str, public: str, host: str, needs_worker: bool, prepared: Mapping[str, Any]) -> None:
    say(
        f"Interlock is ready: {public} (through the proxy, which asks {url})"
        if public
        else f"Interlock is ready: {url}"
    )
    if prepared["login_link"]:
        say(f"Sign in as admin, once, by this link: {prepared['login_link']}")
        say("It is printed at every start until you set a password (or start with INTERLOCK_ADMIN_PASSWORD).")
    if needs_worker:
        say("Nodes run on workers. Start at least one, here or on other hosts, in this environment:")
        say("    celery -A engine worker -Q default")
    if listen.is_any(host) and not os.environ.get("ALLOWED_HOSTS"):
        say("Set ALLOWED_HOSTS to the names that others use for this machine; now it answers to localhost alone.")
    if not listen.is_loopback(host):
        say("It listens beyond this machine. Editors can run code here: put TLS and a firewall before it.")
    say("Stop with Ctrl-C.")


def _refused(text: str) -> int:
    try:
        print(f"interlock: {text}", file=sys.stderr, flush=True)
    except OSError:
        pass
    return 1


def _record(config: Config | None) -> str:
    """Write the traceback of the error in hand into a file; where it is, in words."""
    if config is None:
        return ""
    log = config.home / "log" / "up.log"
    try:
        log.parent.mkdir(mode=0o700, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
    except OSError:
        return ""
    return f" More is in {log}."
