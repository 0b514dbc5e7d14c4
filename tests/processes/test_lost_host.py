"""The host of the leader disappears silently: no connection ends, no packet comes."""

import time
from pathlib import Path

import pytest

from tests.support import network, postgres
from tests.support.scaled import installed
from tests.support.wait import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.cables, pytest.mark.long]


def test_a_standby_takes_over_from_a_leader_whose_host_is_gone(tmp_path: Path) -> None:
    with network.host() as host, postgres.server(host.here) as server:
        server.do("create database flows")
        # Ended before the namespace is removed: processes there have no network any more.
        with installed(tmp_path, server.url("flows")) as installation:
            first = installation.scheduler("a", host.inside)
            wait_until(lambda: installation.leader()[0] == 1)
            second = installation.scheduler("b")
            installation.stands_by("b")
            web = installation.web("c")
            web.publish("one", [{"id": "a", "type": "noop"}], [])
            assert web.api("POST", "workflows/one/runs/?wait=20", {})["state"] == "succeeded"
            assert installation.leader() == (1, first.pid)
            host.cut()
            cut = time.monotonic()
            wait_until(lambda: installation.leader() == (2, second.pid))
            assert web.api("POST", "workflows/one/runs/?wait=10", {})["state"] == "succeeded"
            print(f"took over after {time.monotonic() - cut:.1f} s")
            assert first.poll() is None
            assert len(installation.lock_holders()) == 1
