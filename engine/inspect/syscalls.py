"""System calls in which threads wait, by the kernel's numbers on this machine. Pure."""

import platform

_X86_64 = {
    0: "read", 1: "write", 2: "open", 7: "poll", 17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev",
    23: "select", 34: "pause", 35: "nanosleep", 40: "sendfile", 42: "connect", 43: "accept", 44: "sendto",
    45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 61: "wait4", 65: "semop", 70: "msgrcv", 72: "fcntl", 73: "flock",
    74: "fsync", 75: "fdatasync", 128: "rt_sigtimedwait", 130: "rt_sigsuspend", 202: "futex", 219: "restart_syscall",
    220: "semtimedop", 230: "clock_nanosleep", 232: "epoll_wait", 247: "waitid", 257: "openat", 270: "pselect6",
    271: "ppoll", 275: "splice", 281: "epoll_pwait", 288: "accept4", 295: "preadv", 296: "pwritev", 299: "recvmmsg",
    307: "sendmmsg",
}  # fmt: skip
_GENERIC = {
    22: "epoll_pwait", 25: "fcntl", 32: "flock", 56: "openat", 63: "read", 64: "write", 65: "readv", 66: "writev",
    67: "pread64", 68: "pwrite64", 69: "preadv", 70: "pwritev", 71: "sendfile", 72: "pselect6", 73: "ppoll",
    76: "splice", 82: "fsync", 83: "fdatasync", 95: "waitid", 98: "futex", 101: "nanosleep", 115: "clock_nanosleep",
    128: "restart_syscall", 133: "rt_sigsuspend", 137: "rt_sigtimedwait", 188: "msgrcv", 192: "semtimedop",
    193: "semop", 202: "accept", 203: "connect", 206: "sendto", 207: "recvfrom", 211: "sendmsg", 212: "recvmsg",
    242: "accept4", 243: "recvmmsg", 260: "wait4", 269: "sendmmsg",
}  # fmt: skip
"""The table that 64-bit ARM and RISC-V share."""
_SINCE_5 = {426: "io_uring_enter", 437: "openat2", 441: "epoll_pwait2", 449: "futex_waitv"}
"""Newer calls have the same number on all machines."""

TABLES = {"x86_64": _X86_64, "aarch64": _GENERIC, "arm64": _GENERIC, "riscv64": _GENERIC}
_HERE = TABLES.get(platform.machine(), {})

READS = frozenset({"read", "pread64", "readv", "preadv"})
WRITES = frozenset({"write", "pwrite64", "writev", "pwritev"})
RECEIVES = frozenset({"recvfrom", "recvmsg", "recvmmsg"})
SENDS = frozenset({"sendto", "sendmsg", "sendmmsg"})
ACCEPTS = frozenset({"accept", "accept4"})
POLLS = frozenset({"poll", "ppoll"})
SELECTS = frozenset({"select", "pselect6"})
EPOLLS = frozenset({"epoll_wait", "epoll_pwait", "epoll_pwait2"})

_BY_WAIT_CHANNEL = (
    ("futex", "futex"), ("nanosleep", "nanosleep"), ("ep_poll", "epoll_wait"), ("select", "select"),
    ("sys_poll", "poll"), ("pipe_read", "read"), ("pipe_wait_readable", "read"), ("pipe_write", "write"),
    ("do_wait", "wait4"), ("wait_woken", "recvfrom"), ("recv", "recvfrom"), ("accept", "accept"),
    ("connect", "connect"), ("locks_lock", "flock"), ("posix_lock", "fcntl"),
)  # fmt: skip


def name_of(number: int) -> str | None:
    """Return the name of a call in which threads wait; None for others and on unknown machines."""
    return _HERE.get(number) or _SINCE_5.get(number)


def name_by_wait_channel(wait_channel: str | None) -> str | None:
    """Return the call that most probably sleeps in this function of the kernel (wchan)."""
    if wait_channel is None:
        return None
    return next((name for part, name in _BY_WAIT_CHANNEL if part in wait_channel), None)
