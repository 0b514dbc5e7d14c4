"""`uvicorn dashboard.asgi:application`, for those who start a web process without `web`."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.live.recorder import Recorder, close_code
from tests.support.product import ROOT, Product
from tests.support.templates import running
from tests.support.wait import wait_until

LONG = "import time\n\ndef main(inputs, ctx):\n    time.sleep(300)\n"


class Uvicorn(Product):
    """Serves the installation of another product."""

    def start(self, timeout: float = 30) -> "Uvicorn":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "dashboard.asgi:application", "--port", str(self.port)],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(self._answers, timeout)
        return self

    def _answers(self) -> bool:
        try:
            return self.call("GET", "/readyz", token=False).status == 200
        except OSError:
            return False


@pytest.mark.long
def test_uvicorn_serves_pages_files_api_and_sockets(tmp_path: Path) -> None:
    with running(tmp_path / "home") as product:
        served = Uvicorn(tmp_path / "home", PATH=os.environ["PATH"])
        served.log, served.token = tmp_path / "uvicorn.log", product.token
        try:
            served.start()
            page = served.call("GET", "/", token=False)
            assert page.status == 302
            page = served.call("GET", page.headers["location"], token=False)
            assert page.status == 200
            style = page.body.decode().partition('rel="stylesheet" href="')[2].partition('"')[0]
            assert style.startswith("/static/")
            assert served.call("GET", style, token=False).status == 200
            run = served.api("POST", "workflows/flight-delays/runs/?wait=60", {})
            assert run["state"] == "succeeded"
            headers = {"Authorization": f"Bearer {served.token}"}
            address = f"ws://localhost:{served.port}/ws/runs/{run['id']}/"
            with connect(address, additional_headers=headers, proxy=None, max_size=None) as socket:
                recorder = Recorder()
                recorder.hello(socket)
                recorder.take(socket)
                assert recorder.run == product.api("GET", f"runs/{run['id']}/")
            with connect(address, additional_headers=headers, proxy=None) as socket:
                # Its own limit is 16 MB.
                socket.send(json.dumps({"type": "hello", "more": "x" * 100_000}))
                assert close_code(socket) == 4400
            product.publish("long", [{"id": "a", "type": "python", "config": {"code": LONG}}], [])
            with ThreadPoolExecutor(1) as asking:
                held = asking.submit(served.call, "POST", "/api/v1/workflows/long/runs/?wait=60", {})
                wait_until(lambda: product.api("GET", "runs/?workflow=long")["results"])
                # It ends by the signal that it got, after answering open requests.
                assert served.stop() == -signal.SIGTERM
                assert held.result(10).status == 202
        finally:
            served.kill()
        assert "Traceback" not in served.log.read_text()
