"""Two schedulers on PostgreSQL: one leads, the other takes over, and never do both lead."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.effort import in_time
from tests.support.product import Product
from tests.support.scaled import Installation, installed
from tests.support.wait import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

TAKES_OVER_SECONDS = 5.0


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path) as made:
        yield made


def succeeds(web: Product, seconds: float) -> None:
    """Check that a run that is started now ends well within `seconds`."""
    run = web.api("POST", "workflows/one/runs/", {})["id"]
    assert web.ended(run, seconds)["state"] == "succeeded"


def standing_by(installation: Installation) -> set[tuple[int, datetime]]:
    """Return (connection, time of its last query) of schedulers that do not lead."""
    found = installation.ask(
        "select pid, query_start from pg_stat_activity "
        "where datname = current_database() and application_name = 'interlock-scheduler'"
    )
    leads = installation.lock_holders()
    return {(int(pid), at) for pid, at in found if pid not in leads}


@pytest.mark.long
def test_a_standby_on_another_host_dispatches_within_seconds_of_a_kill(installation: Installation) -> None:
    first = installation.scheduler("a")
    wait_until(lambda: installation.leader() == (1, first.pid))
    second = installation.scheduler("b")
    installation.stands_by("b")
    web = installation.web("c")
    web.publish("one", [{"id": "a", "type": "noop"}], [])
    succeeds(web, 20)
    assert installation.leader() == (1, first.pid)
    asked: set[tuple[int, datetime]] = set()

    def asked_thrice() -> bool:
        asked.update(standing_by(installation))
        return len(asked) >= 3

    wait_until(asked_thrice)
    assert len({connection for connection, _ in asked}) == 1, "it asks for the lead on the connection that it has"
    first.kill()
    killed = time.monotonic()
    succeeds(web, TAKES_OVER_SECONDS)
    in_time(time.monotonic() - killed, TAKES_OVER_SECONDS)
    assert installation.leader() == (2, second.pid)
    assert len(installation.lock_holders()) == 1


@pytest.mark.long
def test_whenever_the_lock_is_lost_one_leads_again(installation: Installation) -> None:
    hosts = ("a", "b")
    processes = [installation.scheduler(host) for host in hosts]
    wait_until(lambda: installation.leader()[0] == 1)
    leads = [process.pid for process in processes].index(installation.leader()[1])
    installation.stands_by(hosts[1 - leads])
    web = installation.web("c")
    web.publish("one", [{"id": "a", "type": "noop"}], [])
    for _ in range(3):
        epoch = installation.leader()[0]
        (holder,) = installation.lock_holders()
        installation.ask("select pg_terminate_backend(%s)", holder)
        succeeds(web, 20)
        assert installation.leader()[0] > epoch
        # A scheduler that lost the lead has ended, and its service manager starts it again.
        for n, host in enumerate(hosts):
            if processes[n].poll() is not None:
                assert "another scheduler" in installation.log(host).read_text().lower()
                processes[n] = installation.scheduler(host)
        assert len(installation.lock_holders()) == 1
        assert installation.leader()[1] in [process.pid for process in processes]
