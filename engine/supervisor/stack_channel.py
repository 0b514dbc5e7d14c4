"""How a node process sends its stacks: a socket to its stack server, and a file that faulthandler writes to."""

import fcntl
import os
import socket

from engine.inspect.stacks import StackReply, parse_reply

READ_BYTES = 64 * 1024
DUMP_BYTES_MAX = 1024 * 1024
"""Size of the file. faulthandler writes at most 100 threads of 100 frames."""
REPLY_BYTES_MAX = 4 * 1024 * 1024


class StackChannel:
    """The supervisor's end. `child_socket` and `dump` are inherited by the node process."""

    def __init__(self) -> None:
        """Raises OSError."""
        self.dump = _dump_file()
        try:
            self.socket, self.child_socket = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError:
            os.close(self.dump)
            raise
        self.socket.setblocking(False)
        self.reply: StackReply | None = None
        """The last reply that was read."""
        self._requests = 0
        self._rest = bytearray()

    @property
    def awaits_reply(self) -> bool:
        """Whether the last request has not been replied to."""
        return self._requests > 0 and (self.reply is None or self.reply.number != self._requests)

    def request(self) -> bool:
        """Ask the stack server (engine.worker.stack_server) for the stacks; False if it cannot be asked."""
        try:
            self.socket.send(b"%d\n" % (self._requests + 1), socket.MSG_NOSIGNAL)
        except OSError:
            return False
        self._requests += 1
        return True

    def read(self) -> bool:
        """Read what has come of a reply; False if no more can come."""
        try:
            data = self.socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        rest = self._rest
        rest += data
        end = data.rfind(b"\n")
        if end >= 0:
            end += len(rest) - len(data)
            self.reply = parse_reply(bytes(rest[rest.rfind(b"\n", 0, end) + 1 : end])) or self.reply
            del rest[: end + 1]
        return bool(data) and len(rest) <= REPLY_BYTES_MAX

    def rewind_dump(self) -> None:
        """Make the next dump start at the beginning of the file."""
        os.lseek(self.dump, 0, os.SEEK_SET)

    def dump_size(self) -> int:
        """Return how much of the dump is written. The position is shared with the node process."""
        return os.lseek(self.dump, 0, os.SEEK_CUR)

    def read_dump(self, size: int) -> bytes:
        return os.pread(self.dump, min(size, DUMP_BYTES_MAX), 0)

    def has_dump_file(self, pid: int) -> bool:
        """Return whether the process still has the file under its number, so that a dump goes into no other one."""
        ours = os.fstat(self.dump)
        try:
            theirs = os.stat(f"/proc/{pid}/fd/{self.dump}")
        except OSError:
            return False
        return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)

    def close(self) -> None:
        self.socket.close()
        self.child_socket.close()
        os.close(self.dump)


def _dump_file() -> int:
    """Open a file in memory: unlike a pipe, it never blocks a signal handler. Its size is sealed."""
    descriptor = os.memfd_create("interlock-stacks", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, DUMP_BYTES_MAX)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return descriptor
