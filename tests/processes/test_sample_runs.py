"""The samples as a new user runs them, with the expected results of their data."""

import csv
from pathlib import Path

import duckdb
import pytest

from tests.support.product import Product
from tests.support.templates import running
from tests.support.wait import wait_until

KNOWN = {"UA": (4637, 4590, 3.1756), "B6": (4427, 4413, 4.7172), "EV": (4171, 3964, 25.1602)}


def messages(product: Product, run: str, node: str) -> list[str]:
    return [line["message"] for line in product.api("GET", f"runs/{run}/logs/?node={node}")["results"]]


@pytest.mark.smoke
def test_flight_delays_gives_the_expected_results(tmp_path: Path) -> None:
    with running(tmp_path / "home") as product:
        answer = product.call("POST", "/api/v1/workflows/flight-delays/runs/?wait=60", {})
        assert (answer.status, answer.json["state"]) == (200, "succeeded"), answer.json
        run = answer.json["id"]
        output = product.api("GET", f"runs/{run}/nodes/by_carrier/output/?limit=100")
        rows = {row["carrier"]: row for row in output["rows"]}
        for carrier, known in KNOWN.items():
            row = rows[carrier]
            assert (row["flights"], row["arrived"], row["average_arrival_delay"]) == known
        assert rows["UA"]["airline"] == "United Air Lines Inc."
        assert sum(row["flights"] for row in rows.values()) == 27_004
        folder = product.home / "files" / "results" / "flight-delays"
        with (folder / "by-carrier.csv").open(newline="") as file:
            written = {row["carrier"]: row for row in csv.DictReader(file)}
        assert float(written["UA"]["average_arrival_delay"]) == 3.1756
        with duckdb.connect() as reader:
            wind = reader.execute("select sum(flights) from read_parquet(?)", [str(folder / "by-wind.parquet")])
            assert wind.fetchone() == (27_004 - 52,)
        assert any("16 carriers" in message for message in messages(product, run, "summary"))
        # A month that is not in the sample is no failure.
        empty = product.call("POST", "/api/v1/workflows/flight-delays/runs/?wait=60", {"inputs": {"month": 2}})
        assert (empty.status, empty.json["state"]) == (200, "succeeded")


def test_the_stuck_node_shows_its_stack_and_can_be_cancelled(tmp_path: Path) -> None:
    with running(tmp_path / "home") as product:
        run = product.api("POST", "workflows/stuck-node/runs/", {})["id"]
        node = f"runs/{run}/nodes/ask/"
        wait_until(lambda: (product.api("GET", node)["progress"] or {}).get("fraction") == 0.5)
        wait_until(lambda: "Question sent; reading the answer" in messages(product, run, "ask"))
        found = product.api("GET", node)
        assert (found["state"], found["expected"], found["expected_from"]) == ("running", 5, "author")
        product.api("POST", f"{node}cancel/")
        assert product.ended(run)["state"] == "cancelled"
        (attempt,) = product.api("GET", f"{node}attempts/")["results"]
        assert attempt["receipt"]["processes"] >= 1
