"""The mixed work that faults are injected into, and how it must end however often it is lost."""

import itertools
from collections.abc import Iterator
from typing import Any

from tests.faults.rig import Rig, document, python
from tests.support.ledger import Ledger

POOL, SLOTS = "two", 2
FAULT_POINT = "import engine.faults; engine.faults.point('node.running')"
CHAIN, FAN = 20, 100


def graphs(ledger: Ledger, fan: int = FAN) -> dict[str, dict[str, Any]]:
    """Return {slug: definition}: chain, diamond, fan-out, branch, retry twice, both limits, pool, poison, large
    outputs."""

    def node(id: str, seconds: float = 0.005, then: str = "return ctx.attempt", **policy: Any) -> dict[str, Any]:
        code = ledger.code(seconds, beats=True, during=FAULT_POINT, then=then)
        return python(id, code, lost_retries=20, **policy)

    def made(nodes: list[dict[str, Any]], *edges: str) -> dict[str, Any]:
        return document(nodes, *edges, on_failure="continue")

    ids = [f"n{i}" for i in range(CHAIN)]
    leaves = [f"leaf{i}" for i in range(fan)]
    fails = "if ctx.attempt < 3: raise ValueError('as planned')"
    branch = {"id": "which", "type": "branch", "config": {"condition": "nodes.first.output > 0"}}
    die = "import signal; os.kill(os.getpid(), signal.SIGKILL)"
    endless = (
        "while True:\n        try:\n            time.sleep(60)\n"
        "        except BaseException:\n            note('beat', ctx)"
    )
    limits: dict[str, Any] = {"soft_timeout": 0.2, "hard_timeout": 0.4}
    hard = python("hard", ledger.code(0.05, beats=True, during=endless), lost_retries=20, **limits)
    soft = python("soft", ledger.code(5, beats=True), lost_retries=20, soft_timeout=0.2)
    return {
        "chain": made([node(id) for id in ids], *(f"{one}>{other}" for one, other in itertools.pairwise(ids))),
        "diamond": made([node(id, 0.02) for id in "abcd"], "a>b", "a>c", "b>d", "c>d"),
        "fan": made(
            [node("source"), *(node(id, 0.001) for id in leaves), node("join")],
            *(f"source>{id}" for id in leaves), *(f"{id}>join" for id in leaves),
        ),
        "branch": made(
            [node("first"), branch, node("yes"), node("no"), node("after")],
            "first>which", "which.true>yes", "which.false>no", "no>after",
        ),
        "retry": made(
            [node("twice", then=fails, retries=2, retry_delay=0.05, retry_backoff="fixed"), node("after")],
            "twice>after",
        ),
        "limits": made([soft, hard, node("after")], "soft>after"),
        "pool": made([node(f"n{i}", 0.02, pool=POOL) for i in range(6)]),
        "poison": made(
            [python("poison", ledger.code(0, during=die), lost_retries=1), node("after"), node("beside")],
            "poison>after",
        ),
        "large": made(
            [node(f"inline{i}", then="return 'x' * 30000") for i in range(4)]
            + [node(f"stored{i}", then=f"return f'{{ctx.run}} {i} ' * 5000") for i in range(4)],
            *(f"inline{i}>stored{i}" for i in range(4)),
        ),
    }  # fmt: skip


ENDS = {
    "chain": {"succeeded"},
    "diamond": {"succeeded"},
    "fan": {"succeeded"},
    "branch": {"succeeded"},
    "retry": {"succeeded", "failed"},
    "limits": {"failed"},
    "pool": {"succeeded"},
    "poison": {"failed"},
    "large": {"succeeded"},
}
"""How runs end. A node that is lost between its retries has attempts that its code does not count."""


class Workload:
    """Keeps a rig busy with runs of all kinds, started over HTTP or without a web process."""

    def __init__(self, rig: Rig, *, http: bool, fan: int = FAN, only: tuple[str, ...] = ()) -> None:
        found = graphs(rig.ledger, fan)
        self.rig = rig
        self.http = http
        self.graphs = {slug: found[slug] for slug in only or found}
        if http:
            rig.product.api("POST", "pools/", {"name": POOL, "slots": SLOTS})
            for slug, one in self.graphs.items():
                rig.publish(slug, one)
        else:
            rig.pool(POOL, SLOTS)
        self.order: Iterator[str] = itertools.cycle(self.graphs)
        self.slugs: dict[str, str] = {}

    def start(self, slug: str = "") -> str:
        """Start another run, of the next kind."""
        slug = slug or next(self.order)
        run = self.rig.launch(slug) if self.http else self.rig.run(self.graphs[slug], slug)
        self.slugs[run] = slug
        return run

    def keep(self, unfinished: int) -> None:
        """Start runs until so many are active."""
        for _ in range(unfinished - len(self.rig.unfinished())):
            self.start()

    def check(self, killed_schedulers: int = 0, most: int = 0) -> None:
        """Check all invariants at rest, and each run's end."""
        rows = self.rig.check(most=most, killed_schedulers=killed_schedulers)
        for run, slug in self.slugs.items():
            assert rows.runs[run]["state"] in ENDS[slug], (slug, run, rows.runs[run])


def recoveries(rig: Rig) -> list[float]:
    """Return the seconds from the last line of each interrupted execution to the next start of its node, sorted."""
    rows = rig.rows()
    planned = {"soft", "hard", "twice", "poison"}
    last: dict[tuple[str, str], Any] = {}
    found = []
    for one in rig.ledger.executions():
        key = one.start.run, one.start.node
        if key in last and key[1] not in planned and rows.nodes[key]["pool"] == "":
            found.append((one.start.at - last[key].last.at) / 1e9)
        last[key] = one
    return sorted(found)
