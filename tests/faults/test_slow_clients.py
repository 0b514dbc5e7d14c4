"""T21: clients read nothing, or a kilobyte a second, while a run sends more than the system's buffers take.

The others are judged by the time from when a line was read from its node until it reached them, in the same run without
the slow clients, with them, and without them again. On several hosts two web processes serve the clients.
"""

import contextlib
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard.serving.http import THREADS
from tests.faults import checks, count
from tests.faults.clients import CURRENT_SECONDS, Client, SlowClient
from tests.faults.hosts import SERVERS, Hosts
from tests.faults.printing_run import PrintingRun
from tests.faults.resources import i16_within
from tests.faults.rig import Rig, rigged
from tests.faults.webs import further_web
from tests.live.recorder import Recorder
from tests.live.slow import Pace, held
from tests.support.effort import LONG, rounds
from tests.support.memory import cpu_seconds, descriptors, links, resident
from tests.support.product import Product
from tests.support.wait import wait_until

SLOW = 50
SLOW_OF_TWO = rounds(10, 50)
"""Of two web processes together."""
SILENT_SECONDS = rounds(0, 60)
"""How long clients that read nothing stay connected beside the others, at least."""
CHARACTERS = 1000
FLOOD_LINES = 12_000
"""More than a client may have missed and still gets one by one."""
FLOOD_PARTS = 4
EACH_MIB_MAX = 4
"""Of the web process for a client that reads nothing: the message on its way, and the next one."""
GROWTH_MIB_MAX = 16
"""Of the web process in a further flood, after which nothing stays in memory."""
STALL_SECONDS = 70


class Timed(Recorder):
    """Records the delay of each line."""

    def __init__(self) -> None:
        super().__init__()
        self.delays: list[float] = []

    def _event(self, event: dict[str, Any]) -> None:
        # Before the line is counted, because whoever waits for it reads these.
        if event["type"] == "log":
            self.delays.append(time.time() - datetime.fromisoformat(event["at"]).timestamp())
        super()._event(event)


class Others:
    """Two reading clients, and their delays in one phase."""

    def __init__(self, rig: Rig, printer: PrintingRun, webs: Sequence[tuple[Product, int]]) -> None:
        self.printer, self.webs = printer, webs
        self.recorders = [Timed(), Timed()]
        self.clients = [
            Client(rig, printer.run, recorder, webs[n % len(webs)][0]) for n, recorder in enumerate(self.recorders)
        ]

    def spell(self) -> tuple[float, float]:
        """Return (99 % of the delays, CPU time of the web processes), in seconds, of three hundred lines."""
        self.got()
        for recorder in self.recorders:
            recorder.delays.clear()
        cpu = self.cpu_seconds()
        for _ in range(100):
            self.printer.print_lines(3)
            time.sleep(0.02)
        self.got()
        delays = sorted(delay for recorder in self.recorders for delay in recorder.delays)
        assert len(delays) == 600
        return delays[-6], self.cpu_seconds() - cpu

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for _, pid in self.webs)

    def got(self) -> None:
        """Wait until both have every line."""
        for recorder in self.recorders:
            wait_until(lambda known=recorder.lines: len(known) == self.printer.lines)  # type: ignore[misc]


def resident_in(webs: Sequence[tuple[Product, int]]) -> float:
    return sum(resident(pid) for _, pid in webs)


@pytest.mark.parametrize(
    ("form", "many"),
    [pytest.param(Rig, SLOW, id="one host"), pytest.param(Hosts, SLOW_OF_TWO, id="several hosts", marks=SERVERS)],
)
@pytest.mark.long
def test_clients_that_read_slowly_or_never_do_not_affect_the_others(form: type[Rig], many: int, tmp_path: Path) -> None:
    with rigged(tmp_path, form=form) as rig, contextlib.ExitStack() as further:
        rig.start()
        webs: list[tuple[Product, int]] = [(rig.product, rig.web_pid())]
        if isinstance(rig, Hosts):
            second = further.enter_context(further_web(rig))
            assert second.process is not None
            webs.append((second, second.process.pid))
        printer = PrintingRun(rig, CHARACTERS)
        others = Others(rig, printer, webs)
        wait_until(lambda: all(recorder.seq is not None for recorder in others.recorders))
        before = others.spell()
        base, files = resident_in(webs), [descriptors(pid) for _, pid in webs]

        never, trickle = Pace(0), Pace(1024)
        slow = [SlowClient(rig, printer.run, (never, trickle)[n % 2], webs[n // 2 % len(webs)][0]) for n in range(many)]
        silent_until = time.monotonic() + SILENT_SECONDS
        count.injected("client that reads nothing", many // 2)
        count.injected("client that reads 1 KB a second", many // 2)
        wait_until(lambda: all(client.connections for client in slow))
        flood(printer, others)
        full = resident_in(webs)
        # No more than an attempt reports before its end.
        for _ in range(rounds(1, 2)):
            flood(printer, others)
        # What is on its way to the others is freed when they have it.
        checks.settles(
            lambda: i16_within("The web, of a further flood,", full, resident_in(webs), len(webs) * GROWTH_MIB_MAX), 10
        )
        fuller = resident_in(webs)
        during = others.spell()
        while time.monotonic() < silent_until:
            during = max(during, others.spell())
        for _ in range(rounds(10, 2)):
            if during[0] <= later(before[0]):
                break
            # Other load of the machine comes and goes; the cost of slow clients is constant.
            during = min(during, others.spell())
        taken = sum(len(client.recorder.messages) for client in slow)

        never.change(None)
        trickle.change(None)
        printer.end()
        rig.rest()
        for client in others.clients:
            client.check_current()
        # What they have to read first, some 3 MB each, is read and parsed by this process.
        for client in slow:
            client.check_current(30)
        recorders = [client.recorder for client in (*others.clients, *slow)]
        checks.settles(lambda: checks.i10(rig.rows(), recorders), CURRENT_SECONDS)
        for client in (*slow, *others.clients):
            client.close()
        rig.check()
        for (product, pid), were in zip(webs, files, strict=True):
            wait_until(lambda port=product.port: not held(port))  # type: ignore[misc]
            # Each HTTP thread has a connection to PostgreSQL from its first query on.
            assert descriptors(pid) <= were + THREADS * (len(webs) - 1), sorted(links(pid))

    for name, (delay, cpu) in (("without", before), ("with", during)):
        print(f"{name} {many} slow ones: 99 % of lines within {delay:.3f} s, {cpu:.2f} s of CPU")
    print(f"web: {base:.0f} MiB, {full:.0f} with them and {fuller:.0f} after more; they took {taken} messages")
    assert [recorder.messages.count("snapshot") for recorder in others.recorders] == [1, 1]
    assert during[0] <= later(before[0])
    i16_within(f"The web with {many} who read slowly", base, full, SLOW * EACH_MIB_MAX)


def later(seconds: float) -> float:
    """Return the limit with slow clients for what takes so long without them."""
    return 1.2 * seconds + 0.1


def flood(printer: PrintingRun, others: Others) -> None:
    """Print in portions that the reading clients can follow."""
    for _ in range(FLOOD_PARTS):
        printer.print_lines(FLOOD_LINES // FLOOD_PARTS)
        others.got()


@pytest.mark.smoke
def test_a_client_that_reads_nothing_for_long_is_disconnected_and_catches_up(tmp_path: Path) -> None:
    """A client stops for longer than any limit of the product. In the short form the product's limit is short
    instead."""
    with rigged(tmp_path, "" if LONG else "impatient,hasty") as rig:
        rig.start()
        printer = PrintingRun(rig, CHARACTERS)
        pace = Pace()
        client = SlowClient(rig, printer.run, pace)
        wait_until(lambda: client.recorder.seq is not None)
        pace.change(0)
        stalled = time.monotonic()
        count.injected("client that stalls")
        printer.print_lines(FLOOD_LINES)
        printer.stored()
        wait_until(lambda: not held(rig.product.port), STALL_SECONDS)
        print(f"let go after {time.monotonic() - stalled:.1f} s")
        printer.print_lines(FLOOD_LINES)
        printer.stored()
        if LONG:
            time.sleep(max(0.0, stalled + STALL_SECONDS - time.monotonic()))
        pace.change(None)
        printer.end()
        rig.rest()
        client.check()
        assert client.connections > 1
        rig.check()
