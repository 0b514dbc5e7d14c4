"""Replies to requests for the stacks of this process, on a thread that sleeps until it is asked.

The thread holds the interpreter lock, so that it can read stacks safely. faulthandler reads them from a signal handler,
and sometimes crashes a process whose other threads run on. It is used only for a process that does not reply here,
because then one piece of code holds the lock and nothing else runs (see engine.supervisor.stack_sampler).

A request is one line with its number. A reply is one line of JSON: {"n": number, "by": the kernel's number of this
thread, "threads": [[ident, kernel's number or null, name or null, [[file, line, function], ... innermost first],
{local name of the author's code: its text}], ...], "queries": [[statement, percent done, bytes written]]}. The first
reply, number 0, is sent unasked.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _thread
import gc
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STACK_BYTES = 512 * 1024
THREADS_MAX = 64
FRAMES_MAX = 64
"""Innermost frames of a thread that are sent."""
FILE_CHARS_MAX = 500
NAME_CHARS_MAX = 200
TASKS_MAX = 50
LOCALS_MAX = 100
LOCAL_CHARS_MAX = 300
STATEMENT_CHARS_MAX = 2000


def start(descriptor: int) -> None:
    """Reply on the socket `descriptor` until one end is closed."""
    started = _thread.allocate_lock()
    started.acquire()
    # The author's signals are for the main thread: if this thread took one, the main thread's wait would not end.
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
    size = _thread.stack_size(STACK_BYTES)
    try:
        _thread.start_new_thread(_serve, (descriptor, started))
    finally:
        _thread.stack_size(size)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
    # Python counts a thread only from the moment when it runs.
    started.acquire()


def _serve(descriptor: int, started: Any) -> None:
    # Names are bound locally, because the author's code may replace any attribute of a module.
    read, write, identity, encode = os.read, os.write, _identity, json.JSONEncoder(separators=(",", ":")).encode
    me, by = _thread.get_ident(), _thread.get_native_id()
    own = identity(descriptor)
    write(descriptor, b'{"n":0,"by":%d,"threads":[]}\n' % by)
    started.release()
    try:
        # The author's code may close all descriptors, and open a file that gets this number.
        while identity(descriptor) == own:
            request = read(descriptor, 64).split()
            if not request or identity(descriptor) != own:
                return
            found = {"n": int(request[-1]), "by": by, "threads": _threads(me), "queries": _queries()}
            reply = encode(found).encode() + b"\n"
            while reply:
                reply = reply[write(descriptor, reply) :]
    except Exception:
        # This is the doing of the author's code, and not to be reported in its log. The supervisor notices that no
        # reply comes.
        return


def _threads(me: int) -> list[Any]:
    """Return the threads of a reply: all but `me`."""
    # A collection here would call the author's finalizers in a thread that they do not expect.
    collects = gc.isenabled()
    gc.disable()
    frames = sys._current_frames()
    try:
        names = _names()
        threads: list[Any] = []
        for ident, frame in frames.items():
            if ident != me and len(threads) < THREADS_MAX:
                tid, name = names.get(ident, (None, None))
                waiting = _coroutine(frame)
                stack = [_frame(one) for one in waiting] + _stack(frame)
                local = {name: text for one in (*waiting, frame) for name, text in _locals(one).items()}
                threads.append([ident, tid, name, stack[:FRAMES_MAX], local])
        return threads
    finally:
        frames.clear()
        if collects:
            gc.enable()


def _stack(frame: Any) -> list[tuple[str, int | None, str]]:
    stack: list[tuple[str, int | None, str]] = []
    while frame is not None and len(stack) < FRAMES_MAX:
        stack.append(_frame(frame))
        frame = frame.f_back
    return stack


def _frame(frame: Any) -> tuple[str, int | None, str]:
    code = frame.f_code
    return code.co_filename[:FILE_CHARS_MAX], frame.f_lineno, code.co_name[:NAME_CHARS_MAX]


def _coroutine(frame: Any) -> list[Any]:
    """Return the frames, innermost first, of a coroutine for which an idle event loop of asyncio waits; empty for other
    threads. The loop's own frames do not show it."""
    if not frame.f_code.co_filename.endswith("selectors.py"):
        return []
    for _ in range(FRAMES_MAX):
        if frame is None or frame.f_code.co_name == "run_forever":
            break
        frame = frame.f_back
    loop = None if frame is None else frame.f_locals.get("self")
    all_tasks = getattr(sys.modules.get("asyncio.tasks"), "all_tasks", None)
    if loop is None or all_tasks is None:
        return []
    try:
        for task in list(all_tasks(loop))[:TASKS_MAX]:
            if type(getattr(task, "_fut_waiter", None)).__name__ in ("Task", "_GatheringFuture"):
                # It waits for another task, which tells more.
                continue
            found: list[Any] = []
            awaited = task.get_coro()
            while awaited is not None and len(found) < FRAMES_MAX:
                inner = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
                if inner is None:
                    break
                found.append(inner)
                awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
            if found:
                return found[::-1]
    except Exception:
        # The author's own loop or task may be anything.
        return []
    return []


def _locals(frame: Any) -> dict[str, str]:
    """Return the local names of the node's own code that stand for a text or path: what a loop looks for."""
    found: dict[str, str] = {}
    for _ in range(FRAMES_MAX):
        if frame is None:
            break
        if frame.f_code.co_filename[:1] == "<" and frame.f_code.co_filename[:8] != "<frozen ":
            for name, value in list(frame.f_locals.items())[:LOCALS_MAX]:
                text = value if type(value) is str else str(value) if type(value).__name__ == "PosixPath" else None
                if text is not None and len(text) <= LOCAL_CHARS_MAX:
                    found.setdefault(name, text)
        frame = frame.f_back
    return found


def _queries() -> list[list[Any]]:
    """Return the queries that run now on DuckDB connections of the product, and on DuckDB's own connection."""
    found: list[list[Any]] = []
    duck = sys.modules.get("engine.worker.duck")
    for connection, statement, path in list(getattr(duck, "running", {}).values()):
        found.append([statement[:STATEMENT_CHARS_MAX], _progress(connection), _size(path)])
    duckdb = sys.modules.get("duckdb")
    if not found and duckdb is not None and getattr(sys.modules.get("engine.worker.table"), "_is_default_used", False):
        progress = _progress(duckdb)
        if progress is not None:
            found.append(["", progress, None])
    return found


def _progress(connection: Any) -> float | None:
    try:
        percent = connection.query_progress()
    except Exception:
        return None
    return float(percent) if percent >= 0 else None


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def _names() -> dict[int, tuple[int | None, str | None]]:
    """Return {ident: (kernel's number, name)} of the threads that `threading` knows."""
    threading = sys.modules.get("threading")
    if threading is None:
        return {}
    names = {}
    # `threading.enumerate` is not used, because a thread whose stack is read may hold its lock.
    for ident, thread in list(threading._active.items()):
        tid, name = getattr(thread, "_native_id", None), getattr(thread, "_name", None)
        names[ident] = (
            tid if type(tid) is int else None,
            name[:NAME_CHARS_MAX] if type(name) is str else None,
        )
    return names


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
