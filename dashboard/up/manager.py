"""The parent process of `up`: starts the web and scheduler processes, and a worker if nodes run on workers.

It restarts processes that crash and stops all when asked. It does little on purpose: the web process prepares the
database while the others import their modules; when it reports success, the others are told to begin.
"""

import http.client
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final

from dashboard.up import listen
from dashboard.up.home import Refused
from dashboard.up.parent_link import GO

DRAIN_SECONDS: Final = 10.0
"""From the first signal until running nodes are interrupted."""
LEAVE_SECONDS: Final = 3.0
"""How long a worker may take to exit after its nodes have ended."""
END_SECONDS: Final = 2.0
"""How long a child may take to exit before it is killed."""
CRASHES_MAX: Final = 3
"""How often a child may exit before the product was ever ready. Then `up` gives up."""
BACK_OFF: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
LONG_LIFE_SECONDS: Final = 60.0
"""A child that ran this long is restarted without delay."""
SLOW_START_SECONDS: Final = 20.0
SAME_SIGNAL_SECONDS: Final = 0.02
"""Signals this close together count as one: some programs (timeout) send theirs to the process and to its group."""


def say(text: str = "") -> None:
    """Print a line. A terminal that is gone is no reason to stop."""
    try:
        print(text, flush=True)
    except OSError:
        # Python would keep the unprinted text and fail to print it at exit, with exit code 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Child:
    """One process that must run while the product runs."""

    def __init__(self, role: str, environment: Mapping[str, str], pass_fds: tuple[int, ...] = ()) -> None:
        self.role = role
        self._environment, self._pass_fds = environment, pass_fds
        self.process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._started_at = 0.0
        self.crashes = 0
        """Early exits in a row."""
        self._unread = b""
        self.start_at: float | None = None
        """When to restart it (monotonic), while it waits for that."""

    def start(self, *more: str) -> None:
        """Start the process, with additional arguments."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            listeners = [argument for number in self._pass_fds for argument in ("--listen", str(number))]
            self.process = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__).with_name("child.py")), self.role,
                 "--parent", str(os.getpid()), "--channel", str(theirs.fileno()), *listeners, *more],
                env=dict(self._environment), stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(), *self._pass_fds),
                # The terminal's Ctrl-C goes to this process alone, which then stops the children in order.
                process_group=0,
            )  # fmt: skip
        self._channel, self._started_at, self.start_at, self._unread = ours, time.monotonic(), None, b""

    def reports(self) -> list[dict[str, Any]]:
        """Return what the child has reported since the last call."""
        assert self._channel is not None
        try:
            while data := self._channel.recv(65536):
                self._unread += data
        except OSError:
            pass  # Nothing more to read, or the child has exited.
        *lines, self._unread = self._unread.split(b"\n")
        return [json.loads(line) for line in lines]

    def go(self) -> None:
        """Tell the child that the database is ready."""
        assert self._channel is not None
        try:
            self._channel.send(GO)
        except OSError:
            pass  # The child has exited; its exit code says more.

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.alive:
            self.process.send_signal(number)

    def record_exit(self) -> str:
        """Record that the child has exited and when to restart it. Return how it exited, in words."""
        assert self.process is not None
        assert self._channel is not None
        self._channel.close()
        if time.monotonic() - self._started_at > LONG_LIFE_SECONDS:
            self.crashes = 0
        self.start_at = time.monotonic() + BACK_OFF[min(self.crashes, len(BACK_OFF) - 1)]
        self.crashes += 1
        code = self.process.returncode
        self.process = None
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"exited with code {code}"


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP as a count and a readable descriptor. The handlers do nothing else."""

    def __init__(self) -> None:
        self.stops = 0
        self.last = signal.SIGTERM
        self._stopped_at = float("-inf")
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        # Only wakes the loop when a child exits.
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._stopped_at < SAME_SIGNAL_SECONDS:
            return
        self.stops += 1
        self.last, self._stopped_at = signal.Signals(number), now

    def drain(self) -> None:
        try:
            while self.reader.recv(1024):
                pass
        except BlockingIOError:
            pass


class ProcessManager:
    """One run of `up`."""

    def __init__(
        self,
        home: Path,
        sockets: list[socket.socket],
        base_url: str,
        environment: Mapping[str, str],
        has_worker: bool = False,
    ) -> None:
        self._home, self._url = home, base_url
        self._sockets = sockets
        for one in sockets:
            one.setblocking(False)
        self.signals = StopSignals()
        self.scheduler = Child("scheduler", environment)
        self.web = Child("web", environment, tuple(one.fileno() for one in sockets))
        self.worker = Child("worker", environment) if has_worker else None
        self.children = (self.web, self.scheduler, *([self.worker] if self.worker else []))
        self.prepared: dict[str, Any] | None = None
        """The report of the web process that it has prepared the database; None until then."""
        self.ready = False

    def run(self, announce: Callable[[Mapping[str, Any]], None]) -> int:
        """Start all, serve, drain. Return the exit code. Raises Refused.

        0 if stopped as asked, 128 + the signal if a second one stopped it at once. `announce` is called with the report
        of the preparation when the product is ready.
        """
        started = time.monotonic()
        try:
            for child in self.children:
                self._start(child)
            with selectors.DefaultSelector() as selector:
                selector.register(self.signals.reader, selectors.EVENT_READ)
                warned = False
                while not self.signals.stops:
                    self._check_children()
                    if not self.ready:
                        part = self._not_ready()
                        if part is None:
                            self.ready = True
                            announce(self.prepared or {})
                        elif not warned and time.monotonic() - started > SLOW_START_SECONDS:
                            warned = True
                            say(f"Still starting: {part}. See {self._home / 'log'}.")
                    selector.select(self._pause())
                    self.signals.drain()
                if self.prepared is None:
                    # Stopped before it began: the children have done nothing that needs to be finished.
                    say("Stopped.")
                    return 0
                return self._stop(selector)
        finally:
            self._kill()

    def _start(self, child: Child) -> None:
        if self.prepared is None:
            child.start(*(("--prepare", self._url) if child is self.web else ()))
        else:
            child.start()
            child.go()

    def _pause(self) -> float:
        """Return the seconds until something is to be done without a signal."""
        if not self.ready:
            return 0.05
        due = [child.start_at for child in self.children if child.start_at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else 60.0

    def _check_children(self) -> None:
        for child in self.children:
            if self.prepared is None and child.process is not None:
                self._read_reports(child)
            if child.process is not None and not child.alive:
                how = child.record_exit()
                if not self.ready and child.crashes >= CRASHES_MAX:
                    raise Refused(
                        f"The {child.role} process {how}, {child.crashes} times in a row. "
                        f"See {self._home / 'log' / (child.role + '.log')}."
                    )
                say(f"The {child.role} process {how}. Restarting it.")
            if child.start_at is not None and time.monotonic() >= child.start_at:
                self._start(child)

    def _read_reports(self, child: Child) -> None:
        """Handle the reports of a child during the start. Raises Refused if it cannot continue."""
        for report in child.reports():
            if refusal := report.get("refused"):
                raise Refused(str(refusal))
            self.prepared = report
            for one in self.children:
                one.go()

    def _not_ready(self) -> str | None:
        """Return what is not ready, in words; None if /readyz reports success."""
        if self.prepared is None:
            return "the database is being prepared"
        host, port = self._sockets[0].getsockname()[:2]
        connection = http.client.HTTPConnection("127.0.0.1" if listen.is_any(host) and ":" not in host else host, port,
                                                timeout=0.5)  # fmt: skip
        try:
            connection.request("GET", "/readyz", headers={"Host": f"localhost:{port}"})
            response = connection.getresponse()
            body = response.read(4096)
            if response.status == 200:
                return None
            return _readiness_text(body) or f"/readyz returned {response.status}"
        except (OSError, http.client.HTTPException):
            return "the web process does not respond yet"
        finally:
            connection.close()

    def _stop(self, selector: selectors.BaseSelector) -> int:
        """Drain, then stop. Return the exit code."""
        say(
            f"\nStopping. Running nodes have up to {DRAIN_SECONDS:.0f} s to finish; press Ctrl-C again to stop them "
            f"now."
        )
        # The pages stay available meanwhile, and so does the scheduler while a worker still reports.
        at_once = False
        for child, seconds in ((self.worker, DRAIN_SECONDS + LEAVE_SECONDS), (self.scheduler, DRAIN_SECONDS + 1)):
            if child is not None:
                at_once = self._drain(child, seconds, selector) or at_once
        self.web.signal(signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        while self.web.alive and time.monotonic() < deadline and self.signals.stops == 1:
            selector.select(max(0.0, deadline - time.monotonic()))
            self.signals.drain()
        if at_once or self.signals.stops > 1:
            say("Stopped at once.")
            return 128 + self.signals.last
        say("Stopped.")
        return 0

    def _drain(self, child: Child, seconds: float, selector: selectors.BaseSelector) -> bool:
        """Let a child finish what it runs, for at most `seconds`. Return whether it was stopped at once."""
        deadline = time.monotonic() + seconds
        child.signal(signal.SIGTERM)
        at_once = False
        while child.alive:
            if self.signals.stops > 1 and not at_once:
                at_once = True
                self.web.signal(signal.SIGKILL)
                child.signal(signal.SIGTERM)
                deadline = min(deadline, time.monotonic() + END_SECONDS)
            if time.monotonic() >= deadline:
                child.signal(signal.SIGKILL)
                break
            selector.select(max(0.0, min(deadline - time.monotonic(), 1.0)))
            self.signals.drain()
        return at_once

    def _kill(self) -> None:
        for child in self.children:
            child.signal(signal.SIGKILL)
            if child.process is not None:
                child.process.wait()


def _readiness_text(body: bytes) -> str:
    """Return what /readyz reports as missing, in any format."""
    try:
        found = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace").strip()[:200]
    if isinstance(found, dict):
        parts = [f"{name}: {state}" for name, state in found.items() if isinstance(state, str) and state != "ok"]
        return ", ".join(parts)[:200]
    return ""
