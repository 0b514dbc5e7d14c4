"""Kill the whole product with SIGKILL during a run: nothing is lost, nothing runs twice, nothing stays."""

import random
import sqlite3
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.ledger import Ledger
from tests.support.product import Product
from tests.support.templates import running
from tests.support.wait import wait_until

WIDE, DEEP, KILLS = 10, 50, 5


def layered(code: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return WIDE chains of DEEP `python` nodes."""
    nodes = [
        {"id": f"n{chain}_{step}", "type": "python", "config": {"code": code}}
        for chain in range(WIDE)
        for step in range(DEEP)
    ]
    edges = [
        {"source": f"n{chain}_{step}", "target": f"n{chain}_{step + 1}"}
        for chain in range(WIDE)
        for step in range(DEEP - 1)
    ]
    return nodes, edges


def succeeded(product: Product, run: str) -> set[str]:
    page = product.api("GET", f"runs/{run}/nodes/?limit=1000")
    return {node["node"] for node in page["results"] if node["state"] == "succeeded"}


def has_come_to(product: Product, run: str, share: float) -> bool:
    return bool(product.api("GET", f"runs/{run}/")["counts"].get("succeeded", 0) >= share * WIDE * DEEP)


@pytest.mark.long
def test_a_run_survives_five_kills_of_the_whole_product_without_repeating_what_had_succeeded(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    # One kill in each fifth of the stretch from 10 to 90 %.
    chance = random.Random(seed)
    shares = [0.10 + 0.16 * (kill + chance.random() * 0.9) for kill in range(KILLS)]
    ledger = Ledger(tmp_path / "ledger")
    seen: list[tuple[int, set[str]]] = []  # (moment of the kill, nodes seen succeeded before it)
    with running(tmp_path / "home") as product:
        product.publish("long", *layered(ledger.code(0.008)))
        run = product.api("POST", "workflows/long/runs/", {})["id"]
        for share in shares:
            wait_until(partial(has_come_to, product, run, share))
            before = succeeded(product, run)
            product.kill()
            seen.append((time.monotonic_ns(), before))
            product.start()
        ended = product.ended(run)
        assert ended["state"] == "succeeded"
        assert ended["counts"] == {"succeeded": WIDE * DEEP}
        attempts = product.api("GET", f"runs/{run}/nodes/n0_0/attempts/")["results"]
        assert max(attempts, key=lambda attempt: attempt["number"])["state"] == "succeeded"
        assert product.stop() == 0

        starts = [entry for entry in ledger.entries() if entry.what == "start"]
        for killed_at, before in seen:
            again = [entry for entry in starts if entry.at > killed_at and entry.node in before]
            assert again == [], "a node that was seen succeeded was started again"
        per_node = Counter(entry.node for entry in starts)
        assert len(per_node) == WIDE * DEEP
        # A kill interrupts at most what was in flight, each node once.
        assert max(per_node.values()) <= 1 + KILLS
        extra = sum(per_node.values()) - WIDE * DEEP
        assert extra <= KILLS * WIDE, f"{extra} starts too many"
        assert [entry for entry in ledger.entries() if entry.what == "end"], "the ledger must hold ends as well"

        assert product.marked() == []
        assert list((product.home / "scratch").iterdir()) == []
        assert [
            path for path in (product.home / "artifacts").rglob("*") if "staging" in path.parts and path.is_file()
        ] == []
        with sqlite3.connect(product.home / "interlock.sqlite3") as database:
            assert database.execute("pragma integrity_check").fetchone() == ("ok",)
            assert database.execute("pragma foreign_key_check").fetchall() == []


def test_a_pool_of_two_is_never_three_over_ten_runs_at_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    with running(tmp_path / "home", INTERLOCK_WORKERS="6") as product:
        product.api("POST", "pools/", {"name": "warehouse", "slots": 2})
        nodes = [
            {"id": f"n{i}", "type": "python", "config": {"code": ledger.code(0.03)}, "policy": {"pool": "warehouse"}}
            for i in range(4)
        ]
        product.publish("pooled", nodes, [{"source": "n0", "target": "n3"}])
        runs = [product.api("POST", "workflows/pooled/runs/", {})["id"] for _ in range(10)]
        assert {product.ended(run)["state"] for run in runs} == {"succeeded"}
        assert len(ledger.entries()) == 80
        assert ledger.most_at_once() == 2
        pool = product.api("GET", "pools/warehouse/")
        assert (pool["slots"], pool["in_use"], pool["waiting"], pool["holders"]) == (2, 0, 0, [])
        assert (pool["acquired"], pool["released"]) == (40, 40)
        starts = [entry.at for entry in ledger.entries() if entry.what == "start"]
        # The last one to start waited nearly as long as all the others took.
        assert 0.1 < pool["longest_wait"] <= (max(starts) - min(starts)) / 1e9 + 5
