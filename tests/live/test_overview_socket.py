"""The socket of the overview: a snapshot, then what changes."""

import json
import time
from typing import Any

from websockets.sync.client import ClientConnection

from dashboard.live import overview
from dashboard.live.consumers import OverviewSocket
from dashboard.models import User
from engine.models import Run
from engine.reads import queries
from tests.live.history import History
from tests.live.recorder import close_code
from tests.live.server import LiveServer
from tests.support.effort import in_time


class OverviewClient:
    """Folds the overview's messages as a page does."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.counters: dict[str, Any] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.messages: list[dict[str, Any]] = []
        socket.send('{"type": "hello"}')
        self.take()

    def take(self, timeout: float = 10) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=timeout))
        self.messages.append(message)
        if message["type"] == "snapshot":
            assert set(message) == {"type", "counters", "runs"}
            self.runs = {}
        else:
            assert message["type"] == "changes"
            assert set(message) <= {"type", "counters", "runs"}
            assert len(message) > 1, "a message that says nothing"
        self.counters = message.get("counters", self.counters)
        self.runs.update({run["id"]: run for run in message.get("runs", [])})
        return message

    def until(self, run: History, state: str, timeout: float = 10) -> None:
        deadline = time.monotonic() + timeout
        while self.runs.get(str(run.pk), {}).get("state") != state:
            assert time.monotonic() < deadline, f"run {run.pk} is shown as {self.runs.get(str(run.pk))}"
            self.take(timeout=max(0.01, deadline - time.monotonic()))


def test_a_hello_is_answered_with_the_counters_and_runs_of_the_api(server: LiveServer, token: str) -> None:
    first, second = History(), History()
    first.state("running")
    with server.open("/ws/overview/", token=token) as socket:
        watcher = OverviewClient(socket)
    assert watcher.counters == json.loads(json.dumps(queries.counters()))
    assert list(watcher.runs) == [str(second.pk), str(first.pk)], "the newest stands first"
    assert watcher.runs[str(first.pk)] == queries.run_dict(Run.objects.get(pk=first.pk))


def test_changes_arrive_by_a_hint_and_without_one(server: LiveServer, token: str) -> None:
    history = History()
    with server.open("/ws/overview/", token=token) as socket:
        watcher = OverviewClient(socket)
        history.state("running")
        server.hint({"runs": {str(history.pk): 1}, "overview": True})
        watcher.until(history, "running")
        other = History()
        watcher.until(other, "queued")
        history.state("failed")
        watcher.until(history, "failed")
        assert watcher.messages[-1]["type"] == "changes"
        assert str(other.pk) not in {run["id"] for run in watcher.messages[-1]["runs"]}, "it has not changed"


def test_nothing_is_sent_while_nothing_changes(server: LiveServer, token: str) -> None:
    History()
    with server.open("/ws/overview/", token=token) as socket:
        watcher = OverviewClient(socket)
        try:
            watcher.take(timeout=2.5)
        except TimeoutError:
            pass
        assert len(watcher.messages) == 1


def test_a_run_that_left_the_list_is_still_sent_until_it_has_ended(server: LiveServer, token: str) -> None:
    oldest = History()
    oldest.state("running")
    with server.open("/ws/overview/", token=token) as socket:
        watcher = OverviewClient(socket)
        for _ in range(overview.ENDED_MAX + 5):
            History().state("succeeded")
        oldest.state("failed")
        watcher.until(oldest, "failed")


def test_a_deleted_run_causes_a_new_snapshot(server: LiveServer, token: str) -> None:
    history, other = History(), History()
    with server.open("/ws/overview/", token=token) as socket:
        watcher = OverviewClient(socket)
        Run.objects.filter(pk=history.pk).delete()
        while str(history.pk) in watcher.runs:
            watcher.take()
        assert list(watcher.runs) == [str(other.pk)]


def test_a_burst_of_changes_becomes_few_messages_and_the_last_is_current(server: LiveServer, token: str) -> None:
    histories = [History() for _ in range(40)]
    with server.open("/ws/overview/", token=token) as socket:
        watcher = OverviewClient(socket)
        began = time.monotonic()
        for history in histories:
            history.state("running")
            server.hint({"runs": {str(history.pk): 1}, "overview": True})
        for history in histories:
            watcher.until(history, "running")
        seconds = time.monotonic() - began
        assert len(watcher.messages) <= 2 + seconds / (OverviewSocket.interval_seconds - 0.002)


def test_a_lost_right_closes_the_overview_socket(server: LiveServer, viewer: User, token: str) -> None:
    with server.open("/ws/overview/", token=token) as socket:
        OverviewClient(socket)
        User.objects.filter(pk=viewer.pk).update(role="")
        began = time.monotonic()
        assert close_code(socket) == 4403
        in_time(time.monotonic() - began, 5)
