"""The channel layer over Redis: it wakes sockets, and costs no more than a second when Redis is away."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from channels.layers import get_channel_layer

from dashboard.live import groups
from dashboard.live import hub as hub_module
from dashboard.live.channel_layer import Layer, host
from tests.live.history import History
from tests.live.server import LiveServer, serving
from tests.live.test_channel_layer import greeted, on_loop, until_nobody_tells
from tests.support import redis
from tests.support.effort import in_time
from tests.support.wait import WAIT_SECONDS, wait_until

pytestmark = pytest.mark.redis


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[redis.Server]:
    with redis.server(tmp_path) as started:
        yield started


@pytest.fixture
def over_redis(redis_server: redis.Server, settings: Any) -> None:
    settings.INTERLOCK = replace(settings.INTERLOCK, redis_url=redis_server.url)
    config = {"hosts": [host(redis_server.url)], "prefix": "test:"}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "dashboard.live.channel_layer.Layer", "CONFIG": config}}
    assert isinstance(get_channel_layer(), Layer)


@pytest.fixture
def server(over_redis: None, transactional_db: None) -> Iterator[LiveServer]:
    with serving() as live:
        yield live


def told(server: LiveServer, history: History) -> None:
    """As another web process would tell it."""
    on_loop(server, get_channel_layer().group_send(groups.run(history.pk), groups.run_moved(history.seq)))


def subscribers(redis_server: redis.Server, history: History) -> int:
    with redis_server.client() as client:
        ((_, count),) = client.pubsub_numsub(f"test:__group__{groups.run(history.pk)}")
        return int(count)


def test_a_message_through_redis_wakes_the_sockets_of_its_group(
    server: LiveServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It does not look into the database by itself: what it shows, a message told it.
    monkeypatch.setattr(hub_module, "POLL_SECONDS", 3600)
    history, other = History(), History()
    with (
        server.open(f"/ws/runs/{history.pk}/", token=token) as one,
        server.open(f"/ws/runs/{history.pk}/", token=token) as two,
        server.open(f"/ws/runs/{other.pk}/", token=token) as elsewhere,
    ):
        recorders = [greeted(one), greeted(two)]
        stranger = greeted(elsewhere)
        until_nobody_tells(history, recorders[0], one)
        told(server, history)
        for recorder, socket in zip(recorders, (one, two), strict=True):
            recorder.take_until(socket, history.seq)
        assert stranger.seq in (None, 0)


def test_sockets_open_and_show_the_current_state_without_redis(
    server: LiveServer, token: str, redis_server: redis.Server
) -> None:
    history = History()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as before:
        recorder = greeted(before)
        redis_server.kill()
        history.state("running")
        recorder.take_until(before, 1)
        with server.open(f"/ws/runs/{history.pk}/", token=token) as after:
            later = greeted(after)
            history.lines(3)
            for one, socket in ((recorder, before), (later, after)):
                one.take_until(socket, history.seq)
            redis_server.start()
            # It is subscribed to again by itself.
            wait_until(lambda: subscribers(redis_server, history) == 1)
            history.lines(2)
            told(server, history)
            for one, socket in ((recorder, before), (later, after)):
                one.take_until(socket, history.seq)


def test_a_redis_that_hangs_delays_no_socket(server: LiveServer, token: str, redis_server: redis.Server) -> None:
    histories = [History() for _ in range(5)]
    with redis_server.hanging():
        for history in histories:
            history.state("running")
            begun = time.monotonic()
            with server.open(f"/ws/runs/{history.pk}/", token=token) as socket:
                assert greeted(socket).seq == 1
            in_time(time.monotonic() - begun, 3)
            with server.open("/ws/overview/", token=token) as overview:
                overview.send('{"type": "hello"}')
                overview.recv(timeout=WAIT_SECONDS)


def test_a_group_without_members_is_unsubscribed(server: LiveServer, token: str, redis_server: redis.Server) -> None:
    history = History()
    with server.open(f"/ws/runs/{history.pk}/", token=token) as one:
        greeted(one)
        with server.open(f"/ws/runs/{history.pk}/", token=token) as two:
            greeted(two)
            # Nobody waits for Redis: it may be told a moment later.
            wait_until(lambda: subscribers(redis_server, history) > 0)
            assert subscribers(redis_server, history) == 1, "one subscription a process"
        assert subscribers(redis_server, history) == 1
    wait_until(lambda: subscribers(redis_server, history) == 0)
    with redis_server.client() as client:
        assert client.keys() == [], "nothing is stored"


def test_a_layer_without_redis_raises_nothing(over_redis: None, redis_server: redis.Server) -> None:
    redis_server.kill()

    async def scenario() -> None:
        layer: Any = get_channel_layer()
        channel = await layer.new_channel()
        for _ in range(3):
            await layer.group_add("run.1", channel)
            await layer.group_send("run.1", groups.run_moved(1))
        await layer.group_discard("run.1", channel)
        await layer.flush()

    asyncio.run(scenario())
