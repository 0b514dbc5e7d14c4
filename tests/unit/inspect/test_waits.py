"""What threads wait on, whatever /proc and the memory of the process contain or deny."""

import json
import os
import socket
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inspect import call_arguments, procfs, sockets, syscalls, threads
from engine.inspect.threads import KernelThread
from engine.inspect.waits import WaitReader
from engine.sentences import restored

_WORD = st.integers(0, 2**64 - 1) | st.integers(0, 40) | st.just(2**64 - 100)
_NUMBERS = st.integers(-1, 500) | st.sampled_from(sorted(syscalls._HERE) or [0])


@given(st.sampled_from("SDTtI"), _NUMBERS, st.tuples(*[_WORD] * 6), st.sampled_from([None, "futex_wait", "x"]))
def test_any_arguments_of_a_system_call_give_a_wait(state: str, number: int, arguments: Any, place: str | None) -> None:
    with WaitReader(os.getpid(), procfs.tree(os.getpid(), 10)) as reader:
        wait = reader.wait_of(KernelThread(1, "x", state, place, number, arguments))
    assert wait is not None
    assert wait["kind"] in ("sleep", "socket", "file", "pipe", "lock", "child", "poll", "io", "other")
    assert wait["message"]
    assert "sentence" not in wait or str(restored(json.loads(json.dumps(wait["sentence"])))) == wait["message"]


def test_a_running_thread_waits_on_nothing() -> None:
    with WaitReader(os.getpid(), []) as reader:
        assert reader.wait_of(KernelThread(1, "x", "R", None, None, ())) is None


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("futex_wait_queue", "lock"),
        ("hrtimer_nanosleep", "sleep"),
        ("do_wait", "child"),
        ("tcp_recvmsg", "other"),
        (None, "other"),
    ],
)
def test_without_permission_to_read_the_call_the_wait_channel_is_used(place: str | None, kind: str) -> None:
    with WaitReader(os.getpid(), []) as reader:
        wait = reader.wait_of(KernelThread(1, "x", "S", place, None, ()))
    assert wait is not None
    assert wait["kind"] == kind


def test_a_process_that_has_ended_or_may_not_be_read_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise PermissionError

    assert threads.list_threads(2**22 + 1) == []
    assert threads.read_thread(2**22 + 1, 1) is None
    assert threads.signal_status(2**22 + 1, 1) is None
    monkeypatch.setattr(os, "readlink", refuse)
    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(procfs, "read", lambda path: None)
    with WaitReader(2**22 + 1, []) as reader:
        for number in syscalls._HERE:
            assert reader.wait_of(KernelThread(1, "x", "S", None, number, (5, 5, 5, 5, 5, 5))) is not None


def test_both_tables_contain_the_calls_in_which_python_waits() -> None:
    waiting = {
        "read",
        "recvfrom",
        "accept4",
        "connect",
        "futex",
        "ppoll",
        "clock_nanosleep",
        "wait4",
        "waitid",
        "flock",
        "fcntl",
    }
    for table in syscalls.TABLES.values():
        assert waiting <= set(table.values())
    assert {"poll", "select", "epoll_wait"} <= set(syscalls.TABLES["x86_64"].values())


@pytest.mark.parametrize(
    ("data", "address"),
    [
        (struct.pack("=H", socket.AF_INET) + struct.pack("!H", 5433) + bytes([10, 0, 0, 7]), "10.0.0.7:5433"),
        (
            struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", 5433, 0) + socket.inet_pton(socket.AF_INET6, "::1"),
            "[::1]:5433",
        ),
        (struct.pack("=H", socket.AF_UNIX) + b"/run/db.sock\0rest", "/run/db.sock"),
        (struct.pack("=H", socket.AF_UNIX) + b"\0abstract", "@abstract"),
        (b"", None),
        (b"\x02\0", None),
        (struct.pack("=H", 99) + bytes(20), None),
    ],
)
def test_socket_addresses_are_parsed(data: bytes, address: str | None) -> None:
    assert sockets.parse_sockaddr(data) == address


@given(st.binary(max_size=120))
def test_any_bytes_may_be_a_socket_address(data: bytes) -> None:
    assert sockets.parse_sockaddr(data) != ""


def test_a_mapped_ipv4_address_is_shown_as_ipv4() -> None:
    assert sockets.format_address(bytes(10) + b"\xff\xff" + bytes([127, 0, 0, 1]), 80) == "127.0.0.1:80"


def test_registers_contain_signed_integers() -> None:
    assert call_arguments.c_int(2**64 - 1) == -1
    assert call_arguments.c_int(2**32 - 100) == -100
    assert call_arguments.c_int(5) == 5
