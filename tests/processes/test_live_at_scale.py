"""Many live clients of several web processes: none misses anything, and all end with what the database has."""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.live.recorder import Recorder
from tests.live.slow import Pace, SlowSocket
from tests.support.scaled import Installation, Web, installed
from tests.support.wait import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

CLIENTS = 30
"""`bench live` has a hundred."""
NODES = 2000
CHAIN = 50
GATE = "import os, time\n\ndef main(inputs, ctx):\n    while not os.path.exists({path!r}):\n        time.sleep(0.02)\n"


def graph(gate: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return chains of no-ops behind a node that waits for a file, so that all clients are connected when it starts."""
    nodes: list[dict[str, Any]] = [{"id": "gate", "type": "python", "config": {"code": GATE.format(path=str(gate))}}]
    edges = []
    for number in range(NODES):
        nodes.append({"id": f"n{number}", "type": "noop"})
        edges.append({"source": f"n{number - 1}" if number % CHAIN else "gate", "target": f"n{number}"})
    return nodes, edges


async def follow(web: Web, token: str, run: str, there: asyncio.Semaphore) -> Recorder:
    """Follow a run with one client from its hello to the end."""
    recorder = Recorder()
    async with connect(
        f"ws://localhost:{web.port}/ws/runs/{run}/", additional_headers={"Authorization": f"Bearer {token}"},
        max_size=None, proxy=None,
    ) as socket:  # fmt: skip
        await socket.send('{"type": "hello"}')
        recorder.fold(json.loads(await socket.recv()))
        there.release()
        while recorder.run is None or recorder.run["state"] != "succeeded":
            recorder.fold(json.loads(await socket.recv()))
    return recorder


async def follow_all(webs: list[Web], token: str, run: str, gate: Path) -> list[Recorder]:
    there = asyncio.Semaphore(0)
    clients = [asyncio.create_task(follow(webs[n % len(webs)], token, run, there)) for n in range(CLIENTS)]
    for _ in clients:
        await asyncio.wait_for(there.acquire(), 30)
    gate.touch()
    return await asyncio.wait_for(asyncio.gather(*clients), 120)


def truth(installation: Installation, run: str) -> dict[str, str]:
    return dict(installation.ask("select node, state from engine_noderun where run_id = %s", run))


@pytest.mark.long
def test_clients_of_two_web_processes_all_end_with_the_stored_state(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with installed(tmp_path) as installation, ExitStack() as silent:
        installation.scheduler("a")
        webs = [installation.web("b"), installation.web("c")]
        first = webs[0]
        first.publish("wide", *graph(gate))
        run = first.api("POST", "workflows/wide/runs/", {})["id"]
        wait_until(lambda: first.api("GET", f"runs/{run}/nodes/gate/")["state"] == "running")
        # One client at each sends hello and then reads nothing.
        for web in webs:
            one = silent.enter_context(SlowSocket(web.port, f"/ws/runs/{run}/", first.token, Pace(0)))
            one.send('{"type": "hello"}')
        recorders = asyncio.run(follow_all(webs, first.token, run, gate))
        nodes = truth(installation, run)
        assert len(nodes) == NODES + 1
        assert set(nodes.values()) == {"succeeded"}
        last = first.api("GET", f"runs/{run}/")
        for recorder in recorders:
            # A gap or a repeat would have raised an error.
            assert recorder.messages.count("snapshot") == 1
            assert recorder.run == last
            assert {name: node["state"] for name, node in recorder.nodes.items()} == nodes
        assert len({recorder.seq for recorder in recorders}) == 1
