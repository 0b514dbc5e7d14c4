"""The flights workflow from an empty page to its results, without a mouse."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.wait import wait_until

CHECKED = """document.querySelector("[data-editor]").dataset.checked
    === document.querySelector("[data-edit-canvas]").dataset.drawn"""
"""What the canvas shows is checked."""
SAMPLE = Path(__file__).resolve().parents[2] / "dashboard" / "samples" / "flight-delays.json"


class Hands:
    """Keys only."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def find_anything(self, words: str, text: str) -> None:
        self.press("Control+k")
        self.page.keyboard.type(words)
        expect(self.page.locator("#palette [role=option][aria-selected=true]")).to_contain_text(text)
        self.press("Enter")

    def to_graph(self) -> None:
        for _ in range(4):
            self.press("Escape")
            if self.page.locator("[data-edit-canvas] :focus").count():
                return
        raise AssertionError("the field keeps the keyboard")

    def add(self, words: str, text: str, name: str) -> None:
        """A node of the type that these words find; then what its first field holds, and its name."""
        self.press("n")
        self.page.keyboard.type(words)
        self.press("Enter")
        expect(self.page.locator("[data-inspector] .cm-content:focus")).to_be_visible()
        self.press("Control+a")
        self.page.keyboard.insert_text(text)
        self.to_graph()
        self.press("F2", "Control+a")
        self.page.keyboard.insert_text(name)
        self.press("Enter")

    def choose(self, name: str) -> None:
        self.press("/")
        self.page.keyboard.insert_text(name)
        self.press("Enter")
        expect(self.page.locator("[data-inspector] h1")).to_contain_text(name)

    def connect(self, source: str, target: str) -> None:
        self.choose(source)
        self.press("c")
        self.page.keyboard.type(target)
        self.press("Enter")


@pytest.mark.long
def test_the_flights_workflow_is_built_by_keyboard_alone(person):
    sample: dict[str, Any] = json.loads(SAMPLE.read_text())
    wanted = {node["id"]: node for node in sample["nodes"]}
    page = person.go("/")
    hands = Hands(page)
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    hands.find_anything("new workflow", "New workflow")
    page.wait_for_url("**/workflows/new/")
    page.keyboard.type("Flights by keys")
    hands.press("Enter")
    page.wait_for_url("**/workflows/flights-by-keys/edit/")
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()

    def read(node: str) -> None:
        hands.add("read", wanted[node]["config"]["path"], node)

    def query(node: str) -> None:
        hands.add("sql", wanted[node]["config"]["sql"].replace("{{ inputs.month }}", "1"), node)

    read("airlines")
    read("weather")
    read("flights")
    query("clean")
    query("joined")
    query("by_carrier")
    hands.add("write", "results/by-keys/by-carrier.csv", "save_carriers")
    hands.choose("by_carrier")
    hands.add("python", wanted["summary"]["config"]["code"].replace("ctx.run['inputs']['month']", "1"), "summary")
    hands.choose("joined")
    query("by_wind")
    hands.add("write", "results/by-keys/by-wind.parquet", "save_wind")
    hands.connect("airlines", "joined")
    hands.connect("weather", "joined")
    hands.connect("by_wind", "summary")
    hands.press("t")
    # The layout is made aside: which edit is the last one is known only after it.
    wait_until(lambda: page.evaluate(CHECKED), interval=0.05)
    expect(page.locator("[data-problem-count]")).to_have_text("No problems")
    ends = {(edge["source"], edge["target"]) for edge in sample["edges"]}

    def drawn() -> bool:
        found = person.product.api("GET", "workflows/flights-by-keys/draft/")["definition"]
        named = {node["id"] for node in found["nodes"]}
        return named == set(wanted) and {(edge["source"], edge["target"]) for edge in found["edges"]} == ends

    wait_until(drawn, interval=0.1)

    hands.find_anything("publish", "Publish")
    expect(page.locator("#publish-message")).to_be_focused()
    page.keyboard.type("drawn by keys")
    hands.press("Enter")
    expect(page.locator("[data-draft-of]")).to_have_text("Draft of v1")
    hands.find_anything("run v1", "Run v1 (live)")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Run v1").press("Enter")
    page.wait_for_url("**/runs/*/")
    run = page.url.rstrip("/").rsplit("/", 1)[1]
    assert person.product.ended(run)["state"] == "succeeded"
    results = person.product.home / "files/results/by-keys/by-carrier.csv"
    with results.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16
    assert {"carrier", "airline", "flights"} <= set(rows[0])
    assert (results.parent / "by-wind.parquet").stat().st_size > 0
