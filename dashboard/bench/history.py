"""Whether a long history costs anything: the engine and the pages with 1,000,000 finished node runs in the database."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from dashboard.bench import past, postgres
from dashboard.bench.figures import case, milliseconds, spread
from dashboard.bench.load import session_cookie
from engine.bench.documents import chains
from engine.bench.http import Product, prepare
from engine.bench.parts import Wish

REQUESTS = 60
WARM = 5
WORK = (("chain of 100", 1, 100), ("100 x 50", 100, 50))


POSTGRESQL = True


def measure(wish: Wish) -> dict[str, Any]:
    with contextlib.ExitStack() as made:
        full_home, empty_home = wish.folder / "history", wish.folder / "empty"
        full_at, empty_at = (
            made.enter_context(postgres.database(wish.database)) if wish.database else "" for _ in range(2)
        )
        wish.say("filling the history")
        filled = past.fill(Product(full_home, DATABASE_URL=full_at), full_at or full_home / "interlock.sqlite3")
        wish.say(", ".join(f"{name} {value:,.0f}" for name, value in filled.items()))
        full = Product(full_home, DATABASE_URL=full_at)
        made.callback(full.stop)
        cases = [case("start with the history", "s", [full.start_seconds], (), **filled)]
        if works := [work for work in WORK if wish.wants(work[0])]:
            empty = Product(empty_home, DATABASE_URL=empty_at)
            try:
                cases += [_work(wish, full, empty, *work) for work in works]
            finally:
                empty.stop()
        cases += _pages(wish, full)
    return {"database": "PostgreSQL" if wish.database else "SQLite", "cases": cases}


def _work(wish: Wish, full: Product, empty: Product, name: str, width: int, depth: int) -> dict[str, Any]:
    """Seconds of a run of no-ops there, and as the floor in an empty home, one after the other."""
    wish.say(name)
    slug = f"bench-{width}-{depth}"
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
    newest = {
        slug: product.call("GET", f"/api/v1/runs/?{urlencode({'workflow': slug, 'limit': 1})}")["results"][0]["id"]
        for slug in ("daily", "report", "batch", "flaky")
    }
    pages = {
        "overview": "/",
        "run list": "/runs/",
        "run list: second page": "/runs/?page=2",
        "run list: page 200": "/runs/?page=200",
        "run list: succeeded": "/runs/?state=succeeded",
        "run list: bad": "/runs/?state=bad",
        "run list: cancelled (there is none)": "/runs/?state=cancelled",
        "run list: open (there is none)": "/runs/?state=open",
        "run list: a workflow": "/runs/?workflow=daily",
        "run list: bad of a workflow (there is none)": "/runs/?workflow=daily&state=bad",
        "run list: a version": "/runs/?workflow=daily&version=1",
        "run list: by one who started none": "/runs/?by=nobody",
        "run: 5 nodes": f"/runs/{newest['daily']}/",
        "run: 50 nodes with logs": f"/runs/{newest['report']}/",
        "run: 1,000 nodes": f"/runs/{newest['batch']}/",
        "run: failed": f"/runs/{newest['flaky']}/",
        "workflows": "/workflows/",
        "workflow": "/workflows/daily/",
        "workflow: versions": "/workflows/daily/versions/",
        "workflow: versions, the last of which fails": "/workflows/flaky/versions/",
        "workflow: definition": "/workflows/batch/definition/",
        "workflow: settings": "/workflows/daily/settings/",
        "resources": "/resources/",
        "API runs": "/api/v1/runs/",
        "API runs: failed": "/api/v1/runs/?state=failed,timed_out",
        "API runs: cancelled or failed of a workflow": "/api/v1/runs/?workflow=daily&state=cancelled,failed",
        "API runs: of the last minute": f"/api/v1/runs/?{urlencode({'since': _ago(60)})}",
        "API runs: before three weeks": f"/api/v1/runs/?{urlencode({'until': _ago(21 * 86400)})}",
        "API history of a node": f"/api/v1/runs/{newest['daily']}/nodes/a/history/",
    }
    return [
        _page(product, name, path, product.headers if path.startswith("/api/") else cookie)
        for name, path in pages.items()
        if wish.wants(name)
    ]


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


def _ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    where = f"Python {machine['python']}, {report['database']}, {machine['cores']} cores"
    told = [f"{where}; runs are medians of {report['repeat']}"]
    for made in report["cases"]:
        more = f"  empty {made['floor']:.3f} s, ratio {made['ratio']:.2f}" if "floor" in made else ""
        more += f"  95 % {made['p95']:.1f} ms" if "p95" in made else ""
        told.append(f"{made['name']:46}{made['value']:>9,.3f} {made['unit']}{more}")
    return told
