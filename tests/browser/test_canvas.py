"""The graph of a run: cards near, painted blocks far, by mouse and by keyboard."""

import re

import pytest
from playwright.sync_api import expect

WAITS = "import time\ndef main(inputs, ctx):\n    ctx.progress(0.5)\n    time.sleep(600)\n"
EVIL = "<img src=x onerror=alert(1)>\u202e🎉 " + "x" * 150


def started(product, slug, nodes, edges) -> str:
    product.publish(slug, nodes, [{"source": one, "target": other} for one, other in edges])
    return str(product.api("POST", f"workflows/{slug}/runs/", {})["id"])


def rows(product, slug: str) -> str:
    """Two tables, and a node that waits: `read` -> `clean` -> `join` -> `tell`."""
    nodes = [
        {"id": "read", "type": "table.read", "name": "Read airlines", "config": {"path": "samples/airlines.csv"}},
        {"id": "clean", "type": "table.sql", "name": EVIL, "config": {"sql": "select * from read limit 7"}},
        {"id": "join", "type": "python", "name": "Join", "config": {"code": WAITS}},
        {"id": "tell", "type": "noop", "name": "Tell the team"},
    ]
    return started(product, slug, nodes, [("read", "clean"), ("clean", "join"), ("join", "tell")])


@pytest.fixture
def run(person, request):
    number = rows(person.product, request.node.name.replace("_", "-"))
    yield number
    person.product.call("POST", f"/api/v1/runs/{number}/cancel/", {})


def card(page, node):
    return page.locator(f'[data-card="{node}"]')


def test_cards_show_states_as_they_change_and_names_as_text(person, run):
    page = person.go(f"/runs/{run}/")
    expect(card(page, "join")).to_have_class(re.compile("is-running"), timeout=30_000)
    expect(card(page, "clean")).to_have_class(re.compile("is-succeeded"))
    expect(card(page, "tell")).to_contain_text("waits for Join")
    expect(card(page, "join")).to_contain_text(re.compile(r"python · .* s"))
    expect(card(page, "clean").locator("b")).to_have_text(EVIL.replace("\u202e", "\\u202e"))
    assert "\\u202e🎉 xxx" in (card(page, "clean").get_attribute("title") or "")
    assert page.evaluate("window.violations") == []
    # What was drawn is what the API says.
    expect(page.locator("[data-canvas]")).to_have_attribute("data-drawn", re.compile(r"^\d+$"))
    person.product.call("POST", f"/api/v1/runs/{run}/cancel/", {})
    expect(card(page, "join")).to_have_class(re.compile("is-cancelled"), timeout=30_000)


@pytest.mark.smoke
def test_a_click_selects_a_node_and_a_click_on_its_row_count_opens_its_output(person, run):
    page = person.go(f"/runs/{run}/")
    expect(card(page, "join")).to_have_class(re.compile("is-running"), timeout=30_000)
    card(page, "join").click()
    expect(page).to_have_url(re.compile(rf"/runs/{run}/nodes/join/"))
    expect(card(page, "join")).to_have_class(re.compile("sel"))
    left, right = card(page, "clean").bounding_box(), card(page, "join").bounding_box()
    page.mouse.click((left["x"] + left["width"] + right["x"]) / 2, left["y"] + left["height"] / 2)
    expect(page).to_have_url(re.compile(rf"/runs/{run}/nodes/clean/"))
    expect(page.locator("[data-panel]").get_by_role("link", name="Output")).to_have_attribute("aria-current", "true")
    expect(page.locator("[data-panel]")).to_contain_text("carrier")


def test_nodes_are_reached_searched_and_opened_by_keyboard(person, run):
    page = person.go(f"/runs/{run}/")
    expect(card(page, "join")).to_have_class(re.compile("is-running"), timeout=30_000)
    stage = page.get_by_role("application", name="Graph")
    for _ in range(60):
        page.keyboard.press("Tab")
        if stage.evaluate("(stage) => stage === document.activeElement"):
            break
    expect(stage).to_be_focused()
    said = page.locator("[data-canvas] [aria-live]")
    expect(said).to_contain_text("Read airlines")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(card(page, "join")).to_have_class(re.compile("focus"))
    expect(said).to_contain_text("Join. Running")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/runs/{run}/nodes/join/"))
    expect(page.locator("[data-panel]")).to_be_focused()
    stage.focus()
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Find a node by name or ID")
    expect(field).to_be_focused()
    page.keyboard.type("team")
    expect(page.locator(".cvsearch").get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/runs/{run}/nodes/tell/"))
    expect(stage).to_be_focused()
    page.keyboard.press("Escape")
    expect(stage).not_to_be_focused()


@pytest.mark.long
def test_a_node_too_small_for_a_card_is_painted_and_can_be_selected(person):
    names = [f"p{number}" for number in range(400)]
    edges = [edge for name in names for edge in (("start", name), (name, "end"))]
    nodes = [{"id": name, "type": "noop"} for name in ("start", *names, "end")]
    run = started(person.product, "canvas-fan", nodes, edges)
    page = person.go(f"/runs/{run}/")
    expect(page.locator("[data-canvas][data-drawn]")).to_be_visible(timeout=30_000)
    # All of it is in view, too small for cards.
    expect(page.locator("[data-card]")).to_have_count(0)
    stage = page.get_by_role("application", name="Graph")
    box = stage.bounding_box()
    for step in range(30):
        page.mouse.click(box["x"] + box["width"] / 2 + step, box["y"] + box["height"] * 0.42 + 2 * (step % 9))
        # The page's own word: what the driver knows of its address may be behind.
        if re.search(r"/nodes/p\d+/", page.evaluate("location.pathname")):
            break
    expect(page).to_have_url(re.compile(r"/nodes/p\d+/"))
    node = page.url.split("/nodes/")[1].split("/")[0]
    stage.focus()
    page.keyboard.press("Shift+F")
    expect(card(page, node)).to_be_in_viewport()
    expect(card(page, node)).to_have_class(re.compile("sel"))
    # Far from thousands of elements, at any zoom.
    assert page.locator("[data-card]").count() <= 240
    page.keyboard.press("f")
    expect(page.locator("[data-card]")).to_have_count(0)
    person.product.call("POST", f"/api/v1/runs/{run}/cancel/", {})


def test_a_graph_that_fails_to_load_shows_an_error_and_a_retry_button(person, run):
    person.expected += ["503"]
    person.page.route("**/graph/**", lambda route: route.fulfill(status=503, body="no"))
    page = person.go(f"/runs/{run}/")
    expect(page.get_by_role("alert")).to_contain_text("The graph could not be loaded")
    page.unroute("**/graph/**")
    page.get_by_role("button", name="Try again").click()
    expect(card(page, "read")).to_be_visible()


def test_a_layout_script_that_fails_to_load_shows_an_error_and_a_retry_button(person, run):
    """The page was cut off while it loaded."""
    person.expected += ["ERR_FAILED"]
    person.page.route(re.compile("worker"), lambda route: route.abort())
    page = person.go(f"/runs/{run}/")
    expect(page.get_by_role("alert")).to_contain_text("You're offline. Try again when you're connected.")
    page.unroute(re.compile("worker"))
    page.get_by_role("button", name="Try again").click()
    expect(card(page, "read")).to_be_visible()
