"""`bench history`: the engine and the pages with 1,000,000 finished node runs, or a given number of finished runs."""

import contextlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from tests.bench import long_history, many_runs, postgres
from tests.bench.addresses import addresses
from tests.bench.documents import chains
from tests.bench.http import Product, prepare
from tests.bench.load import session_cookie
from tests.bench.parts import Missing, Options
from tests.bench.stats import case, milliseconds, spread

REQUESTS = 60
WARM = 5
WORK = (("chain of 100", 1, 100), ("100 x 50", 100, 50))


POSTGRESQL = True


def measure(options: Options) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        full_home, empty_home = options.folder / "history", options.folder / "empty"
        full_at, new = _database(options, stack)
        if new:
            options.progress("filling the history")
            wanted, distribution = long_history.kinds(), long_history.EVEN
            if options.runs:
                wanted, distribution = many_runs.kinds(options.runs), many_runs.DISTRIBUTION
            product = Product(full_home, DATABASE_URL=full_at)
            filled = long_history.fill(product, full_at or full_home / "interlock.sqlite3", wanted, distribution)
        else:
            filled = postgres.counts(full_at)
        options.progress(", ".join(f"{name} {value:,.0f}" for name, value in filled.items()))
        full = Product(full_home, DATABASE_URL=full_at)
        stack.callback(full.stop)
        cases = [case("start with the history", "s", [full.start_seconds], (), **filled)]
        if works := [work for work in WORK if options.includes(work[0])]:
            empty_at = stack.enter_context(postgres.database(options.database)) if options.database else ""
            empty = Product(empty_home, DATABASE_URL=empty_at)
            try:
                cases += [_work(options, full, empty, *work) for work in works]
            finally:
                empty.stop()
        cases += _pages(options, full)
    return {"database": "PostgreSQL" if options.database else "SQLite", "cases": cases}


def _database(options: Options, stack: contextlib.ExitStack) -> tuple[str, bool]:
    """Return its URL (empty: SQLite), and whether it has to be filled. Raises Missing."""
    if not options.database:
        if options.keep:
            raise Missing("Only a database of a server is kept: name one by --database.")
        return "", True
    if options.keep:
        return stack.enter_context(postgres.kept_database(options.database, options.keep))
    return stack.enter_context(postgres.database(options.database)), True


def _work(options: Options, full: Product, empty: Product, name: str, width: int, depth: int) -> dict[str, Any]:
    """Return the seconds of a run of no-ops with the history and, as the floor, in an empty home."""
    options.progress(name)
    # A kept database may contain the slug of an earlier measurement.
    slug = f"bench-{width}-{depth}-{secrets.token_hex(3)}"
    seconds: dict[Product, list[float]] = {full: [], empty: []}
    for product in seconds:
        prepare(product, chains(width, depth, "noop"), slug)
        _run(product, slug)
    for number in range(options.repeat):
        # The order matters, so it alternates.
        for product in (full, empty) if number % 2 else (empty, full):
            seconds[product].append(_run(product, slug))
    return case(f"noop: {name}, beside an empty home", "s", seconds[full], seconds[empty])


def _run(product: Product, slug: str) -> float:
    """Return the seconds from the creation to the end of a run."""
    run = product.call("POST", f"/api/v1/workflows/{slug}/runs/?wait=50", {})
    if run["state"] != "succeeded":
        raise RuntimeError(f"The run is {run['state']}: {run['counts']}.")
    return (milliseconds(run["finished_at"]) - milliseconds(run["created_at"])) / 1000


def _pages(options: Options, product: Product) -> list[dict[str, Any]]:
    cookie = {"Cookie": session_cookie(product)}
    pages = {
        name: (path, product.headers if path.startswith("/api/") else cookie)
        for name, path in addresses(product).items()
        if options.includes(name)
    }
    found = [_page(product, name, *request) for name, request in pages.items()]
    if options.database and pages:
        options.progress("plans")
        answer = _plans(product, pages)
        for one in found:
            one |= answer[one["name"]]
    return found


def _plans(product: Product, pages: Mapping[str, tuple[str, Mapping[str, str]]]) -> dict[str, dict[str, Any]]:
    """Return the plans of all pages (see tests.bench.plans)."""
    host = {"Host": f"127.0.0.1:{product.port}"}
    request = {name: (path, {**headers, **host}) for name, (path, headers) in pages.items()}
    answer = subprocess.run(
        [sys.executable, "-m", "tests.bench.plans"],
        env=product.environment,
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(answer.stdout)
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
    output = [f"{where}; runs are medians of {report['repeat']}"]
    for one in report["cases"]:
        more = f"  empty {one['floor']:.3f} s, ratio {one['ratio']:.2f}" if "floor" in one else ""
        more += f"  95 % {one['p95']:.1f} ms" if "p95" in one else ""
        if "cpu_ms" in one:
            more += f"  CPU {one['cpu_ms']:.1f} ms, database {one['database_ms']:.1f} ms"
        output.append(f"{one['name']:46}{one['value']:>9,.3f} {one['unit']}{more}")
        output += [f"{'':4}{query}" for query in one.get("queries", ())]
    return output
