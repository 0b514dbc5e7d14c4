"""Whether a long history costs anything: the engine and the pages with 1,000,000 finished node runs, or as many runs as
are asked for, in the database."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from tests.bench import many, past, postgres
from tests.bench.addresses import addresses
from tests.bench.documents import chains
from tests.bench.figures import case, milliseconds, spread
from tests.bench.http import Product, prepare
from tests.bench.load import session_cookie
from tests.bench.parts import Missing, Wish

REQUESTS = 60
WARM = 5
WORK = (("chain of 100", 1, 100), ("100 x 50", 100, 50))


POSTGRESQL = True


def measure(wish: Wish) -> dict[str, Any]:
    with contextlib.ExitStack() as made:
        full_home, empty_home = wish.folder / "history", wish.folder / "empty"
        full_at, new = _database(wish, made)
        if new:
            wish.say("filling the history")
            wanted, over = (many.kinds(wish.runs), many.OVER) if wish.runs else (past.kinds(), past.Over())
            product = Product(full_home, DATABASE_URL=full_at)
            filled = past.fill(product, full_at or full_home / "interlock.sqlite3", wanted, over)
        else:
            filled = postgres.counts(full_at)
        wish.say(", ".join(f"{name} {value:,.0f}" for name, value in filled.items()))
        full = Product(full_home, DATABASE_URL=full_at)
        made.callback(full.stop)
        cases = [case("start with the history", "s", [full.start_seconds], (), **filled)]
        if works := [work for work in WORK if wish.wants(work[0])]:
            empty_at = made.enter_context(postgres.database(wish.database)) if wish.database else ""
            empty = Product(empty_home, DATABASE_URL=empty_at)
            try:
                cases += [_work(wish, full, empty, *work) for work in works]
            finally:
                empty.stop()
        cases += _pages(wish, full)
    return {"database": "PostgreSQL" if wish.database else "SQLite", "cases": cases}


def _database(wish: Wish, made: contextlib.ExitStack) -> tuple[str, bool]:
    """Its address, empty for SQLite's, and whether it is still to be filled. Raises Missing."""
    if not wish.database:
        if wish.keep:
            raise Missing("Only a database of a server is kept: name one by --database.")
        return "", True
    if wish.keep:
        return made.enter_context(postgres.kept(wish.database, wish.keep))
    return made.enter_context(postgres.database(wish.database)), True


def _work(wish: Wish, full: Product, empty: Product, name: str, width: int, depth: int) -> dict[str, Any]:
    """Seconds of a run of no-ops there, and as the floor in an empty home, one after the other."""
    wish.say(name)
    # Where the history was kept there may be one from before.
    slug = f"bench-{width}-{depth}-{secrets.token_hex(3)}"
    seconds: dict[Product, list[float]] = {full: [], empty: []}
    for product in seconds:
        prepare(product, chains(width, depth, "noop"), slug)
        _run(product, slug)
    for number in range(wish.repeat):
        # Who comes first has it easier or harder: by turns.
        for product in (full, empty) if number % 2 else (empty, full):
            seconds[product].append(_run(product, slug))
    return case(f"noop: {name}, beside an empty home", "s", seconds[full], seconds[empty])


def _run(product: Product, slug: str) -> float:
    """Seconds from the creation to the end of a run."""
    run = product.call("POST", f"/api/v1/workflows/{slug}/runs/?wait=50", {})
    if run["state"] != "succeeded":
        raise RuntimeError(f"The run is {run['state']}: {run['counts']}.")
    return (milliseconds(run["finished_at"]) - milliseconds(run["created_at"])) / 1000


def _pages(wish: Wish, product: Product) -> list[dict[str, Any]]:
    cookie = {"Cookie": session_cookie(product)}
    pages = {
        name: (path, product.headers if path.startswith("/api/") else cookie)
        for name, path in addresses(product).items()
        if wish.wants(name)
    }
    found = [_page(product, name, *asked) for name, asked in pages.items()]
    if wish.database and pages:
        wish.say("plans")
        told = _plans(product, pages)
        for one in found:
            one |= told[one["name"]]
    return found


def _plans(product: Product, pages: Mapping[str, tuple[str, Mapping[str, str]]]) -> dict[str, dict[str, Any]]:
    """See tests.bench.plans."""
    host = {"Host": f"127.0.0.1:{product.port}"}
    asked = {name: (path, {**headers, **host}) for name, (path, headers) in pages.items()}
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench.plans"],
        env=product.environment,
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(told.stdout)
    return found


def _page(product: Product, name: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    connection = product.connect()
    took = []
    for _ in range(WARM + REQUESTS):
        begun = time.perf_counter()
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        answer.read()
        took.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"GET {path}: {answer.status}")
    connection.close()
    return case(name, "ms", took[WARM:], (), p95=spread(took[WARM:])["p95"])


def lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    where = f"Python {machine['python']}, {report['database']}, {machine['cores']} cores"
    told = [f"{where}; runs are medians of {report['repeat']}"]
    for made in report["cases"]:
        more = f"  empty {made['floor']:.3f} s, ratio {made['ratio']:.2f}" if "floor" in made else ""
        more += f"  95 % {made['p95']:.1f} ms" if "p95" in made else ""
        if "cpu_ms" in made:
            more += f"  CPU {made['cpu_ms']:.1f} ms, database {made['database_ms']:.1f} ms"
        told.append(f"{made['name']:46}{made['value']:>9,.3f} {made['unit']}{more}")
        told += [f"{'':4}{query}" for query in made.get("queries", ())]
    return told
