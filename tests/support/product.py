"""The whole product as a user starts it: `manage.py up` in its own home, used over HTTP."""

import contextlib
import fcntl
import functools
import html
import http.client
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.inspect import procfs
from engine.supervisor.cleanup import mark_prefix
from tests.support.wait import WAIT_SECONDS, wait_until

ROOT = Path(__file__).resolve().parents[2]
LINK = r"/sign-in/link/[\w-]+/?"


class _Ports:
    """Ports of the loopback for this test process alone, in turn: a hundred of those that the system does not assign
    itself, so that no other test or client takes one while its server is down for a moment."""

    FIRST, EACH, BLOCKS = 12_000, 100, 200

    def __init__(self) -> None:
        folder = Path(tempfile.gettempdir()) / "interlock-test-ports"
        folder.mkdir(exist_ok=True)
        for block in range(self.BLOCKS):
            self._lock = (folder / str(block)).open("a")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._lock.close()
                continue
            self._turns = itertools.cycle(range(self.FIRST + block * self.EACH, self.FIRST + (block + 1) * self.EACH))
            return
        raise AssertionError(f"{self.BLOCKS} test processes use ports ({folder})")

    def next(self) -> int:
        for port in itertools.islice(self._turns, self.EACH):
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
        raise AssertionError("all ports of this test process are in use")


_ports = functools.cache(_Ports)


def free_port() -> int:
    """Return a port of the loopback on which nothing listens now."""
    return _ports().next()


def processes_with(*texts: str) -> list[int]:
    """Return the processes on this machine whose environment contains one of these texts, without this one."""
    wanted = [text.encode() for text in texts]
    environments = {pid: procfs.environment(pid) for pid in procfs.processes() if pid != os.getpid()}
    return [pid for pid, held in environments.items() if any(text in held for text in wanted)]


def csrf_token(page: str) -> str:
    """Return the token that a form of this page sends."""
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token, page
    return token[1]


class Answer:
    """One HTTP answer: `status`, `headers`, `body` (bytes) and `json` (parsed on demand)."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Product:
    """A running `up`. `environment` is added to the clean one that it starts in."""

    started_by = "up"
    has_worker = False
    """Whether `up` starts a worker where nodes run on workers. Most tests have their own."""
    source = ROOT
    """Where its code is."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home, self.port = home, free_port()
        self.log = home.with_name(home.name + ".log")
        self.environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "INTERLOCK_HOME": str(home),
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._token = ""
        self._door: urllib.request.OpenerDirector | None = None

    def start(self, timeout: float = WAIT_SECONDS) -> "Product":
        """Start `up` and wait until /readyz answers 200."""
        options = ["--no-worker"] if self.started_by == "up" and not self.has_worker else []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", self.started_by, "--port", str(self.port), *options],
                cwd=self.source, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + timeout
        while True:
            with contextlib.suppress(OSError):
                if self.call("GET", "/readyz", token=False).status == 200:
                    return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the product did not become ready:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.02)

    def tree(self) -> list[int]:
        """Return the current process ids of `up` and all its descendants."""
        assert self.process is not None
        return sorted(procfs.descendants(procfs.processes(), [self.process.pid]))

    def marked(self) -> list[int]:
        """Return the processes on this machine that have this home or its mark in their environment, without
        this one."""
        return processes_with(str(self.home), mark_prefix(self.home))

    def kill(self) -> None:
        """Kill everything that belongs to it with SIGKILL at once."""
        assert self.process is not None
        if self.process.poll() is not None:
            # Its pid may be another process's by now, and what it started has died with it.
            return
        for pid in self.tree():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout: float = 20) -> int:
        """Send SIGTERM, and return the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the product did not stop:\n{self.log.read_text()[-4000:]}") from None

    def command(self, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py ...` with the same home; `environment` is added to its own."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.source, env={**self.environment, **environment}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def login_path(self, user: str = "admin") -> str:
        """Return the path of a one-time link of an installation without passwords. `up` prints the first; the others
        come from the page of users."""
        if self._door is None:
            self._door = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            self._post(self._door, self._first_link())
        page = self._post(self._door, f"/users/{user}/link/", "/users/")
        found = re.search(r'id="new-link">[^<]*?(/sign-in/link/[^<]+)<', page)
        assert found, page
        return html.unescape(found[1])

    def _first_link(self) -> str:
        if self.started_by == "up":
            printed = wait_until(lambda: re.findall(LINK, self.log.read_text()))[-1]
        else:
            printed = self.command("login-link", "--user", "admin").stdout
        return str(re.findall(LINK, printed)[-1])

    def sign_in(self, door: urllib.request.OpenerDirector) -> None:
        """Sign in as the first account in this opener."""
        printed = self.command("login-link", "--user", "admin").stdout
        self._post(door, str(re.findall(LINK, printed)[-1]))

    def _post(self, door: urllib.request.OpenerDirector, path: str, form: str = "") -> str:
        """Open the page `form` (else `path`), send its token to `path`, and return the answer's text."""
        host = f"http://127.0.0.1:{self.port}"
        page = door.open(host + (form or path)).read().decode()
        form = urllib.parse.urlencode({"csrfmiddlewaretoken": csrf_token(page)})
        request = urllib.request.Request(host + path, form.encode())
        request.add_header("Origin", host)
        return str(door.open(request).read().decode())

    @property
    def token(self) -> str:
        if not self._token:
            self._token = self.command("token", "--user", "admin").stdout.strip()
        return self._token

    @token.setter
    def token(self, token: str) -> None:
        self._token = token

    def call(
        self, method: str, path: str, body: Any = None, *, token: bool = True, timeout: float = 70, **headers: str
    ) -> Answer:
        """Send one request on its own connection, with `body` as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = None
        if isinstance(body, bytes):
            data = body
        elif body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def api(
        self, method: str, path: str, body: Any = None, *, expect: int | tuple[int, ...] = (200, 201, 202, 204)
    ) -> Any:
        """Make a call under /api/v1/ that must answer as expected, and return the parsed body."""
        answer = self.call(method, f"/api/v1/{path}", body)
        wanted = (expect,) if isinstance(expect, int) else expect
        assert answer.status in wanted, f"{method} {path}: {answer.status} {answer.body[:2000]!r}"
        return answer.json if answer.body else None

    def publish(self, slug: str, nodes: list[dict[str, Any]], edges: list[dict[str, Any]], **settings: Any) -> None:
        """Create a workflow with one live version."""
        self.api("POST", "workflows/", {"name": slug, "slug": slug})
        definition = {"schema": "interlock/1", "nodes": nodes, "edges": edges, "settings": settings}
        self.api("POST", f"workflows/{slug}/versions/", {"definition": definition, "message": "first"})

    def ended(self, run: str, timeout: float = WAIT_SECONDS) -> Any:
        """Return the run when it is terminal."""

        def terminal() -> Any:
            found = self.api("GET", f"runs/{run}/")
            assert (found["finished_at"] is None) == (found["state"] in ("queued", "running", "paused"))
            return found if found["finished_at"] else None

        return wait_until(terminal, timeout, interval=0.05)

    def end(self) -> None:
        """Leave nothing of it, whatever happened."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(AssertionError):
                self.stop()
        for pid in self.marked():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
