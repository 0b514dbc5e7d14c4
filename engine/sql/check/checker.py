"""The checker process as whoever asks sees it: started when first asked, killed when it is too slow, started again.

One process serves all threads of one process. Several questions are sent together, so that on a busy machine neither
side waits for its turn after each of them; they are answered one after another. That it crashes, hangs or cannot be
started is an answer like any other: `NOT_CHECKED`.
"""

from __future__ import annotations

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

log = logging.getLogger("interlock.sqlcheck")

MAIN: Final = Path(__file__).resolve().parent / "child.py"
QUESTION_SECONDS: Final = 3
"""Of the processor's time for a query, and of any time for a look at files."""
WALL_FACTOR: Final = 10
"""A query, and a process's first answer, may take so many times that where it gets little time of the machine."""
AT_ONCE_SECONDS: Final = 0.3
ANSWER_BYTES_MAX: Final = 16 << 20
TOGETHER_MAX: Final = 32
TOGETHER_BYTES_MAX: Final = 48 << 10
"""Of questions that are under way together: what both sides have room for while neither reads."""
FAILURES_MAX: Final = 3
REST_SECONDS: Final = 30.0
"""After so many failures in a row the process is left alone for so long."""

Answer = dict[str, Any]


class Busy(Exception):
    """The answer is not there in time. It may be the next time the same is asked, for the process goes on with it."""


class Crashed(Exception):
    """The process died, or was killed, over this question: it had better not be asked again soon."""


class _Gone(Exception):
    """The process has ended, or must; `at_once`: before it can have looked at the question."""

    def __init__(self, *, at_once: bool) -> None:
        self.at_once = at_once


@dataclass(slots=True)
class _Question:
    line: bytes
    waits: bool
    """For a disk, maybe: then its time is not the processor's."""


class Checker:
    """The one checker process of this process."""

    def __init__(self, seconds: int = QUESTION_SECONDS, idle_seconds: float | None = None) -> None:
        self._seconds = seconds
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._sent: deque[_Question] = deque()
        """Under way, in the order in which they are answered."""
        self._got = bytearray()
        """What has come of the next answer."""
        self._since = 0.0
        """When the process began with the first of them."""
        self._answered = False
        """Whether the process has answered anything: until then it may still be starting."""
        self._owner = 0
        self._failures = 0
        self._rest_until = 0.0

    @property
    def pid(self) -> int | None:
        """Of the process, as long as it lives."""
        child = self._child
        return child.pid if child is not None and child.returncode is None else None

    def ask(self, question: dict[str, Any], *, until: float) -> Answer:
        """The process's answer. `until`: time (monotonic) by which it must be there. Raises Busy, Crashed."""
        (answer,) = self.ask_all([question], until=until)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask_all(self, questions: Sequence[dict[str, Any]], *, until: float) -> list[Answer | Busy | Crashed]:
        """What each is answered, or why it is not."""
        asked = [_Question(json.dumps(one).encode() + b"\n", one["op"] != "sql") for one in questions]
        known: dict[bytes, Answer | Crashed] = {}
        left = until - time.monotonic()
        if left > 0 and self._lock.acquire(timeout=min(left, threading.TIMEOUT_MAX)):
            try:
                self._answer_all(asked, known, until)
            except Busy:
                pass
            finally:
                self._lock.release()
        return [known.get(one.line, Busy()) for one in asked]

    def _answer_all(self, asked: Sequence[_Question], known: dict[bytes, Answer | Crashed], until: float) -> None:
        """Puts into `known` what there is to say to each line. Raises Busy."""
        waiting = {one.line: one for one in asked}
        again: bytes | None = None
        while waiting:
            if time.monotonic() < self._rest_until:
                known.update((line, Crashed()) for line in waiting)
                return
            fresh = self._socket is None or self._owner != os.getpid()
            try:
                if fresh:
                    self._start()
                self._send(waiting.values())
                first, text = self._next(until)
                answer: Answer = json.loads(text)
            except _Gone as gone:
                first = self._sent[0].line if self._sent else b""
                self._end()
                if not fresh and gone.at_once and again != first:
                    # It may have gone idle, or been killed, before the question reached it.
                    again = first
                    continue
                # What somebody asked who could not wait for it is nobody's any more.
                if waiting.pop(first, None):
                    known[first] = Crashed()
                    self._failed()
            except OSError as error:
                log.warning("sqlcheck: the checker process could not be started: %s", error)
                self._failed()
                known.update((line, Crashed()) for line in waiting)
                return
            else:
                self._failures = 0
                if waiting.pop(first, None):
                    known[first] = answer

    def close(self) -> None:
        """End the process; the next question starts another."""
        with self._lock:
            self._end()
            self._failures, self._rest_until = 0, 0.0

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            self._failures = 0
            self._rest_until = time.monotonic() + REST_SECONDS

    def _start(self) -> None:
        # What another process has started before a fork is its own: only our copy of the socket goes.
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
        # Whenever it ends it is waited for at once, so that no dead process stays in the list.
        threading.Thread(target=self._child.wait, name="sqlcheck-wait", daemon=True).start()
        self._forget()

    def _send(self, wanted: Iterable[_Question]) -> None:
        """Has so many of the wanted under way as go together. Raises _Gone."""
        assert self._socket is not None
        under_way = {one.line for one in self._sent}
        size = sum(map(len, under_way))
        new: list[_Question] = []
        for one in wanted:
            if one.line in under_way:
                continue
            size += len(one.line)
            if (self._sent or new) and (size > TOGETHER_BYTES_MAX or len(self._sent) + len(new) >= TOGETHER_MAX):
                break
            new.append(one)
        if not new:
            return
        if not self._sent:
            self._since = time.monotonic()
        self._sent.extend(new)
        try:
            # It reads whatever comes, so this does not wait.
            self._socket.settimeout(self._seconds * WALL_FACTOR)
            self._socket.sendall(b"".join(one.line for one in new))
        except OSError:
            raise _Gone(at_once=True) from None

    def _next(self, until: float) -> tuple[bytes, bytes]:
        """The line that was asked first of those under way, and the line that answers it. Raises _Gone, Busy."""
        assert self._socket is not None
        first = self._sent[0]
        # Reading a file may wait for a disk; the time that a query works is limited by the process itself.
        last = self._since + (self._seconds if first.waits and self._answered else self._seconds * WALL_FACTOR)
        while (end := self._got.find(b"\n")) < 0:
            now = time.monotonic()
            if now >= last:
                raise _Gone(at_once=False)
            if now >= until:
                raise Busy
            try:
                self._socket.settimeout(max(0.001, min(until, last) - now))
                data = self._socket.recv(1 << 18)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data or len(self._got) > ANSWER_BYTES_MAX:
                raise _Gone(at_once=time.monotonic() - self._since < AT_ONCE_SECONDS)
            self._got += data
        answer = bytes(self._got[:end])
        del self._got[: end + 1]
        self._sent.popleft()
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
        self._sent.clear()
        self._got.clear()


checker: Final = Checker()
"""That of this process."""
