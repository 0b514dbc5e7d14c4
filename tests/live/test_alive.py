"""What `alive` tells a service manager."""

import contextlib
import socket
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from engine import clock
from engine.database.heartbeat import LEASE_SECONDS
from engine.models import Host, Leader
from tests.live.server import LiveServer
from tests.support.product import free_port
from tests.support.run_rows import host


def alive(*words: str) -> str:
    """What it says is wrong; empty if the part is alive."""
    err = StringIO()
    with contextlib.suppress(SystemExit):
        call_command("alive", *words, stdout=StringIO(), stderr=err)
    return err.getvalue().strip()


def test_a_web_process_that_answers_is_alive(server: LiveServer) -> None:
    assert alive("web", "--port", str(server.port)) == ""
    assert "does not answer" in alive("web", "--port", str(free_port()))


@pytest.mark.django_db
def test_a_scheduler_is_alive_while_one_sends_heartbeats() -> None:
    assert alive("scheduler") == "scheduler: none sends heartbeats"
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now()})
    assert alive("scheduler") == ""


@pytest.mark.django_db
def test_a_worker_is_alive_while_one_of_this_host_sends_heartbeats() -> None:
    host("one@elsewhere")
    assert alive("worker") == f"worker: none of {socket.gethostname()} sends heartbeats"
    mine = host(f"one@{socket.gethostname()}")
    assert alive("worker") == ""
    Host.objects.filter(pk=mine.pk).update(beat_at=clock.now() - timedelta(seconds=2 * LEASE_SECONDS))
    assert alive("worker")
