"""Stacks: parsed, trimmed, and described with their source."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inspect import stacks
from engine.inspect.stacks import Frame, NodeSource, StackSample, ThreadStack
from engine.sentences import restored
from engine.worker import ENGINE_FOLDER

DUMP_3_10 = b"""Thread 0x00007f1f23fff700 (most recent call first):
  File "/usr/lib/python3.10/threading.py", line 320 in wait
  File "<load>", line 12 in worker
  File "/usr/lib/python3.10/threading.py", line 973 in _bootstrap

Current thread 0x00007f1f2bb8b740 (most recent call first):
  File "<load>", line 20 in main
  File "/opt/interlock/engine/worker/main.py", line 36 in <module>
"""
DUMP_3_14 = b"""Thread 0x00007f1f23fff700 [reader_0] (most recent call first):
  File "<load>", line 12 in worker

Current thread 0x00007f1f2bb8b740 [python3] (most recent call first):
  Garbage-collecting
  File "<load>", line 20 in main
  File "/a \\xe9\\u4e2d\\U0001f600.py", line 36 in f\\xfc
  File ???, line ??? in ???
  ...

Current thread's C stack trace (most recent call first):
  Binary file "/usr/bin/python3", at _Py_DumpStack+0x31 [0x55d0]
"""


def test_a_dump_of_python_3_10_is_parsed() -> None:
    first, current = stacks.parse_dump(DUMP_3_10)
    assert (first.ident, first.name) == (0x00007F1F23FFF700, None)
    assert first.frames[1] == Frame("<load>", 12, "worker")
    assert current.frames == [
        Frame("<load>", 20, "main"),
        Frame("/opt/interlock/engine/worker/main.py", 36, "<module>"),
    ]


def test_a_dump_of_python_3_14_is_parsed_with_names_and_without_the_c_stack() -> None:
    first, current = stacks.parse_dump(DUMP_3_14)
    assert (first.name, current.name) == ("reader_0", "python3")
    assert current.frames == [
        Frame("<load>", 20, "main"),
        Frame("/a é中😀.py", 36, "fü"),
        Frame("???", None, "???"),
    ]


def test_an_incomplete_dump_gives_its_complete_lines() -> None:
    for end in range(len(DUMP_3_14)):
        for thread in stacks.parse_dump(DUMP_3_14[:end]):
            assert all(isinstance(frame, Frame) for frame in thread.frames)


_NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"'), min_size=1, max_size=40)


def _escaped(text: str) -> str:
    """Escape all but printable ASCII, as faulthandler does."""
    return "".join(
        one
        if " " <= one <= "~"
        else f"\\x{ord(one):02x}"
        if ord(one) < 0x100
        else f"\\u{ord(one):04x}"
        if ord(one) < 0x10000
        else f"\\U{ord(one):08x}"
        for one in text
    )


@given(st.lists(st.tuples(st.integers(1, 2**64 - 1), st.lists(st.tuples(_NAMES, st.integers(1, 10**6), _NAMES)))))
def test_a_dump_of_any_names_is_parsed(threads: list[tuple[int, list[tuple[str, int, str]]]]) -> None:
    text = "\n".join(
        f"Thread 0x{ident:016x} (most recent call first):\n"
        + "".join(f'  File "{_escaped(file)}", line {line} in {_escaped(name)}\n' for file, line, name in frames)
        for ident, frames in threads
    )
    read = stacks.parse_dump(text.encode())
    assert [one.ident for one in read] == [ident for ident, _ in threads]
    for one, (_, frames) in zip(read, threads, strict=True):
        for got, (file, line, name) in zip(one.frames, frames, strict=True):
            assert got.line == line
            # NUL is replaced, and a backslash in a name may look like an escape.
            if "\\" not in file + name and "\0" not in file + name:
                assert (got.file, got.function) == (file, name)


@given(st.binary(max_size=2000))
def test_the_parsers_accept_any_bytes(data: bytes) -> None:
    assert all(frame.line is None or frame.line >= 0 for one in stacks.parse_dump(data) for frame in one.frames)
    assert stacks.parse_reply(data) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON, _JSON, _JSON)
def test_a_forged_reply_is_rejected_or_clean(number: Any, by: Any, threads: Any) -> None:
    reply = stacks.parse_reply(json.dumps({"n": number, "by": by, "threads": threads}).encode())
    if reply is not None:
        assert type(reply.number) is int
        for thread in reply.threads:
            assert all(isinstance(frame, Frame) for frame in thread.frames)


def test_a_reply_is_parsed_and_lone_surrogates_in_it_are_replaced() -> None:
    reply = stacks.parse_reply(
        b'{"n":3,"by":9,"threads":[[140,7,"one \\ud800",[["/a\\u0000.py",5,"f"],["<n>",null,"g"]]],[141,null,null,[]]]}'
    )
    assert reply is not None
    assert (reply.number, reply.by) == (3, 9)
    assert reply.threads[0].name == "one \ufffd"
    assert reply.threads[0].frames == [Frame("/a\ufffd.py", 5, "f"), Frame("<n>", None, "g")]
    assert reply.threads[1].tid is None


WORKER = [Frame(f"{ENGINE_FOLDER}worker/attempt.py", 1, "run"), Frame(f"{ENGINE_FOLDER}worker/main.py", 36, "<module>")]
PYTHON = Frame(f"{ENGINE_FOLDER}nodes/python/run.py", 33, "run")
SHELL = Frame(f"{ENGINE_FOLDER}nodes/shell/run.py", 88, "follow")


def test_the_products_frames_that_called_the_authors_code_are_left_out() -> None:
    author = Frame("<n>", 3, "main")
    logging = Frame(f"{ENGINE_FOLDER}worker/context.py", 9, "log")
    assert stacks.without_callers([author, PYTHON, *WORKER]) == [author]
    assert stacks.without_callers([logging, author, PYTHON, *WORKER]) == [logging, author]
    assert stacks.without_callers([SHELL, *WORKER]) == [SHELL]
    assert stacks.without_callers(WORKER) == WORKER[:1]
    assert stacks.without_callers([]) == []


def code(read_line: Any = lambda file, line: None, **own: Any) -> NodeSource:
    return NodeSource("n", read_line, **own)


def test_frames_of_the_nodes_own_code_are_marked_and_have_their_source() -> None:
    source = "def main(inputs, ctx):\r\n    x = '\x0b'\n    wait()\n"
    (frame,) = code(code=source).frames([Frame("<n>", 3, "main")])
    assert frame == {"file": "<n>", "line": 3, "function": "main", "source": "wait()", "author": True}
    assert code(code=source).frames([Frame("<n>", 99, "main")])[0]["source"] is None
    assert code(code=source).frames([Frame("<m>", 1, "main")])[0]["author"] is False


@pytest.mark.parametrize(
    ("file", "author"),
    [
        ("/venv/site-packages/pack/load.py", True),
        ("/venv/site-packages/pack/load/__init__.py", True),
        ("/venv/site-packages/other/load.py", False),
        ("<n>", False),
    ],
)
def test_the_module_of_a_function_is_the_authors_code(file: str, author: bool) -> None:
    assert code(function="pack.load.run").is_author(file) is author
    assert code(function="pack.load.Loader.run").is_author(file) is author


def test_the_source_of_other_files_is_read() -> None:
    asked = []

    def read_line(file: str, line: int) -> str | None:
        asked.append((file, line))
        return "    lock.acquire()  " + "x" * 1000

    (frame,) = code(read_line=read_line).frames([Frame("/lib/threading.py", 7, "wait")])
    assert frame["source"].startswith("lock.acquire()")
    assert len(frame["source"]) == stacks.SOURCE_CHARS_MAX
    assert asked == [("/lib/threading.py", 7)]


def look(*threads: ThreadStack, waits: dict[int, Any] | None = None, **more: Any) -> StackSample:
    return StackSample("2026-01-01T00:00:00.000000Z", list(threads), waits or {}, **more)


def test_the_main_thread_comes_first_then_those_with_the_authors_code() -> None:
    threads = stacks.describe_threads(
        look(
            ThreadStack(1, 11, "idle", [Frame("/lib/x.py", 1, "f")]),
            ThreadStack(2, 12, "busy", [Frame("<n>", 1, "work")]),
            ThreadStack(3, 10, None, [Frame("/lib/x.py", 1, "f"), *WORKER]),
            ThreadStack(4, 13, "Thread-1 (_work)", [Frame("/lib/threading.py", 3, "wait"), WORKER[0]]),
            waits={10: None, 11: {"kind": "sleep", "message": "m"}, 12: None, 13: None, 14: None, 15: None},
            busy={14},
        ),
        10,
        code(code="x"),
    )
    # The product's own helper (13) and an idle native thread (15) are left out; a busy native thread (14) is not.
    assert [(one["id"], one["name"]) for one in threads] == [
        (10, "MainThread"),
        (12, "busy"),
        (11, "idle"),
        (14, None),
    ]
    assert threads[2]["waits_on"] == {"kind": "sleep", "message": "m"}


def test_without_frames_the_kernels_threads_are_described() -> None:
    threads = stacks.describe_threads(look(waits={10: {"kind": "io", "message": "m"}, 11: None}), 10, code())
    assert [(one["id"], one["frames"]) for one in threads] == [(10, []), (11, [])]


def test_a_wait_for_a_lock_names_the_function_that_waits() -> None:
    waits = {"kind": "lock", "message": "a lock"}
    frames = [Frame("/lib/threading.py", 1, "wait"), Frame("/lib/queue.py", 5, "get"), Frame("<n>", 2, "main")]
    (thread,) = stacks.describe_threads(look(ThreadStack(1, 10, None, frames), waits={10: waits}), 10, code(code="x"))
    wait = thread["waits_on"]
    assert (wait["kind"], wait["message"], wait["function"]) == ("lock", "a lock, in get (queue)", "get")
    assert str(restored(wait["sentence"])) == wait["message"]
    (thread,) = stacks.describe_threads(
        look(ThreadStack(1, 10, None, frames[2:]), waits={10: waits}), 10, code(code="x")
    )
    assert thread["waits_on"] == waits


def test_threads_and_frames_are_limited() -> None:
    deep = [Frame("<n>", line, "f") for line in range(1, 200)]
    described = stacks.describe_threads(
        look(*(ThreadStack(n, n, None, deep) for n in range(1, 100))), 1, code(code="x")
    )
    assert len(described) == stacks.THREADS_MAX
    assert len(described[0]["frames"]) == stacks.FRAMES_MAX


def test_the_main_thread_of_a_dump_is_found() -> None:
    main = ThreadStack(1, None, None, [Frame("<n>", 1, "main"), *WORKER])
    other = ThreadStack(2, None, None, [Frame("<n>", 1, "main")])
    stacks.identify_main([other, main], 10)
    assert (main.tid, other.tid) == (10, None)
    alone = ThreadStack(3, None, None, [Frame("<n>", 1, "main")] * 100)
    stacks.identify_main([alone], 10)
    assert alone.tid == 10
    deep = [ThreadStack(n, None, None, [Frame("<n>", 1, "main")]) for n in (1, 2)]
    stacks.identify_main(deep, 10)
    assert [one.tid for one in deep] == [None, None]


def test_movement_is_a_changed_frame_or_used_cpu() -> None:
    here, there = ([Frame("<n>", line, "main")] for line in (1, 2))
    first, same, other = (look(ThreadStack(1, 10, None, frames)) for frames in (here, here, there))
    assert stacks.moves([first], 1.0) is None
    assert stacks.moves([first, same], 0.0) is False
    assert stacks.moves([first, same], 0.5) is True
    assert stacks.moves([first, other], 0.0) is True
    assert stacks.moves([look(), look()], 0.0) is False
    assert stacks.moves([look(), look()], None) is None
