"""`bench load`: the engine and the web process under each other's load, and the cost of starting a run."""

import http.client
import json
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from engine.states import RUN_TERMINAL
from tests.bench.browser import login_link
from tests.bench.documents import chains, five
from tests.bench.http import Product, prepare
from tests.bench.parts import Options
from tests.bench.reader import KINDS
from tests.bench.stats import quantile

WIDE: Final = ("noop", 100, 100)
ENGINE: Final = (WIDE, ("noop", 10, 1000), ("python", 100, 100), ("python", 10, 1000))
"""(kind, width, depth): the chains of `bench nodes`, but longer."""
PHASE_SECONDS: Final = 4.0
WRITE_SECONDS: Final = 10.0
WRITES_RATE: Final = 5.0
"""Launches, and saved drafts, per second."""
LAUNCHES: Final = 20
END_SECONDS: Final = 300.0
LOOK_SECONDS: Final = 0.05

Document = Mapping[str, Any]


class Readers:
    """The second process."""

    def __init__(self, product: Product, cookie: str) -> None:
        self.found: dict[str, Any] = {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.reader"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._say(json.dumps({"port": product.port, "cookie": cookie}))

    def watch(self, run: str) -> None:
        self._say(run)

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Return what it measured. Raises RuntimeError if it failed."""
        output, _ = self.process.communicate(timeout=120)
        if self.process.returncode:
            raise RuntimeError("The reader failed; see above.")
        found: dict[str, Any] = json.loads(output)
        return found


class LoadBench:
    """One product, and the runs in it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.product = Product(options.folder / "load")
        self.cookie = session_cookie(self.product)

    def start(self, slug: str, connection: http.client.HTTPConnection | None = None) -> str:
        return str(self.product.call("POST", f"/api/v1/workflows/{slug}/runs/", {}, connection)["id"])

    def ended(self, run: str) -> float:
        """Wait for the run's end and return its seconds. Raises RuntimeError if it did not succeed."""
        end = time.monotonic() + END_SECONDS
        while True:
            [(state, seconds)] = self.product.rows(
                "SELECT state, (julianday(finished_at) - julianday(created_at)) * 86400 FROM engine_run WHERE id = ?",
                int(run),
            )
            if state in RUN_TERMINAL:
                break
            if time.monotonic() > end:
                raise RuntimeError(f"Run {run} did not end within {END_SECONDS:g} s.")
            time.sleep(LOOK_SECONDS)
        if state != "succeeded":
            raise RuntimeError(f"Run {run} ended {state}.")
        return float(seconds)

    def phase(self, slug: str, nodes: int, readers: Readers | None, seconds: float = PHASE_SECONDS) -> float:
        """Start runs one after another for about `seconds`. Return the nodes per second."""
        took: list[float] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            run = self.start(slug)
            if readers is not None:
                readers.watch(run)
            took.append(self.ended(run))
        return nodes * len(took) / sum(took)


def session_cookie(product: Product) -> str:
    """Return the cookie of a session, after signing in."""
    path = urlsplit(login_link(product)).path
    connection = product.connect()
    connection.request("GET", path)
    answer = connection.getresponse()
    form = answer.read().decode()
    csrf = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert found is not None
    connection.request(
        "POST",
        path,
        f"csrfmiddlewaretoken={found[1]}",
        {"Cookie": csrf, "Content-Type": "application/x-www-form-urlencoded"},
    )
    answer = connection.getresponse()
    answer.read()
    cookies = [cookie.partition(";")[0] for cookie in answer.msg.get_all("Set-Cookie", [])]
    connection.close()
    return next(cookie for cookie in cookies if cookie.startswith("interlock_session="))


def measure(options: Options) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    bench = LoadBench(options)
    try:
        for kind, width, depth in ENGINE:
            if options.includes(name := f"{kind}: {width} x {depth}"):
                options.progress(name)
                found.append(_engine(bench, name, kind, width, depth))
        if options.includes("writes"):
            options.progress("writes")
            found += _writes(bench)
        if options.includes("launch"):
            options.progress("launch")
            found.append(_launch(bench))
    finally:
        bench.product.stop()
    return {"cases": found}


def _engine(bench: LoadBench, name: str, kind: str, width: int, depth: int) -> dict[str, Any]:
    slug = f"{kind}-{width}"
    prepare(bench.product, chains(width, depth, kind), slug)
    bench.phase(slug, width * depth, None, 0.1)
    alone, watched = [], []
    seconds: dict[str, list[float]] = {kind: [] for kind, _ in KINDS}
    sent = 0
    for _ in range(bench.options.repeat):
        alone.append(bench.phase(slug, width * depth, None))
        readers = Readers(bench.product, bench.cookie)
        watched.append(bench.phase(slug, width * depth, readers))
        output = readers.end()
        sent += output["socket_bytes"]
        for of, values in output["seconds"].items():
            seconds[of] += values
    least, is_whole = statistics.median(watched), statistics.median(alone)
    return {
        "name": name,
        "unit": "nodes/s",
        "value": least,
        "all": watched,
        "alone": is_whole,
        "all_alone": alone,
        "ratio": least / is_whole,
        "request_p95_ms": {of: quantile(values, 0.95) * 1000 for of, values in _with_all(seconds).items()},
        "requests": sum(map(len, seconds.values())),
        "socket_bytes": sent,
    }


def _with_all(seconds: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return the values by kind, and all of them."""
    return {"all": [one for values in seconds.values() for one in values]} | {of: list(v) for of, v in seconds.items()}


def _writes(bench: LoadBench) -> list[dict[str, Any]]:
    """Measure launches and saved drafts while the engine works at full speed and is watched."""
    kind, width, depth = WIDE
    prepare(bench.product, chains(width, depth, kind), "busy")
    prepare(bench.product, five("noop"), "small")
    connection = bench.product.connect()
    draft = _Draft(bench.product, chains(10, 10, "python"))
    launched: list[float] = []
    saved: list[float] = []
    rates: list[float] = []
    for _ in range(bench.options.repeat):
        stop = threading.Event()
        readers = Readers(bench.product, bench.cookie)
        writers = (
            _Regular(lambda: bench.start("small", connection), launched, stop),
            _Regular(draft.save, saved, stop),
        )
        rates.append(bench.phase("busy", width * depth, readers, WRITE_SECONDS))
        stop.set()
        for writer in writers:
            writer.end()
        readers.end()
    rate = statistics.median(rates)
    return [
        {
            "name": f"writes: {what}",
            "unit": "ms",
            "value": quantile(values, 0.99) * 1000,
            "median": statistics.median(values) * 1000,
            "p95": quantile(values, 0.95) * 1000,
            "max": max(values) * 1000,
            "count": len(values),
            "engine_nodes_per_second": rate,
        }
        for what, values in (("launch", launched), ("save a draft", saved))
    ]


class _Draft:
    """A draft that is saved whole and by a patch, in turn."""

    def __init__(self, product: Product, document: Document) -> None:
        self.product, self.document = product, document
        self.connection = product.connect()
        prepare(product, document, "drafted")
        self.tag = '"0"'
        self.saves = 0

    def save(self) -> None:
        self.saves += 1
        is_whole = self.saves % 2
        body: Any = {"definition": self.document}
        if not is_whole:
            body = [{"op": "add", "path": "/nodes/0/position", "value": {"x": self.saves, "y": 0}}]
        headers = {
            **self.product.headers,
            "If-Match": self.tag,
            "Prefer": "return=minimal",
            "Content-Type": "application/json" if is_whole else "application/json-patch+json",
        }
        self.connection.request(
            "PUT" if is_whole else "PATCH", "/api/v1/workflows/drafted/draft/", json.dumps(body), headers
        )
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 204:
            raise RuntimeError(f"Saving a draft: {answer.status} {text[:300].decode(errors='replace')}")
        self.tag = answer.getheader("ETag") or ""


class _Regular(threading.Thread):
    """Calls something WRITES_RATE times per second and records the seconds from when each call was due."""

    def __init__(self, what: Callable[[], object], seconds: list[float], stop: threading.Event) -> None:
        super().__init__()
        self.what, self.seconds, self.stop = what, seconds, stop
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        due = time.perf_counter()
        try:
            while not self.stop.wait(max(0.0, due - time.perf_counter())):
                self.what()
                self.seconds.append(time.perf_counter() - due)
                due += 1 / WRITES_RATE
        except BaseException as error:
            self.error = error

    def end(self) -> None:
        """Raise the error that it ended with."""
        self.join()
        if self.error is not None:
            raise self.error


def _launch(bench: LoadBench) -> dict[str, Any]:
    """Measure the start of a run of 10,000 nodes on an otherwise idle product; each run ends before the next."""
    prepare(bench.product, chains(100, 100, "noop"), "large")
    connection = bench.product.connect()
    seconds = []
    for _ in range(LAUNCHES):
        begun = time.perf_counter()
        run = bench.start("large", connection)
        seconds.append(time.perf_counter() - begun)
        bench.ended(run)
    return {
        "name": "launch: 10,000 nodes",
        "unit": "ms",
        "value": statistics.median(seconds) * 1000,
        "p95": quantile(seconds, 0.95) * 1000,
        "all": [one * 1000 for one in seconds],
    }


def lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    output = [f"Python {machine['python']}, {machine['cores']} cores; medians of {report['repeat']}"]
    for case in report["cases"]:
        if case["unit"] == "nodes/s":
            output.append(
                f"{case['name']:24}{case['value']:>10,.0f} nodes/s read by others,{case['alone']:>8,.0f} alone: "
                f"{case['ratio']:.0%} (target: 65 %)"
            )
            slow = ", ".join(f"{of} {value:.0f} ms" for of, value in case["request_p95_ms"].items())
            output.append(f"{'':4}95 % of {case['requests']} requests within (target: 100 ms): {slow}")
        elif "count" in case:
            output.append(
                f"{case['name']:24}{case['value']:>10,.0f} ms for 99 % (target: 150), {case['median']:.0f} in the "
                f"median, of {case['count']} beside {case['engine_nodes_per_second']:,.0f} nodes/s"
            )
        else:
            output.append(f"{case['name']:24}{case['value']:>10,.0f} ms (target: 50), 95 % within {case['p95']:.0f} ms")
    return output
