"""Lists, forms and what opens from them: at the width of a phone, and when the server is slow, refuses or breaks."""

import pytest
from playwright.sync_api import Route, expect

from tests.browser import axe
from tests.browser.conftest import DRAWN, HeldRequests, box_of, open_browser
from tests.support.product import Product

SLUG = "listed"
FAILS = "def main(inputs, ctx):\n    return inputs['nothing']\n"
PLACES = [
    "/",
    "/workflows/",
    "/workflows/new/",
    f"/workflows/{SLUG}/",
    f"/workflows/{SLUG}/versions/",
    f"/workflows/{SLUG}/definition/",
    f"/workflows/{SLUG}/settings/",
    f"/workflows/{SLUG}/run/",
    "/runs/",
    "/resources/",
    "/audit/",
    "/account/",
    "/users/",
    "/users/:tokens/",
    "/users/:sessions/",
    "/help/",
    "/nowhere/",
]
# What lies over the middle of a control, or around it, may be pressed instead of it; links in text are as high as it.
THIN = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".sr, svg, p, li, dd, tr, .skip"))
  .filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width > 1 && (one.closest("label") ?? one).getBoundingClientRect().height < 32;
  })
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module", autouse=True)
def listed(product: Product) -> None:
    """A workflow with a long name whose second version, which is live, has failed, and a pool."""
    product.api("POST", "workflows/", {"name": "Listed " + "with all that belongs to it " * 6, "slug": SLUG})
    nodes = [{"id": "a", "type": "noop"}]
    for number, more in enumerate(([], [{"id": "b", "type": "python", "config": {"code": FAILS}}]), 1):
        definition = {"schema": "interlock/1", "nodes": nodes + more, "edges": []}
        product.api("POST", f"workflows/{SLUG}/versions/", {"definition": definition, "message": f"change {number}"})
        product.api("POST", f"workflows/{SLUG}/deployments/", {"version": number})
        product.ended(product.api("POST", f"workflows/{SLUG}/runs/", {})["id"])
    product.api("POST", "pools/", {"name": "listed", "slots": 2})


@pytest.mark.axe
@axe.LOOKS_OF_PAGES
def test_axe_finds_nothing_on_lists_and_forms(chromium, product, tmp_path, width, dark):
    with open_browser(chromium, product, tmp_path / "shots", width=width, dark=dark) as person:
        person.sign_in()
        person.expected.append("404")
        found = {place: wrong for place in PLACES if (wrong := axe.violations_of_page(person.go(place), dark, width))}
        assert found == {}


def test_every_control_of_lists_and_forms_is_large_enough_for_a_thumb(chromium, product, tmp_path):
    with open_browser(chromium, product, tmp_path / "shots", width=360, height=780, touch=True) as person:
        person.sign_in()
        person.expected.append("404")
        thin = {place: found for place in PLACES if (found := person.go(place).evaluate(THIN))}
        assert thin == {}


def test_on_a_phone_the_menu_leads_to_all_pages_and_a_tap_anywhere_on_a_row_opens_it(chromium, product, tmp_path):
    with open_browser(chromium, product, tmp_path / "shots", width=360, height=780, touch=True) as person:
        person.sign_in()
        page = person.go("/")
        assert box_of(page.locator("#needs"))["width"] == box_of(page.locator("#now"))["width"] > 300
        for name in ("Resources", "Audit"):
            page.get_by_role("button", name="Account of admin").tap()
            page.get_by_role("link", name=name).tap()
            expect(page.get_by_role("heading", name=name)).to_be_visible()
        page = person.go(f"/workflows/{SLUG}/")
        page.locator("tr[data-key] td", has_text="2 of 2").first.tap(force=True)
        page.wait_for_url("**/runs/*/**")


def broken(route: Route) -> None:
    if route.request.resource_type in ("xhr", "fetch"):
        route.fulfill(status=500, content_type="text/html", body="")
    else:
        route.continue_()


def test_a_server_error_is_shown_in_the_popover_that_requested_it(person):
    person.expected += ["500"]
    page = person.go(f"/workflows/{SLUG}/versions/")
    page.route("**/*", broken)
    page.get_by_role("button", name="Compare").first.click()
    expect(page.locator("#compare-2")).to_contain_text("The server did not respond")
    expect(page.locator("[data-toasts]")).to_contain_text("Something went wrong on the server")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-list")).to_have_text("The server did not respond. Try again in a moment.")


def test_a_popover_does_not_take_the_focus_back_from_somebody_who_moves_on_at_once(person):
    page = person.go("/resources/")
    page.evaluate(
        "document.querySelector('[popovertarget=new-pool]').click(); document.querySelector('#pool-slots').focus()"
    )
    page.evaluate(DRAWN)
    expect(page.locator("#pool-slots")).to_be_focused()


def test_a_dialog_shows_that_it_is_loading_and_can_be_closed_meanwhile(person):
    page = person.go(f"/workflows/{SLUG}/")
    held = HeldRequests(page, "**/run/**")
    page.locator("[data-key-run]").click()
    dialog = page.locator("dialog:not([id])")
    expect(dialog).to_be_visible()
    expect(dialog).to_have_text("Loading …")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    held.release()
    page.locator("[data-key-run]").click()
    expect(dialog.get_by_role("button", name="Run v")).to_be_visible()


def test_enter_in_the_command_palette_waits_for_the_results_of_the_typed_text(person):
    page = person.go("/")
    page.keyboard.press("Control+k")
    options = page.locator("#palette [role=option]")
    expect(options.first).to_be_visible()
    held = HeldRequests(page, "**/find/**")
    page.keyboard.type(SLUG)
    page.keyboard.press("Enter")
    # What was listed before stands for another word.
    expect(page.locator("#palette-list")).to_have_text("Loading …")
    held.release()
    page.wait_for_url(f"**/workflows/{SLUG}/")


def test_a_dialog_for_a_deleted_workflow_says_so_and_can_be_closed(person):
    person.expected += ["404"]
    person.product.publish("leaves", [{"id": "a", "type": "noop"}], [])
    page = person.go("/workflows/leaves/")
    person.product.api("DELETE", "workflows/leaves/")
    page.locator("[data-key-run]").click()
    dialog = page.locator("dialog:not([id])")
    expect(dialog).to_contain_text('There is no workflow "leaves"')
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
