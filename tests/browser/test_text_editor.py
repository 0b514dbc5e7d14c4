"""The definition as text: problems at their lines, saves that never write over another tab, undo."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import box_of
from tests.support.documents import chain
from tests.support.wait import wait_until

KEPT = """async () => {
  if (!(await indexedDB.databases()).some((one) => one.name === "interlock")) return false;
  const open = indexedDB.open("interlock");
  const database = await new Promise((done) => (open.onsuccess = () => done(open.result)));
  const keys = database.transaction("kept").objectStore("kept").getAllKeys();
  const count = await new Promise((done) => (keys.onsuccess = () => done(keys.result.length)));
  database.close();
  return count > 0;
}"""
"""Whether the browser has kept something that is not saved."""


@pytest.fixture
def slug(product, request) -> str:
    """A workflow of the test's own, with one version."""
    name = request.node.name.replace("_", "-")[:60].strip("-")
    product.api("POST", "workflows/", {"name": name, "slug": name})
    product.api("POST", f"workflows/{name}/versions/", {"definition": chain("a", "b"), "message": "first"})
    return str(name)


def edit(person, slug):
    page = person.go(f"/workflows/{slug}/edit/text/")
    # Its script is there: before, buttons do what they do without.
    expect(page.locator("[data-saved]")).to_have_attribute("data-state", "saved")
    return page, page.get_by_label("Definition as JSON")


def test_every_problem_is_listed_beside_the_text_and_links_to_its_line(person, slug):
    page, area = edit(person, slug)
    document = chain("a", "b")
    document["nodes"] += [{"id": "a", "type": "noop"}, {"id": "c", "type": "nop"}]
    document["edges"] += [{"source": "b", "target": "nowhere"}]
    document["colour"] = "red"
    area.fill(json.dumps(document, indent=2))
    problems = page.locator("[data-problem-list] .problem")
    expect(problems).to_have_count(4)
    expect(page.locator("[data-problem-count]")).to_have_text("4 problems")
    expect(page.locator("[data-gutter] .has")).to_have_count(4)
    page.locator(".problem", has_text="nowhere").get_by_role("button").first.click()
    chosen = area.evaluate("(field) => field.value.slice(field.selectionStart, field.selectionEnd)")
    assert "nowhere" in chosen
    # Invalid work is kept all the same.
    expect(page.locator("[data-saved]")).to_have_text("Saved")


def test_the_place_of_invalid_json_is_shown_and_the_text_is_stored_in_the_browser(person, slug):
    page, area = edit(person, slug)
    area.fill('{\n  "schema": "interlock/1",\n  "nodes": [}\n')
    problem = page.locator("[data-problem-list] .problem")
    expect(problem).to_contain_text("Line 3, column 13")
    expect(page.locator("[data-saved]")).to_contain_text("Not saved")
    wait_until(lambda: page.evaluate(KEPT))
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(area).to_have_value('{\n  "schema": "interlock/1",\n  "nodes": [}\n')
    expect(problem).to_contain_text("Line 3, column 13")


def test_a_stale_tab_overwrites_nothing(person, slug):
    page, area = edit(person, slug)
    person.expected += ["412", "Failed to load resource"]
    other = person.context.new_page()
    other.goto(person.at(f"/workflows/{slug}/edit/text/"))
    field = other.get_by_label("Definition as JSON")
    field.fill(json.dumps(chain("a", "other")))
    expect(other.locator("[data-saved]")).to_have_text("Saved")
    area.fill(json.dumps(chain("a", "mine")))
    expect(page.get_by_text("Your draft was saved from another tab")).to_be_visible()
    draft = person.product.api("GET", f"workflows/{slug}/draft/")
    assert draft["definition"]["nodes"][1]["id"] == "other"
    page.get_by_role("button", name="Keep mine").click()
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    draft = person.product.api("GET", f"workflows/{slug}/draft/")
    assert draft["definition"]["nodes"][1]["id"] == "mine"


def test_formatting_is_undone_with_ctrl_z(person, slug):
    page, area = edit(person, slug)
    text = json.dumps(chain("a", "b"))
    area.fill(text)
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Format the text").click()
    expect(area).to_have_value(
        '{\n  "schema": "interlock/1",\n  "nodes": [{ "id": "a", "type": "noop" }, { "id": "b", "type": "noop" }],\n'
        '  "edges": [{ "source": "a", "target": "b" }]\n}'
    )
    page.keyboard.press("Control+z")
    expect(area).to_have_value(text)


@pytest.mark.smoke
def test_the_draft_is_run_without_being_published(person, slug):
    page, area = edit(person, slug)
    area.fill(json.dumps(chain("x", "y", "z")))
    page.set_viewport_size({"width": 390, "height": 844})
    run, publish = page.get_by_role("link", name="Run draft"), page.locator("[data-publish]")
    assert box_of(run)["y"] == box_of(publish)["y"]
    run.click()
    page.get_by_role("dialog").get_by_role("button", name="Run draft").click()
    page.wait_for_url("**/runs/*/")
    expect(page.locator("[data-run-state]")).to_have_text("Succeeded", timeout=30_000)
    expect(page.locator("[data-node]")).to_have_count(3)
    assert person.product.api("GET", f"workflows/{slug}/")["newest"] == 1


def test_a_fix_is_applied_by_one_click(person, slug):
    page, area = edit(person, slug)
    document = chain("a", "b")
    del document["schema"]
    area.fill(json.dumps(document))
    page.get_by_role("button", name="Add schema").click()
    expect(page.locator("[data-problem-count]")).to_have_text("No problems")
    assert json.loads(area.input_value())["schema"] == "interlock/1"


def test_a_draft_with_errors_is_not_run_and_the_dialog_lists_them(person, slug):
    person.expected += ["422", "Failed to load resource"]
    page, area = edit(person, slug)
    document = chain("a", "b")
    document["nodes"][1]["type"] = "nop"
    area.fill(json.dumps(document))
    page.get_by_role("link", name="Run draft").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Run draft").click()
    expect(dialog.get_by_role("alert")).to_contain_text('There is no node type "nop"')
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_invalid_json_is_neither_run_nor_published(person, slug):
    page, area = edit(person, slug)
    area.fill("{")
    page.get_by_role("link", name="Run draft").click()
    expect(page.locator(".toast")).to_contain_text("The draft is not saved.")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#publish")).to_contain_text("The draft is not saved.")
    area.fill(json.dumps(chain("a", "b")))
