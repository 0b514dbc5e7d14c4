"""The channel layer between what is heard of a run and its sockets: it wakes them, and is never the record."""

import asyncio
import json
import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, get_channel_layer
from websockets.sync.client import ClientConnection

from dashboard.live import groups
from dashboard.live import hub as hub_module
from dashboard.live import sockets as sockets_module
from engine.models import Run
from tests.live.history import History
from tests.live.recorder import Recorder, close_code
from tests.live.server import LiveServer, serving
from tests.live.test_overview_socket import OverviewClient
from tests.live.test_run_socket import plain, truth
from tests.support.wait import wait_until


@pytest.fixture
def layer() -> InMemoryChannelLayer:
    found = get_channel_layer()
    assert isinstance(found, InMemoryChannelLayer)
    return found


@pytest.fixture
def blind(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    """A server that does not look into the database by itself: what it shows, a hint told it."""
    monkeypatch.setattr(hub_module, "POLL_SECONDS", 3600)
    with serving() as live:
        yield live


def on_loop(server: LiveServer, work: Coroutine[Any, Any, Any]) -> Any:
    assert server.loop is not None
    return asyncio.run_coroutine_threadsafe(work, server.loop).result(timeout=30)


def greeted(socket: ClientConnection) -> Recorder:
    recorder = Recorder()
    recorder.hello(socket)
    recorder.take(socket)
    return recorder


def until_nobody_tells(history: History, recorder: Recorder, socket: ClientConnection) -> None:
    """Let something happen of which the socket is not told: the last look into the database is over then."""
    for _ in range(5):
        history.lines(1)
        try:
            recorder.take(socket, timeout=1.2)
        except TimeoutError:
            return
    raise AssertionError("it looks into the database by itself")


def silent(socket: ClientConnection, seconds: float) -> bool:
    try:
        socket.recv(timeout=seconds)
    except TimeoutError:
        return True
    return False


def test_a_message_to_the_group_of_a_run_wakes_its_socket(
    blind: LiveServer, token: str, layer: InMemoryChannelLayer
) -> None:
    history = History()
    with blind.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = greeted(socket)
        history.state("running")
        assert silent(socket, 1.2), "nobody has told it"
        on_loop(blind, layer.group_send(groups.run(history.pk), groups.run_moved(1)))
        recorder.take_until(socket, 1)
        sample = {"run": str(history.pk), "node": "n0", "cpu_percent": 1.5}
        on_loop(blind, layer.group_send(groups.run(history.pk), groups.run_sampled([sample])))
        assert recorder.take(socket, timeout=10) == "samples"


def test_a_message_to_the_group_of_the_overview_wakes_its_socket(
    blind: LiveServer, token: str, layer: InMemoryChannelLayer
) -> None:
    history = History()
    with blind.open("/ws/overview/", token=token) as socket:
        watcher = OverviewClient(socket)
        history.state("running")
        assert silent(socket, 1.2), "nobody has told it"
        on_loop(blind, layer.group_send(groups.OVERVIEW, groups.overview_moved(time.time())))
        watcher.until(history, "running")


def test_hints_reach_sockets_through_the_layer_and_only_groups_that_are_watched(
    blind: LiveServer, token: str, layer: InMemoryChannelLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []
    group_send = layer.group_send

    async def noting(group: str, message: dict[str, Any]) -> None:
        sent.append((group, message["type"]))
        await group_send(group, message)

    monkeypatch.setattr(layer, "group_send", noting)
    history, other = History(), History()
    with blind.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = greeted(socket)
        history.state("running")
        blind.hint({"runs": {str(other.pk): 7, str(history.pk): 1}, "overview": True})
        recorder.take_until(socket, 1)
    assert sent == [(groups.run(history.pk), "run.moved")]


def test_a_stalled_socket_gets_the_newest_state_after_ten_thousand_messages(
    server: LiveServer, token: str, layer: InMemoryChannelLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History()
    group = groups.run(history.pk)

    async def at_once() -> None:
        # More than the channel holds before the socket has a turn: the layer drops the newest without a word.
        await asyncio.gather(*(layer.group_send(group, groups.run_moved(seq)) for seq in range(10_001, 20_001)))

    with server.open(f"/ws/runs/{history.pk}/", token=token, max_queue=1) as socket:
        recorder = greeted(socket)
        # 20 MB that the client does not read: the socket is in the middle of sending them.
        history.lines(10_000, text="x" * 2000)
        on_loop(server, layer.group_send(group, groups.run_moved(10_000)))
        history.lines(9_999)
        history.state("running")
        on_loop(server, at_once())
        recorder.take_until(socket, 20_000, timeout=30)
        assert recorder.messages.count("snapshot") == 2, "it was not stalled"
        monkeypatch.setattr(hub_module, "POLL_SECONDS", 3600)
        until_nobody_tells(history, recorder, socket)
        on_loop(server, layer.group_send(group, groups.run_moved(history.seq)))
        recorder.take_until(socket, history.seq)
    run, nodes = truth(history)
    assert recorder.run == run
    assert plain(recorder.nodes) == plain(nodes)


def test_a_socket_that_the_layer_forgot_joins_its_group_again(
    blind: LiveServer, token: str, layer: InMemoryChannelLayer
) -> None:
    history = History()
    group = groups.run(history.pk)
    with blind.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = greeted(socket)
        # As after a message that lay unread for a minute, say while the machine slept.
        for channel in list(layer.groups[group]):
            on_loop(blind, layer.group_discard(group, channel))
        assert not layer.groups.get(group)
        wait_until(lambda: layer.groups.get(group), timeout=sockets_module.RIGHTS_SECONDS + 10)
        history.state("running")
        blind.hint({"runs": {str(history.pk): 1}})
        recorder.take_until(socket, 1)


def test_a_socket_leaves_no_task_behind_however_it_ends(
    server: LiveServer, token: str, layer: InMemoryChannelLayer
) -> None:
    assert server.loop is not None
    loop = server.loop
    wait_until(lambda: server.status("/ws/overview/", token=token) == 101)
    history, doomed = History(), History()
    path = f"/ws/runs/{history.pk}/"

    def left() -> list[str]:
        """Names of the coroutines of sockets that run."""
        names = [task.get_coro().__qualname__ for task in asyncio.all_tasks(loop)]  # type: ignore[union-attr]
        return [name for name in names if name.split(".")[0] in ("WebSocketsSansIOProtocol", "Socket", "RunSocket",
                                                                 "OverviewSocket", "InMemoryChannelLayer")]  # fmt: skip

    for wrong in ("/ws/nothing/", "/ws/runs/999999/", path):
        assert server.status(wrong) in (401, 404)
    with server.open(path, token=token) as socket:
        greeted(socket)
    with server.open("/ws/overview/", token=token) as socket:
        OverviewClient(socket)
    with server.open(path, token=token) as socket:
        socket.send("nonsense")
        assert close_code(socket) == 4400
    with server.open(f"/ws/runs/{doomed.pk}/", token=token) as socket:
        greeted(socket)
        Run.objects.filter(pk=doomed.pk).delete()
        assert close_code(socket) == 4404
    with server.open(path, token=token) as socket:
        greeted(socket)
        # In the middle of a message that is larger than what the system holds for the client.
        history.lines(10_000, text="x" * 2000)
        server.hint({"runs": {str(history.pk): history.seq}})
        socket.send('{"type": "hello", "after": 0}')
        socket.socket.close()
    wait_until(lambda: not left())
    # A hint that came as the socket went may lie in its channel until it expires, in a minute.
    assert not any(layer.groups.values())


def test_every_hello_is_answered_in_order(server: LiveServer, token: str) -> None:
    history = History()
    history.lines(8)
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        for after in range(8):
            socket.send(json.dumps({"type": "hello", "after": after}))
        for after in range(8):
            assert json.loads(socket.recv(timeout=5))["first"] == after + 1


def test_a_hint_reaches_each_of_many_sockets_on_one_run(blind: LiveServer, token: str) -> None:
    history = History()
    with ExitStack() as stack:
        sockets = [stack.enter_context(blind.open(f"/ws/runs/{history.pk}/", token=token)) for _ in range(20)]
        recorders = [greeted(socket) for socket in sockets]
        history.lines(5)
        # By the hint: nothing else would tell them.
        blind.hint({"runs": {str(history.pk): 5}})
        for recorder, socket in zip(recorders, sockets, strict=True):
            recorder.take_until(socket, 5)
