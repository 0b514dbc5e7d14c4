"""From the draft to a version: publishing and running it, comparing, starting anew, taking over, discarding."""

import copy
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.documents import chain


def document() -> dict[str, Any]:
    """Two nodes in a row, each with a place."""
    made: dict[str, Any] = chain("first", "second")
    for at, node in enumerate(made["nodes"]):
        node["position"] = {"x": 260 * at, "y": 0}
    return made


@pytest.fixture
def slug(product, request) -> str:
    """A workflow of the test's own with v1 live."""
    name = request.node.name.replace("_", "-").removeprefix("test-")[:60].strip("-")
    product.api("POST", "workflows/", {"name": name, "slug": name})
    product.api("POST", f"workflows/{name}/versions/", {"definition": document(), "message": "the first"})
    return str(name)


def draw(person: Any, slug: str, definition: dict[str, Any] | None = None, query: str = "") -> Page:
    if definition is not None:
        person.product.call("PUT", f"/api/v1/workflows/{slug}/draft/", {"definition": definition}, If_Match="*")
    page: Page = person.go(f"/workflows/{slug}/edit/{query}")
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    return page


def renamed() -> dict[str, Any]:
    changed = copy.deepcopy(document())
    changed["nodes"][1].update(name="Second, changed", policy={"retries": 2})
    changed["nodes"].append({"id": "third", "type": "noop", "position": {"x": 520, "y": 0}})
    changed["edges"].append({"source": "second", "target": "third"})
    return changed


@pytest.mark.smoke
def test_publish_refuses_problems_lists_the_changes_and_runs_the_new_version(person, slug):
    broken = renamed()
    broken["nodes"].append({"id": "fourth", "type": "nonsense", "position": {"x": 780, "y": 0}})
    page = draw(person, slug, broken)
    expect(page.locator("[data-draft-of]")).to_have_text("Draft of v1")
    form = page.locator("#publish")
    page.locator("[data-publish]").click()
    expect(form.get_by_text("Fix 1 problem before publishing.")).to_be_visible()
    form.get_by_role("button", name="Show the problem").click()
    expect(page.locator('[data-drawer="problems"]')).to_have_attribute("aria-selected", "true")
    page.locator('[data-card="fourth"]').click()
    page.keyboard.press("Delete")
    page.locator("[data-publish]").click()
    expect(form.get_by_text("Compared with v1 (live)")).to_be_visible()
    expect(form.locator(".changed li")).to_have_text(["Second, changed: name, retries changed", "third added"])
    expect(form.get_by_label("Make it live")).to_be_checked()
    form.get_by_label("Describe your changes").fill("A third node")
    page.keyboard.press("Enter")
    expect(form.get_by_role("status")).to_have_text("v2 is published and live.")
    expect(page.locator("[data-draft-of]")).to_have_text("Draft of v2")
    shape = person.product.api("GET", f"workflows/{slug}/")
    assert (shape["newest"], shape["live"]["version"]) == (2, 2)
    assert person.product.api("GET", f"workflows/{slug}/versions/2/")["message"] == "A third node"
    expect(page.locator("[data-undo]")).to_be_enabled()
    form.get_by_role("link", name="Run it now").click()
    page.wait_for_url("**/runs/*/")


def test_changes_since_the_live_version_are_listed_marked_in_the_graph_and_reverted(person, slug):
    page = draw(person, slug, renamed())
    tab = page.locator('[data-drawer="changes"]')
    expect(tab).to_have_text("Changes since v1 2")
    page.locator("[data-compare]").click()
    expect(page.locator("[data-compare]")).to_have_attribute("aria-pressed", "true")
    lines = page.locator(".changelist .said")
    expect(lines).to_have_text(["Second, changed: name, retries changed", "third added"])
    lines.first.click()
    expect(page.locator('[data-card="second"].sel')).to_be_visible()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".changedetail")).to_contain_text("retries: not set → 2")
    page.get_by_role("button", name="Revert: Second").click()
    expect(lines).to_have_text(["third added"])
    page.get_by_role("button", name="Revert: third").click()
    expect(page.get_by_text("No changes: your draft matches v1 (live).")).to_be_visible()
    page.locator("[data-undo]").click()
    expect(lines).to_have_text(["third added"])


def test_a_draft_starts_from_any_version_and_a_discarded_one_is_restored(person, slug):
    person.product.api("POST", f"workflows/{slug}/versions/", {"definition": renamed(), "message": "two"})
    page = person.go(f"/workflows/{slug}/versions/")
    page.locator("#v1").get_by_role("link", name="Edit from this version").click()
    third = page.locator('[data-card="third"]')
    expect(page.get_by_text("Your draft now matches v1.")).to_be_visible()
    expect(page.locator('[data-card="second"]')).to_be_visible()
    expect(third).to_have_count(0)
    assert page.url.endswith("/edit/")
    page.locator("[data-toast]").get_by_role("button", name="Undo").click()
    expect(third).to_be_visible()
    page.locator("[data-redo]").click()
    expect(third).to_have_count(0)
    page.get_by_role("button", name="More", exact=True).first.click()
    page.get_by_role("button", name="Discard my draft").click()
    expect(third).to_be_visible()
    expect(page.get_by_text("Draft discarded. Showing v2.")).to_be_visible()
    assert person.product.api("GET", f"workflows/{slug}/draft/")["saved_at"] is None
    page.get_by_role("button", name="Bring it back").click()
    expect(third).to_have_count(0)
    expect(page.locator('[data-saved][data-state="saved"]')).to_be_visible()


def test_a_draft_is_merged_with_a_version_that_others_published_meanwhile(person, slug):
    page = draw(person, slug, renamed())
    theirs = document()
    theirs["nodes"][0]["notes"] = "theirs"
    theirs["nodes"][1]["name"] = "Second of theirs"
    person.product.api("POST", f"workflows/{slug}/versions/", {"definition": theirs, "message": "", "base_version": 1})
    page.locator("[data-publish]").click()
    form = page.locator("#publish")
    expect(form.get_by_text("v2 was published in the meantime")).to_be_visible()
    form.get_by_role("button", name="Merge changes").click()
    expect(page.get_by_text("Both changed Second, changed: your changes were kept there.")).to_be_visible()
    expect(form.get_by_role("button", name="Publish v3")).to_be_visible()
    draft = person.product.api("GET", f"workflows/{slug}/draft/")
    assert draft["base_version"] == 2
    assert [node.get("notes") for node in draft["definition"]["nodes"]] == ["theirs", None, None]
    assert draft["definition"]["nodes"][1]["name"] == "Second, changed"
