"""T6: nodes that kill their parent or themselves, use up memory, start processes without end or fill the disk, each
beside others that must not be affected.

Everything runs in a limited group and on a small disk, so that a product that did not stop them would harm nothing
else.
"""

import contextlib
import json
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faults import checks, count
from tests.faults.checks import LOST_RETRIES
from tests.faults.hosts import Hosts
from tests.faults.limited_group import MEMORY, LimitedGroup, limited_group
from tests.faults.resources import Resources, i16, i16_log
from tests.faults.rig import Rig, document, python, rigged
from tests.faults.small_disk import SmallDisk, small_disk
from tests.support.effort import LONG, in_time, rounds
from tests.support.wait import wait_until

WORKERS = 4
"""Node processes in all."""
DISK = 64 << 20
SECONDS, RESTART_SECONDS = 3.0, rounds(4, 14)
"""For a short run beside poison, which takes 0.1 s alone; and for each restart of a worker, or of the scheduler, which
waits for 10 s after several restarts."""
LONG_SECONDS = 4.0
CACHE_BYTES = rounds(0, 16 << 20)
"""The page cache of the scheduler's connection, which fills up only after thousands of runs."""
LOSSES = rounds(1, 3)
"""`lost_retries` of the nodes that end their process. The one that kills their parent has the default."""


@dataclass
class Poison:
    code: str
    """What the node does when it has started."""
    error: str
    """Its class."""
    says: str
    """What its message contains."""
    policy: dict[str, Any] = field(default_factory=dict)
    state: str = "failed"
    kills: int = 0
    """How many schedulers or workers end with it."""
    losses: int = 0


LOST = {"lost_retries": LOSSES}
HARD = {"soft_timeout": 1, "hard_timeout": 1.5}
WRITE = f"""
    block = b"x" * (1 << 20)
    left = {2 * DISK >> 20}
    while True:
        try:
            while left:
                left -= 1
                try:
                    file.write(block)
                    file.flush()
                except OSError:
                    note("full", ctx)
                    time.sleep(0.02)
            time.sleep(60)
        except ctx.SoftTimeout:
            pass
"""
POISONS = {
    "kills its parent": Poison(
        # Once before its start can be stored, and once after that.
        "import signal; time.sleep(0.2 * (ctx.attempt % 2)); os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)",
        "WorkerLost", "attempt", kills=1 + LOST_RETRIES, losses=1 + LOST_RETRIES,
    ),
    "kills itself": Poison(
        "import signal; os.kill(os.getpid(), signal.SIGKILL)", "WorkerLost", "SIGKILL", LOST, losses=1 + LOSSES
    ),
    "breaks down in C": Poison(
        "import ctypes; ctypes.string_at(0)", "WorkerLost", "SIGSEGV", LOST, losses=1 + LOSSES
    ),
    "eats memory": Poison(
        "held = []\nwhile True: held.append(b'x' * (4 << 20))", "MemoryLimit", "limit (memory_mb)",
        {"memory_mb": 100},
    ),
    "eats memory by its children": Poison(
        "for _ in range(8):\n    if os.fork() == 0:\n        held = b'x' * (40 << 20)\n        time.sleep(60)\n"
        "time.sleep(60)",
        "MemoryLimit", "limit (memory_mb)", {"memory_mb": 100},
    ),
    "eats all memory there is": Poison(
        "held = []\nwhile True: held.append(b'x' * (4 << 20))", "WorkerLost", "probably out of memory", LOST,
        losses=1 + LOSSES,
    ),
    "forks 10,000": Poison(
        "for _ in range(10000):\n    if os.fork() == 0:\n        time.sleep(600)\ntime.sleep(600)",
        "ProcessLimit", "processes",
    ),
    "doubles": Poison(
        "while True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.01)",
        "ProcessLimit", "processes",
    ),
    "lets a shell double": Poison(
        "import subprocess\nsubprocess.run(['bash', '-c', ':(){ :|:& };:'])\ntime.sleep(600)",
        "ProcessLimit", "processes",
    ),
    "starts 10,000 threads": Poison(
        "import threading\nfor _ in range(10000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "ProcessLimit", "processes",
    ),
    "fills its folder": Poison(
        f"with open('large', 'wb', 0) as file:{WRITE}", "HardTimeout", "hard limit of 1.5 s", HARD, "timed_out"
    ),
    "fills its temporary files": Poison(
        f"import tempfile\nwith tempfile.NamedTemporaryFile(delete=False) as file:{WRITE}",
        "HardTimeout", "hard limit of 1.5 s", HARD, "timed_out",
    ),
}  # fmt: skip


SMOKE = ("kills itself", "eats memory", "forks 10,000", "fills its temporary files")
"""One of each kind, which `make check` runs on one host."""
IN_SHORT = ("kills its parent", "eats memory", "forks 10,000", "fills its temporary files")
"""What the short form runs on several hosts: most of it does not depend on the number of hosts."""


class PoisonRig:
    """The rig in which all poison nodes run, one after the other."""

    def __init__(self, rig: Rig, disk: SmallDisk, limited_group: LimitedGroup) -> None:
        self.rig, self.disk, self.limited_group = rig, disk, limited_group
        self.flag = rig.folder / "may end"
        self.killed = 0
        self.publish("short", [python(id, rig.ledger.code(0.005)) for id in "abc"], "a>b", "b>c")
        # A quarantined node waits for running poison to end, so the poison ends by itself.
        waits = (
            f"until = time.monotonic() + {LONG_SECONDS}\n"
            f"    while time.monotonic() < until and not os.path.exists({str(self.flag)!r}):\n"
            "        time.sleep(0.01); note('beat', ctx)"
        )
        self.publish("long", [python("n", rig.ledger.code(0, during=waits))])
        for name, poison in POISONS.items():
            code = rig.ledger.code(0, during=textwrap.indent(poison.code, "    ").lstrip())
            self.publish(slug(name), [python("poison", code, **poison.policy)])
        self.alone = max(self.short()[1] for _ in range(10))
        """Seconds of the slowest of some short runs without poison."""
        # What is loaded only once, on a full disk or at a limit, is no leak.
        rig.launch(slug("fills its folder"))
        rig.rest()
        self.base = Resources.when_ready(rig, WORKERS)

    def publish(self, slug: str, nodes: list[dict[str, Any]], *edges: str) -> None:
        self.rig.publish(slug, document(nodes, *edges))

    def short(self) -> tuple[str, float]:
        """Return (run, seconds from the request to its end) of a run of three short nodes."""
        began = time.monotonic()
        run = self.rig.launch("short")
        wait_until(lambda: self.all_running() and run not in self.rig.unfinished(), interval=0.005)
        return run, time.monotonic() - began

    def all_running(self) -> bool:
        """Always true, after starting killed processes again."""
        with self.limited_group.entered():
            self.rig.restart_killed(wait=False)
        return True


@contextlib.contextmanager
def poison_rig(folder: Path, form: type[Rig], memory: int, workers: int) -> Iterator[PoisonRig]:
    with (
        limited_group(memory) as inside,
        small_disk(folder / "small", DISK) as disk,
        rigged(folder / "rig", home=disk.folder / "home", form=form, INTERLOCK_WORKERS=str(workers)) as rig,
    ):
        with inside.entered():
            rig.start()
        yield PoisonRig(rig, disk, inside)


@pytest.fixture(scope="module")
def one_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PoisonRig]:
    with poison_rig(tmp_path_factory.mktemp("poison"), Rig, MEMORY, WORKERS) as made:
        yield made


@pytest.fixture(scope="module")
def several_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PoisonRig]:
    with poison_rig(tmp_path_factory.mktemp("poison"), Hosts, MEMORY * 3 // 2, WORKERS // 2) as made:
        yield made


def slug(name: str) -> str:
    return name.replace(" ", "-").replace(",", "").lower()


@pytest.mark.parametrize(
    "name", [name if name in SMOKE else pytest.param(name, marks=pytest.mark.long) for name in POISONS]
)
def test_poison_affects_only_its_own_run(one_host: PoisonRig, name: str) -> None:
    run_poison(one_host, name)


def test_the_write_ahead_log_is_small_after_all_poisonous_runs(one_host: PoisonRig) -> None:
    checks.settles(lambda: i16_log(one_host.rig.home), 15)


@pytest.mark.redis
@pytest.mark.postgres
@pytest.mark.parametrize("name", POISONS if LONG else IN_SHORT)
@pytest.mark.long
def test_poison_on_several_hosts_affects_only_its_own_run(several_hosts: PoisonRig, name: str) -> None:
    run_poison(several_hosts, name)


def run_poison(setup: PoisonRig, name: str) -> None:
    for _ in range(rounds(1, 2 if POISONS[name].kills else 8)):
        run_poison_once(setup, name, POISONS[name])


def run_poison_once(setup: PoisonRig, name: str, poison: Poison) -> None:
    rig = setup.rig
    long = rig.launch("long")
    wait_until(lambda: any(one.start.run == long for one in rig.ledger.executions()))
    run = rig.launch(slug(name))
    beside = [setup.short()]
    while run in rig.unfinished():
        beside.append(setup.short())
    count.injected(f"poison: {name}", 1 + poison.losses - (poison.losses > 0))
    setup.flag.touch()
    wait_until(lambda: setup.all_running() and not rig.unfinished())
    rig.restart_killed()
    setup.flag.unlink()
    setup.killed += poison.kills
    rows = rig.check(most=WORKERS, killed_schedulers=setup.killed)

    node = rows.nodes[run, "poison"]
    error = json.loads(node["error"])
    assert (node["state"], error["class"]) == (poison.state, poison.error), error
    assert poison.says in error["message"], error
    assert [one["state"] for one in rows.attempts[run, "poison"]] == ["lost"] * poison.losses or not poison.losses
    # Nodes beside one that kills its parent start again, but do not fail. All others are unaffected.
    for other in (long, *(one for one, _ in beside)):
        assert rows.runs[other]["state"] == "succeeded"
        for (of, _), attempts in rows.attempts.items():
            assert of != other or poison.kills or len(attempts) == 1
    slowest = max(seconds for _, seconds in beside)
    print(f"{name}: {len(beside)} short runs beside it, the slowest {slowest:.3f} s; alone {setup.alone:.3f} s")
    in_time(slowest, SECONDS + poison.policy.get("hard_timeout", 0.0) + RESTART_SECONDS * poison.kills)
    if "fills" in name:
        assert any((one.run, one.what) == (run, "full") for one in rig.ledger.entries()), "the disk was never full"
    assert setup.disk.room() > DISK // 2
    checks.settles(lambda: i16(setup.base, Resources.by(rig), CACHE_BYTES), 10)
