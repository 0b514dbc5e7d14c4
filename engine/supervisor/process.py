"""One node process: how it is started, and the pipes and sockets to it. The supervisor decides what to do with it."""

import errno
import os
import resource
import signal
import socket
import subprocess
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engine.executors.base import PREFETCH_MAX, Ended
from engine.inspect import procfs
from engine.supervisor import cgroup
from engine.supervisor.attempt import Attempt
from engine.supervisor.cgroup import ControlGroup
from engine.supervisor.channel import FrameReader
from engine.supervisor.end_reason import EndReason
from engine.supervisor.kill import TreeKill
from engine.supervisor.loop import NEVER
from engine.supervisor.stack_channel import StackChannel

READ_BYTES = 64 * 1024
SEND_BUFFER_BYTES = 1024 * 1024
STRAY_OUTPUT_BYTES = 4096
USER_TASKS_MORE = 4096
ATTEMPTS_MAX = 10_000
"""Attempts with an author's code after which a process is replaced. A start takes as long as 300 of the shortest
attempts and blocks this thread. A process whose memory has grown is replaced earlier."""


class CannotStart(Exception):
    """A node process could not be started. `permanent` if the interpreter cannot be run at all."""

    def __init__(self, message: str, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class NodeProcess:
    """A started node process and its descriptors.

    Create it on a thread that never ends: the parent-death signal is tied to that thread.
    """

    def __init__(
        self,
        interpreter: str,
        python: str,
        *,
        main: str,
        folder: Path,
        mark: str,
        lease: int | None,
        index: int,
        now: float,
    ) -> None:
        """Start `python main`. `interpreter` is what the work asked for. Raises CannotStart."""
        self.interpreter = interpreter
        """The interpreter that work asks for; empty for the product's own."""
        self.folder = folder
        """The scratch folder of its attempts. The process creates it; it is deleted after the process has ended."""
        self.index = index
        self.mark = mark
        self.lease = lease
        self.started_at = now
        self.is_ready = False
        self.responded_at = now
        """When it last sent a frame, or was sent work while it was idle."""
        self.is_ending = False
        """Whether it takes no more work, because it is being ended."""
        self.is_dead = False
        self.kill: TreeKill | None = None
        self.end_reason: EndReason | None = None
        self.requested_ends: dict[str, tuple[str, dict[str, Any] | None]] = {}
        """Claim -> (state, error) of attempts that were to be killed while the process was ending anyway."""
        self.pending_ends: list[tuple[Attempt, Ended]] = []
        """Ends that are reported when the processes that the attempt left are gone."""
        self.attempts: dict[str, Attempt] = {}
        """Work that it was sent and has not ended, in the order in which it was sent, by claim."""
        self.current: Attempt | None = None
        """The attempt that runs."""
        self.all_short = True
        """Whether all of its work is expected to be short."""
        self.backlog: deque[tuple[str, bytes]] = deque()
        """(claim, message) for which the socket has no room."""
        self.attempts_ended = 0
        self.author_attempts = 0
        """Ended attempts that ran an author's code."""
        self.idle_since = now
        self.group: ControlGroup | None = None
        self.memory_at_start: int | None = None
        self.close_deadline = NEVER
        """When it is ended because it closed its frame pipe, unless it has died by then."""
        self.frames = FrameReader()
        self.frame_bytes = 0
        """Bytes read from the frame pipe."""
        self.stray_output = bytearray()
        """The last bytes that it printed outside any attempt. If it did not start, they say why."""

        with ExitStack() as undo:
            try:
                self._start(python, main, undo)
            except OSError as error:
                permanent = error.errno in (errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC, errno.ELOOP)
                raise CannotStart(f"{python} could not be started: {error.strerror or error}.", permanent) from error
            undo.pop_all()
        self.open_pipes = {self.frame_pipe, self.stdout, self.stderr}

    def _start(self, python: str, main: str, undo: ExitStack) -> None:
        """Open the channels and start the interpreter. Raises OSError; `undo` then closes what was opened."""

        def pipe() -> tuple[int, int]:
            reader, writer = os.pipe()
            undo.callback(os.close, reader)
            os.set_blocking(reader, False)
            children.callback(os.close, writer)
            return reader, writer

        with ExitStack() as children:
            self.socket, self.child_socket = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.callback(self.socket.close)
            undo.callback(self.child_socket.close)
            # The child's end must stay blocking: the flag belongs to the open file, which both processes share.
            self.socket.setblocking(False)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            self.frame_pipe, frames_child = pipe()
            self.stdout, stdout_child = pipe()
            self.stderr, stderr_child = pipe()
            self.stacks = StackChannel()
            undo.callback(self.stacks.close)
            children.callback(self.stacks.child_socket.close)
            if (group := cgroup.create(self.mark)) is not None:
                undo.callback(group.remove)
                self.group = group
            envelopes, stacks, dump = self.child_socket.fileno(), self.stacks.child_socket.fileno(), self.stacks.dump
            self.popen = subprocess.Popen(
                [
                    python, "-I", main, "--in", str(envelopes), "--out", str(frames_child),
                    "--ask", str(stacks), "--stack", str(dump),
                    "--parent", str(os.getpid()), "--mark", self.mark, "--folder", str(self.folder),
                    *(("--groups", ":".join(self.group.entry_files())) if self.group else ()),
                    *(("--lease", str(self.lease)) if self.lease is not None else ()),
                ],
                stdin=subprocess.DEVNULL, stdout=stdout_child, stderr=stderr_child, close_fds=True,
                pass_fds=(
                    envelopes, frames_child, stacks, dump, *(() if self.lease is None else (self.lease,)),
                ),
                env=_environment(self.mark), cwd="/", umask=0o077,
                # A session of its own: no terminal to read from, a process group by which its tree is found, and,
                # where the kernel schedules by session, no larger share of the processor than one program.
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
        return not self.is_ending and not self.is_dead

    @property
    def has_work(self) -> bool:
        """Whether it has attempts, or ends that are not reported yet."""
        return bool(self.attempts or self.pending_ends)

    @property
    def should_start(self) -> bool:
        """Whether it has work that it could start and has not started."""
        return self.is_ready and self.takes_work and self.current is None and bool(self.attempts)

    @property
    def is_used_up(self) -> bool:
        return self.author_attempts >= ATTEMPTS_MAX

    @property
    def is_nearly_used_up(self) -> bool:
        """Whether its successor is to be started."""
        return self.author_attempts >= ATTEMPTS_MAX * 9 // 10

    @property
    def prefetch_credit(self) -> int:
        """How many more short works it may be sent."""
        return min(PREFETCH_MAX, ATTEMPTS_MAX - self.author_attempts) - len(self.attempts)

    def send(self, claim: str, message: bytes) -> bool:
        """Send a message; False if the socket is full and the message waits in the backlog. Never blocks."""
        if not self.backlog and self._send(message):
            return True
        self.backlog.append((claim, message))
        return False

    def send_backlog(self) -> bool:
        """Send the backlog; True if nothing is left of it."""
        while self.backlog:
            if not self._send(self.backlog[0][1]):
                return False
            self.backlog.popleft()
        return True

    def _send(self, message: bytes) -> bool:
        try:
            self.socket.send(message, socket.MSG_NOSIGNAL)
        except OSError:
            # The socket is full (EAGAIN, ENOBUFS). If the process has ended, its pidfd shows that, and the backlog is
            # returned.
            return False
        return True

    def recall(self) -> list[bytes]:
        """Take back the messages that the process has not read. No message is in both places."""
        messages = []
        while True:
            try:
                message = self.child_socket.recv(1 << 20, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                break
            if not message:
                break
            messages.append(message)
        messages += [message for _, message in self.backlog]
        self.backlog.clear()
        return messages

    def read_frames(self) -> list[dict[str, Any]]:
        """Return the frames that one read completes."""
        data = self.read_pipe(self.frame_pipe)
        self.frame_bytes += len(data)
        return self.frames.feed(data) if data else []

    def read_pipe(self, descriptor: int) -> bytes:
        """Return up to 64 KiB; empty if there is nothing now. A pipe at its end leaves `open_pipes`."""
        if descriptor not in self.open_pipes:
            return b""
        try:
            data = os.read(descriptor, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return b""
        if not data:
            self.open_pipes.discard(descriptor)
        return data

    def add_stray_output(self, data: bytes) -> None:
        self.stray_output += data[-STRAY_OUTPUT_BYTES:]
        del self.stray_output[:-STRAY_OUTPUT_BYTES]

    def memory_bytes(self) -> int | None:
        """Return the resident memory of the process itself."""
        found = procfs.process(self.pid)
        return None if found is None else found.memory_bytes

    def signal(self, number: int) -> None:
        """Send a signal to the node process alone."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            pass

    def exit_status(self) -> tuple[int | None, int | None]:
        """Return (exit code, signal) of the ended process. It stays unwaited, so that its pid is not reused."""
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
        for descriptor in (self.frame_pipe, self.stdout, self.stderr, self.pidfd):
            os.close(descriptor)
        self.open_pipes.clear()
        self.socket.close()
        self.child_socket.close()
        self.stacks.close()


def limit_tasks(pid: int) -> None:
    """Limit processes where there is no control group.

    The kernel counts all tasks of the user, and none of root's, so this is only a backstop against a fork bomb; the
    supervisor keeps the stated limit by counting the tree.
    """
    limit = procfs.tasks_of_user() + USER_TASKS_MORE
    _, maximum = resource.prlimit(pid, resource.RLIMIT_NPROC)
    if maximum == resource.RLIM_INFINITY or limit < maximum:
        try:
            resource.prlimit(pid, resource.RLIMIT_NPROC, (limit, limit))
        except (OSError, ValueError):
            pass


def _environment(mark: str) -> dict[str, str]:
    """Return the environment of a node process: of the server's only the program path, the locale and test faults."""
    names = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "INTERLOCK_FAULT")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment.setdefault("PATH", os.defpath)
    return {**environment, "INTERLOCK_MARK": mark}
