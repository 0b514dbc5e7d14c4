"""Stacks of a running attempt: parsed from what its process replied, and converted for storage. Pure.

The body of a stack (`Stack.body` in the API and the database) is
{"taken_at", "pid", "samples": [{"at", "threads": [{"id", "name", "waits_on", "frames"}]}], "children", "moves",
"cpu_percent", "message", "quiet", "look", "queries"}:
`id` is the kernel's number of the thread, or Python's ident if the former is not known; `name` may be None;
`frames` [{"file", "line", "function", "source", "author"}] are innermost first, without the product's frames that
called the author's code, and empty for a thread that only the kernel knows;
`waits_on` is None (it runs, or it is not known) or {"kind", "message", ...} (see engine.inspect.waits);
`children` [{"pid", "parent", "command", "state", "cpu_seconds", "since", "waits_on"?}] are those of the whole tree;
`moves` says whether frames or CPU time changed between the samples, None if there is nothing to compare;
`cpu_percent` is that of the tree during the sampling, of one core; None if it was too short to measure;
`message` is a sentence that says why frames are missing, or None;
`quiet` says how an attempt without expected duration was quiet: idle (it did nothing), computing or idling (it wrote no
line and reported no progress although it computed or moved a little); None if the stacks have another reason;
`look` is what a loop of the author's looks for, see engine.inspect.loops, with `there`: whether the file exists;
`queries` [{"statement", "percent", "bytes"}] are those of DuckDB that run; `statement` is empty if it is not known.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.sentences import Sentence, gettext_noop
from engine.text import clean_text
from engine.worker import ENGINE_FOLDER, MAIN

THREADS_MAX = 32
NATIVE_MAX = 4
"""Threads without Python code that are shown beside others."""
FRAMES_MAX = 48
"""Innermost frames that are stored of one thread."""
FRAMES_TOTAL = 300
"""Frames that are stored of one sample, about; the first threads get most of them, each at least FRAMES_MIN."""
FRAMES_MIN = 4
TEXT_CHARS_MAX = 500
SOURCE_CHARS_MAX = 200
MOVED_CPU_SECONDS = 0.06
"""More CPU time than the sampling itself uses. The kernel counts in steps of 10 ms, and each sample may cost one."""

_WORKER_FOLDER = ENGINE_FOLDER + "worker/"

_HEAD = re.compile(r"(?:Current thread|Thread) 0x([0-9a-fA-F]+)(?: \[(.*)\])? \(most recent call first\):\Z")
_FRAME = re.compile(r'  File (?:"(.*)"|\?\?\?), line (\d+|\?\?\?) in (.*)\Z')
_LINE_END = re.compile(r"\r\n|\r|\n")
"""Line ends of Python source; str.splitlines knows more."""
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


class Frame(NamedTuple):
    file: str
    line: int | None
    function: str


@dataclass(slots=True)
class ThreadStack:
    """The stack of one Python thread."""

    ident: int
    """Python's ident."""
    tid: int | None
    """The kernel's number of the thread, if known."""
    name: str | None
    frames: list[Frame]
    """Innermost first."""
    names: dict[str, str] = field(default_factory=dict)
    """Local names of the author's code that stand for a text."""

    @property
    def is_main(self) -> bool:
        """Whether the thread runs the main loop of a node process. A very deep stack does not show it."""
        return bool(self.frames) and self.frames[-1].file == MAIN


@dataclass(slots=True)
class StackSample:
    """The stacks that the process replied with, and the kernel's view of its threads, at one moment."""

    at: str
    threads: list[ThreadStack]
    waits: dict[int, dict[str, Any] | None]
    """Thread -> what it waits on; of all threads but the one that replies."""
    names: dict[int, str] = field(default_factory=dict)
    """Thread -> the kernel's name for it, if that differs from the program's name."""
    queries: list[dict[str, Any]] = field(default_factory=list)
    """Queries of DuckDB that run in the process: {statement, percent, bytes}."""
    busy: set[int] = field(default_factory=set)
    """Threads that run or are in uninterruptible sleep."""


class StackReply(NamedTuple):
    """A reply of engine.worker.stack_server."""

    number: int
    """The number of the request; 0 for the first reply, which the thread sends unasked when it starts."""
    by: int | None
    """The kernel's number of the thread that replies."""
    threads: list[ThreadStack]
    queries: list[dict[str, Any]]
    """Queries of DuckDB that run in the process."""


def parse_reply(data: bytes) -> StackReply | None:
    """Return the reply in `data`; None if it is not one. The node's code can write to the channel too."""
    try:
        reply = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if type(reply) is not dict or type(reply.get("n")) is not int or type(reply.get("threads")) is not list:
        return None
    threads = []
    for thread in reply["threads"]:
        if type(thread) is not list or len(thread) not in (4, 5):
            return None
        if type(thread[0]) is not int or type(thread[3]) is not list:
            return None
        ident, tid, name, stack, *local = thread
        frames = [frame for frame in map(_parse_frame, stack) if frame is not None]
        threads.append(
            ThreadStack(
                ident,
                tid if type(tid) is int else None,
                _bounded(name) if type(name) is str else None,
                frames,
                _texts(local[0] if local else None),
            )
        )
    by, queries = reply.get("by"), reply.get("queries")
    return StackReply(reply["n"], by if type(by) is int else None, threads, _parse_queries(queries))


def _texts(local: Any) -> dict[str, str]:
    if type(local) is not dict:
        return {}
    return {name: _bounded(text) for name, text in local.items() if type(text) is str}


def _parse_queries(queries: Any) -> list[dict[str, Any]]:
    """Return the queries of a reply as they are stored: {statement, percent, bytes}, None where not known."""
    found = []
    for query in queries if type(queries) is list else ():
        if type(query) is list and len(query) == 3 and type(query[0]) is str:
            statement, percent, size = query
            found.append(
                {
                    "statement": clean_text(statement[: 4 * TEXT_CHARS_MAX]),
                    "percent": percent if type(percent) is float else None,
                    "bytes": size if type(size) is int else None,
                }
            )
    return found


def _parse_frame(frame: Any) -> Frame | None:
    if type(frame) is not list or len(frame) != 3 or type(frame[0]) is not str or type(frame[2]) is not str:
        return None
    return Frame(_bounded(frame[0]), frame[1] if type(frame[1]) is int else None, _bounded(frame[2]))


def parse_dump(data: bytes) -> list[ThreadStack]:
    """Return the threads in a dump of faulthandler of Python 3.10 to 3.14. Lines of other forms are left out."""
    threads: list[ThreadStack] = []
    current: ThreadStack | None = None
    for line in data.decode("ascii", "replace").splitlines():
        if head := _HEAD.match(line):
            name = head[2]
            current = ThreadStack(int(head[1], 16), None, _bounded(_unescape(name)) if name else None, [])
            threads.append(current)
        elif line and not line.startswith(" "):
            # "..." after 100 threads, or the C stack that newer Pythons add.
            current = None
        elif current is not None and (frame := _FRAME.match(line)):
            number = None if frame[2] == "???" else int(frame[2])
            file = "???" if frame[1] is None else _unescape(frame[1])
            current.frames.append(Frame(_bounded(file), number, _bounded(_unescape(frame[3]))))
    return threads


def _unescape(text: str) -> str:
    """Replace the \\x, \\u and \\U escapes, which faulthandler writes for all but ASCII."""

    def character(found: re.Match[str]) -> str:
        number = int(found[1] or found[2] or found[3], 16)
        return chr(number) if number < 0x110000 else found[0]

    return _ESCAPED.sub(character, text)


def _bounded(text: str) -> str:
    return clean_text(text[:TEXT_CHARS_MAX])


def without_callers(frames: list[Frame]) -> list[Frame]:
    """Return `frames` without the product's frames that called the author's code.

    If all are the product's (a shell or SQL node), those of the node process's loop are left out.
    """
    end = len(frames)
    while end and frames[end - 1].file.startswith(ENGINE_FOLDER):
        end -= 1
    if not end:
        end = len(frames)
        while end > 1 and frames[end - 1].file.startswith(_WORKER_FOLDER):
            end -= 1
    return frames[:end]


class NodeSource:
    """Knows which frames are the node's own code, and the source text of frames."""

    def __init__(
        self,
        node: str,
        read_line: Callable[[str, int], str | None],
        *,
        code: str | None = None,
        function: str | None = None,
    ) -> None:
        """`code`: the Python source in the node's config. `function`: the dotted path of the function that it calls.

        `read_line(file, line)` returns a line of a file; None if it cannot be read.
        """
        self._read_line = read_line
        self._file = f"<{node}>" if code is not None else None
        self._lines = _LINE_END.split(code or "")
        self._modules: list[tuple[str, str]] = []
        """Ends of the paths that the module of a function may have, the longest first."""
        parts = (function or "").split(".")
        for length in range(len(parts) - 1, 0, -1):
            path = "/".join(parts[:length])
            self._modules.append((f"/{path}.py", f"/{path}/__init__.py"))

    def frames(self, frames: list[Frame]) -> list[dict[str, Any]]:
        """Return `frames` as they are stored."""
        return [
            {
                "file": frame.file,
                "line": frame.line,
                "function": frame.function,
                "source": self._source(frame),
                "author": self.is_author(frame.file),
            }
            for frame in frames[:FRAMES_MAX]
        ]

    def is_author(self, file: str) -> bool:
        """Return whether the file is the node's own code."""
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


def describe_threads(sample: StackSample, pid: int, source: NodeSource) -> list[dict[str, Any]]:
    """Return the threads of one sample as they are stored: the main thread first, then those with the author's code."""
    described: list[dict[str, Any]] = []
    seen: set[int] = set()
    for thread in sample.threads:
        tid = thread.tid
        if tid is not None:
            seen.add(tid)
        if _is_helper(thread, pid):
            continue
        frames = without_callers(thread.frames)
        waits = None if tid is None else sample.waits.get(tid)
        described.append(
            {
                "id": thread.ident if tid is None else tid,
                "name": thread.name or _name(sample, tid, pid),
                "waits_on": _with_function(waits, frames),
                "frames": source.frames(frames),
            }
        )
    # Threads of libraries are mostly idle. They are shown when they do something, or when there is nothing else.
    native: list[dict[str, Any]] = [
        {"id": tid, "name": _name(sample, tid, pid), "waits_on": waits, "frames": []}
        for tid, waits in sample.waits.items()
        if tid not in seen
        and (not sample.threads or tid in sample.busy or (waits or {}).get("kind") in _INFORMATIVE_KINDS)
    ]
    described += native if not sample.threads else native[:NATIVE_MAX]
    described.sort(key=lambda one: (one["id"] != pid, not any(f["author"] for f in one["frames"]), not one["frames"]))
    del described[THREADS_MAX:]
    left = FRAMES_TOTAL
    for one in described:
        del one["frames"][max(left, FRAMES_MIN) :]
        left -= len(one["frames"])
    return described


def _name(sample: StackSample, tid: int | None, pid: int) -> str | None:
    if tid == pid:
        return "MainThread"
    return None if tid is None else sample.names.get(tid)


def _is_helper(thread: ThreadStack, pid: int) -> bool:
    """Return whether the thread is not the main one and runs nothing but the product's own code."""
    if thread.tid == pid or thread.is_main or not thread.frames:
        return False
    files = {frame.file for frame in thread.frames}
    ours = {file for file in files if file.startswith(_WORKER_FOLDER)}
    return bool(ours) and all(file.endswith("/threading.py") for file in files - ours)


_INFORMATIVE_KINDS = ("socket", "file", "io", "child")
_LOCKING_FILES = ("/threading.py", "/queue.py", "/concurrent/futures/_base.py", "/concurrent/futures/thread.py")


def _with_function(waits: dict[str, Any] | None, frames: list[Frame]) -> dict[str, Any] | None:
    """Add to the wait for a lock the function that waits, for instance `join`."""
    if waits is None or waits["kind"] != "lock" or not frames:
        return waits
    outer = None
    for frame in frames:
        if not frame.file.endswith(_LOCKING_FILES):
            break
        outer = frame
    if outer is None:
        return waits
    name = outer.file.rpartition("/")[2].removesuffix(".py").replace("_base", "futures")
    text = Sentence(gettext_noop("a lock, in {function} ({module})"), {"function": outer.function, "module": name})
    return {**waits, "message": str(text), "sentence": text.stored(), "function": outer.function}


def identify_main(threads: list[ThreadStack], pid: int) -> None:
    """Set the tid of the main thread, which is the pid, if nothing else identifies it."""
    if any(thread.tid == pid for thread in threads):
        return
    unknown = [thread for thread in threads if thread.tid is None]
    mains = [thread for thread in unknown if thread.is_main]
    if len(mains) == 1:
        mains[0].tid = pid
    elif len(threads) == 1 and unknown:
        unknown[0].tid = pid


def moves(samples: list[StackSample], cpu_seconds: float | None) -> bool | None:
    """Return whether frames changed between the samples or CPU time was used; None if there is nothing to compare."""
    if len(samples) < 2:
        return None
    if cpu_seconds is not None and cpu_seconds > MOVED_CPU_SECONDS:
        return True
    with_frames = [sample for sample in samples if sample.threads]
    if len(with_frames) < 2:
        return None if cpu_seconds is None else False
    first = _positions(with_frames[0])
    return any(_positions(sample) != first for sample in with_frames[1:])


def _positions(sample: StackSample) -> dict[int, list[Frame]]:
    return {thread.ident: thread.frames for thread in sample.threads}
