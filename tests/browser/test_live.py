"""What the pages show of a run while it goes on, while the connection is cut, and when it is very large."""

import re

import pytest
from playwright.sync_api import Route, expect

PRINT_AND_SLEEP = """
import time
def main(inputs, ctx):
    for n in range(3000):
        ctx.log(f"line {n}")
        if n % 100 == 0:
            ctx.progress(n / 3000, f"at {n}")
            time.sleep(0.02)
    return 7
"""
SLOW = """
import time
def main(inputs, ctx):
    ctx.log('begun')
    time.sleep(4)
    ctx.log('done')
"""
WAITS = "import time\ndef main(inputs, ctx):\n    ctx.log('waiting')\n    time.sleep(600)\n"


def python(id: str, code: str) -> dict[str, object]:
    return {"id": id, "type": "python", "config": {"code": code}}


def start(product, slug, nodes, edges=()):
    product.publish(slug, nodes, [{"source": one, "target": other} for one, other in edges])
    return product.api("POST", f"workflows/{slug}/runs/", {})["id"]


def test_many_log_lines_arrive_in_order_and_scrolling_up_stops_following_them(person):
    run = start(person.product, "talks", [python("talks", PRINT_AND_SLEEP)])
    page = person.go(f"/runs/{run}/")
    expect(page.locator("[data-run-state]")).to_have_text("Succeeded", timeout=60_000)
    expect(page.locator("[data-log-count]")).to_have_text("3,000")
    expect(page.locator("[data-logs] .line").last).to_be_visible()
    # Only what is in view is in the page.
    assert page.locator("[data-logs] .line").count() < 120
    expect(page.locator("[data-logs]")).to_contain_text("line 2999")
    logs = page.locator("[data-logs]")
    logs.hover()
    page.mouse.wheel(0, -200_000)
    expect(logs).to_contain_text("line 0")
    expect(page.locator("[data-log-follow]")).to_have_attribute("aria-pressed", "false")
    page.locator("[data-log-search]").fill("line 1234")
    expect(page.locator("[data-logs] mark")).to_have_text("line 1234")
    expect(page.locator("[data-log-found]")).to_have_text("1 / 1")
    page.locator("[data-log-only]").click()
    expect(page.locator("[data-logs] .line")).to_have_count(1)


def test_a_running_node_is_cancelled_from_the_page(person):
    run = start(
        person.product, "waits", [python("waits", WAITS), {"id": "after", "type": "noop"}], [("waits", "after")]
    )
    page = person.go(f"/runs/{run}/?drawer=nodes")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    row = page.locator('[data-node-rows] [data-node="waits"]')
    expect(row).to_contain_text("Running", timeout=30_000)
    expect(page.locator('[data-node-rows] [data-node="after"]')).to_contain_text("waits", ignore_case=True)
    row.click()
    page.get_by_role("tab", name=re.compile("^Logs")).click()
    expect(page.locator("[data-logs] .line", has_text="waiting")).to_be_visible()
    expect(page.locator("[data-panel]")).to_contain_text("Running for")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.locator("#cancel-run").get_by_role("button", name="Cancel run").click()
    expect(page.locator("[data-run-state]")).to_have_text("Cancelled", timeout=30_000)
    page.get_by_role("tab", name=re.compile("^Nodes")).click()
    expect(page.locator('[data-node-rows] [data-node="after"]')).to_contain_text("Cancelled")
    page.get_by_role("link", name=re.compile("^Attempts")).click()
    expect(page.locator("[data-panel]")).to_contain_text(re.compile(r"Stopped \d+ process(es)? in "))


def test_a_cut_connection_is_shown_and_missed_events_arrive_after_it(person):
    person.expected += ["ERR_INTERNET_DISCONNECTED", "WebSocket"]
    run = start(person.product, "cut", [python("slow", SLOW)])
    page = person.go(f"/runs/{run}/")
    expect(page.locator("[data-logs] .line", has_text="begun")).to_be_visible(timeout=30_000)
    # With all that it is made of.
    expect(page.locator("[data-canvas][data-drawn]")).to_be_visible()
    person.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "offline")
    expect(page.locator("[data-offline-notice]")).to_be_visible()
    person.product.ended(run)
    person.context.set_offline(False)
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live", timeout=20_000)
    expect(page.locator("[data-offline-notice]")).to_be_hidden()
    expect(page.locator("[data-run-state]")).to_have_text("Succeeded")
    expect(page.locator("[data-logs] .line", has_text="done")).to_be_visible()


@pytest.mark.long
def test_a_run_of_two_thousand_nodes_scrolls_and_is_searched(person):
    nodes: list[dict[str, object]] = [{"id": f"n{number}", "type": "noop"} for number in range(2000)]
    nodes.insert(0, python("talks", "def main(inputs, ctx):\n    ctx.log('long ago')\n"))
    run = start(person.product, "large", nodes)
    page = person.go(f"/runs/{run}/")
    expect(page.locator("[data-run-state]")).to_have_text("Succeeded", timeout=90_000)
    expect(page.locator("[data-run-done]")).to_have_text("2,001 of 2,001 nodes")
    # Its one line is found, though thousands of events came after it.
    page.reload()
    expect(page.locator("[data-logs] .line", has_text="long ago")).to_be_visible()
    expect(page.locator("[data-log-count]")).to_have_text("1")
    page.get_by_role("tab", name=re.compile("^Nodes")).click()
    expect(page.locator("[data-node-rows] [data-node]").first).to_be_visible()
    assert page.locator("[data-node-rows] [data-node]").count() < 100
    table = page.locator("[data-nodes]")
    table.hover()
    page.mouse.wheel(0, 1_000_000)
    expect(page.locator('[data-node-rows] [data-node="n1999"]')).to_be_visible()
    page.locator("[data-node-search]").fill("n1234")
    expect(page.locator("[data-node-rows] [data-node]")).to_have_count(1)
    expect(page.locator('[data-node-rows] [data-node="n1234"]')).to_contain_text("Succeeded")


def test_a_page_whose_session_has_ended_says_that_the_user_is_signed_out(person):
    person.expected += ["WebSocket", "401", "403", "ERR_ABORTED", "Failed to load resource"]
    page = person.go("/runs/")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    person.context.clear_cookies()
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    expect(page.locator("[data-offline-text]")).to_contain_text("You're signed out", timeout=30_000)


def test_a_list_offers_runs_that_were_started_elsewhere(person):
    run = start(person.product, "elsewhere", [{"id": "a", "type": "noop"}])
    person.product.ended(run)
    page = person.go("/runs/")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    page.evaluate("window.sameDocument = true")
    run = person.product.api("POST", "workflows/elsewhere/runs/", {})["id"]
    # It stands above what is being read, which nothing moves but who asks.
    page.get_by_role("button", name="Show 1 new").click()
    expect(page.locator(f'tr[data-key="{run}"]')).to_contain_text("Succeeded", timeout=20_000)
    assert page.evaluate("window.sameDocument")


def test_pages_are_opened_searched_and_runs_started_by_keyboard(person):
    person.product.publish("nothing-but-keys", [{"id": "a", "type": "noop"}], [])
    page = person.go("/")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_url("**/workflows/")
    page.keyboard.press("/")
    page.keyboard.type("nothing-but-keys")
    expect(page.locator("#workflow-list tbody tr")).to_have_count(1)
    page.keyboard.press("Control+k")
    page.keyboard.type("nothing-but-keys")
    expect(page.locator("#palette [role=option]").first).to_contain_text("nothing-but-keys")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workflows/nothing-but-keys/")
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("r")
    page.get_by_role("dialog").get_by_role("button", name="Run v1").press("Enter")
    page.wait_for_url("**/runs/*/")
    page.keyboard.press("e")
    page.wait_for_url("**/workflows/nothing-but-keys/edit/")


def test_a_shortcut_of_two_keys_works_even_if_the_page_handles_the_second_late(person):
    page = person.go("/")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    page.evaluate(
        """() => {
          const [first, second] = ["g", "w"].map((key) => new KeyboardEvent("keydown", { key, bubbles: true }));
          document.body.dispatchEvent(first);
          const until = performance.now() + 1300;
          while (performance.now() < until);
          document.body.dispatchEvent(second);
        }"""
    )
    page.wait_for_url("**/workflows/")


def test_a_form_that_is_requested_again_while_it_loads_opens_once(person):
    person.product.publish("asked-twice", [{"id": "a", "type": "noop"}], [])
    page = person.go("/workflows/asked-twice/")
    held: list[Route] = []
    page.route("**/workflows/asked-twice/run/**", lambda route: held.append(route))
    with page.expect_request("**/workflows/asked-twice/run/**"):
        page.keyboard.press("r")
    page.keyboard.press("r")
    for route in held:
        route.continue_()
    expect(page.get_by_role("dialog").get_by_role("button", name="Run v1")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog:not([id])")).to_have_count(0)


@pytest.mark.parametrize(
    "width", [pytest.param(360, marks=pytest.mark.smoke), pytest.param(768, marks=pytest.mark.long)]
)
def test_nothing_is_wider_than_a_narrow_screen(person, width):
    person.product.publish(f"narrow-{width}", [{"id": "a", "type": "noop"}], [])
    run = person.product.api("POST", f"workflows/narrow-{width}/runs/", {})["id"]
    person.product.ended(run)
    # A long name without a space, among what needs somebody and in the list.
    fails = {"id": "a", "type": "python", "config": {"code": "def main(inputs, ctx):\n    return 1 / 0"}}
    long = f"long-{width}"
    person.product.api("POST", "workflows/", {"name": "W" * 190, "slug": long})
    definition = {"schema": "interlock/1", "nodes": [fails], "edges": []}
    person.product.api("POST", f"workflows/{long}/versions/", {"definition": definition, "message": ""})
    person.product.ended(person.product.api("POST", f"workflows/{long}/runs/", {})["id"])
    page = person.page
    page.set_viewport_size({"width": width, "height": 740})
    slug = f"narrow-{width}"
    for path in (
        "/",
        "/workflows/",
        "/workflows/new/",
        f"/workflows/{slug}/",
        f"/workflows/{slug}/versions/",
        f"/workflows/{slug}/definition/",
        f"/workflows/{slug}/settings/",
        f"/workflows/{slug}/edit/",
        f"/workflows/{slug}/run/",
        "/runs/",
        f"/runs/{run}/",
        f"/runs/{run}/nodes/a/",
        "/resources/",
        "/audit/",
        "/account/",
        "/users/",
        "/users/:tokens/",
        "/users/:sessions/",
    ):
        person.go(path)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is {wide} px wider than {width}"
