"""Lanes: which tests run together, in which order, and how long each may take. tests/README.md has the rule.

Every test has the name of its folder below tests/ as a marker.
"""

import functools
import os
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support import effort

FOLDERS = ("faults", "processes", "live", "conformance", "stateful", "integration", "unit", "browser")
"""In the order in which they run: the slowest first, so that the workers end together. The driver of the browser keeps
an event loop in its thread from its first test on, beside which no other may run: it comes last."""
FAST = ("integration", "unit")
"""Whose tests are quicker than the messages about each of them: a module of them runs in one worker."""
SECONDS_MAX = 15.0
"""How long a test that is not `long` may take where each process has a processor for itself."""

_too_slow: list[tuple[float, str]] = []


def _folder(path: Path) -> str:
    return path.relative_to(Path(__file__).parent).parts[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(_folder(item.path))
    items.sort(key=lambda item: FOLDERS.index(_folder(item.path)))


@functools.cache
def _is_one_unit(module: str) -> bool:
    """Whether the tests of a module share what one of them would have to make again for itself."""
    path = Path(__file__).parents[1] / module
    return _folder(path) in FAST or 'scope="module"' in path.read_text(encoding="utf-8")


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each worker of pytest-xdist the next test, or the next module of tests that share a fixture."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if _is_one_unit(module) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    config.option.loadscopereorder = False
    return Scheduling(config, log)


def _seconds_max() -> float:
    """Return the limit under the load of the last minute, by which a test may be held up.

    Twice the number of processes that shared a processor, for the average lags behind what starts all at once.
    """
    return SECONDS_MAX * max(1.0, 2 * os.getloadavg()[0] / len(os.sched_getaffinity(0)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that is too slow. What others take from it does not count, and neither do fixtures."""
    if report.when != "call" or effort.LONG or "long" in report.keywords or "timed" in report.keywords:
        return
    if report.duration > _seconds_max():
        _too_slow.append((report.duration, report.nodeid))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _too_slow and not hasattr(session.config, "workerinput") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _too_slow:
        terminalreporter.section(f"slower than {SECONDS_MAX:.0f} s: make it quicker, or mark it long", red=True)
        for seconds, name in sorted(_too_slow, reverse=True):
            terminalreporter.write_line(f"{seconds:6.1f} s  {name}")
