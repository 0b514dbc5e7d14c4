"""The whole product, or schedulers alone, in its own home, with faults that can be injected while it works.

A fault is a file in the folder `faults`: the next process that passes the named point takes it and acts on it
(engine.faults). Nothing here asks the product for its state: `rows` reads the database, `ledger` what nodes wrote.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.states import RUN_TERMINAL
from engine.supervisor import cgroup
from engine.supervisor.cleanup import mark_prefix
from tests.faults import checks, count
from tests.faults.checks import Database, Rows
from tests.support.ledger import Ledger
from tests.support.product import ROOT, Product, processes_with
from tests.support.templates import one_host
from tests.support.wait import WAIT_SECONDS, wait_until

BUILD = Path(__file__).with_name("build")


class Rig:
    """A home and what runs in it: on one host, everything. `build` names changes of the product (see
    build/sitecustomize.py)."""

    capacity = 2
    """Nodes that may run at once."""
    outlives = 0.0
    """Seconds for which what is being ended may run beside the next execution of its node."""

    def __init__(self, folder: Path, build: str = "", home: Path | None = None, **environment: str) -> None:
        self.folder = folder
        self.home = home or folder / "home"
        made = self.template()
        shutil.copytree(made / "home", self.home, dirs_exist_ok=True)
        self.ledger = Ledger(folder / "ledger")
        self.faults = folder / "faults"
        self.faults.mkdir()
        self.product = Product(
            self.home,
            INTERLOCK_FAULT=str(self.faults),
            PYTHONPATH=str(BUILD),
            INTERLOCK_TEST_BUILD=build,
            **environment,
        )
        self.product.token = (made / "token").read_text()
        self.schedulers: list[subprocess.Popen[bytes]] = []
        self.accepted: list[str] = []
        """Runs that were acknowledged."""
        self._launcher: subprocess.Popen[str] | None = None
        self._files = itertools.count()
        self._waiting: dict[Path, str] = {}
        self.wall_offset = time.time_ns() - time.monotonic_ns()
        """What is added to the ledger's times to get Unix time."""

    @classmethod
    def template(cls) -> Path:
        return one_host()

    # Processes.

    def start(self) -> "Rig":
        """Start the whole product."""
        self.product.start()
        return self

    def scheduler(self, inside: Sequence[str] = (), source: Path = ROOT, **changed: str) -> subprocess.Popen[bytes]:
        """Start another `manage.py scheduler`. `inside` precedes its command, `changed` is its own environment,
        `source` contains its code."""
        with self.product.log.open("ab") as log:
            process = subprocess.Popen(
                [*inside, sys.executable, "manage.py", "scheduler"],
                cwd=source, env=self.product.environment | changed, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.schedulers.append(process)
        return process

    def scheduler_pid(self) -> int:
        """Return the scheduler of `up`, also while it is being started again."""
        return wait_until(lambda: self._child("scheduler"))

    def web_pid(self) -> int:
        return wait_until(lambda: self._child("web"))

    def _child(self, role: str) -> int:
        for pid in self.product.tree():
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if any(part.endswith(b"/up/child.py") for part in command) and role.encode() in command:
                    return pid
        return 0

    def node_processes(self, scheduler: int) -> list[int]:
        """Return the live node processes of a scheduler, the newest last."""
        found = []
        for children in Path(f"/proc/{scheduler}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                for pid in children.read_text().split():
                    with contextlib.suppress(OSError):
                        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                        if fields[0] != "Z" and b"worker/main.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                            found.append((int(fields[19]), int(pid)))
        return [pid for _, pid in sorted(found)]

    def owners(self) -> list[int]:
        """Return the processes that own, or should own, node processes."""
        return [self.scheduler_pid()]

    def homes(self) -> list[Path]:
        """Return the homes of those processes; node processes carry their marks."""
        return [self.home]

    def roles(self) -> dict[str, int]:
        """Return {role: pid} of the long-lived processes of the product."""
        return {"scheduler": self.scheduler_pid(), "web": self.web_pid()}

    def marked(self) -> list[int]:
        """Return all processes that belong to the product."""
        return processes_with(str(self.home), *map(mark_prefix, self.homes()))

    def restart_killed(self, wait: bool = True) -> int:
        """Start killed processes again that the product does not restart itself, and wait until they are ready. Return
        their number."""
        return 0

    def leader(self) -> tuple[int, int]:
        """Return (epoch, pid) from the database."""
        with self.database() as db:
            epoch, pid = db.execute("SELECT epoch, pid FROM engine_leader WHERE id = 1").fetchone()
        return int(epoch), int(pid or 0)

    # Faults.

    def inject(self, point: str, kind: str = "kill", n: int = 1) -> None:
        """Let the next `n` passages of a point end in this fault."""
        for _ in range(n):
            file = self.faults / f"{point}:{kind}:{next(self._files)}"
            file.touch()
            self._waiting[file] = f"{kind} at {point}"

    def met(self, point: str = "") -> int:
        """Return how many faults (of this point) were injected since the last call, and count them."""
        found = [file for file in self._waiting if not file.exists() and file.name.startswith(point)]
        for file in found:
            count.injected(self._waiting.pop(file))
        return len(found)

    def left(self, point: str = "") -> int:
        """Return the faults (of this point) that have not been injected yet."""
        self.met()
        return sum(file.name.startswith(point) for file in self._waiting)

    def withdraw(self) -> int:
        """Remove the faults that have not been injected yet, and return their number."""
        taken = 0
        for file in list(self._waiting):
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
                del self._waiting[file]
                taken += 1
        self.met()
        return taken

    def signal(self, pid: int, number: signal.Signals, what: str) -> None:
        """Send a signal as a fault, and count it."""
        os.kill(pid, number)
        count.injected(f"{number.name} to {what}")

    # Work.

    def launcher(self, **asked: Any) -> dict[str, Any]:
        """Send a line to the process that starts runs without a web process."""
        if self._launcher is None:
            self._launcher = subprocess.Popen(
                [sys.executable, str(BUILD / "launcher.py")], cwd=ROOT, env=self.product.environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
            assert self._launcher.stdout is not None
            assert self._launcher.stdout.readline() == "{}\n"
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._launcher.stdin.write(json.dumps(asked) + "\n")
        self._launcher.stdin.flush()
        answer: dict[str, Any] = json.loads(self._launcher.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def pool(self, name: str, slots: int) -> None:
        self.launcher(pool=name, slots=slots)

    def run(self, document: dict[str, Any], workflow: str = "test") -> str:
        """Start a run without a web process. It counts as accepted."""
        run = str(self.launcher(document=document, workflow=workflow)["run"])
        self.accepted.append(run)
        return run

    def publish(self, slug: str, document: dict[str, Any]) -> None:
        self.product.publish(slug, document["nodes"], document["edges"], **document.get("settings", {}))

    def launch(self, slug: str, **wanted: Any) -> str:
        """Start a run over HTTP, repeatedly until it is acknowledged, because pages may be unavailable for a moment.
        `wanted`: the body."""

        def acknowledged() -> str:
            with contextlib.suppress(OSError):
                answer = self.product.call("POST", f"/api/v1/workflows/{slug}/runs/", wanted)
                if answer.status in (201, 202):
                    return str(answer.json["id"])
                assert answer.status in (502, 503, 507), answer.body
            return ""

        run = wait_until(acknowledged, interval=0.05)
        self.accepted.append(run)
        return run

    # Facts.

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        """Open the database for reading."""
        db: Any = sqlite3.connect(f"file:{self.home / 'interlock.sqlite3'}?mode=ro", uri=True, timeout=20)
        try:
            yield db
        finally:
            db.close()

    def rows(self) -> Rows:
        with self.database() as db:
            return Rows.read(db)

    def unfinished(self) -> list[str]:
        """Return the accepted runs that exist and are not over."""
        with self.database() as db:
            states = {str(run): state for run, state in db.execute("SELECT id, state FROM engine_run")}
        return [run for run in self.accepted if run in states and states[run] not in RUN_TERMINAL]

    def rest(self, seconds: float = WAIT_SECONDS) -> None:
        """Wait until all accepted runs are over: I3. Raises Broken."""
        deadline = time.monotonic() + seconds
        while left := self.unfinished():
            if time.monotonic() > deadline:
                raise checks.Broken(f"I3: {len(left)} runs are not over {seconds} s after the last fault: {left[:10]}")
            time.sleep(0.02)

    def check(self, *, most: int = 0, killed_schedulers: int = 0, stored: bool = True) -> Rows:
        """Check all invariants that ledger and database decide, at rest.

        `most`: nodes that may run at once, if not as many as there are processes. `stored`: artifacts are in the home.
        """
        rows = self.rows()
        checks.i1(self.ledger, rows, self.wall_offset)
        checks.i2(self.accepted, rows)
        checks.i3(rows)
        checks.i4(rows)
        checks.i5(self.ledger, rows, most or self.capacity, self.outlives)
        checks.i6(rows, at_rest=True)
        checks.i7(rows)
        checks.i8(self.ledger, rows, killed_schedulers)
        checks.i9(rows)
        checks.i10(rows)
        if stored:
            checks.artifacts(self.home, rows)
        self.whole()
        checks.settles(lambda: checks.i13(*self.homes()), WAIT_SECONDS)
        return rows

    def whole(self) -> None:
        """Check I18."""
        with self.database() as db:
            checks.i18(db)

    # The end.

    def kill(self) -> None:
        """Kill everything with SIGKILL at once."""
        if self.product.process is not None and self.product.process.poll() is None:
            self.product.kill()
        for process in self.schedulers:
            process.kill()
            process.wait()
        self.schedulers.clear()

    def stop(self) -> None:
        """Send SIGTERM to everything, and wait for its end."""
        if self.product.process is not None and self.product.process.poll() is None:
            assert self.product.stop(30) == 0
        for process in self.schedulers:
            process.terminate()
        for process in self.schedulers:
            process.wait(20)
        self.schedulers.clear()
        if self._launcher is not None:
            assert self._launcher.stdin is not None
            assert self._launcher.stdout is not None
            self._launcher.stdin.close()
            self._launcher.wait(10)
            self._launcher.stdout.close()
            self._launcher = None

    def end(self) -> None:
        """Leave nothing running, whatever happened."""
        self.withdraw()
        for pid in self.product.marked():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        for process in self.schedulers:
            process.kill()
            process.wait()
        if self._launcher is not None:
            self._launcher.kill()
            self._launcher.wait()
            for pipe in (self._launcher.stdin, self._launcher.stdout):
                assert pipe is not None
                pipe.close()
        if self.product.process is not None:
            self.product.kill()
        for pid in self.product.marked():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            # A frozen process whose scheduler was killed cannot even die.
            cgroup.thaw_orphan(pid)
        shutil.rmtree(self.home, ignore_errors=True)


def state(pid: int) -> str:
    """Return the state of a process from /proc, or an empty string if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def stand_still(rig: Rig, scheduler: int) -> None:
    """Stop a scheduler that has work, outside a transaction. Inside one it would block all writers."""
    rig.inject("tick.after_commit", "stop")
    wait_until(lambda: state(scheduler) == "T")
    rig.met()


@contextlib.contextmanager
def rigged(
    folder: Path, build: str = "", home: Path | None = None, form: type[Rig] = Rig, **environment: str
) -> Iterator[Rig]:
    """Yield a rig in which nothing runs yet, and remove everything afterwards."""
    folder.mkdir(exist_ok=True)
    rig = form(folder, build, home, **environment)
    try:
        yield rig
    except BaseException:
        for log in (rig.product.log, *folder.glob("*.log"), *(rig.home / "log").glob("*.log")):
            if log.exists():
                print(f"-- {log.name}\n{log.read_text()[-4000:]}")
        raise
    finally:
        rig.end()


def document(nodes: Sequence[dict[str, Any]], *edges: str, **settings: Any) -> dict[str, Any]:
    """Return a definition; an edge is "a>b", or "a.port>b"."""
    wires = []
    for edge in edges:
        source, target = edge.split(">")
        source, _, port = source.partition(".")
        wires.append({"source": source, "target": target, **({"source_port": port} if port else {})})
    made: dict[str, Any] = {"schema": "interlock/1", "nodes": list(nodes), "edges": wires}
    return {**made, "settings": settings} if settings else made


def python(id: str, code: str, **policy: Any) -> dict[str, Any]:
    node: dict[str, Any] = {"id": id, "type": "python", "config": {"code": code}}
    return {**node, "policy": policy} if policy else node
