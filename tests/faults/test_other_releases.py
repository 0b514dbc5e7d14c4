"""T27: workers and schedulers of other releases that can read neither the work nor the reports of this one."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.database.heartbeat import LEASE_SECONDS
from engine.host.lease import KILL_SECONDS
from engine.states import HostReason
from tests.faults.hosts import SERVERS, Hosts
from tests.faults.rig import document, python, rigged
from tests.faults.workload import Workload
from tests.support.effort import rounds
from tests.support.wait import wait_until

pytestmark = [*SERVERS, pytest.mark.long]


class Mixed(Hosts):
    """Workers of three releases: "this", "older" and "newer". At first this release's scheduler leads."""

    names = ("this", "older", "newer")
    capacity = 2

    def start(self) -> "Mixed":
        made = [self.worker(name, wait=False, INTERLOCK_TEST_BUILD=self.build(name)) for name in self.names]
        self.leads: subprocess.Popen[bytes] = self.scheduler()
        self.product.started_by = "web"
        self.product.start()
        for one in made:
            one.wait()
        return self

    def build(self, release: str) -> str:
        return "" if release == "this" else release

    def replace_scheduler(self, release: str) -> None:
        """Let a scheduler of this release stand by, and lead after the previous one was stopped."""
        restart_seconds = self.product.log.read_text().count("scheduler_stands_by")
        made = self.scheduler(INTERLOCK_TEST_BUILD=self.build(release))
        wait_until(lambda: self.product.log.read_text().count("scheduler_stands_by") > restart_seconds)
        self.signal(self.leads.pid, signal.SIGTERM, f"the leader, for one of release {release}")
        assert self.leads.wait(20) == 0
        wait_until(lambda: self.leader()[1] == made.pid)
        self.leads = made

    def set_aside(self) -> set[str]:
        """Return the workers that are marked as being of another release."""
        found = self.product.api("GET", "workers/")["results"]
        return {one["name"].partition("@")[0] for one in found if one["other_release"]}

    def running_on(self, run: str, release: str) -> bool:
        """Return whether the run's one node runs on that worker now."""
        (node,) = self.product.api("GET", f"runs/{run}/nodes/")["results"]
        attempts = self.product.api("GET", f"runs/{run}/nodes/held/attempts/")["results"]
        return bool(node["state"] == "running" and attempts[0]["worker"].startswith(f"{release}@"))

    def restart_seconds(self, run: str, release: str) -> float:
        """Return the seconds from the last heartbeat of the excluded worker to the second attempt."""
        ((seconds,),) = self.do(
            "SELECT min(EXTRACT(EPOCH FROM a.started_at - h.beat_at))::float FROM engine_attempt a, engine_host h "
            f"WHERE a.run_id = {run} AND a.number = 2 AND h.name = '{release}@test' AND h.state = 'gone' "
            f"AND h.reason = '{HostReason.OTHER_RELEASE}' AND h.beat_at < a.started_at"
        )
        return float(seconds)


def finding(rig: Mixed, run: str) -> dict[str, Any] | None:
    found = rig.product.api("GET", f"runs/{run}/diagnostics/")["suggestions"]
    return next((one for one in found if one["code"] == "no_queue_worker"), None)


def test_work_goes_to_a_worker_that_can_read_it_and_runs_once(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with rigged(tmp_path, form=Mixed) as rig:
        assert isinstance(rig, Mixed)
        rig.start()
        work = Workload(rig, http=True, fan=10, only=("chain", "diamond", "pool", "retry"))
        until = f"while not os.path.exists({str(flag)!r}):\n        time.sleep(0.005)\n        note('beat', ctx)"
        rig.publish("held", document([python("held", rig.ledger.code(0, during=until))]))
        wait_until(lambda: rig.set_aside() == {"older", "newer"})
        work.keep(4)
        rig.rest()
        assert {one["worker"].partition("@")[0] for of in rig.rows().attempts.values() for one in of} == {"this"}

        # No worker can take it. The page reports that with advice, and a new worker takes it.
        assert rig.workers["this"].stop() == 0
        run = work.start("diamond")
        found = wait_until(lambda: finding(rig, run))
        assert found["message"].endswith("those that serve the queue default run another release than the scheduler.")
        for name in ("older", "newer"):
            assert any(
                f"{name}@test runs another release than the scheduler: upgrade both to the same release"
                in one["message"]
                for one in found["evidence"]
            )
        rig.workers["this"].start()
        rig.rest()

        # The leader ends attempts whose reports it cannot read. They start again elsewhere, and no loss is counted.
        before = "this"
        for release in ("newer", *("older", "this", "newer") * rounds(0, 4)):
            flag.unlink(missing_ok=True)
            held = rig.launch("held")
            wait_until(lambda run=held, on=before: rig.running_on(run, on))  # type: ignore[misc]
            work.keep(3)
            rig.replace_scheduler(release)
            wait_until(lambda run=held, on=release: rig.running_on(run, on))  # type: ignore[misc]
            assert rig.set_aside() == {"this", "older", "newer"} - {release}
            flag.touch()
            rig.rest()
            row = rig.rows().nodes[held, "held"]
            assert (row["state"], row["attempt"], row["losses"], row["retries"]) == ("succeeded", 2, 0, 0)
            # By then the host had ended its work, even one that got no message.
            assert rig.restart_seconds(held, before) > LEASE_SECONDS - KILL_SECONDS
            before = release
        # Work that had just started has no attempt if its report cannot be read.
        work.check(killed_schedulers=rounds(1, 13))
