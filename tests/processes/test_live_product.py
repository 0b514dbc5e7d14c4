"""The live protocol of the whole product: real runs, real hints, and a client that is disconnected repeatedly."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.live.recorder import Recorder
from tests.processes.test_up import child
from tests.support.product import Product
from tests.support.templates import running

TALK = """
import time

def main(inputs, ctx):
    for number in range({lines}):
        print("line", number)
        ctx.progress(number / {lines})
        time.sleep({seconds})
"""


def graph(width: int, lines: int, seconds: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a source, `width` printing nodes of which one fails, and one that joins all."""
    nodes: list[dict[str, Any]] = [{"id": "begin", "type": "noop"}]
    for number in range(width):
        code = TALK.format(lines=lines, seconds=seconds)
        if number == width // 2:
            code += "    raise ValueError('as planned')\n"
        nodes.append({"id": f"talk{number}", "type": "python", "config": {"code": code}})
    nodes.append({"id": "join", "type": "noop", "policy": {"trigger_rule": "all_done"}})
    talks = [node["id"] for node in nodes[1:-1]]
    edges = [{"source": "begin", "target": talk} for talk in talks] + [
        {"source": talk, "target": "join"} for talk in talks
    ]
    return nodes, edges


def open_socket(product: Product, run: str, **options: Any) -> ClientConnection:
    opened: ClientConnection = connect(
        f"ws://localhost:{product.port}/ws/runs/{run}/",
        additional_headers={"Authorization": f"Bearer {product.token}"},
        max_size=None,
        proxy=None,
        **options,
    )
    return opened


def as_api_has_it(product: Product, run: str) -> tuple[Any, dict[str, Any]]:
    nodes = product.api("GET", f"runs/{run}/nodes/?limit=1000")["results"]
    return product.api("GET", f"runs/{run}/"), {node["node"]: node for node in nodes}


def all_lines(product: Product, run: str) -> dict[int, Any]:
    """Return every line of the run, page by page."""
    lines: dict[int, Any] = {}
    after = 0
    while True:
        page = product.api("GET", f"runs/{run}/logs/?after={after}&limit=1000")
        for line in page["results"]:
            lines[line["seq"]] = line
        if not page["results"] or page["next"] is None:
            return lines
        after = page["results"][-1]["seq"]


@pytest.mark.long
def test_after_a_hundred_random_cuts_a_client_knows_what_the_api_returns(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    with running(tmp_path / "home") as product:
        nodes, edges = graph(width=12, lines=40, seconds=0.02)
        product.publish("talk", nodes, edges, on_failure="continue")
        run = product.api("POST", "workflows/talk/runs/", {})["id"]
        recorder = Recorder()
        for _ in range(100):
            with open_socket(product, run) as socket:
                recorder.hello(socket)
                with contextlib.suppress(TimeoutError):
                    for _ in range(rng.randrange(1, 4)):
                        recorder.take(socket, timeout=0.2)
                if rng.random() < 0.5:
                    socket.socket.close()
        ended = product.ended(run)
        assert ended["state"] == "failed"
        with open_socket(product, run) as socket:
            recorder.hello(socket)
            deadline = time.monotonic() + 10
            while recorder.run != ended:
                assert time.monotonic() < deadline, f"{recorder.run} is not {ended}"
                recorder.take(socket)
        api_run, api_nodes = as_api_has_it(product, run)
        assert recorder.run == api_run
        assert recorder.nodes == api_nodes
        lines = all_lines(product, run)
        assert len(lines) >= 12 * 40
        first = min(recorder.lines)
        assert recorder.lines == {seq: line for seq, line in lines.items() if seq >= first}


def test_a_killed_web_process_means_only_a_reconnect_for_a_client(tmp_path: Path) -> None:
    with running(tmp_path / "home") as product:
        # It prints for as long as it takes to kill three of them, and is then cancelled.
        nodes, edges = graph(width=3, lines=10_000, seconds=0.05)
        product.publish("talk", nodes, edges, on_failure="continue")
        run = product.api("POST", "workflows/talk/runs/", {})["id"]
        recorder = Recorder()
        deadline = time.monotonic() + 60
        kills = 0
        while recorder.run is None or recorder.run["finished_at"] is None:
            assert time.monotonic() < deadline
            with contextlib.suppress(OSError, EOFError, WebSocketException), open_socket(product, run) as socket:
                recorder.hello(socket)
                if kills == 3:
                    product.api("POST", f"runs/{run}/cancel/", {}, expect=(200, 202, 409))
                for _ in range(10):
                    recorder.take(socket, timeout=2)
                if kills < 3:
                    kills += 1
                    os.kill(child(product, "web"), signal.SIGKILL)
                    recorder.take(socket, timeout=2)
        assert kills == 3
        assert recorder.nodes == as_api_has_it(product, run)[1]
