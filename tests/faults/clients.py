"""Live clients that record a run across lost connections and restarted servers."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.faults import checks
from tests.faults.rig import Rig
from tests.live.recorder import Connection, Recorder
from tests.live.slow import Pace, SlowSocket
from tests.support.product import Product

CURRENT_SECONDS = 5.0
"""The time in which a client must know everything."""


class Client:
    """Reads one run's socket in a thread, and reconnects when it breaks."""

    def __init__(self, rig: Rig, run: str, recorder: Recorder | None = None, product: Product | None = None) -> None:
        """Read from `product`, or from the rig's own web process."""
        self.rig = rig
        self.run = run
        self.product = product or rig.product
        self.recorder = recorder or Recorder()
        self.connections = 0
        self.wrong: AssertionError | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name=f"client of {run}", daemon=True)
        self._thread.start()

    def _open(self) -> AbstractContextManager[Connection]:
        product = self.product
        return connect(
            f"ws://localhost:{product.port}/ws/runs/{self.run}/",
            additional_headers={"Authorization": f"Bearer {product.token}"},
            max_size=None, proxy=None,
        )  # fmt: skip

    def _read(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError, EOFError, WebSocketException), self._open() as socket:
                self.connections += 1
                self.recorder.hello(socket)
                while not self._over.is_set():
                    try:
                        self.recorder.take(socket, timeout=0.1)
                    except TimeoutError:
                        continue
                    except AssertionError as error:
                        self.wrong = error
                        return
            self._over.wait(0.05)

    def check_current(self, seconds: float = CURRENT_SECONDS) -> None:
        """Check I11 within so many seconds."""
        product = self.rig.product
        deadline = time.monotonic() + seconds
        while True:
            if self.wrong is not None:
                raise checks.Broken(f"I10: {self.wrong}")
            run = product.api("GET", f"runs/{self.run}/")
            nodes = product.api("GET", f"runs/{self.run}/nodes/?limit=1000")["results"]
            try:
                checks.i11(self.recorder, run, {node["node"]: node for node in nodes})
                return
            except checks.Broken:
                if time.monotonic() > deadline:
                    raise
                self._over.wait(0.05)

    def check(self, seconds: float = CURRENT_SECONDS) -> None:
        """Check I10 and I11 within so many seconds, then close the client."""
        self.check_current(seconds)
        # A message may be folded in part, or more may come that change neither the run nor a node.
        checks.settles(lambda: checks.i10(self.rig.rows(), [self.recorder]), seconds)
        self.close()

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


class SlowClient(Client):
    """A client that reads at a given pace, which may change."""

    def __init__(self, rig: Rig, run: str, pace: Pace, product: Product | None = None) -> None:
        self.pace = pace
        super().__init__(rig, run, product=product)

    def _open(self) -> AbstractContextManager[Connection]:
        product = self.product
        return SlowSocket(product.port, f"/ws/runs/{self.run}/", product.token, self.pace)


class CutClient(Client):
    """A client whose connection the test breaks."""

    def __init__(self, rig: Rig, run: str, recorder: Recorder | None = None, product: Product | None = None) -> None:
        self._socket: socket.socket | None = None
        self.cuts = 0
        self.returns = threading.Event()
        """Whether it reconnects after it was cut off."""
        self.returns.set()
        super().__init__(rig, run, recorder, product)

    @contextlib.contextmanager
    def _open(self) -> Iterator[Connection]:
        self.returns.wait()
        with super()._open() as opened:
            self._socket = opened.socket  # type: ignore[attr-defined]
            yield opened

    def cut(self) -> None:
        """Reset the current connection."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._socket.shutdown(socket.SHUT_RDWR)
                self.cuts += 1
