"""T22: connections are cut at random moments, or all at once when a web process is killed, while a node prints. Each
client gets every line once and in order, and is current soon after."""

import contextlib
import random
import signal
import time
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.faults import checks, count
from tests.faults.clients import CURRENT_SECONDS, Client, CutClient
from tests.faults.hosts import FORMS, Hosts
from tests.faults.printing_run import PrintingRun
from tests.faults.rig import Rig, rigged
from tests.faults.webs import further_web
from tests.live.recorder import Recorder
from tests.support.effort import LONG, rounds, seed
from tests.support.product import Product
from tests.support.wait import wait_until

CLIENTS = rounds(20, 200)
LINES = rounds(2_000, 100_000)
TURNS = 20
CHARACTERS = 60


class Counted(Recorder):
    """Stores no line, but checks that each is the next one that the node printed."""

    def __init__(self) -> None:
        super().__init__()
        self.printed = 0

    def fold(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot" and self.seq is not None:
            # So far behind that lines are read elsewhere: any line may come next.
            self.printed = -1
        super().fold(message)

    def _event(self, event: dict[str, Any]) -> None:
        if event["type"] != "log":
            super()._event(event)
            return
        number = int(event["line"]["message"].split(" ", 1)[0])
        assert event["line"]["seq"] == event["seq"]
        assert self.printed in (-1, number - 1), f"line {number} came after line {self.printed}"
        self.printed = number


def head(rig: Rig, run: str) -> int:
    with rig.database() as db:
        return int(db.execute(f"SELECT seq FROM engine_run WHERE id = {int(run)}").fetchone()[0])


def current(rig: Rig, clients: Sequence[Client], seconds: float = CURRENT_SECONDS) -> float:
    """Check I11 for all of them within so many seconds, while nothing new comes. Return how long it took."""
    begun = time.monotonic()
    newest = head(rig, clients[0].run)

    def look() -> None:
        checks.hold("I10", [str(client.wrong) for client in clients if client.wrong is not None])
        behind = [client.recorder.seq for client in clients if (client.recorder.seq or 0) < newest]
        checks.hold("I11", [f"{len(behind)} clients are at {behind[:5]}, the run is at {newest}"] if behind else [])

    checks.settles(look, seconds)
    return time.monotonic() - begun


def storm(printer: PrintingRun, clients: Sequence[CutClient], chance: random.Random, lines: int) -> None:
    """Print so many lines with cuts among them, no faster than this process reads them for so many clients."""
    for _ in range(TURNS):
        before = printer.lines
        printer.print_lines(lines // TURNS)
        wait_until(lambda before=before: half_have(clients, before))  # type: ignore[misc]
        for client in chance.sample(clients, chance.randint(0, len(clients) // 4)):
            client.cut()
            time.sleep(chance.uniform(0, 0.02))


def serves(product: Product) -> bool:
    with contextlib.suppress(OSError, HTTPException):
        return product.call("GET", "/healthz", token=False, timeout=5).status == 200
    return False


def half_have(clients: Sequence[Client], lines: int) -> bool:
    """Return whether half of them know at least so many events."""
    return sorted(client.recorder.seq or 0 for client in clients)[len(clients) // 2] >= lines


@pytest.mark.parametrize("form", FORMS)
def test_clients_that_are_disconnected_at_any_moment_miss_nothing(form: type[Rig], tmp_path: Path) -> None:
    chance = random.Random(seed("reconnects"))
    with rigged(tmp_path, form=form) as rig, contextlib.ExitStack() as further:
        rig.start()
        products: list[Product] = [rig.product]
        if isinstance(rig, Hosts):
            products.append(further.enter_context(further_web(rig)))
        printer = PrintingRun(rig, CHARACTERS, most=2 * LINES)
        recorders = [Counted() for _ in range(CLIENTS)]
        clients = [
            CutClient(rig, printer.run, recorder, products[n % len(products)]) for n, recorder in enumerate(recorders)
        ]
        wait_until(lambda: all(client.recorder.seq is not None for client in clients))
        parts = rounds(2, 20)
        took = []
        for part in range(parts):
            storm(printer, clients, chance, LINES // parts)
            if part % 2 == 0:
                # All of them at once, and more lines come before they have reconnected.
                rig.signal(rig.web_pid(), signal.SIGKILL, "web")
                printer.print_lines(TURNS)
                wait_until(lambda: serves(rig.product))
            printer.stored()
            took.append(current(rig, clients))
        printer.end()
        rig.rest()
        current(rig, clients)
        run = rig.product.api("GET", f"runs/{printer.run}/")
        nodes = {one["node"]: one for one in rig.product.api("GET", f"runs/{printer.run}/nodes/")["results"]}
        for client in clients:
            checks.i11(client.recorder, run, nodes)
        checks.i10(rig.rows(), [client.recorder for client in clients])
        cuts, snapshots = sum(one.cuts for one in clients), [one.recorder.messages.count("snapshot") for one in clients]
        count.injected("connection cut", cuts)
        print(f"{cuts} cuts, {printer.lines} lines; current after {max(took):.2f} s; {sum(snapshots)} snapshots")
        assert cuts > CLIENTS
        assert all(one.printed in (-1, printer.lines) for one in recorders)
        assert sum(snapshots) == CLIENTS or LONG
        for client in clients:
            client.close()
        rig.check()
