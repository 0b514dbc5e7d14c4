"""What the editor is for: from an empty canvas to a live version, a failure, the roll back and a good run."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import FORMS, completions
from tests.support.product import Product
from tests.support.wait import wait_until


@pytest.fixture
def product(request: pytest.FixtureRequest) -> Product:
    found: Product = request.getfixturevalue(getattr(request, "param", "one_host"))
    return found


FLIGHTS = "samples/flights-2013-01.csv.gz"


def wire(page: Page, source: str, target: str) -> None:
    """Drag from a node's port to another node, and hold."""
    page.locator(f'[data-port="{source}:out"]').hover()
    page.mouse.down()
    box = page.locator(f'[data-card="{target}"]').bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)


def write(page: Page, label: str, text: str) -> None:
    """Replace the text of a code field."""
    page.get_by_role("textbox", name=label).and_(page.locator(".cm-content")).click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def publish(page: Page, number: int, message: str) -> None:
    expect(page.locator("[data-saved]")).to_have_attribute("data-state", "saved")
    page.locator("[data-publish]").click()
    form = page.locator("#publish")
    form.get_by_label("Describe your changes").fill(message)
    form.get_by_role("button", name=f"Publish v{number}").click()


def run_it(page: Page) -> None:
    page.locator("#publish").get_by_role("link", name="Run it now").click()


@pytest.mark.parametrize("product", FORMS, indirect=True)
def test_an_author_builds_publishes_rolls_back_and_runs_a_workflow(person):
    page = person.page
    person.go("/workflows/new/")
    page.get_by_label("Name", exact=True).fill("Delays drawn")
    page.get_by_role("button", name="Create workflow").click()
    page.wait_for_url("**/workflows/delays-drawn/edit/")
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()

    # Read, SQL and write, each drawn after the one before.
    page.locator('[data-add="table.read"]').click()
    write(page, "Path", FLIGHTS)
    page.keyboard.press("Escape")
    page.locator('[data-add="table.sql"]').click()
    expect(page.locator('[data-card="sql"]')).to_be_visible()
    page.locator('[data-add="table.write"]').click()
    write(page, "Path", "out/delays.csv")
    page.keyboard.press("Escape")

    # A wire that would close a cycle is refused while it is drawn.
    wire(page, "write_table", "read_table")
    expect(page.get_by_text(re.compile("depends on|cycle", re.IGNORECASE)).first).to_be_visible()
    page.mouse.up()
    expect(page.locator("[data-saved]")).to_have_attribute("data-state", "saved")
    wait_until(lambda: len(draft(person)["edges"]) == 2)

    # The file's columns are known: one that is not there is marked, and repaired by one click.
    page.locator('[data-card="sql"]').click()
    write(page, "SQL", "select carrier, avg(dep_dely) as delay\nfrom read_table\ngroup by 1 order by 2 desc")
    expect(page.locator("[data-problem-count]")).to_have_text("1 warning")
    expect(page.locator('[data-card="sql"]')).to_contain_text("dep_dely")
    page.locator("[data-inspector]").get_by_role("button", name="Use dep_delay").click()
    expect(page.locator("[data-problem-count]")).to_have_text("No problems")

    publish(page, 1, "Delays by carrier")
    expect(page.locator("#publish")).to_contain_text("v1 is published and live.")

    # It runs, and is watched: states, log and rows come while the page stands.
    run_it(page)
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    page.evaluate("window.sameDocument = true")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    expect(page.locator("[data-run-state]")).to_have_text("Succeeded", timeout=60_000)
    assert page.evaluate("window.sameDocument")
    page.get_by_role("tab", name=re.compile("^Logs")).click()
    expect(page.locator("[data-logs] .line", has_text="Read 27,004 rows of 19 columns")).to_be_visible()
    page.locator('[data-card="sql"]').click()
    page.locator("#panel").get_by_role("link", name="Output").click()
    expect(page.locator("[data-output-rows]")).to_contain_text("16 rows")

    # A version that fails only when it runs.
    person.go("/workflows/delays-drawn/edit/")
    page.locator('[data-card="sql"]').click()
    write(page, "SQL", "select carrier::integer as carrier\nfrom read_table")
    expect(page.locator("[data-problem-count]")).to_have_text("No problems")
    publish(page, 2, "Carriers as numbers")
    expect(page.locator("#publish")).to_contain_text("v2 is published and live.")
    run_it(page)
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    expect(page.locator("[data-run-state]")).to_have_text("Failed", timeout=60_000)

    # Where and why it failed is told; one click and a reason bring the version back that worked.
    page.locator('[data-card="sql"]').click()
    expect(page.locator("[data-error-lead]")).to_contain_text("Could not convert string")
    expect(page.locator("[data-error-code] .hit")).to_contain_text("carrier::integer")
    page.locator("#panel").get_by_role("button", name="Roll back to v1").click()
    form = page.locator(":popover-open")
    expect(form.get_by_label("Reason")).not_to_have_value("")
    form.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("from v2 to v1")).to_be_visible()

    # And it runs well again.
    person.go("/workflows/delays-drawn/")
    page.get_by_role("link", name="Run", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Run v1").click()
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    expect(page.locator("[data-run-state]")).to_have_text("Succeeded", timeout=60_000)
    assert page.evaluate("window.violations") == []


def draft(person) -> dict[str, Any]:
    found: dict[str, Any] = person.product.api("GET", "workflows/delays-drawn/draft/")["definition"]
    return found


class Counted:
    """An author's hands: each press of a key or a button counts, text of SQL does not."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.presses = 0

    def click(self, selector: str) -> None:
        self.presses += 1
        self.page.locator(selector).click()

    def key(self, *keys: str) -> None:
        for key in keys:
            self.presses += 1
            self.page.keyboard.press(key)

    def sql(self, text: str) -> None:
        self.page.keyboard.insert_text(text)


@pytest.mark.long
def test_an_author_builds_and_runs_five_nodes_with_few_presses(person):
    page = person.page
    person.product.api("POST", "workflows/", {"name": "By a quick author", "slug": "quick-author"})
    person.go("/workflows/quick-author/edit/")
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    hands = Counted(page)

    # Each node is added after the chosen one, and its first field has the keyboard.
    def add(*typed: str) -> None:
        hands.key("n", *typed, "Enter")
        expect(page.locator("[data-inspector] .cm-content").first).to_be_focused()

    add()
    # The flights are found by two letters of their name.
    hands.key("f", "l")
    expect(completions(page).filter(has_text="flights-2013-01.csv.gz")).to_be_visible()
    hands.key("Enter", "Escape")
    for sql in (
        "select * from read_table where dep_delay is not null",
        "select carrier, avg(dep_delay) as delay, count(*) as flights from sql group by 1",
        "select * from sql_2 where flights > 100 order by delay",
    ):
        add("s", "q")
        hands.key("Control+a")
        hands.sql(sql)
        # The first one arms Tab, the second gives the keyboard back to the graph.
        hands.key("Escape", "Escape")
    add("w")
    for key in "d.csv":
        hands.key(key)
    hands.key("Escape")
    expect(page.locator("[data-problem-count]")).to_have_text("No problems")
    hands.key("Escape")
    hands.key("r")
    expect(page.locator("[data-draft-run]")).to_contain_text("Succeeded", timeout=60_000)
    assert hands.presses <= 40
    made = person.product.api("GET", "workflows/quick-author/draft/")["definition"]
    assert (len(made["nodes"]), len(made["edges"])) == (5, 4)
    run = person.product.api("GET", "runs/?workflow=quick-author")["results"][0]
    assert (run["state"], run["version"], run["counts"]["succeeded"]) == ("succeeded", None, 5)
