"""T15: the disk of the home, of the artifacts, or of one of several hosts is full for a while, then has room again."""

import json
import time
import urllib.error
from pathlib import Path

import pytest

from tests.faults import checks
from tests.faults.hosts import FORMS, Hosts
from tests.faults.resources import i16_log
from tests.faults.rig import Rig, document, python, rigged
from tests.faults.small_disk import BYTES, small_disk
from tests.faults.workload import Workload
from tests.support import s3
from tests.support.effort import LONG, rounds
from tests.support.product import Product
from tests.support.wait import wait_until

LARGE = "import random\ndef main(inputs, ctx):\n    return random.Random(ctx.run['id']).randbytes(4_000_000).hex()\n"


def page(rig: Rig, path: str) -> int:
    """Return the status of a page for a signed-in user."""
    assert rig.product._door is not None
    try:
        return int(rig.product._door.open(f"http://127.0.0.1:{rig.product.port}{path}").status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_full_home_stops_only_writes_and_continues_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as disk, rigged(tmp_path / "rig", home=disk.folder / "home") as rig:
        rig.start()
        rig.product.login_path()
        scheduler, web = rig.scheduler_pid(), rig.web_pid()
        work = Workload(rig, http=True, fan=20, only=("chain", "fan", "diamond", "pool"))
        for _ in range(rounds(2, 12)):
            work.keep(4)
            disk.fill()
            seen = len(rig.ledger.entries())
            # Longer than the heartbeat's interval, so that the scheduler meets it too.
            end = time.monotonic() + rounds(2, 10)
            while time.monotonic() < end:
                refused = rig.product.call("POST", "/api/v1/workflows/chain/runs/", {})
                assert (refused.status, refused.json["code"]) == (507, "storage_full")
                assert rig.product.call("GET", "/api/v1/runs/").status == 200
                assert page(rig, "/") == 200
                assert page(rig, f"/runs/{rig.accepted[-1]}/") == 200
                assert rig.product.call("GET", "/healthz", token=False).status == 200
            disk.free()
            # The earlier ones may all have ended before the disk was full.
            work.start()
            rig.rest()
            assert len(rig.ledger.entries()) > seen
            if LONG:
                # The write-ahead log of many rounds would fill a disk of this size permanently.
                checks.settles(lambda: i16_log(rig.home), 15)
            assert (rig.scheduler_pid(), rig.web_pid()) == (scheduler, web)
        work.start("chain")
        rig.rest()
        work.check()


@pytest.mark.smoke
def test_a_node_that_fills_the_disk_fails_with_the_reason(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as disk, rigged(tmp_path / "rig", home=disk.folder / "home") as rig:
        rig.scheduler()
        code = "def main(inputs, ctx):\n    with open('large', 'wb') as file:\n        file.write(b'x' * (64 << 20))\n"
        flood = rig.run(document([python("flood", code)]))
        others = [rig.run(document([python("n", rig.ledger.code(0.01))])) for _ in range(3)]
        rig.rest()
        error = json.loads(rig.rows().nodes[flood, "flood"]["error"])
        assert (error["class"], error["line"]) == ("OSError", 3)
        assert "No space left on device" in error["message"]
        assert disk.room() > 4 << 20, "what it wrote is gone"
        rows = rig.check()
        assert {rows.runs[run]["state"] for run in others} == {"succeeded"}


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_artifacts_without_room_fail_only_their_node_and_a_retry_succeeds(form: type[Rig], tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "small") as disk,
        rigged(tmp_path / "rig", form=form, INTERLOCK_ARTIFACTS=str(disk.folder / "artifacts")) as rig,
    ):
        if form is Rig:
            rig.scheduler()
        else:
            rig.start()
        disk.fill()
        large = document([python("n", LARGE, retries=50, retry_delay=0.2, retry_backoff="fixed")])
        run = rig.run(large)
        other = rig.run(document([python("n", rig.ledger.code(0.01))]))
        attempt = wait_until(lambda: [one for one in rig.rows().attempts[run, "n"] if one["error"]])[0]
        error = json.loads(attempt["error"])
        assert "No space left on device" in error["message"], error
        disk.free()
        rig.rest()
        rows = rig.rows()
        assert (rows.runs[run]["state"], rows.runs[other]["state"]) == ("succeeded", "succeeded")
        artifact = disk.folder / "artifacts" / rows.nodes[run, "n"]["artifact"]
        assert artifact.stat().st_size == 8_000_002
        assert list((disk.folder / "artifacts" / "staging").iterdir()) == []


def run_states(rig: Rig, run: str) -> dict[str, str]:
    """Node -> its state."""
    return {node: row["state"] for (of, node), row in rig.rows().nodes.items() if of == run}


WRITES = "def main(inputs, ctx):\n    with open('result', 'wb') as file:\n        file.write(b'x' * (1 << 20))\n"
WAITS = "import os, time\ndef main(inputs, ctx):\n    while not os.path.exists({path!r}):\n        time.sleep(0.01)\n"
READS = "def main(inputs, ctx):\n    return len(inputs['large'])\n"


@pytest.mark.redis
@pytest.mark.postgres
@pytest.mark.long
def test_hosts_with_full_disks_fail_only_what_needs_room_and_recover(tmp_path: Path) -> None:
    """The disks of the scheduler, of `up`'s web process and of one worker are full; another worker has its own."""
    turns = rounds(1, 10)
    with (
        # What was read and made in the last ten minutes is not deleted.
        small_disk(tmp_path / "small", turns * BYTES) as disk,
        s3.server() as store,
        rigged(
            tmp_path / "rig", "", disk.folder / "home", Hosts, **{"INTERLOCK_ARTIFACTS": store.url, **store.environment}
        ) as rig,
    ):
        assert isinstance(rig, Hosts)
        rig.names = ()
        small = rig.worker("small", "small", wait=False)
        other = rig.worker("other", "other", wait=False, INTERLOCK_HOME=str(tmp_path / "other"))
        rig.start()
        for one in (small, other):
            one.wait()
        rig.product.login_path()
        pids = rig.scheduler_pid(), rig.web_pid(), small.process.pid
        again = {"retries": 1000, "retry_delay": 0.2, "retry_backoff": "fixed"}
        needy = {"writes": WRITES, "makes": LARGE, "reads": READS}
        is_full = tmp_path / "full"
        nodes = [
            python("large", LARGE, queue="other"),
            python("full", WAITS.format(path=str(is_full)), queue="other"),
            *(python(id, code, queue="small", **again) for id, code in needy.items()),
        ]
        rig.publish("needy", document(nodes, "large>reads", *(f"full>{id}" for id in needy)))
        code = rig.ledger.code(0.01)
        rig.publish("modest", document([python("here", code, queue="small"), python("there", code, queue="other")]))
        for _ in range(turns):
            run = rig.launch("needy")
            wait_until(lambda run=run: run_states(rig, run).get("large") == "succeeded")  # type: ignore[misc]
            disk.fill()
            is_full.touch()

            def failed(run: str = run) -> dict[str, str]:
                rows = rig.rows()
                tried = {id: [one for one in rows.attempts[run, id] if one["error"]] for id in needy}
                return {id: json.loads(found[0]["error"])["message"] for id, found in tried.items() if found}

            errors = wait_until(lambda: found if len(found := failed()) == len(needy) else None)
            full = ("No space left on device", "INTERLOCK_HOME is full")
            assert all(any(words in message for words in full) for message in errors.values()), errors
            # What needs no room continues everywhere, and so do pages.
            modest = rig.launch("modest")
            assert rig.product.ended(modest)["state"] == "succeeded"
            assert page(rig, "/") == 200
            assert page(rig, f"/runs/{run}/") == 200
            disk.free()
            rig.rest()
            assert rig.product.api("GET", f"runs/{run}/")["state"] == "succeeded"
            is_full.unlink()
        assert (rig.scheduler_pid(), rig.web_pid(), small.process.pid) == pids
        assert [state for (state,) in rig.do("SELECT state FROM engine_host")] == ["active", "active"]
        rig.check(stored=False)
        # What was acknowledged exists.
        outputs = {row["artifact"] for row in rig.rows().nodes.values() if row["artifact"]}
        assert outputs <= store.objects().keys()


@pytest.mark.long
def test_a_start_on_a_full_disk_is_refused_in_one_line_that_doctor_reports_too(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as disk:
        product = Product(disk.folder / "home")
        product.log = tmp_path / "log"
        product.start()
        product.stop()
        disk.fill()
        for typed, words in (("up", "disk is not full"), ("doctor", "Free space on its disk.")):
            done = product.command(typed, "--port", str(product.port), check=False)
            assert done.returncode == 1
            assert words in done.stdout + done.stderr
            assert "Traceback" not in done.stdout + done.stderr
            assert typed == "doctor" or len(done.stderr.splitlines()) == 1
        disk.free()
        product.start()
        assert product.call("GET", "/readyz", token=False).status == 200
        product.stop()
