"""What the arguments of a thread's system call point to, read from the memory of its process."""

import struct

from engine.inspect import procfs, syscalls
from engine.inspect.threads import ProcessMemory
from engine.text import clean_text

POLLED_MAX = 256
POLLIN, POLLOUT = 1, 4
POLLED = 0x7
"""The events for which a poll waits to read, to read urgent data or to write."""


class CallArguments:
    """Reads the arguments of the calls of one process. Close `memory` at the end."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.memory = ProcessMemory(pid)

    def watched(self, call: str, args: tuple[int, ...]) -> list[tuple[int, int]] | None:
        """Return (descriptor, events) that a poll waits for; None if not known."""
        if call in syscalls.EPOLLS:
            return self.epolled(c_int(args[0]))
        if call in syscalls.POLLS:
            count = min(args[1], POLLED_MAX)
            data = self.memory.read(args[0], 8 * count) if count else b""
            if data is None:
                return None
            # Without any events only errors end the wait: tail watches so whether its reader is still there.
            return [(one[0], one[1]) for one in struct.iter_unpack("=ihh", data) if one[0] >= 0 and one[1] & POLLED]
        size = min(c_int(args[0]), 1024)
        found: dict[int, int] = {}
        for address, events in ((args[1], POLLIN), (args[2], POLLOUT)):
            if not address or size <= 0:
                continue
            bits = self.memory.read(address, (size + 63) // 64 * 8)
            if bits is None:
                return None
            mask = int.from_bytes(bits, "little")
            for descriptor in range(size):
                if mask >> descriptor & 1:
                    found[descriptor] = found.get(descriptor, 0) | events
        return list(found.items())

    def epolled(self, descriptor: int) -> list[tuple[int, int]]:
        """Return (descriptor, events) that an epoll descriptor watches."""
        found = []
        for line in (procfs.read(f"/proc/{self._pid}/fdinfo/{descriptor}") or b"").splitlines()[: POLLED_MAX + 8]:
            if line.startswith(b"tfd:"):
                words = line.split()
                found.append((int(words[1]), int(words[3], 16)))
        return found

    def timeout(self, call: str, args: tuple[int, ...]) -> float | None:
        """Return how many seconds a poll waits at most; None if it has no limit, or that is not known."""
        if call in ("poll", "epoll_wait", "epoll_pwait"):
            milliseconds = c_int(args[2] if call == "poll" else args[3])
            return None if milliseconds < 0 else milliseconds / 1000
        address = args[{"ppoll": 2, "epoll_pwait2": 3}.get(call, 4)]
        return self.timespec(address, 1e6 if call == "select" else 1e9) if address else None

    def timespec(self, address: int, unit: float = 1e9) -> float | None:
        """Return the seconds of a `struct timespec`, or of a `struct timeval` (`unit` 1e6); None if not known."""
        data = self.memory.read(address, 16)
        if data is None:
            return None
        whole, part = struct.unpack("=qq", data)
        return float(whole + part / unit) if 0 <= part < unit and whole >= 0 else None

    def text(self, address: int) -> str | None:
        """Return the C string at an address; None if it is empty or not known."""
        for size in (256, 64, 16):
            data = self.memory.read(address, size)
            if data is not None and b"\0" in data:
                return clean_text(data.split(b"\0")[0].decode("utf-8", "replace")) or None
        return None


def c_int(word: int) -> int:
    """Return the C `int` in a register."""
    word &= 0xFFFFFFFF
    return word - (1 << 32) if word >> 31 else word
