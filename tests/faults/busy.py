"""Work for hosts that are cut off or whose servers fail: nodes that run until they are released, and short nodes."""

from collections.abc import Sequence

from tests.faults.checks import hold
from tests.faults.hosts import PROCESSES, Hosts
from tests.faults.rig import document, python
from tests.support.ledger import Execution, Ledger
from tests.support.wait import wait_until

BLOCKED = ("a", "b", "c", "d")
"""As many nodes as there are processes."""


def start_blocked(rig: Hosts) -> str:
    """Start a run of as many nodes as there are processes. In its first attempt each node runs until it is released."""
    free = f"os.path.exists(f'{rig.folder}/go-{{ctx.run[\"id\"]}}-{{ctx.node}}')"
    during = f"while ctx.attempt == 1 and not {free}: time.sleep(0.005); note('beat', ctx)"
    return rig.run(document([python(name, rig.ledger.code(0, during=during), lost_retries=20) for name in BLOCKED]))


def start_short(rig: Hosts) -> str:
    """Start a run of nodes that end at once."""
    code = rig.ledger.code(0.02, beats=True)
    return rig.run(document([python(name, code, lost_retries=20) for name in BLOCKED], "a>b"))


def release(rig: Hosts, executions: Sequence[Execution]) -> None:
    for one in executions:
        (rig.folder / f"go-{one.start.run}-{one.start.node}").touch()


def all_busy(rig: Hosts, seconds: float) -> list[Execution]:
    """Start a run that takes all processes of all hosts. Return its executions when all have started."""
    run = start_blocked(rig)

    def under_way() -> list[Execution]:
        found = [one for one in rig.ledger.executions() if one.start.run == run and not one.ended]
        return found if len(found) == len(BLOCKED) else []

    return wait_until(under_way, seconds)


def restart_of(ledger: Ledger, lost: Execution) -> int:
    """Return when the node of this execution started again, or 0 if it has not."""
    key = lost.start.run, lost.start.node
    return next(
        (
            one.start.at
            for one in ledger.executions()
            if (one.start.run, one.start.node) == key and one.start.at > lost.start.at
        ),
        0,
    )


class BlockedRun:
    """A run of nodes that run until they are released."""

    def __init__(self, rig: Hosts) -> None:
        self.rig = rig
        self.flag = rig.folder / "let-go"
        until = f"while not os.path.exists({str(self.flag)!r}): time.sleep(0.01)"
        code = rig.ledger.code(0, during=until)
        self.document = document([python(f"held{i}", code, lost_retries=100) for i in range(PROCESSES)])
        self.run = ""

    def wait_until_started(self) -> None:
        wait_until(lambda: sum(one.start.run == self.run for one in self.rig.ledger.executions()) == PROCESSES)


def nothing_lost(rig: Hosts) -> None:
    """Check that no attempt was lost."""
    with rig.database() as db:
        found = db.execute("SELECT run_id, node, number, error FROM engine_attempt WHERE state = 'lost'").fetchall()
    hold("I3", (f"{one} was lost" for one in found))
