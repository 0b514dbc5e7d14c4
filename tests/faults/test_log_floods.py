"""T23: nodes that print without end, a line of 50 MB, or bytes that are no text.

There are no secrets yet. Characters and escape sequences that are split over writes are tried.
"""

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import count
from tests.faults.clients import Client
from tests.faults.flood import flooding, i10_cuts, messages
from tests.faults.hosts import FORMS, Hosts
from tests.faults.resources import i16_within
from tests.faults.rig import Rig, document, python, rigged
from tests.support.effort import rounds, seed
from tests.support.memory import forget_peak, peak, resident

SHORT, LONG = 90, 4000
"""Bytes of the lines of two nodes: one exceeds the limit on lines, the other the limit on size."""
MIB = {Rig: (rounds(96, 1024), rounds(96, 1024)), Hosts: (rounds(12, 1024), rounds(68, 1024))}
"""MiB that they print: more than the 100,000 lines, and the 64 MiB, that are stored."""
LINE_MIB = 50
MORE_MIB = {"scheduler": 72, "web": 160, "worker": 72}
"""What the product's processes may need for floods of any size: the last lines of both logs, which stay in memory where
the nodes run until they end, and what is being sent to clients and downloads."""
NODE_MIB = 32


def processes(rig: Rig) -> dict[str, int]:
    """Return the processes of the product by name."""
    found = {"scheduler": rig.scheduler_pid(), "web": rig.web_pid()}
    if isinstance(rig, Hosts):
        found |= {f"worker {name}": worker.process.pid for name, worker in rig.workers.items()}
    return found


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_floods_are_cut_and_use_no_memory_and_affect_no_other_run(form: type[Rig], tmp_path: Path) -> None:
    with rigged(tmp_path, form=form, INTERLOCK_WORKERS="3") as rig:
        rig.start()
        rig.product.login_path()
        short, long = MIB[form]
        floods = {"short": flooding(SHORT, short), "long": flooding(LONG, long)}
        rig.publish("flood", document([python(id, code) for id, (code, _) in floods.items()]))
        rig.publish("beside", document([python("n", rig.ledger.code(0))]))
        rig.product.ended(rig.launch("beside"))
        watched = processes(rig)
        base = {name: resident(pid) for name, pid in watched.items()}
        for pid in watched.values():
            forget_peak(pid)
        run = rig.launch("flood")
        count.injected("flood of log lines", len(floods))
        client = Client(rig, run)
        node, times = 0.0, []
        while run in rig.unfinished():
            began = time.monotonic()
            rig.product.ended(rig.launch("beside"))
            times.append(time.monotonic() - began)
            for owner in rig.owners():
                for pid in rig.node_processes(owner):
                    node = max(node, resident(pid))
        client.check(30)
        size, lines = downloaded(rig, run)
        found = {name: peak(pid) for name, pid in watched.items()}
        rig.check(most=3 * len(rig.owners()))

        stored = {id: messages(rig, run, id) for id in floods}
        print(
            f"{len(times)} runs beside them, the slowest in {max(times):.2f} s; node processes: {node:.0f} MiB at most"
        )
        print(", ".join(f"{name}: {base[name]:.0f} MiB, at most {found[name]:.0f}" for name in watched))
        print(f"{[len(one) for one in stored.values()]} lines are kept; the download has {lines} in {size >> 20} MiB")
        for id, (_, printed) in floods.items():
            i10_cuts(id, printed, stored[id])
        assert lines == sum(map(len, stored.values()))
        assert len(times) >= 3
        assert node <= NODE_MIB
        for name in watched:
            i16_within(f"The {name} process", base[name], found[name], MORE_MIB[name.split()[0]])


def downloaded(rig: Rig, run: str) -> tuple[int, int]:
    """(bytes, lines) of the run's log as a file."""
    assert rig.product._door is not None
    size = lines = 0
    with rig.product._door.open(f"http://127.0.0.1:{rig.product.port}/runs/{run}/logs/download/") as answer:
        while data := answer.read(1 << 16):
            size += len(data)
            lines += data.count(b"\n")
    return size, lines


ODD = r"""
import logging, os, random, sys, time

def whole(data):
    while data:
        data = data[os.write(1, data):]

def huge(inputs, ctx):
    text = "x" * ({mib} << 20)
    print(text)
    ctx.log(text)
    logging.warning(text)
    whole(text.encode())

def split(inputs, ctx):
    # Each write is read before the next: between them passes more than a tick.
    for data in {split!r}:
        for at in range(len(data)):
            whole(data[at:at + 1])
            time.sleep(0.02)
        whole(b"\n")

def binary(inputs, ctx):
    with open({binary!r}, "rb") as file:
        whole(file.read() + b"\n")

def odd(inputs, ctx):
    whole({odd!r})
    ctx.log({logged!r})
    raise ValueError({logged!r})

def main(inputs, ctx):
    return globals()[ctx.node](inputs, ctx)
"""
SPLIT = (
    "\N{GREEK SMALL LETTER ALPHA} \N{CJK UNIFIED IDEOGRAPH-6587} \N{FACE WITH TEARS OF JOY}".encode(),
    b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07",
    b"\xe6\x96 is no character",
)
ODD_BYTES = b"a\x00b\n\xff\xfe\n\xed\xa0\x80\n\x1b[2J\x1b[31m<script>alert(1)</script>\nbar 1\rbar 2\n\n\x9b31m\n"
ODD_SHOWN = [
    "a\u2400b",
    "\ufffd\ufffd",
    "\ufffd\ufffd\ufffd",
    "\x1b[2J\x1b[31m<script>alert(1)</script>",
    "bar 2",
    "",
    "\ufffd31m",
]
LOGGED = "\x1b[31m\ud800\x00</script>"
LOGGED_SHOWN = "\x1b[31m?\u2400</script>"


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_binary_output_is_shown_as_text_and_a_huge_line_is_cut(form: type[Rig], tmp_path: Path) -> None:
    noise = random.Random(seed("binary output")).randbytes(1 << 20).replace(b"\r", b"")
    (tmp_path / "noise").write_bytes(noise)
    code = ODD.format(mib=LINE_MIB, split=SPLIT, binary=str(tmp_path / "noise"), odd=ODD_BYTES, logged=LOGGED)
    nodes = [python(id, code, retries=0) for id in ("huge", "split", "binary", "odd")]
    with rigged(tmp_path, form=form) as rig:
        rig.start()
        rig.product.login_path()
        rig.publish("odd", document(nodes, on_failure="continue"))
        watched = {name: pid for name, pid in processes(rig).items() if name != "web"}
        base = {name: resident(pid) for name, pid in watched.items()}
        for pid in watched.values():
            forget_peak(pid)
        run = rig.launch("odd")
        count.injected("line of 50 MB", 4)
        count.injected("output that is no text", 3)
        client = Client(rig, run)
        rig.rest()
        client.check()
        rows = rig.check()
        found = {node["id"]: messages(rig, run, node["id"]) for node in nodes}

        size = LINE_MIB << 20
        assert len(found["huge"]) == 4
        for message in found["huge"]:
            assert len(message.encode()) <= 16 << 10
            assert message.startswith("x" * 16000)
            assert f"{size:,} bytes" in message[-60:]
        for name, pid in watched.items():
            i16_within(f"The {name} process", base[name], peak(pid), MORE_MIB[name.split()[0]])
        assert found["split"] == [data.decode("utf-8", "replace") for data in SPLIT]
        assert found["binary"] == [shown(line) for line in noise.split(b"\n")]
        # Lines of `ctx.log` come by another channel, which may be faster.
        assert [message for message in found["odd"] if message != LOGGED_SHOWN] == ODD_SHOWN
        assert LOGGED_SHOWN in found["odd"]
        assert rows.nodes[run, "odd"]["state"] == "failed"
        for what in shown_texts(rig, run):
            # Of the control characters, only tabs and line breaks are shown unchanged in JSON and in pages.
            assert not re.search(rb"[\x00-\x08\x0b-\x1f]", what)
            what.decode()


def shown(line: bytes) -> str:
    return line.decode("utf-8", "replace").replace("\x00", "\u2400")


def shown_texts(rig: Rig, run: str) -> Iterator[bytes]:
    """Return what the API and the pages show of the run's logs and errors."""
    for path in ("", "nodes/", "nodes/odd/", "logs/?limit=10000", "diagnostics/"):
        yield rig.product.call("GET", f"/api/v1/runs/{run}/{path}").body
    assert rig.product._door is not None
    for path in ("", "logs/lines/?seqs=1-2000", "logs/search/?q=alert", "nodes/odd/", "nodes/odd/panel/"):
        yield rig.product._door.open(f"http://127.0.0.1:{rig.product.port}/runs/{run}/{path}").read()
