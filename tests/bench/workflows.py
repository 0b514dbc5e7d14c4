"""The definitions of the page's measurements. Pure."""

import random
from typing import Any

SHORT_SECONDS = 0.02
"""Duration of the Python nodes of the latency case."""
LAYER = 100
FAN_OUT = 5000

WAIT_FOR_FILE = """\
import os, time
def main(inputs, ctx):
    while not os.path.exists({path!r}):
        time.sleep(0.01)
"""
SLEEP = """\
import time
def main(inputs, ctx):
    time.sleep({seconds!r})
    return 1
"""
PRINT_AND_SLEEP = """\
import time
def main(inputs, ctx):
    for number in range({lines}):
        print(f"{{ctx.node}}: line {{number}} of what a busy node has to say")
    ctx.progress(0.5, "half way")
    time.sleep({seconds!r})
    return 1
"""
PRINT_LINES = """\
def main(inputs, ctx):
    for number in range({lines}):
        print(f"{{ctx.node}} wrote row {{number}} of the month's flights to the store")
    {last}
"""
PRINT_UNTIL = """\
import os, time
def main(inputs, ctx):
    while not os.path.exists({over!r}):
        print("x" * {characters}, flush=True)
        time.sleep(1 / {rate})
"""

Document = dict[str, Any]


def python(id: str, code: str) -> dict[str, Any]:
    return {"id": id, "type": "python", "name": f"Step {id[1:]}", "config": {"code": code}}


def _document(nodes: list[dict[str, Any]], edges: list[tuple[str, str]]) -> Document:
    return {
        "schema": "interlock/1",
        "nodes": nodes,
        "edges": [{"source": source, "target": target} for source, target in edges],
    }


def gated_chains(count: int, depth: int, code: str, gate: str) -> Document:
    """Return `count` nodes in chains of `depth`, after a first node that waits for the file `gate`. No-ops without
    `code`."""
    nodes = [python("gate", WAIT_FOR_FILE.format(path=gate))]
    nodes += [python(f"n{number}", code) if code else {"id": f"n{number}", "type": "noop"} for number in range(count)]
    edges = [
        ("gate" if number % depth == 0 else f"n{number - 1}", f"n{number}")
        for number in range(count)
    ]  # fmt: skip
    return _document(nodes, edges)


def layers(count: int, edges_each: int, code: str = "", seed: int = 8) -> Document:
    """Return `count` nodes in layers of LAYER, each with `edges_each` edges from the previous layer. No-ops without
    `code`."""
    chance = random.Random(seed)
    nodes = [python(f"n{number}", code) if code else {"id": f"n{number}", "type": "noop"} for number in range(count)]
    edges = []
    for number in range(LAYER, count):
        above = (number // LAYER - 1) * LAYER
        edges += [(f"n{source}", f"n{number}") for source in chance.sample(range(above, above + LAYER), edges_each)]
    return _document(nodes, edges)


def fan(count: int) -> Document:
    """Return a no-op, `count` nodes after it, and one after those."""
    names = [f"n{number}" for number in range(count)]
    nodes = [{"id": name, "type": "noop"} for name in ("first", *names, "last")]
    return _document(nodes, [*(("first", name) for name in names), *((name, "last") for name in names)])


def printing_node(a_second: int, characters: int, over: str) -> Document:
    """Return a node that prints lines of this length at this rate until the file `over` exists."""
    return _document([python("n0", PRINT_UNTIL.format(rate=a_second, characters=characters, over=over))], [])


def printing_nodes(nodes: int, lines: int, once: str) -> Document:
    """Return `nodes` nodes that print `lines` lines each. The last line of the middle one is `once`, which is
    unique."""
    made = []
    for number in range(nodes):
        last = f"print({once!r})" if number == nodes // 2 else "return None"
        made.append(python(f"n{number}", PRINT_LINES.format(lines=lines, last=last)))
    return _document(made, [])
