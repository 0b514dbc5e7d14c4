"""Says what the threads of a node process do, from a thread of its own that sleeps until it is asked.

Holding the interpreter's lock it can look at the stacks safely; faulthandler, which reads them from a signal handler,
now and then crashes a process whose other threads run on meanwhile. It remains for a process that does not
answer here, for then one piece of code holds the lock and nothing else runs (see engine.supervisor.stack_sampler).

A question is one line, its number; the answer is one line of JSON: {"n": number, "by": the kernel's number
of this thread, "threads": [[ident, kernel's number or null, name or null, [[file, line, function], ... innermost
first]], ...]}. The first line, number 0, comes unasked.
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
"""Innermost frames of a thread that are told."""
FILE_CHARS_MAX = 500
NAME_CHARS_MAX = 200


def start(descriptor: int) -> None:
    """Answer on the socket `descriptor` until it is closed, here or there."""
    began = _thread.allocate_lock()
    began.acquire()
    # The author's signals are the main thread's: one that came here would not end the main thread's wait.
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
    size = _thread.stack_size(STACK_BYTES)
    try:
        _thread.start_new_thread(_serve, (descriptor, began))
    finally:
        _thread.stack_size(size)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
    # Python counts a thread from the moment at which it runs.
    began.acquire()


def _serve(descriptor: int, began: Any) -> None:
    # All names are bound here: the author's code may put anything in the place of a module's.
    read, write, identity, encode = os.read, os.write, _identity, json.JSONEncoder(separators=(",", ":")).encode
    me, by = _thread.get_ident(), _thread.get_native_id()
    mine = identity(descriptor)
    write(descriptor, b'{"n":0,"by":%d,"threads":[]}\n' % by)
    began.release()
    try:
        # The author's code may close every descriptor and get the number for a file of its own.
        while identity(descriptor) == mine:
            asked = read(descriptor, 64).split()
            if not asked or identity(descriptor) != mine:
                return
            answer = encode({"n": int(asked[-1]), "by": by, "threads": _threads(me)}).encode() + b"\n"
            while answer:
                answer = answer[write(descriptor, answer) :]
    except Exception:
        # Whatever the author's code has done to this process: its log is not the place to tell. Who asks notices.
        return


def _threads(me: int) -> list[Any]:
    """What `_serve` answers with, of all threads but `me`."""
    # A collection here would call the author's finalizers in a thread that they do not expect.
    collects = gc.isenabled()
    gc.disable()
    frames = sys._current_frames()
    try:
        known = _known()
        told: list[Any] = []
        for ident, frame in frames.items():
            if ident != me and len(told) < THREADS_MAX:
                kernel, name = known.get(ident, (None, None))
                told.append([ident, kernel, name, _stack(frame)])
        return told
    finally:
        frames.clear()
        if collects:
            gc.enable()


def _stack(frame: Any) -> list[tuple[str, int | None, str]]:
    stack: list[tuple[str, int | None, str]] = []
    while frame is not None and len(stack) < FRAMES_MAX:
        code = frame.f_code
        stack.append((code.co_filename[:FILE_CHARS_MAX], frame.f_lineno, code.co_name[:NAME_CHARS_MAX]))
        frame = frame.f_back
    return stack


def _known() -> dict[int, tuple[int | None, str | None]]:
    """ident -> (kernel thread, name) of the threads that `threading` knows."""
    threading = sys.modules.get("threading")
    if threading is None:
        return {}
    known = {}
    # Not through `enumerate`, whose lock the very thread that is looked at may hold.
    for ident, thread in list(threading._active.items()):
        kernel, name = getattr(thread, "_native_id", None), getattr(thread, "_name", None)
        known[ident] = (
            kernel if type(kernel) is int else None,
            name[:NAME_CHARS_MAX] if type(name) is str else None,
        )
    return known


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
