"""T3: the web process is killed before and after commits, during uploads and at random moments, while users launch,
publish, deploy, save, upload and watch."""

import contextlib
import random
import signal
import socket
import time
from pathlib import Path

import pytest

from dashboard.serving.body import MEMORY_BYTES_MAX
from tests.faults.checks import Broken
from tests.faults.clients import Client
from tests.faults.hosts import FORMS, Hosts
from tests.faults.rig import Rig, rigged
from tests.faults.workload import Workload
from tests.faults.writers import KINDS, Deploys, Uploads, Writer
from tests.support.effort import rounds, seed
from tests.support.wait import wait_until

BUILD = "commits,uploads"


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_acknowledged_changes_are_stored_and_others_completely_or_not_at_all(tmp_path: Path, form: type[Rig]) -> None:
    chance = random.Random(seed("killed web"))
    with rigged(tmp_path, BUILD, form=form) as rig:
        rig.start()
        work = Workload(rig, http=False, only=("chain", "fan"), fan=rounds(40, 100))
        clients = [Client(rig, work.start(slug)) for slug in ("chain", "fan")]
        people = [kind(rig) for kind in KINDS]
        for _ in range(rounds(1, 15)):
            after_their_commits(rig, people)
            before_their_commits(rig, people)
            at_any_moment(rig, people, chance)
            work.keep(2)
        for one in people:
            one.end()
        rig.rest()
        work.check()
        for client in clients:
            assert client.connections > 2
            client.check()


def after_their_commits(rig: Rig, people: list[Writer]) -> None:
    """All have written, and none has an answer."""
    all_hang(rig, "web.after_commit", len(people))
    kill(rig, people, committed=True)


def before_their_commits(rig: Rig, people: list[Writer]) -> None:
    """None has written. SQLite has one transaction at a time, so the others wait for it."""
    all_hang(rig, "web.before_commit", len(people) if isinstance(rig, Hosts) else 2)
    kill(rig, people, committed=False)


def at_any_moment(rig: Rig, people: list[Writer], chance: random.Random) -> None:
    """Kill it during an upload."""
    with half_an_upload(rig):
        wait_until(lambda: is_on_disk(rig))
        time.sleep(chance.uniform(0, 0.2))
        kill(rig, people, committed=None)
    assert rig.product.call("GET", "/api/v1/files/half.bin").status == 404


def half_an_upload(rig: Rig) -> socket.socket:
    """Open a connection and send the first half of a file that is too large to be read at once."""
    body = bytes(4 * MEMORY_BYTES_MAX)
    sent = socket.create_connection(("127.0.0.1", rig.product.port), timeout=20)
    head = (
        f"PUT /api/v1/files/half.bin HTTP/1.1\r\nHost: localhost:{rig.product.port}\r\n"
        f"Authorization: Bearer {rig.product.token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    sent.sendall(head.encode() + body[: len(body) // 2])
    return sent


def is_on_disk(rig: Rig) -> bool:
    """Return whether a part of it is on the disk, in a file without a name."""
    for link in Path(f"/proc/{rig.web_pid()}/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(link.readlink()).startswith(f"{rig.home}/#") and link.stat().st_size >= MEMORY_BYTES_MAX:
                return True
    return False


def all_hang(rig: Rig, point: str, many: int) -> None:
    rig.inject(point, "hang", many)
    wait_until(lambda: not rig.left())


def kill(rig: Rig, people: list[Writer], committed: bool | None) -> None:
    """Kill the web process with SIGKILL, and check what is stored when it is back."""
    for one in people:
        one.pause()
    rig.signal(rig.web_pid(), signal.SIGKILL, "the web process")
    wait_until(lambda: all(one.has_stopped() for one in people))
    wait_until(lambda: is_ready(rig))
    for one in people:
        one.check(committed)
    for one in people:
        one.resume()
    for one in people:
        # Requests without an answer are repeated.
        one.moves_on()


def is_ready(rig: Rig) -> bool:
    try:
        return rig.product.call("GET", "/readyz", token=False).status == 200
    except OSError:
        return False


@pytest.mark.long
def test_builds_that_write_in_two_steps_are_detected(tmp_path: Path) -> None:
    with rigged(tmp_path, f"{BUILD},deployed_in_two_steps,uploaded_in_place") as rig:
        rig.start()
        people: list[Writer] = [Deploys(rig), Uploads(rig)]
        rig.inject("web.between_steps", "hang")
        wait_until(lambda: not rig.left())
        with half_an_upload(rig):
            wait_until((rig.home / "files" / "half.bin").exists)
            with pytest.raises(Broken, match=r"^I15: .*Deploys: deployed has the live versions \[\]"):
                kill(rig, people, committed=None)
        assert rig.product.call("GET", "/api/v1/files/half.bin").status == 200, "it is there, and half"
