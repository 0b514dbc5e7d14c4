"""The socket of a run: snapshot, missed events, live events, cuts, slow clients, lost rights."""

import json
import random
import threading
import time
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest

from dashboard.live import feed, sockets
from dashboard.live.sockets import INTERVAL_SECONDS, Socket
from dashboard.models import User
from engine.models import EventBatch, LogBatch, Run
from engine.reads import node_runs, queries
from tests.live.history import History
from tests.live.recorder import Recorder, close_code
from tests.live.server import LiveServer, serving
from tests.support.effort import in_time


def truth(history: History) -> tuple[dict[str, Any], dict[str, Any]]:
    """(run, nodes) as the API has them."""
    run = Run.objects.get(pk=history.pk)
    return queries.run_dict(run), {node["node"]: node for node in node_runs.node_runs(run)}


def plain(nodes: dict[str, Any]) -> dict[str, Any]:
    """Node runs without what is computed when asked: why they wait."""
    return {name: {**node, "waiting_for": []} for name, node in nodes.items()}


def test_a_hello_is_answered_with_all_nodes_including_pending_ones(server: LiveServer, token: str) -> None:
    history = History(nodes=5)
    history.state("running")
    history.node("n0", "running")
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = Recorder()
        recorder.hello(socket)
        assert recorder.take(socket) == "snapshot"
    run, nodes = truth(history)
    assert recorder.seq == history.seq == 2
    assert recorder.run == run
    assert recorder.nodes == nodes
    assert recorder.nodes["n4"]["state"] == "pending"


def test_nothing_is_sent_before_the_clients_hello(server: LiveServer, token: str) -> None:
    history = History()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        history.state("running")
        server.hint({"runs": {str(history.pk): 1}})
        try:
            message = socket.recv(timeout=1.5)
        except TimeoutError:
            message = None
        assert message is None


def test_a_hello_with_a_seq_is_answered_with_the_events_after_it(server: LiveServer, token: str) -> None:
    history = History()
    history.state("running")
    history.lines(5)
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = Recorder()
        recorder.seq = 2
        recorder.hello(socket)
        assert recorder.take(socket) == "events"
        assert (recorder.last["first"], recorder.last["seq"]) == (3, 6)
        assert [event["type"] for event in recorder.last["events"]] == ["log"] * 4


def test_a_hello_with_the_last_seq_is_answered_with_no_events(server: LiveServer, token: str) -> None:
    history = History()
    history.lines(3)
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        socket.send('{"type": "hello", "after": 3}')
        assert json.loads(socket.recv(timeout=5)) == {"type": "events", "first": 4, "seq": 3, "events": []}


def test_ten_thousand_missed_events_come_one_by_one_and_more_as_a_snapshot(server: LiveServer, token: str) -> None:
    history = History()
    history.lines(10_000)
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = Recorder()
        recorder.seq = 0
        recorder.hello(socket)
        recorder.take_until(socket, 10_000)
        assert recorder.messages == ["events"]
        assert len(recorder.lines) == 10_000
    history.lines(1)
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = Recorder()
        recorder.seq = 0
        recorder.hello(socket)
        assert recorder.take(socket) == "snapshot"
        assert recorder.seq == 10_001


def test_a_cached_snapshot_is_not_sent_to_a_client_with_newer_events(
    server: LiveServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "SNAPSHOT_SECONDS", 60.0)
    history = History()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = Recorder()
        recorder.hello(socket)
        assert recorder.take(socket) == "snapshot"
        history.lines(5)
        server.hint({"runs": {str(history.pk): 5}})
        recorder.take_until(socket, 5)
        # More than are told one by one; then one who comes now, for whom that first snapshot would be too old as well.
        history.lines(10_001)
        server.hint({"runs": {str(history.pk): 10_006}})
        assert recorder.take(socket) == "snapshot"
        assert recorder.seq == 10_006
        history.lines(10_001)
        server.hint({"runs": {str(history.pk): 20_007}})
        assert recorder.take(socket) == "snapshot"
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        late = Recorder()
        late.hello(socket)
        assert late.take(socket) == "snapshot"
        assert late.seq == 20_007


def test_events_that_were_compacted_away_are_answered_with_a_snapshot(server: LiveServer, token: str) -> None:
    history = History()
    history.state("running")
    history.lines(20)
    EventBatch.objects.filter(run=history.pk).delete()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        socket.send('{"type": "hello", "after": 0}')
        assert json.loads(socket.recv(timeout=5))["type"] == "snapshot"


def test_a_client_with_a_seq_beyond_the_last_event_gets_a_snapshot(server: LiveServer, token: str) -> None:
    history = History()
    history.lines(3)
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        socket.send('{"type": "hello", "after": 99}')
        assert json.loads(socket.recv(timeout=5))["seq"] == 3


def test_events_arrive_by_a_hint_at_once_and_without_one_within_seconds(server: LiveServer, token: str) -> None:
    history = History()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = Recorder()
        recorder.hello(socket)
        recorder.take(socket)
        history.state("running")
        began = time.monotonic()
        server.hint({"runs": {str(history.pk): 1}})
        recorder.take_until(socket, 1)
        in_time(time.monotonic() - began, 0.5)
        history.node("n0", "running")
        recorder.take_until(socket, 2)


def test_a_hint_of_an_event_that_does_not_exist_is_harmless(server: LiveServer, token: str) -> None:
    history = History()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = Recorder()
        recorder.hello(socket)
        recorder.take(socket)
        server.hint({"runs": {str(history.pk): 500}})
        history.lines(2)
        recorder.take_until(socket, 2)
        assert recorder.seq == 2


def test_a_burst_is_merged_into_at_most_thirty_messages_a_second(
    server: LiveServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History()
    sent: list[float] = []
    send_text = Socket.send_text

    async def noting(socket: Socket, text: str) -> None:
        sent.append(time.monotonic())
        await send_text(socket, text)

    # A client that was held up gets many at once.
    monkeypatch.setattr(Socket, "send_text", noting)
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = Recorder()
        recorder.hello(socket)
        recorder.take(socket)
        speaking = threading.Thread(target=_burst, args=(server, history, 300))
        speaking.start()
        recorder.take_until(socket, 300, timeout=30)
        speaking.join()
        # The loop's clock counts milliseconds.
        assert min(after - before for before, after in pairwise(sent)) > INTERVAL_SECONDS - 0.002
        assert len(sent) == len(recorder.messages) < 300
        assert len(recorder.lines) == 300


def test_after_a_hundred_random_disconnects_a_client_has_the_state_of_the_api(server: LiveServer, token: str) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    history = History(nodes=12)
    over = threading.Event()
    # A node for every eighth cut, so that the cuts fall into all of the run.
    nodes_due = threading.Semaphore(0)

    def work() -> None:
        from django.db import connection

        try:
            own = random.Random(seed + 1)
            history.state("running")
            for node in history.ids:
                assert nodes_due.acquire(timeout=30)
                history.node(node, "ready")
                history.node(node, "running")
                for _ in range(own.randrange(25)):
                    history.lines(own.randrange(1, 60), node=node)
                    if own.random() < 0.3:
                        history.progress(node, own.random())
                    if own.random() < 0.7:
                        server.hint({"runs": {str(history.pk): history.seq}})
                history.node(node, own.choice(["succeeded", "failed"]))
            history.state("failed")
        finally:
            over.set()
            connection.close()

    recorder = Recorder()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder.hello(socket)
        assert recorder.take(socket) == "snapshot"
    worker = threading.Thread(target=work)
    worker.start()
    cuts = 0
    try:
        while cuts < 100:
            if cuts % 8 == 0:
                nodes_due.release()
            with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
                recorder.hello(socket)
                for _ in range(rng.randrange(4)):
                    try:
                        recorder.take(socket, timeout=0.05 if over.is_set() else 0.15)
                    except TimeoutError:
                        break
                if rng.random() < 0.5:
                    # Not even a close: the connection is simply gone.
                    socket.socket.close()
            cuts += 1
    finally:
        worker.join(timeout=60)
    assert over.is_set()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder.hello(socket)
        recorder.take_until(socket, history.seq, timeout=30)
    run, nodes = truth(history)
    assert recorder.run == run
    assert plain(recorder.nodes) == plain(nodes)
    assert recorder.seq == history.seq
    # It was told every line, once: a repeat or a gap would have failed above.
    lines = {
        line for batch in LogBatch.objects.filter(run=history.pk) for line in range(batch.first_seq, batch.last_seq + 1)
    }
    assert recorder.messages.count("snapshot") == 1
    assert set(recorder.lines) == lines


def test_a_client_that_does_not_read_costs_a_snapshot_and_delays_nobody(
    server: LiveServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long a busy machine takes to write what it does not read.
    monkeypatch.setattr(sockets, "SEND_SECONDS_MAX", 300)
    history = History()
    path = f"/ws/runs/{history.pk}/"
    # Small buffers on this side, so that the server feels the stop soon.
    with server.open(path, token=token, max_queue=1) as slow, server.open(path, token=token) as quick:
        recorder, other = Recorder(), Recorder()
        recorder.hello(slow)
        recorder.take(slow)
        other.hello(quick)
        other.take(quick)
        text = "x" * 2000
        for _ in range(70):
            history.lines(200, text=text)
            server.hint({"runs": {str(history.pk): history.seq}})
            began = time.monotonic()
            other.take_until(quick, history.seq)
            in_time(time.monotonic() - began, 3)
        assert history.seq == 14_000
        recorder.take_until(slow, history.seq, timeout=30)
        assert recorder.messages.count("snapshot") >= 2, "it was given all that it had missed"
        assert plain(recorder.nodes) == plain(truth(history)[1])
        assert other.messages.count("snapshot") == 1


def test_a_lost_right_closes_the_socket_within_five_seconds(server: LiveServer, viewer: User, token: str) -> None:
    history = History()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = Recorder()
        recorder.hello(socket)
        recorder.take(socket)
        User.objects.filter(pk=viewer.pk).update(is_active=False)
        began = time.monotonic()
        # It goes silent even while the run talks on.
        stop = threading.Event()
        speaking = threading.Thread(target=_speak, args=(server, history, stop))
        speaking.start()
        try:
            assert close_code(socket) == 4403
            in_time(time.monotonic() - began, 5)
        finally:
            stop.set()
            speaking.join()


def _burst(server: LiveServer, history: History, count: int) -> None:
    from django.db import connection

    try:
        for _ in range(count):
            history.lines(1)
            server.hint({"runs": {str(history.pk): history.seq}})
    finally:
        connection.close()


def _speak(server: LiveServer, history: History, stop: threading.Event) -> None:
    from django.db import connection

    try:
        while not stop.wait(0.1):
            history.lines(1)
            server.hint({"runs": {str(history.pk): history.seq}})
    finally:
        connection.close()


def test_a_deleted_run_closes_its_sockets(server: LiveServer, token: str) -> None:
    history = History()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        Recorder().hello(socket)
        socket.recv(timeout=5)
        Run.objects.filter(pk=history.pk).delete()
        assert close_code(socket) == 4404


def test_messages_outside_the_protocol_close_the_socket(server: LiveServer, token: str) -> None:
    history = History()
    wrong = ["-1", "1.5", "true", '"1"', "9999999999999999999"]
    hellos = [f'{{"type": "hello", "after": {after}}}' for after in wrong]
    messages: list[str | bytes] = ["", "nothing", "[]", '{"type": "hi"}', *hellos, "[" * 20_000, b"\x00"]
    for message in messages:
        with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
            socket.send(message)
            assert close_code(socket) == 4400, message
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        socket.send('{"type": "hello", "pad": "' + "x" * 100_000 + '"}')
        assert close_code(socket) == 1009


def test_samples_are_sent_between_the_events_without_a_seq(server: LiveServer, token: str) -> None:
    history = History()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
        recorder = Recorder()
        recorder.hello(socket)
        recorder.take(socket)
        sample = {"run": str(history.pk), "node": "n0", "attempt": 1, "cpu_percent": 12.5}
        for _ in range(5):
            server.hint({"samples": [sample]})
        assert recorder.take(socket) == "samples"
        assert recorder.last["samples"] == [sample]


def test_forty_sockets_open_no_more_connections_to_the_database_than_there_are_threads(
    server: LiveServer, token: str
) -> None:
    from dashboard.live import database

    history = History()
    with ExitStack() as stack:
        sockets = [stack.enter_context(server.open(f"/ws/runs/{history.pk}/", token=token)) for _ in range(40)]
        recorders = [Recorder() for _ in sockets]
        for recorder, socket in zip(recorders, sockets, strict=True):
            recorder.hello(socket)
            recorder.take(socket)
        history.lines(10)
        server.hint({"runs": {str(history.pk): history.seq}})
        for recorder, socket in zip(recorders, sockets, strict=True):
            recorder.take_until(socket, 10)
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("live-database")]
        assert len(names) <= database.THREADS


def test_the_server_stops_at_once_with_open_sockets(transactional_db: None, token: str) -> None:
    history = History()
    with ExitStack() as stack:
        # A server that waited for its sockets would exceed the limit of every test.
        with serving(timeout_graceful_shutdown=600) as server:
            socket = stack.enter_context(server.open(f"/ws/runs/{history.pk}/", token=token))
            Recorder().hello(socket)
            socket.recv(timeout=5)
        assert close_code(socket) == 1012
