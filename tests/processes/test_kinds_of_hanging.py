"""Ten kinds of hanging in the whole product: the diagnosis names the cause of each, and its first remedy fits.

The node processes of one product run them side by side: those that compute with the others, for each of them takes a
share of the machine.
"""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.processes.test_causes_of_hanging import RESOLVE
from tests.support.product import Product
from tests.support.templates import running
from tests.support.wait import wait_until

HEAD = "import fcntl, os, re, signal, subprocess, time, urllib.request\ndef main(inputs, ctx):\n"


class Kind(NamedTuple):
    config: dict[str, Any]
    cause: str
    says: str
    remedy: str
    """The end of the path of the first action."""
    type: str = "python"
    policy: dict[str, Any] = {}


def code(*lines: str) -> dict[str, Any]:
    return {"code": HEAD + "".join(f"    {line}\n" for line in lines)}


def held(megabytes: float) -> dict[str, Any]:
    """Code that holds so much memory, the interpreter's own 14 MB included."""
    return code(
        f"x = bytearray({int((megabytes - 14) * 2**20)})", "x[::4096] = b'1' * len(x[::4096])", "time.sleep(900)"
    )


def kinds(folder: Path, silent: int, name_server: int) -> dict[str, Kind]:
    lock = folder / "x.lock"
    sql = "select count(*) from range(10000000) a, range(10000000) b where a.range % 7 = b.range % 11"
    want = code("time.sleep(0.5)", f"fcntl.flock(open({str(lock)!r}, 'w'), fcntl.LOCK_EX)")
    popen = "p = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)"
    stopped = code("p = subprocess.Popen(['sleep', '900'])", "p.send_signal(signal.SIGSTOP)", "p.wait()")
    wait = code(f"while not os.path.exists('{folder}/x.csv'):", "    time.sleep(1)")
    near = {"memory_mb": 200}
    return {
        "regex": Kind(code("re.match(r'(a+)+$', 'a' * 60 + 'b')"), "cpu_loop", "in line 3: re.match", "cancel"),
        "power": Kind(code("return len(str(7 ** (10 ** 9)))"), "cpu_loop", "in line 3: return len(str(7", "cancel"),
        "cross_join": Kind({"sql": sql}, "query", "% done): select count(*) from range", "cancel", "table.sql"),
        "pipe": Kind(code(popen, "p.stdin.write(b'x' * 10_000_000)"), "deadlock", "with its child process", "cancel"),
        "lock": Kind(want, "file_lock", 'node "holder"', "holder/cancel"),
        "name": Kind({"code": RESOLVE.format(port=name_server)}, "name_lookup", "the name warehouse.example", "retry"),
        "http": Kind(
            code(f"urllib.request.urlopen('http://127.0.0.1:{silent}/')"), "blocked_on_socket", f":{silent}", "retry"
        ),
        "file": Kind(wait, "looks_for", "x.csv every second since", "cancel"),
        "stopped": Kind(stopped, "child_stopped", "is stopped (SIGSTOP): sleep 900", "retry"),
        "memory_84": Kind(held(168), "memory", "of 200 MiB (8", "retry", policy=near),
        "memory_92": Kind(held(184), "memory", "of 200 MiB (9", "retry", policy=near),
    }


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(tmp_path_factory.mktemp("hanging") / "home", INTERLOCK_WORKERS="12") as started:
        yield started


def start(product: Product, slug: str, kind: Kind, expected: float | None) -> str:
    policy = dict(kind.policy) | ({} if expected is None else {"expected_duration": expected})
    node: dict[str, Any] = {"id": slug, "type": kind.type, "config": kind.config, "policy": policy}
    product.publish(f"{slug}-{expected or 0:g}".replace("_", "-"), [node], [])
    return str(product.api("POST", f"workflows/{slug}-{expected or 0:g}/runs/".replace("_", "-"))["id"])


def check(product: Product, run: str, name: str, kind: Kind) -> None:
    """Wait for the first suggestion that names a cause; it and its first action are the right ones."""

    def known() -> Any:
        found = product.api("GET", f"runs/{run}/diagnostics/")["suggestions"]
        return found[0] if found and found[0]["cause"] != "not_determined" else None

    first = wait_until(known)
    print(f"{name}: {first['code']}: {first['message']} -> {first['action']['label']}")
    seen = "memory" if first["code"] == "memory_near_limit" else first["cause"]
    assert (seen, kind.says in first["message"]) == (kind.cause, True), first["message"]
    assert first["action"]["path"].strip("/").endswith(kind.remedy)
    product.api("POST", f"runs/{run}/cancel/", {})


@pytest.mark.long
@pytest.mark.parametrize("expected", [2.0, None], ids=["expected", "no history"])
def test_ten_kinds_of_hanging_are_told_apart_and_the_first_remedy_fits(
    product: Product, tmp_path: Path, expected: float | None
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as name_server,
    ):
        name_server.bind(("127.0.0.1", 0))
        found = kinds(tmp_path, silent.getsockname()[1], name_server.getsockname()[1])
        hold = code(f"f = open('{tmp_path}/x.lock', 'w')", "fcntl.flock(f, fcntl.LOCK_EX)", "time.sleep(900)")
        holder = start(product, "holder", Kind(hold, "sleeping", "", ""), expected)
        wait_until(lambda: product.api("GET", f"runs/{holder}/nodes/holder/")["state"] == "running")
        runs = {name: start(product, name, kind, expected) for name, kind in found.items()}
        end = time.monotonic() + (65.0 if expected is None else 6.0)
        wait_until(lambda: time.monotonic() > end, timeout=80)
        for name, kind in found.items():
            check(product, runs[name], name, kind)
        product.api("POST", f"runs/{holder}/cancel/", {})
