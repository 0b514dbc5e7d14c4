"""One node process: how it is started, and its channels. What to do with it is the supervisor's."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import socket
import subprocess
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engine.executors.base import PREFETCH_MAX
from engine.inspect import procfs
from engine.inspect.stacks import StackReply, parse_reply
from engine.supervisor import cgroup
from engine.supervisor.attempt import NEVER, Attempt
from engine.supervisor.cgroup import ControlGroup
from engine.supervisor.channel import FrameReader
from engine.supervisor.kill import TreeKill

READ_BYTES = 64 * 1024
SEND_BUFFER = 1024 * 1024
USER_TASKS_MORE = 4096
ATTEMPTS_MAX = 10_000
"""Attempts that ran code not the product's own, after which a process is replaced. A start costs as much as 300 of the
shortest, and holds up the thread that does it; what grows is replaced sooner anyway."""
STACK_BYTES = 1024 * 1024
"""Room for one dump of stacks; faulthandler tells at most 100 threads of 100 frames."""
ANSWER_BYTES_MAX = 4 * 1024 * 1024


class CannotStart(Exception):
    """A node process could not be started; `for_good`: the interpreter cannot be run at all."""

    def __init__(self, message: str, for_good: bool) -> None:
        super().__init__(message)
        self.for_good = for_good


class NodeProcess:
    """A started node process and its descriptors.

    Must be made from a thread that never ends: the parent-death signal follows the thread that spawned.
    """

    def __init__(
        self, python: str, *, main: str, folder: Path, mark: str, lease: int | None, index: int, key: str, now: float
    ) -> None:
        """Raises CannotStart."""
        self.key = key
        """Which interpreter was asked for; empty: the product's own."""
        self.folder = folder
        """Where its attempts work; the process makes it, and it goes with the process."""
        self.index = index
        self.mark = mark
        self.born = now
        self.ready = False
        self.heard_at = now
        """When it last said something, or was sent work with nothing else before it."""
        self.dying = False
        """Takes no more work; its kill is under way."""
        self.dead = False
        self.kill: TreeKill | None = None
        self.sent: dict[str, Attempt] = {}
        """Work in it, in the order in which it was sent; what is over is taken out."""
        self.current: Attempt | None = None
        self.backlog: deque[tuple[str, bytes]] = deque()
        """(claim, message) that the socket had no room for."""
        self.ended = 0
        """Attempts that have ended in it ..."""
        self.worn = 0
        """... and those among them that ran code of an author's."""
        self.all_short = True
        self.idle_since = now
        self.group: ControlGroup | None = None
        self.memory_start: int | None = None
        self.ending: Any = None
        """Why it is being killed, to the supervisor."""
        self.wishes: dict[str, tuple[str, dict[str, Any] | None]] = {}
        """Claim -> (state, error) that was asked for while the process was ending for another reason."""
        self.held: list[Any] = []
        """Ends of attempts that wait until what they left behind is gone."""
        self.broken_at = NEVER
        """When a process that has closed its frames is ended, should it not have died by then."""
        self.frames_read = 0
        self.noise = bytearray()
        """What it printed outside any attempt, at most 4 KiB: why it did not start."""
        self.frames = FrameReader()
        self.asked = 0
        """Number of the last question for its stacks."""
        self.answer: StackReply | None = None
        """The last answer that has come."""
        self._answering = bytearray()

        with ExitStack() as undo:
            try:
                self._start(python, main, lease, undo)
            except OSError as error:
                for_good = error.errno in (errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC, errno.ELOOP)
                raise CannotStart(f"{python} could not be started: {error.strerror or error}.", for_good) from error
            undo.pop_all()
        self.open_pipes = {self.out, self.stdout, self.stderr}

    def _start(self, python: str, main: str, lease: int | None, undo: ExitStack) -> None:
        """Open the channels and start the interpreter. Raises OSError; `undo` then closes what was opened."""

        def pipe() -> tuple[int, int]:
            ours, theirs = os.pipe()
            undo.callback(os.close, ours)
            children.callback(os.close, theirs)
            return ours, theirs

        with ExitStack() as children:
            self.socket, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.callback(self.socket.close)
            undo.callback(self.theirs.close)
            # The child's end stays blocking: the flag belongs to the open file, which the child shares.
            self.socket.setblocking(False)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            self.out, out_child = pipe()
            self.stdout, stdout_child = pipe()
            self.stderr, stderr_child = pipe()
            for descriptor in (self.out, self.stdout, self.stderr):
                os.set_blocking(descriptor, False)
            self.ask, ask_child = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            undo.callback(self.ask.close)
            children.callback(ask_child.close)
            self.ask.setblocking(False)
            self.stack = _stack_file()
            undo.callback(os.close, self.stack)
            if (group := cgroup.create(self.mark)) is not None:
                undo.callback(group.remove)
                self.group = group
            self.popen = subprocess.Popen(
                [
                    python, "-I", main, "--in", str(self.theirs.fileno()), "--out", str(out_child),
                    "--ask", str(ask_child.fileno()), "--stack", str(self.stack),
                    "--parent", str(os.getpid()), "--mark", self.mark,
                    "--folder", str(self.folder),
                    *(("--groups", ":".join(self.group.entry_files())) if self.group else ()),
                    *(("--lease", str(lease)) if lease is not None else ()),
                ],
                stdin=subprocess.DEVNULL, stdout=stdout_child, stderr=stderr_child, close_fds=True,
                pass_fds=(
                    self.theirs.fileno(), out_child, ask_child.fileno(), self.stack,
                    *(() if lease is None else (lease,)),
                ),
                env=_environment(self.mark), cwd="/", umask=0o077,
                # A session of its own: no terminal to read from, a process group that its tree is found by, and
                # (where the kernel groups by session) no more of the processor than one program however many it is.
                start_new_session=True,
            )  # fmt: skip
        self.pid = self.popen.pid
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except OSError:
            self.popen.kill()
            self.popen.wait()
            raise
        self.start = procfs.start_of(self.pid) or 0
        self.start_text = str(self.start)
        if self.group is None and os.getuid():
            limit_tasks(self.pid)

    @property
    def takes_work(self) -> bool:
        return not self.dying and not self.dead

    @property
    def awaits_start(self) -> bool:
        """Whether it has work before it, could begin, and has not."""
        return self.ready and self.takes_work and self.current is None and bool(self.sent)

    @property
    def is_used_up(self) -> bool:
        return self.worn >= ATTEMPTS_MAX

    @property
    def is_nearly_used_up(self) -> bool:
        """Time to start its successor."""
        return self.worn >= ATTEMPTS_MAX * 9 // 10

    @property
    def places(self) -> int:
        """How many more short works it may be sent."""
        return min(PREFETCH_MAX, ATTEMPTS_MAX - self.worn) - len(self.sent)

    def post(self, claim: str, message: bytes) -> bool:
        """Send a message, or keep it when the socket is full; False when it was kept. Never blocks."""
        if not self.backlog and self._send(message):
            return True
        self.backlog.append((claim, message))
        return False

    def post_backlog(self) -> bool:
        """Send what was kept; True when nothing is left."""
        while self.backlog:
            if not self._send(self.backlog[0][1]):
                return False
            self.backlog.popleft()
        return True

    def _send(self, message: bytes) -> bool:
        try:
            self.socket.send(message, socket.MSG_NOSIGNAL)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            # ENOBUFS: as if full. A process that is gone is noticed by its pidfd; what is here is returned then.
            return False
        return True

    def unsend(self) -> list[bytes]:
        """Messages that the process has not read, taken back; each is either here or there, never both."""
        messages = []
        while True:
            try:
                message = self.theirs.recv(1 << 20, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                break
            if not message:
                break
            messages.append(message)
        messages += [message for _, message in self.backlog]
        self.backlog.clear()
        return messages

    def read_frames(self) -> list[dict[str, Any]] | None:
        """Frames that have come whole; None when there is nothing (more) to read."""
        data = self._read(self.out)
        self.frames_read += len(data)
        return None if not data else self.frames.feed(data)

    def read_stream(self, descriptor: int) -> bytes:
        """Up to 64 KiB of stdout or stderr; empty when there is nothing now."""
        return self._read(descriptor)

    def _read(self, descriptor: int) -> bytes:
        if descriptor not in self.open_pipes:
            return b""
        try:
            data = os.read(descriptor, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return b""
        if not data:
            self.open_pipes.discard(descriptor)
        return data

    def interrupt(self, number: int) -> None:
        """Signal the node process alone."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            pass

    def ask_for_stacks(self) -> bool:
        """Ask its answering thread (engine.worker.stack_server); False when that cannot be. Never blocks."""
        try:
            self.ask.send(b"%d\n" % (self.asked + 1), socket.MSG_NOSIGNAL)
        except OSError:
            return False
        self.asked += 1
        return True

    def read_answer(self) -> bool:
        """Take what has come of an answer; False when no more can come."""
        try:
            data = self.ask.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        rest = self._answering
        rest += data
        end = data.rfind(b"\n")
        if end >= 0:
            end += len(rest) - len(data)
            self.answer = parse_reply(bytes(rest[rest.rfind(b"\n", 0, end) + 1 : end])) or self.answer
            del rest[: end + 1]
        return bool(data) and len(rest) <= ANSWER_BYTES_MAX

    def how_it_ended(self) -> tuple[int | None, int | None]:
        """(exit code, signal) of the ended process; it stays unwaited, so that its pid is not given away."""
        try:
            info = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None, None
        if info is None:
            return None, None
        return (info.si_status, None) if info.si_code == os.CLD_EXITED else (None, info.si_status)

    def close(self) -> None:
        """Wait for the ended process and close everything."""
        self.popen.wait()
        for descriptor in (self.out, self.stdout, self.stderr, self.pidfd):
            os.close(descriptor)
        self.open_pipes.clear()
        self.socket.close()
        self.theirs.close()
        self.ask.close()
        os.close(self.stack)


def _stack_file() -> int:
    """A file in memory that faulthandler writes to: unlike a pipe it can never block a signal handler, and its size
    is fixed, whatever the node's code may write to it. Where its shared position stands, the dump ends."""
    descriptor = os.memfd_create("interlock-stacks", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, STACK_BYTES)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return descriptor


def limit_tasks(pid: int) -> None:
    """Stop a bomb of processes where there is no control group. The kernel counts all tasks of the user (and none of
    root's), so this is no more than a far backstop; the stated limit is kept by looking at the tree."""
    limit = procfs.tasks_of_user() + USER_TASKS_MORE
    _, most = resource.prlimit(pid, resource.RLIMIT_NPROC)
    if most == resource.RLIM_INFINITY or limit < most:
        try:
            resource.prlimit(pid, resource.RLIMIT_NPROC, (limit, limit))
        except (OSError, ValueError):
            pass


def _environment(mark: str) -> dict[str, str]:
    """What a node process starts with: nothing of the server's but the way to programs, the locale, and the faults
    that a test wants (see engine.faults)."""
    names = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "INTERLOCK_FAULT")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    kept.setdefault("PATH", os.defpath)
    return {**kept, "INTERLOCK_MARK": mark}
