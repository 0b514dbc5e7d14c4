"""The checkers of live clients, and of the memory kept for them, fail on builds that are broken on purpose.

Every test with a client shows that they pass on the correct product.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.checks import Broken, settles
from tests.faults.clients import Client, CutClient, SlowClient
from tests.faults.flood import flooding, i10_cuts, messages
from tests.faults.printing_run import PrintingRun
from tests.faults.resources import i16_within
from tests.faults.rig import Rig, document, python, rigged
from tests.live.slow import Pace
from tests.support.memory import resident
from tests.support.wait import wait_until

pytestmark = pytest.mark.long

FLOOD_LINES, CHARACTERS = 9_000, 1000


def followed(rig: Rig) -> None:
    rig.start()
    printer = PrintingRun(rig, 20)
    client = Client(rig, printer.run)
    wait_until(lambda: client.recorder.seq is not None)
    printer.print_lines(300)
    printer.end()
    rig.rest()
    try:
        client.check(5)
    finally:
        client.close()


def unread(rig: Rig) -> None:
    """Start three clients that read nothing, beside one that reads."""
    rig.start()
    printer = PrintingRun(rig, CHARACTERS)
    others = [SlowClient(rig, printer.run, Pace(0)) for _ in range(3)]
    wait_until(lambda: all(one.connections for one in others))
    client = Client(rig, printer.run)
    wait_until(lambda: client.recorder.seq is not None)

    def check_progress() -> None:
        if (at := client.recorder.seq or 0) < printer.lines:
            raise Broken(f"I11: a client that reads is at {at}, {printer.lines} lines were told")

    try:
        for turn in range(2):
            base = resident(rig.web_pid())
            printer.print_lines(FLOOD_LINES)
            printer.stored()
            settles(check_progress, 5)
            if turn:
                # The first messages fill buffers. What is on its way to clients is freed when it has arrived.
                settles(lambda before=base: grown_by(rig, before), 5)  # type: ignore[misc]
    finally:
        for one in (client, *others):
            one.close()


def grown_by(rig: Rig, before: float) -> None:
    i16_within("The web process", before, resident(rig.web_pid()), 12)


def cut_off(rig: Rig) -> None:
    """Start a client that reconnects after more events."""
    rig.start()
    printer = PrintingRun(rig, 20)
    client = CutClient(rig, printer.run)
    try:
        wait_until(lambda: client.recorder.seq is not None)
        for turn in range(3):
            client.returns.clear()
            client.cut()
            printer.print_lines(30)
            printer.stored()
            client.returns.set()
            wait_until(lambda met=turn + 1: client.connections > met or client.wrong)  # type: ignore[misc]
        printer.end()
        rig.rest()
        client.check(5)
    finally:
        client.close()


def flooded(rig: Rig) -> None:
    rig.scheduler()
    code, lines = flooding(10, 2)
    run = rig.run(document([python("n", code)]))
    rig.rest()
    i10_cuts("n", lines, messages(rig, run, "n"))


WAYS: list[tuple[str, Callable[[Rig], None], str]] = [
    ("event_dropped", followed, "I10"),
    ("event_told_twice", followed, "I10"),
    ("events_out_of_order", followed, "I10"),
    ("news_kept_back", followed, "I11"),
    ("everybody_waits", unread, "I11"),
    ("queue_without_end", unread, "I16"),
    ("cut_not_told", flooded, "I10"),
    ("return_misheard", cut_off, "I10"),
]


@pytest.mark.parametrize(("build", "way", "invariant"), WAYS, ids=[build for build, _, _ in WAYS])
def test_a_broken_build_is_detected(build: str, way: Callable[[Rig], None], invariant: str, tmp_path: Path) -> None:
    with rigged(tmp_path, build) as rig, pytest.raises(Broken, match=f"^{invariant}: "):
        way(rig)


@pytest.mark.parametrize("way", [unread, flooded], ids=lambda way: way.__name__)
def test_the_correct_build_passes(way: Callable[[Rig], None], tmp_path: Path) -> None:
    with rigged(tmp_path) as rig:
        way(rig)
