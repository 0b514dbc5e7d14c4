"""T24: whatever a node has started is gone with its attempt, however it hides and however the attempt ends."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.supervisor import cgroup, cleanup
from tests.faults.hosts import FORMS, Hosts
from tests.faults.rig import Rig, document, python, rigged
from tests.support.effort import rounds, seed
from tests.support.wait import wait_until

HARD = 2.0
GONE_SECONDS, PAST_HARD_SECONDS = 2.0, 1.0
"""After the end of an attempt; and after its hard limit."""

CODE = """
import ctypes, os, signal, subprocess, time

SIGNALS = set(signal.Signals) - {{signal.SIGKILL, signal.SIGSTOP}}

def here(pid):
    with open(f"/proc/{{pid}}/stat") as file:
        start = file.read().rsplit(")", 1)[1].split()[19]
    descriptor = os.open({folder!r} + os.environ["INTERLOCK_RUN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{{pid}} {{start}} {{time.monotonic_ns()}}\\n".encode())
    os.close(descriptor)

def sleep():
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass

def started(session=False, deeper=False, work=sleep):
    if os.fork() == 0:
        if session:
            os.setsid()
        if deeper and os.fork():
            os._exit(0)
        here(os.getpid())
        work()

def echo():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    while True:
        try:
            os.write(1, b"still here\\n")
        except OSError:
            pass
        time.sleep(0.01)

def in_c():
    # Keeps the interpreter's lock and takes no signal: nothing of Python runs any more.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    while True:
        ctypes.PyDLL(None).pause()

def main(inputs, ctx):
    here(os.getpid())
    hang = sleep
{tree}
    if not {returns}:
        hang()
"""
DEAF = "for number in SIGNALS: signal.signal(number, signal.SIG_IGN)\n"
KINDS = {
    "setsid": (1, "started(session=True)"),
    "double-fork": (1, "started(session=True, deeper=True)"),
    "ignores-sigterm": (2, f"{DEAF}started()\nstarted(session=True)"),
    "keeps-stdout-open": (1, "started(session=True, deeper=True, work=echo)"),
    "blocked-in-c": (1, "started(session=True, work=in_c)\nhang = in_c"),
    "stopped": (1, "started(work=lambda: os.kill(os.getpid(), signal.SIGSTOP) or sleep())"),
    "without-environment": (
        1,
        "child = subprocess.Popen(['setsid', 'sleep', '600'], env={'PATH': os.environ['PATH']})\nhere(child.pid)",
    ),
}
"""{name: (processes beside the node process, what makes them)}."""
BY_GROUP = ("without-environment", "owner killed")
"""Such a process is found only by its control group. Without control groups it survives."""


class TreeRig:
    """A product with a workflow for each way to hide and each way to end."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.killed = 0
        self.folder = rig.folder / "pids"
        self.folder.mkdir()
        probe = cgroup.create(cleanup.own_mark("interlock-probe") + "-0")
        self.grouped = probe is not None and probe.remove()
        self.chance = random.Random(seed("orphans"))

    def publish(self, kind: str, end: str) -> str:
        tree = "".join(f"    {line}\n" for line in KINDS[kind][1].splitlines())
        code = CODE.format(folder=f"{self.folder}/", tree=tree, returns=end == "returns")
        limits: dict[str, Any] = {"soft_timeout": HARD / 2, "hard_timeout": HARD} if end == "hard limit" else {}
        slug = f"{kind}-{end.replace(' ', '-')}"
        self.rig.publish(slug, document([python("tree", code, lost_retries=0, **limits)]))
        return slug

    def tree(self, run: str) -> list[tuple[int, int, int]]:
        """Return (pid, its start, when it reported) of each process of a run, the node process first."""
        file = self.folder / run
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(pid), int(start), int(at)) for pid, start, at in map(str.split, lines)]

    def is_alive(self, run: str) -> bool:
        return any(is_alive(pid, start) for pid, start, _ in self.tree(run))


def is_alive(pid: int, start: int) -> bool:
    """Return whether the process is still alive. Another process with its pid does not count."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return False
    return int(fields[19]) == start and fields[0] not in "ZX"


def limit(trees: TreeRig, runs: list[str]) -> None:
    """The limit passes by itself."""


def cancel(trees: TreeRig, runs: list[str]) -> None:
    for run in runs:
        trees.rig.product.api("POST", f"runs/{run}/cancel/", {})


def kill_processes(trees: TreeRig, runs: list[str]) -> None:
    for run in runs:
        trees.rig.signal(trees.tree(run)[0][0], signal.SIGKILL, "a node process with orphans")


def kill_owners(trees: TreeRig, runs: list[str]) -> None:
    """Kill the scheduler, or the workers, which stay down."""
    for pid in trees.rig.owners():
        trees.rig.signal(pid, signal.SIGKILL, "an owner of orphans")
        trees.killed += 1


ENDS: dict[str, tuple[Callable[[TreeRig, list[str]], None], str]] = {
    "hard limit": (limit, "timed_out"),
    "cancel": (cancel, "cancelled"),
    "process killed": (kill_processes, "failed"),
    "owner killed": (kill_owners, "failed"),
    "returns": (limit, "succeeded"),
}
"""{how attempts end: (what ends them, state of the node then)}."""


@pytest.fixture(scope="module", params=FORMS)
def trees(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TreeRig]:
    form: type[Rig] = request.param
    processes = -(-len(KINDS) // 2) if form is Hosts else len(KINDS)
    folder = tmp_path_factory.mktemp("orphans") / "rig"
    with rigged(folder, form=form, INTERLOCK_WORKERS=str(processes)) as rig:
        yield TreeRig(rig.start())


@pytest.mark.long
@pytest.mark.parametrize("end", ENDS)
def test_no_process_of_a_tree_survives(trees: TreeRig, end: str) -> None:
    kinds = [kind for kind in KINDS if trees.grouped or (kind, end) != BY_GROUP]
    slugs = {kind: trees.publish(kind, end) for kind in kinds}
    for _ in range(rounds(1, 10)):
        end_all(trees, slugs, *ENDS[end])
        trees.rig.restart_killed()


def end_all(trees: TreeRig, slugs: dict[str, str], how: Callable[[TreeRig, list[str]], None], state: str) -> None:
    """Start a tree of each kind, end all at once, and check what is left."""
    rig = trees.rig
    kinds = {rig.launch(slug): kind for kind, slug in slugs.items()}
    if how is not limit:
        wait_until(lambda: all(len(trees.tree(run)) > KINDS[kind][0] for run, kind in kinds.items()))
        moment = time.monotonic() + trees.chance.uniform(0, rounds(0, 1))
        wait_until(lambda: time.monotonic() >= moment)
    how(trees, list(kinds))
    ended: dict[str, float] = {}
    gone: dict[str, float] = {}
    deadline = time.monotonic() + 30
    while len(gone) < len(kinds) and time.monotonic() < deadline:
        left = rig.unfinished()
        for run in kinds:
            if run not in left:
                ended.setdefault(run, time.monotonic())
                if not trees.is_alive(run):
                    gone.setdefault(run, time.monotonic())
        time.sleep(0.005)
    assert gone.keys() == kinds.keys(), [kinds[run] for run in kinds.keys() - gone.keys()]
    rows = rig.check(most=len(KINDS), killed_schedulers=trees.killed)
    for run, kind in kinds.items():
        assert rows.nodes[run, "tree"]["state"] == state, kind
        assert gone[run] - ended[run] <= GONE_SECONDS, kind
        if state == "timed_out":
            assert gone[run] - trees.tree(run)[0][2] / 1e9 <= HARD + PAST_HARD_SECONDS, kind
    print(f"gone {max(gone[run] - ended[run] for run in kinds):.3f} s after the end that was seen, at the latest")
