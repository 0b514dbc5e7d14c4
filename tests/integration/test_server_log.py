"""What strangers can write into the server's log."""

import logging
from typing import Any

import pytest
from django.test import Client

from dashboard import server_log


def written(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the product's handler writes of the records."""
    formatter = server_log.Line()
    assert any(isinstance(handler.formatter, server_log.Line) for handler in logging.getLogger().handlers)
    return [formatter.format(record) for record in caplog.records]


def test_requests_for_a_wrong_host_share_one_line_a_minute(
    client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("django.security.DisallowedHost")
    assert any(isinstance(one, server_log.BadHosts) for one in logger.filters)
    # Its own: what other tests have left out does not count.
    bad_hosts = server_log.BadHosts()
    monkeypatch.setattr(logger, "filters", [bad_hosts])
    for number in range(20):
        assert client.get("/sign-in/", headers={"Host": f"evil{number}.example"}).status_code == 400
    (line,) = written(caplog)
    assert "evil0.example" in line
    assert "\n" not in line
    caplog.clear()
    monkeypatch.setattr(bad_hosts, "_next", 0.0)
    client.get("/sign-in/", headers={"Host": "x" * 5000 + ".example"})
    (line,) = written(caplog)
    assert "before=19" in line
    assert len(line) < 300


def test_a_login_link_is_not_in_the_log(db: None, caplog: pytest.LogCaptureFixture, settings: Any) -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in/link/SECRET-part/", {})
    assert answer.status_code == 403
    lines = written(caplog)
    assert any("/sign-in/link/..." in line for line in lines)
    assert not any("SECRET" in line for line in lines)
