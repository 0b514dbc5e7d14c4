"""The client of the checker process. It starts the process for the first question and restarts it after a failure.

One checker process serves all threads of one process. Several questions are sent together and answered in order, which
saves context switches on a busy machine. A process that crashes, hangs or cannot be started never fails the caller: the
answer is then Crashed or Busy.
"""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

log = logging.getLogger("interlock.sql_check")

MAIN: Final = Path(__file__).resolve().parent / "child.py"
QUESTION_SECONDS: Final = 3
"""Processor time for a query; wall time for reading files."""
WALL_FACTOR: Final = 10
"""On a busy machine a query, and the first answer of a process, may take this many times longer in wall time."""
EARLY_EXIT_SECONDS: Final = 0.3
"""A process that ends within this time cannot have ended because of the question."""
ANSWER_BYTES_MAX: Final = 16 << 20
PENDING_MAX: Final = 32
PENDING_BYTES_MAX: Final = 48 << 10
"""Of questions sent and not answered: the socket buffers hold them while neither side reads."""
FAILURES_MAX: Final = 3
BACKOFF_SECONDS: Final = 30.0
"""After FAILURES_MAX failures in a row no process is started for this long."""

Answer = dict[str, Any]


class Busy(Exception):
    """The answer did not come in time. The process goes on, so the same question may be answered next time."""


class Crashed(Exception):
    """The process ended over this question, which should not be asked again soon."""


class _ProcessEnded(Exception):
    """The process has ended or must be killed; `early`: before it can have read the question."""

    def __init__(self, *, early: bool) -> None:
        self.early = early


@dataclass(slots=True)
class _Question:
    line: bytes
    reads_files: bool
    """It may wait for a disk, which takes no processor time."""


class Checker:
    """The checker process of this process."""

    def __init__(self, seconds: int = QUESTION_SECONDS, idle_seconds: float | None = None) -> None:
        self._seconds = seconds
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._pending: deque[_Question] = deque()
        """Sent and not answered, in the order of their answers."""
        self._received = bytearray()
        """The part of the next answer that has arrived."""
        self._since = 0.0
        """When the process began to work on the first pending question."""
        self._answered = False
        """Whether the process has answered anything; until then it may still be starting."""
        self._owner = 0
        self._failures = 0
        self._backoff_until = 0.0

    @property
    def pid(self) -> int | None:
        """Of the process, while it runs."""
        child = self._child
        return child.pid if child is not None and child.returncode is None else None

    def ask(self, question: dict[str, Any], *, until: float) -> Answer:
        """Return the answer to one question, by the monotonic time `until`. Raises Busy, Crashed."""
        (answer,) = self.ask_all([question], until=until)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask_all(self, questions: Sequence[dict[str, Any]], *, until: float) -> list[Answer | Busy | Crashed]:
        """Return the answer to each question, or the reason why there is none."""
        asked = [_Question(json.dumps(one).encode() + b"\n", one["op"] != "sql") for one in questions]
        answers: dict[bytes, Answer | Crashed] = {}
        left = until - time.monotonic()
        if left > 0 and self._lock.acquire(timeout=min(left, threading.TIMEOUT_MAX)):
            try:
                self._answer_all(asked, answers, until)
            except Busy:
                pass
            finally:
                self._lock.release()
        return [answers.get(one.line, Busy()) for one in asked]

    def _answer_all(self, asked: Sequence[_Question], answers: dict[bytes, Answer | Crashed], until: float) -> None:
        """Put the answers into `answers` by the lines of the questions. Raises Busy."""
        waiting = {one.line: one for one in asked}
        again: bytes | None = None
        while waiting:
            if time.monotonic() < self._backoff_until:
                answers.update((line, Crashed()) for line in waiting)
                return
            fresh = self._socket is None or self._owner != os.getpid()
            try:
                if fresh:
                    self._start()
                self._send(waiting.values())
                first, text = self._next(until)
                answer: Answer = json.loads(text)
            except _ProcessEnded as ended:
                first = self._pending[0].line if self._pending else b""
                self._end()
                if not fresh and ended.early and again != first:
                    # It may have been idle for too long, or killed, before the question reached it.
                    again = first
                    continue
                # The caller of an earlier question may have given up.
                if waiting.pop(first, None):
                    answers[first] = Crashed()
                    self._failed()
            except OSError as error:
                log.warning("sql_checker_not_started error=%s", error)
                self._failed()
                answers.update((line, Crashed()) for line in waiting)
                return
            else:
                self._failures = 0
                if waiting.pop(first, None):
                    answers[first] = answer

    def close(self) -> None:
        """End the process; the next question starts another."""
        with self._lock:
            self._end()
            self._failures, self._backoff_until = 0, 0.0

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            self._failures = 0
            self._backoff_until = time.monotonic() + BACKOFF_SECONDS

    def _start(self) -> None:
        # After a fork the process belongs to the parent; only this copy of the socket is closed.
        if self._socket is not None:
            self._socket.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            names = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH")
            idle = ("--idle", str(self._idle_seconds)) if self._idle_seconds is not None else ()
            self._child = subprocess.Popen(
                [sys.executable, "-I", str(MAIN), "--seconds", str(self._seconds), *idle],
                stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=True, cwd="/",
                env={name: os.environ[name] for name in names if name in os.environ}, start_new_session=True,
            )  # fmt: skip
        self._socket, self._owner, self._answered = ours, os.getpid(), False
        # Reaps the process when it ends.
        threading.Thread(target=self._child.wait, name="sql-checker-wait", daemon=True).start()
        self._forget()

    def _send(self, questions: Iterable[_Question]) -> None:
        """Send as many of the wanted questions as may be pending together. Raises _ProcessEnded."""
        assert self._socket is not None
        pending = {one.line for one in self._pending}
        size = sum(map(len, pending))
        new: list[_Question] = []
        for one in questions:
            if one.line in pending:
                continue
            size += len(one.line)
            if (self._pending or new) and (size > PENDING_BYTES_MAX or len(self._pending) + len(new) >= PENDING_MAX):
                break
            new.append(one)
        if not new:
            return
        if not self._pending:
            self._since = time.monotonic()
        self._pending.extend(new)
        try:
            # The process reads everything, so this does not block.
            self._socket.settimeout(self._seconds * WALL_FACTOR)
            self._socket.sendall(b"".join(one.line for one in new))
        except OSError:
            raise _ProcessEnded(early=True) from None

    def _next(self, until: float) -> tuple[bytes, bytes]:
        """Return the first pending question and its answer, as lines. Raises _ProcessEnded, Busy."""
        assert self._socket is not None
        first = self._pending[0]
        # Reading a file may wait for a disk. The process itself limits the time of a query.
        last = self._since + (self._seconds if first.reads_files and self._answered else self._seconds * WALL_FACTOR)
        while (end := self._received.find(b"\n")) < 0:
            now = time.monotonic()
            if now >= last:
                raise _ProcessEnded(early=False)
            if now >= until:
                raise Busy
            try:
                self._socket.settimeout(max(0.001, min(until, last) - now))
                data = self._socket.recv(1 << 18)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data or len(self._received) > ANSWER_BYTES_MAX:
                raise _ProcessEnded(early=time.monotonic() - self._since < EARLY_EXIT_SECONDS)
            self._received += data
        answer = bytes(self._received[:end])
        del self._received[: end + 1]
        self._pending.popleft()
        self._since, self._answered = time.monotonic(), True
        return first.line, answer

    def _end(self) -> None:
        if self._child is not None and self._owner == os.getpid() and self._child.returncode is None:
            self._child.kill()
        if self._socket is not None:
            self._socket.close()
        self._child = self._socket = None
        self._forget()

    def _forget(self) -> None:
        self._pending.clear()
        self._received.clear()


checker: Final = Checker()
"""The checker that all threads of this process share."""
