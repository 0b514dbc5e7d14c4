"""Restores a node process to the state before its first attempt, so that attempts do not affect each other.

`Baseline` is recorded once, before an author's code has run. After an attempt `restore` puts back what it can (signal
handlers, streams, modules of the author's ...) and lists what it cannot: then the process must not run another attempt.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _thread
import builtins
import faulthandler
import os
import resource
import signal
import sys
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

GROWTH_BYTES_MAX = 64 * 1024 * 1024
PAGE = resource.getpagesize()

_SIGNALS = sorted(int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
# The module `signal` converts every number to an enum and back, which takes longer than all the rest of `restore`.
_getsignal, _setitimer, _sigmask = _signal.getsignal, _signal.setitimer, _signal.pthread_sigmask
_SIG_SETMASK, _SIG_BLOCK = int(signal.SIG_SETMASK), int(signal.SIG_BLOCK)
_TIMERS = (int(signal.ITIMER_REAL), int(signal.ITIMER_VIRTUAL), int(signal.ITIMER_PROF))


class Baseline:
    """The state of a node process before its first attempt."""

    def __init__(self, own_descriptors: list[int], stack: int | None = None) -> None:
        self.own = own_descriptors
        """Descriptors that must lead to the same files: the standard ones and those to the supervisor."""
        self.stack = stack
        """The file to which faulthandler writes stacks at SIGUSR2."""
        self.handlers = list(map(_getsignal, _SIGNALS))
        self.mask = _sigmask(_SIG_BLOCK, ())
        self.path = list(sys.path)
        self.path_hooks, self.meta_path = list(sys.path_hooks), list(sys.meta_path)
        self.streams = (sys.stdin, sys.stdout, sys.stderr)
        self.hooks = (sys.excepthook, sys.displayhook, sys.unraisablehook, sys.breakpointhook)
        self.argv = list(sys.argv)
        self.recursion = sys.getrecursionlimit()
        self.builtins = dict(builtins.__dict__)
        self.modules = set(sys.modules)
        self.installed = _installation()
        self.limits = _limits()
        self.nice = os.getpriority(os.PRIO_PROCESS, 0)
        self.ids = (os.getresuid(), os.getresgid())
        self.resident = resident_bytes()
        self.identities = _identities(self.own)
        self.open_files = _open_files()
        self.threads = _thread._count()

    def restore(self) -> list[str]:
        """Put back what can be put back; return the reasons why the process must not run another attempt."""
        reasons: list[str] = []
        if _thread._count() > self.threads:
            reasons.append(f"{_thread._count() - self.threads} threads")
        if _reap():
            reasons.append("child processes")
        reasons += self._restore_signals()
        os.umask(0o077)
        sys.path[:] = self.path
        sys.path_hooks[:], sys.meta_path[:] = self.path_hooks, self.meta_path
        sys.stdin, sys.stdout, sys.stderr = self.streams
        sys.excepthook, sys.displayhook, sys.unraisablehook, sys.breakpointhook = self.hooks
        sys.argv[:] = self.argv
        if sys.getrecursionlimit() != self.recursion:
            sys.setrecursionlimit(self.recursion)
        if sys.gettrace() is not None:
            sys.settrace(None)
        if sys.getprofile() is not None:
            sys.setprofile(None)
        if builtins.__dict__ != self.builtins:
            builtins.__dict__.update(self.builtins)
            for name in builtins.__dict__.keys() - self.builtins.keys():
                del builtins.__dict__[name]
        loaded = self._forget_modules()
        if self._changed_for_good():
            reasons.append("changed limits or rights of the process")
        if self._files_left():
            reasons.append("open files")
        grown = resident_bytes() - self.resident
        if grown > GROWTH_BYTES_MAX:
            if loaded and grown <= 8 * GROWTH_BYTES_MAX and not reasons:
                # The attempt has loaded extension modules (pandas, Arrow), which stay loaded and will be used again.
                # If their memory counted, no process would be used twice for such nodes.
                self.resident += grown
            else:
                reasons.append(f"{grown // (1024 * 1024)} MiB of memory")
        return reasons

    def _restore_signals(self) -> list[str]:
        for timer in _TIMERS:
            _setitimer(timer, 0)
        reasons = []
        found = list(map(_getsignal, _SIGNALS))
        if found != self.handlers:
            for number, now, before in zip(_SIGNALS, found, self.handlers, strict=True):
                if now == before:
                    continue
                if before is None:
                    reasons.append("a signal handler that cannot be put back")
                else:
                    _signal.signal(number, before)
                    if number == signal.SIGUSR2 and self.stack is not None:
                        faulthandler.unregister(number)
        if self.stack is not None:
            # Always, because it cannot be seen whether the author's code has registered a file of its own.
            faulthandler.register(signal.SIGUSR2, file=self.stack, all_threads=True)
        _signal.set_wakeup_fd(-1)
        _sigmask(_SIG_SETMASK, self.mask)
        return reasons

    def _forget_modules(self) -> bool:
        """Drop modules from outside the installation; return whether extension modules of packages were loaded."""
        if sys.modules.keys() == self.modules:
            return False
        loaded = from_files = False
        for name in [name for name in sys.modules if name not in self.modules]:
            module = sys.modules[name]
            if _is_extension(module):
                loaded = loaded or "-packages/" in str(module.__file__)
            elif not self._is_installed(name, module):
                del sys.modules[name]
                from_files = from_files or getattr(module, "__file__", None) is not None
        if from_files:
            # Otherwise a file that is created there within the same tick of the clock would not be found.
            sys.path_importer_cache.clear()
        self.modules = set(sys.modules)
        return loaded

    def _is_installed(self, name: str, module: ModuleType) -> bool:
        spec = getattr(module, "__spec__", None)
        if spec is not None and spec.origin in ("built-in", "frozen"):
            return True
        places = [getattr(module, "__file__", None) or "", *_path(module)]
        if any(places):
            return any(place.startswith(self.installed) for place in places)
        # A module that was created in memory, like `six.moves` and `typing.io`, belongs to its package.
        root = name.partition(".")[0]
        if root == name or root not in sys.modules:
            return False
        package = sys.modules[root]
        return root in self.modules or _is_extension(package) or self._is_installed(root, package)

    def _changed_for_good(self) -> bool:
        return (
            _limits() != self.limits
            or os.getpriority(os.PRIO_PROCESS, 0) != self.nice
            or (os.getresuid(), os.getresgid()) != self.ids
        )

    def _files_left(self) -> bool:
        if _identities(self.own) != self.identities:
            return True
        if _open_files() != self.open_files:
            # A file in a reference cycle is closed only by the garbage collector.
            import gc

            gc.collect()
            return _open_files() != self.open_files
        return False


@cache
def _proc_file(name: str) -> int:
    """Return a file of /proc/self, which stays open."""
    return os.open(f"/proc/self/{name}", os.O_RDONLY | os.O_CLOEXEC)


def resident_bytes() -> int:
    """Return the resident memory. Raises OSError if /proc is missing, or the author's code has closed its file."""
    return int(os.pread(_proc_file("statm"), 128, 0).split()[1]) * PAGE


def _limits() -> bytes:
    """Return all limits of this process in the kernel's form."""
    return os.pread(_proc_file("limits"), 4096, 0)


def _open_files() -> int:
    """Return how many files this process has open. Since Linux 6.2 that is the size of the folder."""
    return os.fstat(_proc_file("fd")).st_size or len(os.listdir("/proc/self/fd")) - 1


def _identities(descriptors: list[int]) -> list[tuple[int, int]] | None:
    """Return what the descriptors lead to; None if one of them is closed."""
    try:
        return [(status.st_dev, status.st_ino) for status in map(os.fstat, descriptors)]
    except OSError:
        return None


def _reap() -> bool:
    """Wait for children that have ended; return whether any is alive.

    This process is the subreaper of their orphans, so no descendant is missed.
    """
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _installation() -> tuple[str, ...]:
    """Return the folders from which modules stay loaded."""
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    places |= {entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))}
    engine = sys.modules["engine"].__path__
    return tuple(sorted(place.rstrip("/") + "/" for place in (*places, *engine)))


def _path(module: ModuleType) -> list[str]:
    try:
        return [str(place) for place in getattr(module, "__path__", None) or ()]
    except Exception:
        return []


def _is_extension(module: ModuleType) -> bool:
    return str(getattr(module, "__file__", None) or "").endswith(".so")
