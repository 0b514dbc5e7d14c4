"""T27: the database is migrated, and each process replaced by one of the next release, while work continues."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.faults import count
from tests.faults.hosts import SERVERS, Hosts
from tests.faults.rig import rigged
from tests.faults.workload import Workload
from tests.support.effort import rounds
from tests.support.product import ROOT, Product
from tests.support.release import BRIGHT, CALM, next_release
from tests.support.scaled import Web
from tests.support.wait import wait_until

pytestmark = [*SERVERS, pytest.mark.long]

PAGES = ("/", "/runs/", "/runs/{run}/", "/resources/", "/workflows/chain/", "/api/v1/runs/{run}/nodes/", "/readyz")


class Parts(Hosts):
    """Each part is its own process: a web process, a scheduler, workers."""

    names = ("one", "two")[: rounds(1, 2)]
    capacity = 2 * (len(names) + 1)
    """A new worker starts before an old one stops."""

    def start(self) -> "Parts":
        made = [self.worker(name, wait=False) for name in self.names]
        self.leads = self.scheduler()
        self.product.started_by = "web"
        self.product.start()
        for one in made:
            one.wait()
        return self

    def stands_by(self, source: Path) -> subprocess.Popen[bytes]:
        """Start a further scheduler of the release in this folder."""
        waited = self.product.log.read_text().count("scheduler_stands_by")
        made = self.scheduler(source=source)
        wait_until(lambda: made.poll() is not None or self._signal() > waited)
        assert made.poll() is None, self.product.log.read_text()[-2000:]
        return made

    def _signal(self) -> int:
        return self.product.log.read_text().count("scheduler_stands_by")

    def replace_scheduler(self, standby: subprocess.Popen[bytes]) -> None:
        self.leads.terminate()
        assert self.leads.wait(20) == 0
        wait_until(lambda: self.leader()[1] == standby.pid)
        self.leads = standby

    def mood(self, run: str) -> str:
        return str(self.do(f"SELECT mood FROM engine_run WHERE id = {run}")[0][0])


class People(threading.Thread):
    """Starts runs and opens pages all the time, at the current web process."""

    def __init__(self, work: Workload) -> None:
        super().__init__()
        self.work = work
        self.wrong: list[str] = []
        self.looks = 0
        self._over = threading.Event()
        self.go_to(work.rig.product)

    def go_to(self, product: Product) -> None:
        if product._door is None:
            product.login_path()
        assert product._door is not None
        self.work.rig.product, self.door = product, product._door

    def run(self) -> None:
        path = "a launch"
        try:
            while not self._over.is_set():
                self.work.keep(3)
                product, door = self.work.rig.product, self.door
                for page in PAGES:
                    path = page.format(run=self.work.rig.accepted[-1])
                    # Raises for statuses of failure.
                    door.open(f"http://127.0.0.1:{product.port}{path}", timeout=20).close()
                self.looks += 1
        except Exception as error:
            self.wrong.append(f"{error!r} at {path}")

    def wait_for_all_pages(self) -> None:
        """Wait until all pages were opened once more."""
        seen = self.looks
        wait_until(lambda: self.wrong or self.looks >= seen + 2)
        assert self.wrong == []

    def stop(self) -> None:
        self._over.set()
        self.join()
        assert self.wrong == []


def test_each_part_is_replaced_while_runs_and_pages_work(tmp_path: Path) -> None:
    new = next_release(tmp_path)
    with rigged(tmp_path, form=Parts) as rig:
        assert isinstance(rig, Parts)
        rig.start()
        people = People(Workload(rig, http=True, fan=10, only=("chain", "diamond", "fan", "retry", "pool", "branch")))
        people.start()
        try:
            people.wait_for_all_pages()
            done = subprocess.run(
                [sys.executable, "manage.py", "migrate"], cwd=new, env=rig.product.environment, capture_output=True,
                text=True, timeout=60,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            count.injected("migration while all parts run")
            assert rig.do("SELECT indisvalid FROM pg_index WHERE indexrelid = 'run_mood'::regclass") == [(True,)]

            # All that runs started before and continues; what starts again after a crash may be from before, too.
            run = people.work.start("diamond")
            assert rig.product.ended(run)["state"] == "succeeded"
            assert rig.mood(run) == CALM
            rig.replace_scheduler(rig.stands_by(ROOT))
            people.wait_for_all_pages()

            rig.replace_scheduler(rig.stands_by(new))
            people.wait_for_all_pages()
            for name in rig.names:
                rig.worker(f"new-{name}", source=new)
                assert rig.workers[name].stop() == 0
            old = rig.product
            web = Web(rig.home, **old.environment)
            web.source, web._token, web._door = new, old.token, old._door
            web.start()
            people.go_to(web)
            people.wait_for_all_pages()
            assert old.stop() == 0
            run = people.work.start("diamond")
            assert rig.product.ended(run)["state"] == "succeeded"
            assert rig.mood(run) == BRIGHT
            count.injected("part replaced by one of the next release", 2 + len(rig.names))
        finally:
            people.stop()
        rig.rest()
        people.work.check(most=rig.capacity)
        # No run was affected.
        assert {row["losses"] for row in rig.rows().nodes.values()} == {0}
