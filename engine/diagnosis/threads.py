"""What a running node is doing, from its stacks: the one thing that keeps it from ending. Pure.

A node has many threads, most of which wait for one that works. The rules look for that one: a thread that computes,
else one that waits for something outside the process; a deadlock only if all wait for each other.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.diagnosis.wording import cut
from engine.inspect.waits import INTERPRETER_LOCK
from engine.sentences import Text, restored

BUSY_PERCENT = 50.0
"""Of one core: above it the process tree computes, whatever its threads look like."""
RUNS_PERCENT = 2.0
"""Percent of one core; enough for a thread that ran in every sample, because on a busy machine it gets no more."""
PRODUCT_FOLDERS = ("/engine/worker/", "/engine/nodes/")
WAITING_FILES = ("threading.py", "queue.py", "thread.py", "process.py", "_base.py", "synchronize.py", "popen_fork.py")
"""Files of the standard library in which a thread waits for another on the author's behalf (join, queue, future)."""
RUNNING, GONE = ("running", "R"), ("zombie", "Z", "X")
"""States of child processes."""
STOPPED = ("stopped", "T", "t")
SHARED_LOCKS = "multiprocessing/synchronize.py"
"""Locks that are shared with other processes, which may release them."""
FILE_LOCKS = ("flock", "fcntl")
"""System calls that wait for a lock on a file."""
_SOCKET_CODES = {"listening": "listening", "connecting": "connecting"}
_COMPUTES = frozenset(("cpu_loop", "blocked_on_lock", "deadlock", "blocked", "polling", "not_determined"))
"""What a thread seems to do that runs a query of DuckDB."""
KINDS = ("child", "socket", "io", "file", "pipe", "poll", "other", "sleep")
"""What threads wait for, the most informative first. A thread that sleeps often only watches another one."""

Thread = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Location:
    """Where a thread is in the author's code, or in code that it called."""

    line: int | None = None
    source: str = ""
    function: str = ""
    file: str = ""
    is_author: bool = False


@dataclass(frozen=True, slots=True)
class Activity:
    """What keeps a node from ending."""

    code: str
    """sleeping, cpu_loop, child_computes, blocked_on_socket, child_hangs, deadlock, blocked_on_lock, file_lock,
    database_lock, blocked_on_file, blocked_on_pipe, io_wait, polling, looks_for, name_lookup, query, connecting,
    listening, child_stopped, stopped, blocked or not_determined."""
    threads: Sequence[tuple[str, Location]] = ()
    """(name, location) of the thread that matters; in a deadlock of all that take part."""
    address: str = ""
    path: str = ""
    name: str = ""
    """Of name_lookup; empty: not known."""
    look: Mapping[str, Any] | None = None
    """Of looks_for, see engine.inspect.loops."""
    query: Mapping[str, Any] | None = None
    """Of query: {statement, percent, bytes}."""
    backend: Mapping[str, Any] | None = None
    """What the PostgreSQL server does that it waits for, see engine.inspect.postgres."""
    message: Text = ""
    """What the thread waits for, in the words of engine.inspect."""
    holder: int | None = None
    """The process that holds the lock on the file or database."""
    child: Mapping[str, Any] | None = None
    others: int = 0
    """Further child processes."""
    samples: int = 0
    moves: bool | None = None
    """Whether frames or CPU changed between the samples."""
    cpu_percent: float | None = None
    lines: Sequence[tuple[Location, float]] = ()
    """Of a thread that computes: where it was, with the share of the samples, the largest first."""
    circle: Sequence[Mapping[str, Any]] = ()
    """Of a deadlock between processes: the children that take part."""
    waits_for_thread: str = ""
    """Of blocked_on_lock, if the lock is only the means to wait for another thread: queue, queue_put, result, join
    or signal."""


def activity_of(body: Mapping[str, Any], cpu_percent: float | None = None) -> Activity:
    """Return what the stacks in `body` show. `cpu_percent`: of the process tree, if `body` does not say."""
    found = _activity_of(body, cpu_percent)
    queries = body.get("queries") or ()
    if queries and found.code in _COMPUTES:
        # The threads of a database compute for the one that waits for it.
        return replace(found, code="query", query=queries[0], waits_for_thread="")
    return found


def _activity_of(body: Mapping[str, Any], cpu_percent: float | None) -> Activity:
    samples = body.get("samples") or []
    threads = _threads(samples[-1] if samples else {})
    children = [child for child in body.get("children") or () if child.get("state") not in GONE]
    measured = body.get("cpu_percent")
    cpu = cpu_percent if measured is None else float(measured)

    def found(code: str, *involved: Thread, **more: Any) -> Activity:
        where = [(_name(thread), _location(thread)) for thread in involved]
        return Activity(code, where, samples=len(samples), moves=body.get("moves"), cpu_percent=cpu, **more)

    if not threads:
        return found("not_determined")
    free = [thread for thread in threads if _is_free(thread)]
    free.sort(key=lambda thread: bool(thread.get("waits_on")))
    runs = [thread for thread in free if _runs_always(thread, samples)]
    busy = next((child for child in children if child.get("state") in RUNNING), None)
    if cpu is not None and cpu >= RUNS_PERCENT and not free and busy is not None:
        return found("child_computes", threads[0], child=busy, others=len(children) - 1)
    if cpu is not None and (cpu >= BUSY_PERCENT or (runs and cpu >= RUNS_PERCENT)):
        thread = (runs or free or threads)[0]
        lines = _lines_of(thread, samples)
        loop = found("cpu_loop", thread, lines=lines)
        return replace(loop, threads=[(_name(thread), lines[0][0])]) if lines else loop
    waits = [thread for thread in threads if not _is_free(thread) and _kind(thread) != "lock"]
    # The node ends when the main thread does; if that only watches others, they matter.
    main = [thread for thread in waits if thread is threads[0] and _kind(thread) not in ("sleep", "poll")]
    if waits:
        thread = (main or sorted(waits, key=_rank))[0]
        circle = _circle(body, thread, children)
        if circle and all(_kind(one) == "lock" or _pid_of(one.get("waits_on")) in circle for one in threads):
            named = [child for child in children if child.get("pid") in circle]
            return found("deadlock", thread, circle=named, message=wait_text(thread.get("waits_on")))
        return _waits(found, thread, children, body.get("look"))
    if free:
        # The thread neither computes nor waits for anything that /proc could name.
        return found("not_determined", free[0])
    takers = [thread for thread in threads if _takes_lock(thread)]
    locked = [thread for thread in takers if not _innermost(thread).endswith(SHARED_LOCKS)]
    if len(locked) == 1:
        # The lock is held by a thread that itself waits for others, such as the one that joins this thread.
        locked += [thread for thread in threads if thread not in takers and _location(thread).is_author][:1]
    if len(locked) >= 2:
        return found("deadlock", *locked)
    results = [thread for thread in threads if _waits_for_thread(thread) == "result"]
    if len(results) >= 2 and len(results) == len([one for one in threads if _location(one).is_author]):
        # Each waits for what another one of them should do, such as work for a pool whose threads all wait.
        return found("deadlock", *results)
    waiter = (takers or threads)[0]
    if locked and len(threads) == 1 and "seconds" not in waiter["waits_on"]:
        return found("deadlock", waiter, message=wait_text(waiter["waits_on"]))
    return found(
        "blocked_on_lock", waiter, message=wait_text(waiter["waits_on"]), waits_for_thread=_waits_for_thread(waiter)
    )


def _waits(
    found: Callable[..., Activity], thread: Thread, children: list[Mapping[str, Any]], look: Mapping[str, Any] | None
) -> Activity:
    wait = thread["waits_on"]
    kind, message = _kind(thread), wait_text(wait)
    address, path = str(wait.get("address") or ""), str(wait.get("path") or "")
    if address:
        return _waits_for_address(found, thread, wait, address, message)
    if children and kind in ("child", "pipe", "poll", "other"):
        named = [child for child in children if child.get("pid") == wait.get("pid")]
        child: Mapping[str, Any] = _deepest(children, named[0] if named else None)
        theirs = {"child": child, "others": len(children) - 1, "message": message}
        if child.get("state") in STOPPED:
            return found("child_stopped", thread, **theirs)
        if locked := _locked(child.get("waits_on") or {}, sleeps=False):
            circle = _circle_from(child.get("pid"), {one.get("pid"): _awaited_process(one) for one in children})
            if circle:
                return found("deadlock", thread, circle=[one for one in children if one.get("pid") in circle])
            return found("file_lock", thread, **theirs, **locked)
        if look:
            return found("looks_for", thread, **theirs, look=look)
        return found("child_hangs", thread, **theirs)
    if wait.get("stopped"):
        return found("stopped", thread, message=message)
    if locked := _locked(wait, sleeps=_calls_sleep(thread)):
        return found("file_lock", thread, **locked)
    if look and kind == "sleep":
        return found("looks_for", thread, look=look)
    code = {
        "sleep": "sleeping",
        "socket": "blocked_on_socket",
        "child": "child_hangs",
        "file": "blocked_on_file",
        "pipe": "blocked_on_pipe",
        "io": "blocked_on_file" if path else "io_wait",
        "poll": "polling",
    }.get(kind, "blocked")
    ended = {"pid": wait.get("pid"), "command": ""} if code == "child_hangs" else None
    return found(code, thread, path=path, message=message, child=ended)


def _waits_for_address(
    found: Callable[..., Activity], thread: Thread, wait: Mapping[str, Any], address: str, message: Text
) -> Activity:
    backend, lookup = wait.get("backend"), wait.get("lookup")
    details: dict[str, Any] = {"address": address, "message": message}
    if isinstance(lookup, Mapping):
        return found("name_lookup", thread, **details, name=str(lookup.get("name") or ""))
    if isinstance(backend, Mapping):
        code = "database_lock" if backend.get("waits") else "blocked_on_socket"
        return found(code, thread, **details, backend=backend, holder=_pid_of(backend.get("holder")))
    return found(_SOCKET_CODES.get(str(wait.get("state")), "blocked_on_socket"), thread, **details)


def _locked(wait: Mapping[str, Any], *, sleeps: bool) -> dict[str, Any]:
    """Return path and holder of the lock on a file or database that is waited for; empty if it is none. `sleeps`: the
    code sleeps by itself."""
    if wait.get("syscall") in FILE_LOCKS:
        return {"path": str(wait.get("path") or ""), "holder": _pid_of(wait.get("holder"))}
    database = wait.get("database")
    if isinstance(database, Mapping) and not sleeps:
        return {"path": str(database.get("path") or ""), "holder": _pid_of(database.get("holder"))}
    return {}


def _awaited_process(thread: Mapping[str, Any]) -> int | None:
    """Return the one process that can end a wait; None if there are others, or a timeout."""
    wait = thread.get("waits_on") or {}
    return None if wait.get("among") else _pid_of(wait)


def _circle(body: Mapping[str, Any], thread: Thread, children: list[Mapping[str, Any]]) -> list[int]:
    """Return the processes that wait for each other in a circle, from where `thread` leads; empty if there is none."""
    waits = {child.get("pid"): _awaited_process(child) for child in children}
    waits[body.get("pid")] = _awaited_process(thread)
    return _circle_from(body.get("pid"), waits)


def _circle_from(step: Any, waits: Mapping[Any, int | None]) -> list[int]:
    """Return the processes that wait for each other in a circle, if the waits lead from `step` into one."""
    path: list[int] = []
    while isinstance(step, int) and step not in path:
        path.append(step)
        step = waits.get(step)
    return path[path.index(step) :] if isinstance(step, int) and len(path) > 1 else []


def _pid_of(process: Any) -> int | None:
    pid = process.get("pid") if isinstance(process, Mapping) else None
    return pid if isinstance(pid, int) else None


def _calls_sleep(thread: Thread) -> bool:
    """Return whether the line that the thread is in sleeps by itself; else a library does, between two attempts."""
    frames = thread.get("frames") or ()
    return not frames or "sleep" in str(frames[0].get("source") or "")


def _deepest(children: list[Mapping[str, Any]], named: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the child process that really hangs: a shell only waits for what it has started."""
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
    """Return the threads that matter, the main one first.

    These are the threads in the author's code; if they only wait for other threads, or there are none, all threads but
    the node process's own.
    """
    threads: list[Thread] = list(sample.get("threads") or ())
    threads.sort(key=lambda thread: thread.get("name") != "MainThread")
    main = threads[:1]
    theirs = [thread for thread in threads if any(frame.get("author") for frame in thread.get("frames") or ())]
    if theirs and any(_kind(thread) != "lock" or _takes_lock(thread) for thread in theirs):
        return theirs
    return [thread for thread in threads if thread in main or thread in theirs or not _is_products(thread)] or main


def _is_products(thread: Thread) -> bool:
    """Return whether only the product's code is on the stack; a thread without Python code belongs to a library."""
    frames: list[Mapping[str, Any]] = list(thread.get("frames") or ())
    if not frames or not all(_waits_inside(frame) or _of_product(frame) for frame in frames):
        return False
    # A thread that was started with a function written in C shows no frame of its own.
    return _kind(thread) in ("lock", "") or any(_of_product(frame) for frame in frames)


def _of_product(frame: Mapping[str, Any]) -> bool:
    return any(part in str(frame.get("file")) for part in PRODUCT_FOLDERS)


def _is_free(thread: Thread) -> bool:
    """Return whether it runs, or would if it got the interpreter lock."""
    wait = thread.get("waits_on")
    return not wait or wait.get("message") == INTERPRETER_LOCK


def _runs_always(thread: Thread, samples: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether it ran in each of several samples."""
    seen = [one for sample in samples for one in sample.get("threads") or () if one.get("id") == thread.get("id")]
    return len(seen) == len(samples) > 1 and all(map(_is_free, seen))


def _lines_of(thread: Thread, samples: Sequence[Mapping[str, Any]]) -> list[tuple[Location, float]]:
    """Return where a thread was in the samples, with the share of each place, the largest first."""
    counts: dict[tuple[str, int | None], list[Location]] = {}
    for sample in samples:
        for one in sample.get("threads") or ():
            if one.get("id") == thread.get("id"):
                place = _location(one)
                counts.setdefault((place.file, place.line), []).append(place)
    total = sum(map(len, counts.values()))
    return sorted(((places[0], len(places) / total) for places in counts.values()), key=lambda one: -one[1])


def _innermost(thread: Thread) -> str:
    frames = thread.get("frames") or ()
    return str(frames[0].get("file") or "") if frames else ""


def _waits_inside(frame: Mapping[str, Any]) -> bool:
    return str(frame.get("file") or "").rpartition("/")[2] in WAITING_FILES


def _takes_lock(thread: Thread) -> bool:
    """Return whether it is about to take a lock, and neither joins a thread nor waits for a queue."""
    frames: list[Mapping[str, Any]] = list(thread.get("frames") or ())
    if _kind(thread) != "lock" or not frames:
        return False
    return not _waits_inside(frames[0]) or frames[0].get("function") in ("acquire", "__enter__")


def _waits_for_thread(thread: Thread) -> str:
    """Return what a thread that waits for another one waits for; empty: a lock."""
    if _takes_lock(thread):
        return ""
    library = list(itertools.takewhile(_waits_inside, thread.get("frames") or ()))
    files = {str(frame.get("file")).rpartition("/")[2] for frame in library}
    functions = {str(frame.get("function")) for frame in library}
    if "queue.py" in files:
        return "queue_put" if "put" in functions else "queue"
    if "_base.py" in files:
        return "result"
    if "join" in functions:
        return "join"
    return "signal" if "wait" in functions else ""


def _kind(thread: Thread) -> str:
    return str((thread.get("waits_on") or {}).get("kind") or "")


def _rank(thread: Thread) -> int:
    kind = _kind(thread)
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def wait_text(wait: Mapping[str, Any] | None) -> Text:
    """Return what a thread or process waits for; empty if it does not wait or this is not known."""
    wait = wait or {}
    return restored(wait.get("sentence")) or cut(str(wait.get("message") or ""))


def _name(thread: Thread) -> str:
    return str(thread.get("name") or thread.get("id") or "")


def _location(thread: Thread) -> Location:
    """Return the innermost frame of the author's code, else the innermost one that is not the product's."""
    frames = thread.get("frames") or ()
    theirs = [one for one in frames if not _of_product(one)]
    frame = next((one for one in theirs if one.get("author")), theirs[0] if theirs else None)
    if frame is None:
        return Location()
    line = frame.get("line")
    return Location(
        line if isinstance(line, int) else None,
        str(frame.get("source") or "").strip(),
        str(frame.get("function") or ""),
        str(frame.get("file") or ""),
        bool(frame.get("author")),
    )
