"""The page of a run while the server fails to answer for parts of it: each says so in its place, and comes back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import HeldRequests, Person

FAILS = {"status": 500, "body": "{}", "content_type": "application/json"}


@pytest.fixture(scope="module")
def run(product) -> str:
    """An ended run of two nodes, which wrote a line each."""
    code = "def main(inputs, ctx):\n    ctx.log('a line')\n"
    nodes = [{"id": name, "type": "python", "config": {"code": code}, "name": name.title()} for name in ("one", "two")]
    product.publish("failing-parts", nodes, [])
    started = str(product.api("POST", "workflows/failing-parts/runs/", {})["id"])
    product.ended(started)
    return started


@pytest.fixture
def page(person: Person) -> Page:
    person.expected += ["Failed to load resource"]
    return person.page


def fails(page: Page, address: str) -> re.Pattern[str]:
    pattern = re.compile(address)
    page.route(pattern, lambda route: route.fulfill(**FAILS))
    return pattern


@pytest.mark.parametrize(
    ("part", "address", "what"),
    [("logs", "/logs/index/", "log"), ("events", "/events/", "events"), ("timeline", "/timeline/", "timeline")],
)
def test_a_part_of_the_drawer_shows_its_failure_to_load_until_a_retry_succeeds(person, page, run, part, address, what):
    fault = fails(page, address)
    person.go(f"/runs/{run}/?drawer={part}")
    drawn = page.locator(f"#drawer-{part}")
    said = drawn.get_by_role("alert")
    expect(said).to_contain_text(f"The {what} could not be loaded")
    expect(said).to_contain_text("Something went wrong on the server")
    # The page also asks again by itself, which would take the button away: nothing is answered before the click.
    held = HeldRequests(page, fault)
    said.get_by_role("button", name="Try again").click()
    held.release()
    expect(said).to_have_count(0)
    shown = {"logs": ".line >> nth=0", "events": "[data-step-node] >> nth=0", "timeline": '[data-bars="2"]'}[part]
    expect(drawn.locator(shown)).to_be_visible()


def test_a_panel_that_fails_to_load_shows_nothing_of_the_node_before(person, page, run):
    person.go(f"/runs/{run}/nodes/one/")
    expect(page.locator("[data-canvas][data-drawn]")).to_be_visible()
    panel = page.locator("[data-panel]")
    fault = fails(page, "/panel/")
    page.locator('[data-drawer="nodes"]').click()
    page.locator('[data-node-rows] [data-node="two"]').click()
    expect(panel.get_by_role("heading", name="Two")).to_be_visible()
    expect(panel.get_by_role("alert")).to_contain_text("Something went wrong on the server")
    expect(panel).not_to_contain_text("Succeeded")
    # It is asked for again by itself.
    page.unroute(fault)
    expect(panel).to_contain_text("attempt 1")
    expect(panel.get_by_role("alert")).to_have_count(0)


def test_a_part_whose_script_fails_to_load_says_so_until_a_retry_succeeds(person, page, run):
    page.route("**/static/timeline-*.js", lambda route: route.abort())
    person.go(f"/runs/{run}/?drawer=timeline")
    drawn = page.locator("#drawer-timeline")
    expect(drawn.get_by_role("alert")).to_contain_text("Part of this page could not be loaded.")
    page.unroute("**/static/timeline-*.js")
    drawn.get_by_role("button", name="Try again").click()
    expect(drawn.locator('[data-bars="2"]')).to_be_visible()
    expect(drawn.get_by_role("alert")).to_have_count(0)


def test_the_page_of_a_run_that_is_deleted_says_so_and_links_to_all_runs(person, page):
    product = person.product
    product.publish("deleted-meanwhile", [{"id": name, "type": "noop"} for name in ("one", "two")], [])
    run = str(product.api("POST", "workflows/deleted-meanwhile/runs/", {})["id"])
    product.ended(run)
    person.go(f"/runs/{run}/nodes/one/")
    dot = page.locator("[data-live]")
    expect(dot).to_have_attribute("data-state", "live")
    product.api("DELETE", f"runs/{run}/")
    expect(dot).to_have_text("Not live")
    expect(page.locator("[data-offline-notice]")).to_contain_text("This run was deleted")
    page.locator('[data-drawer="nodes"]').click()
    page.locator('[data-node-rows] [data-node="two"]').click()
    said = page.locator("[data-panel]").get_by_role("alert")
    expect(said).to_contain_text("This run was deleted.")
    expect(said.get_by_role("button")).to_have_count(0)
    page.get_by_role("link", name="All runs").click()
    page.wait_for_url(person.at("/runs/"))


@pytest.mark.long
def test_a_run_that_was_deleted_while_the_page_was_offline_is_shown_as_deleted(person, page):
    product = person.product
    person.expected.append("WebSocket connection")
    product.publish("deleted-offline", [{"id": "one", "type": "noop"}], [])
    run = str(product.api("POST", "workflows/deleted-offline/runs/", {})["id"])
    product.ended(run)
    person.go(f"/runs/{run}/")
    expect(page.locator("[data-canvas][data-drawn]")).to_be_visible()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    person.context.set_offline(True)
    expect(page.locator("[data-live]")).to_have_text("Offline")
    product.api("DELETE", f"runs/{run}/")
    person.context.set_offline(False)
    # Its handshake is refused without a word.
    expect(page.locator("[data-offline-notice]")).to_contain_text("This run was deleted", timeout=15_000)
    expect(page.locator("[data-live]")).to_have_text("Not live")
