"""Stacks of a running attempt: read from what its process told, and made fit to be kept and shown. Pure.

A Stack body (the contract's Stack, kept in `Stack.body`) is
{"taken_at", "pid", "samples": [{"at", "threads": [{"id", "name", "waits_on", "frames"}]}], "children", "moves",
"cpu_percent", "message"}:
`id` the kernel's number of the thread, or Python's ident where the kernel's is not known; `name` or None;
`frames` [{"file", "line", "function", "source", "author"}] innermost first, without those of the product's own that
called the author's code, empty for a thread of which only the kernel's view is known;
`waits_on` None (it runs, or cannot be told) or {"kind", "message", ...} (see engine.inspect.waits);
`children` [{"pid", "parent", "command", "state", "cpu_seconds", "since", "waits_on"?}] of the whole tree;
`moves` whether frames or CPU time changed between the samples, None when there is nothing to compare;
`cpu_percent` of one core, by the tree, over the sampling; None when it was too short to tell;
`message` why frames are missing, a sentence; None when they are not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.text import clean_text

THREADS_MAX = 32
NATIVE_MAX = 4
"""Threads of libraries without Python code that are shown beside others."""
FRAMES_MAX = 48
"""Of one thread, innermost ..."""
FRAMES_TOTAL = 300
"""... and about so many of all threads of a sample, the first ones in full; of each at least the innermost few."""
FRAMES_LEAST = 4
TEXT_CHARS_MAX = 500
SOURCE_CHARS_MAX = 200
MOVED_CPU_SECONDS = 0.06
"""CPU time over a sampling that is more than the sampling itself costs: the kernel counts in steps of 10 ms, and each
of its looks may be charged one."""

ENGINE = __file__.rsplit("/", 2)[0] + "/"
_WORKER = ENGINE + "worker/"
_MAIN = _WORKER + "main.py"

_HEAD = re.compile(r"(?:Current thread|Thread) 0x([0-9a-fA-F]+)(?: \[(.*)\])? \(most recent call first\):\Z")
_FRAME = re.compile(r'  File (?:"(.*)"|\?\?\?), line (\d+|\?\?\?) in (.*)\Z')
_LINE_END = re.compile(r"\r\n|\r|\n")
"""Of Python source, where str.splitlines knows more."""
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


class Frame(NamedTuple):
    file: str
    line: int | None
    function: str


@dataclass(slots=True)
class Thread:
    """One Python thread as its process told it."""

    ident: int
    """Python's ident."""
    kernel: int | None
    """The kernel's number of the thread, where it is known."""
    name: str | None
    frames: list[Frame]
    """Innermost first."""

    @property
    def is_main(self) -> bool:
        """Whether it runs the main loop of a node process; a very deep stack does not show it."""
        return bool(self.frames) and self.frames[-1].file == _MAIN


@dataclass(slots=True)
class Look:
    """One sample: what the process told, and what the kernel says of its threads, at one moment."""

    at: str
    threads: list[Thread]
    waits: dict[int, dict[str, Any] | None]
    """Kernel thread -> what it waits on; of all threads but the one that answers."""
    names: dict[int, str] = field(default_factory=dict)
    """Kernel thread -> the kernel's name for it, where that says more than the program's name."""
    busy: set[int] = field(default_factory=set)
    """Kernel threads that run or are in uninterruptible sleep."""


class Answer(NamedTuple):
    number: int
    """Of the question; 0: nobody asked, the thread that answers says that it is there."""
    by: int | None
    """The kernel's number of the thread that answers."""
    threads: list[Thread]


def parse_answer(data: bytes) -> Answer | None:
    """An answer of engine.worker.stack_server; None when it is not one.

    The node's code can reach the channel, so nothing in it is believed.
    """
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if type(answer) is not dict or type(answer.get("n")) is not int or type(answer.get("threads")) is not list:
        return None
    threads = []
    for one in answer["threads"]:
        if type(one) is not list or len(one) != 4 or type(one[0]) is not int or type(one[3]) is not list:
            return None
        frames = [frame for frame in map(_answered, one[3]) if frame is not None]
        kernel, name = one[1], one[2]
        threads.append(
            Thread(
                one[0],
                kernel if type(kernel) is int else None,
                _text(name) if type(name) is str else None,
                frames,
            )
        )
    by = answer.get("by")
    return Answer(answer["n"], by if type(by) is int else None, threads)


def _answered(one: Any) -> Frame | None:
    if type(one) is not list or len(one) != 3 or type(one[0]) is not str or type(one[2]) is not str:
        return None
    return Frame(_text(one[0]), one[1] if type(one[1]) is int else None, _text(one[2]))


def parse_dump(data: bytes) -> list[Thread]:
    """Threads of a dump of faulthandler's, of Python 3.10 to 3.14; what is not understood is left out."""
    threads: list[Thread] = []
    current: Thread | None = None
    for line in data.decode("ascii", "replace").splitlines():
        if head := _HEAD.match(line):
            name = head[2]
            current = Thread(int(head[1], 16), None, _text(_unescape(name)) if name else None, [])
            threads.append(current)
        elif line and not line.startswith(" "):
            # "..." after a hundred threads, or the stack of C functions that newer Pythons add.
            current = None
        elif current is not None and (frame := _FRAME.match(line)):
            number = None if frame[2] == "???" else int(frame[2])
            file = "???" if frame[1] is None else _unescape(frame[1])
            current.frames.append(Frame(_text(file), number, _text(_unescape(frame[3]))))
    return threads


def _unescape(text: str) -> str:
    """`text` with its \\x, \\u and \\U escapes, which faulthandler writes for all but ASCII, as characters."""

    def character(found: re.Match[str]) -> str:
        number = int(found[1] or found[2] or found[3], 16)
        return chr(number) if number < 0x110000 else found[0]

    return _ESCAPED.sub(character, text)


def _text(text: str) -> str:
    return clean_text(text[:TEXT_CHARS_MAX])


def trim(frames: list[Frame]) -> list[Frame]:
    """`frames` without those of the product that called the author's code.

    Where all are the product's (a shell or SQL node), those of the worker's loop go.
    """
    end = len(frames)
    while end and frames[end - 1].file.startswith(ENGINE):
        end -= 1
    if not end:
        end = len(frames)
        while end > 1 and frames[end - 1].file.startswith(_WORKER):
            end -= 1
    return frames[:end]


class Code:
    """Which frames are the node's own code, and the text of lines."""

    def __init__(
        self,
        node: str,
        type: str,
        config: Mapping[str, Any],
        read_line: Callable[[str, int], str | None],
    ) -> None:
        """`read_line(file, line)`: the text of a line of a file, None when it cannot be had."""
        self._read_line = read_line
        self._file = f"<{node}>" if type == "python" else None
        self._lines = _LINE_END.split(str(config.get("code", ""))) if type == "python" else []
        self._modules: list[tuple[str, str]] = []
        """Ends of the file of a function's module, the longest first."""
        if type == "python.function":
            parts = str(config.get("function", "")).split(".")
            for length in range(len(parts) - 1, 0, -1):
                path = "/".join(parts[:length])
                self._modules.append((f"/{path}.py", f"/{path}/__init__.py"))

    def frames(self, frames: list[Frame]) -> list[dict[str, Any]]:
        """`frames` as they are kept."""
        return [
            {
                "file": one.file,
                "line": one.line,
                "function": one.function,
                "source": self._source(one),
                "author": self.is_author(one.file),
            }
            for one in frames[:FRAMES_MAX]
        ]

    def is_author(self, file: str) -> bool:
        if self._file is not None:
            return file == self._file
        return any(file.endswith(ends) for ends in self._modules)

    def _source(self, frame: Frame) -> str | None:
        if frame.line is None:
            return None
        if self._file is not None and frame.file == self._file:
            text = self._lines[frame.line - 1] if 0 < frame.line <= len(self._lines) else None
        else:
            text = self._read_line(frame.file, frame.line)
        return None if text is None else clean_text(text.strip()[:SOURCE_CHARS_MAX])


def threads_of(look: Look, pid: int, code: Code) -> list[dict[str, Any]]:
    """The threads of one sample as they are kept: the main thread first, then those with the author's code."""
    told: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    shown: set[int] = set()
    for thread in look.threads:
        frames = trim(thread.frames)
        if _is_ours(thread, pid):
            # A helper of the product's own.
            if thread.kernel is not None:
                shown.add(thread.kernel)
            continue
        number = thread.kernel
        waits = None if number is None else look.waits.get(number)
        name = thread.name or _name(look, number, pid)
        if number is not None:
            shown.add(number)
        kept = code.frames(frames)
        told.append(
            {
                "id": thread.ident if number is None else number,
                "name": name,
                "waits_on": _named(waits, frames),
                "frames": kept,
            }
        )
    for number, waits in look.waits.items():
        # Threads of libraries mostly rest; they are shown when they do something, or when there is nothing else.
        if number not in shown and (not look.threads or number in look.busy or (waits or {}).get("kind") in _TELLING):
            others.append({"id": number, "name": _name(look, number, pid), "waits_on": waits, "frames": []})
    told += others if not look.threads else others[:NATIVE_MAX]
    told.sort(key=lambda one: (one["id"] != pid, not any(f["author"] for f in one["frames"]), not one["frames"]))
    del told[THREADS_MAX:]
    left = FRAMES_TOTAL
    for one in told:
        del one["frames"][max(left, FRAMES_LEAST) :]
        left -= len(one["frames"])
    return told


def _name(look: Look, number: int | None, pid: int) -> str | None:
    if number == pid:
        return "MainThread"
    return None if number is None else look.names.get(number)


def _is_ours(thread: Thread, pid: int) -> bool:
    """Whether a thread beside the main one runs nothing but the product's own code."""
    if thread.kernel == pid or thread.is_main or not thread.frames:
        return False
    files = {one.file for one in thread.frames}
    ours = {file for file in files if file.startswith(_WORKER)}
    return bool(ours) and all(file.endswith("/threading.py") for file in files - ours)


_TELLING = ("socket", "file", "io", "child")
_LOCKING = ("/threading.py", "/queue.py", "/concurrent/futures/_base.py", "/concurrent/futures/thread.py")


def _named(waits: dict[str, Any] | None, frames: list[Frame]) -> dict[str, Any] | None:
    """`waits`, for a lock with the function that waits for it: `join` says more than "a lock"."""
    if waits is None or waits["kind"] != "lock" or not frames:
        return waits
    outer = None
    for frame in frames:
        if not frame.file.endswith(_LOCKING):
            break
        outer = frame
    if outer is None:
        return waits
    name = outer.file.rpartition("/")[2].removesuffix(".py").replace("_base", "futures")
    return {**waits, "message": f"{waits['message']}, in {outer.function} ({name})", "function": outer.function}


def place_main(threads: Iterable[Thread], pid: int) -> None:
    """Give the main thread its kernel number, which is the process', where nothing else says which it is."""
    threads = list(threads)
    if any(one.kernel == pid for one in threads):
        return
    unknown = [one for one in threads if one.kernel is None]
    mains = [one for one in unknown if one.is_main]
    if len(mains) == 1:
        mains[0].kernel = pid
    elif len(threads) == 1 and unknown:
        unknown[0].kernel = pid


def moves(looks: list[Look], cpu_seconds: float | None) -> bool | None:
    """Whether anything changed between the samples: a frame of any thread, or CPU time was used."""
    if len(looks) < 2:
        return None
    if cpu_seconds is not None and cpu_seconds > MOVED_CPU_SECONDS:
        return True
    told = [look for look in looks if look.threads]
    if len(told) < 2:
        return None if cpu_seconds is None else False
    first = _positions(told[0])
    return any(_positions(look) != first for look in told[1:])


def _positions(look: Look) -> dict[int, list[Frame]]:
    return {one.ident: one.frames for one in look.threads}
