"""A node process started as the supervisor starts it, for tests to drive."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.support.wait import wait_until

MAIN = Path(__file__).parents[2] / "engine" / "worker" / "main.py"


class NodeProcess:
    """Owns one process. `send` sends envelopes, `frame` reads the next frame, `run` does an attempt to its end."""

    def __init__(self, home: Path, *, python: str = sys.executable, keep_child_end: bool = False) -> None:
        self.home = home
        for folder in ("artifacts", "files", "scratch"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        self.folder = home / "scratch" / str(time.monotonic_ns())
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.frames_fd, out = os.pipe()
        stack_read, stack = os.pipe()
        self.stack_fd = stack_read
        self.mark = f"test-{os.getpid()}-{time.monotonic_ns()}"
        self.started_at = time.perf_counter()
        self.process = subprocess.Popen(
            [python, "-I", str(MAIN), "--in", str(theirs.fileno()), "--out", str(out), "--parent", str(os.getpid()),
             "--folder", str(self.folder), "--mark", self.mark, "--stack", str(stack)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=(theirs.fileno(), out, stack), cwd="/", process_group=0,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "INTERLOCK_MARK": self.mark},
        )  # fmt: skip
        self.theirs = theirs
        if not keep_child_end:
            theirs.close()
        os.close(out)
        os.close(stack)
        self.buffer = b""
        self.printed = {"out": b"", "err": b""}
        self.streams: list[int] = []
        """Descriptors of its standard output and error that are still open."""
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self.streams.append(stream.fileno())
        self.claims = 0
        self.unclean = False
        """Whether the last attempt left something behind."""

    @property
    def pid(self) -> int:
        return self.process.pid

    def __enter__(self) -> "NodeProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)
        self._drain()
        for fd in (self.frames_fd, self.stack_fd):
            os.close(fd)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def envelope(self, type: str = "noop", config: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        self.claims += 1
        claim = f"claim{self.claims}"
        run = {"id": "7", "workflow": "w", "version": 1, "inputs": more.pop("run_inputs", {})}
        return {
            "claim": claim, "run": run, "node": "load", "name": "Load", "item": -1, "attempt": 1, "type": type,
            "entry": f"engine.nodes.{type.replace('.', '_')}.run", "config": config or {}, "expressions": [],
            "inputs": {}, "nodes": {}, "env": {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            "artifacts": str(self.home / "artifacts"),
            "files": str(self.home / "files"), "data_roots": [],
            "closed": [str(self.home), str(self.home / "artifacts")], "soft_timeout": 300, "inline_bytes": 32768,
            "duckdb": {"memory_bytes": 1 << 30, "threads": 1}, "resolver": sys.executable, **more,
        }  # fmt: skip

    def send(self, envelope: dict[str, Any]) -> None:
        raw = json.dumps(envelope).encode()
        if len(raw) > 65536:
            path = self.home / "scratch" / f"{envelope['claim']}.json"
            path.write_bytes(raw)
            raw = json.dumps({"file": str(path)}).encode()
        self.ours.send(raw)

    def frame(self, timeout: float = 20.0) -> dict[str, Any] | None:
        """Return the next frame, or None at the end of the pipe. Raises TimeoutError, and ValueError for an incomplete
        frame."""
        until = time.monotonic() + timeout
        while True:
            if len(self.buffer) >= 4:
                length = int.from_bytes(self.buffer[:4], "little")
                if len(self.buffer) >= 4 + length:
                    raw, self.buffer = self.buffer[4 : 4 + length], self.buffer[4 + length :]
                    frame: dict[str, Any] = json.loads(raw)
                    return frame
            ready = select.select([self.frames_fd, *self.streams], [], [], 0.5)[0]
            self._drain()
            if self.frames_fd not in ready:
                if time.monotonic() > until:
                    raise TimeoutError(f"no frame within {timeout} s; stderr: {self.printed['err'][-2000:]!r}")
                continue
            data = os.read(self.frames_fd, 1 << 20)
            if not data:
                if self.buffer:
                    raise ValueError("torn frame")
                return None
            self.buffer += data

    def frames(self, claim: str, timeout: float = 20.0) -> list[dict[str, Any]]:
        """Return the frames up to the end of the attempt."""
        got: list[dict[str, Any]] = []
        while True:
            frame = self.frame(timeout)
            if frame is None:
                raise EOFError(f"the process ended: {self.process.wait(5)}; frames {got}")
            if frame["k"] == "ready":
                continue
            assert frame["c"] == claim, frame
            got.append(frame)
            if frame["k"] in ("done", "failed"):
                self.unclean = not frame["clean"]
                self._drain()
                return got

    def run(
        self, type: str = "noop", config: dict[str, Any] | None = None, *, timeout: float = 20.0, **more: Any
    ) -> dict[str, Any]:
        """Return the frame that ends an attempt."""
        envelope = self.envelope(type, config, **more)
        self.send(envelope)
        return self.frames(envelope["claim"], timeout)[-1]

    def python(self, code: str, **more: Any) -> dict[str, Any]:
        return self.run("python", {"code": code}, **more)

    def text(self, stream: str) -> str:
        self._drain()
        return self.printed[stream].decode()

    def input(self, ended: dict[str, Any]) -> dict[str, Any]:
        """Return the output of an attempt, as an envelope has it as an input."""
        output = ended["output"]
        if "artifact" not in output:
            return {"kind": "json", "value": output["value"]}
        path = str(self.home / "artifacts" / output["artifact"])
        if output["kind"] == "json":
            return {"kind": "json", "path": path}
        return {"kind": "table", "path": path, "schema": output["schema"], "row_count": output["row_count"]}

    def value(self, ended: dict[str, Any]) -> Any:
        """Return the JSON value of an attempt that must have succeeded."""
        assert ended["k"] == "done", ended
        output = ended["output"]
        if "artifact" in output:
            return json.loads((self.home / "artifacts" / output["artifact"]).read_bytes())
        return output["value"]

    def signal_soft(self, envelope: dict[str, Any], *there: str, timeout: float = 20.0) -> list[dict[str, Any]]:
        """Run an attempt and, once it has printed all of `there`, send the signal of its soft limit as the supervisor
        would. Return its frames."""
        before = len(self.text("out"))
        self.send(envelope)
        started = self.frame()
        assert started is not None
        assert started["k"] == "started"
        wait_until(lambda: all(word in self.text("out")[before:] for word in there), timeout)
        self.expect_no_frames(envelope["soft_timeout"])
        os.kill(self.pid, signal.SIGUSR1)
        return self.frames(envelope["claim"], timeout)

    def expect_no_frames(self, seconds: float) -> None:
        """Wait for so many seconds. Only printed lines may come meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            select.select([], [], [], left)
        self._drain()

    def _drain(self) -> None:
        for name, stream in (("out", self.process.stdout), ("err", self.process.stderr)):
            assert stream is not None
            while data := stream.read(1 << 20):
                self.printed[name] += data
            if data == b"" and stream.fileno() in self.streams:
                self.streams.remove(stream.fileno())


class Nodes:
    """Gives the same node process repeatedly, and a new one when the last was not left clean."""

    def __init__(self, home: Path, python: str = sys.executable) -> None:
        self.home = home
        self.python = python
        self.process: NodeProcess | None = None

    def get(self) -> NodeProcess:
        if self.process is None or self.process.process.poll() is not None or self.process.unclean:
            self.close()
            self.process = NodeProcess(self.home, python=self.python)
            assert self.process.frame() == {"k": "ready"}
        return self.process

    def close(self) -> None:
        if self.process is not None:
            self.process.close()
            self.process = None
