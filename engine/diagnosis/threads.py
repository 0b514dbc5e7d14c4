"""What a running node is doing, from its stacks: the one thing that keeps it from ending. Pure.

A node has many threads, most of which wait for one that works. The rule looks for that one: a thread that computes,
else one that waits for something outside the process, and only when all wait for one another a deadlock.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BUSY_PERCENT = 50.0
"""Of one core: from here on a tree computes, whatever its threads look like."""
RUNS_PERCENT = 2.0
"""So much is enough where a thread ran in every sample: on a busy machine it gets no more."""
OURS = ("/engine/worker/", "/engine/nodes/")
WAITS_INSIDE = ("threading.py", "queue.py", "thread.py", "process.py", "_base.py", "synchronize.py", "popen_fork.py")
"""Files of the standard library in which a thread waits for others on the author's behalf (join, a queue, a future)."""
RUNNING, GONE = ("running", "R"), ("zombie", "Z", "X")
"""States of children."""
OUTSIDE = "multiprocessing/synchronize.py"
"""Locks of other processes: this one cannot release them."""
INTERPRETER = "interpreter lock"
"""A thread that waits for its turn in Python would run."""
KINDS = ("child", "socket", "io", "file", "pipe", "poll", "other", "sleep")
"""What a thread waits for, the most telling first. A thread that sleeps often only watches another one."""

Thread = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a thread is in the author's code, or in what that called."""

    line: int | None = None
    source: str = ""
    function: str = ""
    file: str = ""
    is_author: bool = False


@dataclass(frozen=True, slots=True)
class Doing:
    """What keeps the node from ending."""

    code: str
    """sleeping cpu_loop child_computes blocked_on_socket child_hangs deadlock blocked_on_lock blocked_on_file
    blocked_on_pipe io_wait polling blocked not_determined."""
    spots: Sequence[tuple[str, Spot]] = ()
    """(thread's name, where): of a deadlock both, else of the one that is meant."""
    address: str = ""
    path: str = ""
    message: str = ""
    """What a thread waits for, as the supervisor says it."""
    child: Mapping[str, Any] | None = None
    others: int = 0
    """Further children."""
    samples: int = 0
    moves: bool | None = None
    """Whether frames or CPU changed between the samples."""
    cpu_percent: float | None = None
    inside: str = ""
    """Of blocked_on_lock, where the lock is only how a thread waits for another: queue, queue_put, result, signal."""


def doing(body: Mapping[str, Any], cpu_percent: float | None = None) -> Doing:
    """What the stacks in `body` show. `cpu_percent`: of the tree, where `body` does not say."""
    samples = body.get("samples") or []
    threads = _threads(samples[-1] if samples else {})
    children = [child for child in body.get("children") or () if child.get("state") not in GONE]
    measured = body.get("cpu_percent")
    cpu = cpu_percent if measured is None else float(measured)

    def found(code: str, thread: Thread | None = None, **more: Any) -> Doing:
        spots = [] if thread is None else [(_name(thread), _spot(thread))]
        more.setdefault("spots", spots)
        return Doing(code, samples=len(samples), moves=body.get("moves"), cpu_percent=cpu, **more)

    if not threads:
        return found("not_determined")
    free = [thread for thread in threads if _is_free(thread)]
    free.sort(key=lambda thread: bool(thread.get("waits_on")))
    runs = [thread for thread in free if _runs_always(thread, samples)]
    busy = next((child for child in children if child.get("state") in RUNNING), None)
    if cpu is not None and cpu >= RUNS_PERCENT and not free and busy is not None:
        return found("child_computes", threads[0], child=busy, others=len(children) - 1)
    if cpu is not None and (cpu >= BUSY_PERCENT or (runs and cpu >= RUNS_PERCENT)):
        free = runs or free
        return found("cpu_loop", free[0] if free else threads[0])
    waits = [thread for thread in threads if not _is_free(thread) and _kind(thread) != "lock"]
    # The main thread is what the node's end hangs on, unless it only watches: then on who it watches.
    main = [thread for thread in waits if thread is threads[0] and _kind(thread) not in ("sleep", "poll")]
    if waits:
        return _waits(found, (main or sorted(waits, key=_rank))[0], children)
    if free:
        # It neither computes nor waits for what /proc could name.
        return found("not_determined", free[0])
    takers = [thread for thread in threads if _takes_lock(thread)]
    inside = [thread for thread in takers if not _innermost(thread).endswith(OUTSIDE)]
    if len(inside) == 1:
        # What it wants is held by a thread that waits for others in turn: the one that joins it.
        inside += [thread for thread in threads if thread not in takers and _spot(thread).is_author][:1]
    if len(inside) >= 2:
        return found("deadlock", spots=[(_name(thread), _spot(thread)) for thread in inside])
    waiter = (takers or threads)[0]
    return found("blocked_on_lock", waiter, message=_message(waiter), inside=_waits_inside(waiter))


def _waits(found: Any, thread: Thread, children: list[Mapping[str, Any]]) -> Doing:
    wait = thread["waits_on"]
    kind, message = _kind(thread), _message(thread)
    address, path = str(wait.get("address") or ""), str(wait.get("path") or "")
    if address:
        return _made(found("blocked_on_socket", thread, address=address, message=message))
    if children and kind in ("child", "pipe", "poll", "other"):
        named = [child for child in children if child.get("pid") == wait.get("pid")]
        child: Mapping[str, Any] | None = _deepest(children, named[0] if named else None)
        return _made(found("child_hangs", thread, child=child, others=len(children) - 1, message=message))
    code = {
        "sleep": "sleeping",
        "socket": "blocked_on_socket",
        "child": "child_hangs",
        "file": "blocked_on_file",
        "pipe": "blocked_on_pipe",
        "io": "blocked_on_file" if path else "io_wait",
        "poll": "polling",
    }.get(kind, "blocked")
    child = {"pid": wait.get("pid"), "command": ""} if code == "child_hangs" else None
    return _made(found(code, thread, path=path, message=message, child=child))


def _made(doing: Any) -> Doing:
    assert isinstance(doing, Doing)
    return doing


def _deepest(children: list[Mapping[str, Any]], named: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The child that really hangs: a shell only waits for what it has started."""
    parents = {child.get("parent") for child in children}
    leaves = [
        child
        for child in children
        if child.get("pid") not in parents and (child.get("waits_on") or {}).get("kind") != "child"
    ]
    if named is not None and (named in leaves or not leaves):
        return named
    below = {named.get("pid")} if named is not None else set()
    for child in children:
        if child.get("parent") in below:
            below.add(child.get("pid"))
    return next((child for child in leaves if child.get("pid") in below), leaves[0] if leaves else children[0])


def _threads(sample: Mapping[str, Any]) -> list[Thread]:
    """Threads that matter, the main one first: those in the author's code; where that only waits for others inside
    the process, or there is none of it, all that are not the node process's own."""
    threads: list[Thread] = list(sample.get("threads") or ())
    threads.sort(key=lambda thread: thread.get("name") != "MainThread")
    main = threads[:1]
    theirs = [thread for thread in threads if any(frame.get("author") for frame in thread.get("frames") or ())]
    if theirs and any(_kind(thread) != "lock" or _takes_lock(thread) for thread in theirs):
        return theirs
    foreign = [thread for thread in threads if thread in main or thread in theirs or not _is_ours(thread)]
    return foreign or main


def _is_ours(thread: Thread) -> bool:
    """Whether only the product's code is on it; a thread of a library without Python code is not ours."""
    frames: list[Mapping[str, Any]] = list(thread.get("frames") or ())
    return bool(frames) and all(_inside(frame) or _of_product(frame) for frame in frames)


def _of_product(frame: Mapping[str, Any]) -> bool:
    return any(part in str(frame.get("file")) for part in OURS)


def _is_free(thread: Thread) -> bool:
    """Whether it runs, or would."""
    return not thread.get("waits_on") or INTERPRETER in _message(thread)


def _runs_always(thread: Thread, samples: Sequence[Mapping[str, Any]]) -> bool:
    """Whether it was seen to run in each of several samples."""
    seen = [one for sample in samples for one in sample.get("threads") or () if one.get("id") == thread.get("id")]
    return len(seen) == len(samples) > 1 and all(map(_is_free, seen))


def _innermost(thread: Thread) -> str:
    frames = thread.get("frames") or ()
    return str(frames[0].get("file") or "") if frames else ""


def _inside(frame: Mapping[str, Any]) -> bool:
    return str(frame.get("file") or "").rpartition("/")[2] in WAITS_INSIDE


def _takes_lock(thread: Thread) -> bool:
    """Whether it is about to take a lock, rather than to join a thread or to wait for a queue."""
    frames: list[Mapping[str, Any]] = list(thread.get("frames") or ())
    return _kind(thread) == "lock" and bool(frames) and (not _inside(frames[0]) or frames[0].get("function") in _TAKES)


def _waits_inside(thread: Thread) -> str:
    """What a thread that takes no lock of the author's really waits for; empty: a lock."""
    if _takes_lock(thread):
        return ""
    library = list(itertools.takewhile(_inside, thread.get("frames") or ()))
    files = {str(frame.get("file")).rpartition("/")[2] for frame in library}
    functions = {str(frame.get("function")) for frame in library}
    if "queue.py" in files:
        return "queue_put" if "put" in functions else "queue"
    if "_base.py" in files:
        return "result"
    return "signal" if "wait" in functions else ""


_TAKES = ("acquire", "__enter__")


def _kind(thread: Thread) -> str:
    return str((thread.get("waits_on") or {}).get("kind") or "")


def _rank(thread: Thread) -> int:
    kind = _kind(thread)
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _message(thread: Thread) -> str:
    return str((thread.get("waits_on") or {}).get("message") or "")


def _name(thread: Thread) -> str:
    return str(thread.get("name") or thread.get("id") or "")


def _spot(thread: Thread) -> Spot:
    """The innermost frame of the author's, else the innermost of all."""
    frames = thread.get("frames") or ()
    theirs = [one for one in frames if not _of_product(one)]
    frame = next((one for one in theirs if one.get("author")), theirs[0] if theirs else None)
    if frame is None:
        return Spot()
    line = frame.get("line")
    return Spot(
        line if isinstance(line, int) else None,
        str(frame.get("source") or "").strip(),
        str(frame.get("function") or ""),
        str(frame.get("file") or ""),
        bool(frame.get("author")),
    )
