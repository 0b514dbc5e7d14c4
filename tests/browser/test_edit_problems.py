"""Mistakes are shown where they are made, as one types, and go away as they are mended."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.wait import wait_until

SQL = "select carrier,\n       avg(dep_dely) as delay\nfrom   flights\ngroup by 1"
LINE = "getSelection().anchorNode?.parentElement.closest('.cm-line, .cm-content').textContent ?? ''"
"""The text of the line in which the cursor stands."""
SAID = "flights has no column dep_dely."


def flights(sql: str = SQL) -> dict[str, Any]:
    return {
        "schema": "interlock/1",
        "nodes": [
            {
                "id": "flights",
                "type": "table.read",
                "name": "Load flights",
                "config": {"path": "problems/flights.csv"},
                "position": {"x": 0, "y": 0},
            },
            {
                "id": "delays",
                "type": "table.sql",
                "name": "Delays",
                "config": {"sql": sql},
                "position": {"x": 240, "y": 0},
            },
        ],
        "edges": [{"source": "flights", "target": "delays"}],
    }


@pytest.fixture
def editor(person, product, request):
    """Opens the editor on a definition, with a file of flights to read."""
    file = Path(product.home) / "files" / "problems" / "flights.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_text("carrier,dep_delay,arr_delay\nUA,2,11\nAA,4,20\n")
    slug = request.node.name.replace("_", "-")[:60].strip("-")
    product.api("POST", "workflows/", {"name": slug, "slug": slug})

    def open_(definition: dict[str, Any]) -> Page:
        product.call("PUT", f"/api/v1/workflows/{slug}/draft/", {"definition": definition}, If_Match='"0"')
        page: Page = person.go(f"/workflows/{slug}/edit/")
        expect(page.locator("[data-editor][data-ready][data-checked]")).to_be_visible()
        return page

    return open_


def rows(page: Page) -> Locator:
    return page.locator("[data-problem]")


def test_an_unknown_column_is_marked_everywhere_until_its_fix_is_applied(editor):
    page = editor(flights())
    expect(page.locator('[data-card="delays"]')).to_contain_text(SAID)
    expect(page.locator("[data-problem-count]")).to_contain_text("1")
    page.locator('[data-drawer="problems"]').click()
    expect(rows(page)).to_have_count(1)
    row = rows(page).first
    expect(row).to_contain_text("Delays")
    expect(row).to_contain_text(SAID)
    expect(row).to_contain_text("SQL, line 2")
    # The row leads to the field and its line.
    row.get_by_role("button", name=SAID).click()
    inspector = page.locator("[data-inspector]")
    expect(inspector.locator(".cm-content")).to_be_focused()
    wait_until(lambda: "dep_dely" in page.evaluate(LINE))
    expect(inspector).to_contain_text(SAID)
    row.get_by_role("button", name="Use dep_delay").click()
    expect(rows(page)).to_have_count(0)
    expect(page.get_by_text("No problems: ready to publish and run")).to_be_visible()
    expect(inspector.locator(".cm-content")).to_contain_text("avg(dep_delay) as delay")
    expect(inspector).not_to_contain_text(SAID)
    # It is an edit like any other.
    page.keyboard.press("Escape")
    page.locator("[data-undo]").click()
    expect(rows(page)).to_have_count(1)


def test_a_problem_appears_while_typing_and_disappears_once_the_text_is_valid(editor):
    page = editor(flights(SQL.replace("dep_dely", "dep_delay")))
    page.locator('[data-drawer="problems"]').click()
    expect(page.get_by_text("No problems: ready to publish and run")).to_be_visible()
    page.locator('[data-card="delays"]').click()
    field = page.locator("[data-inspector] .cm-content")
    field.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" having from")
    expect(rows(page)).to_contain_text(['The SQL is not valid: syntax error at or near "from".'])
    expect(page.locator("[data-problem-count]")).to_contain_text("1")
    for _ in " having from":
        page.keyboard.press("Backspace")
    expect(rows(page)).to_have_count(0)
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    # The browser says this by itself, and the server the same: it is never there twice.
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text(["SQL"])


def test_the_list_of_problems_is_used_by_keyboard(editor):
    definition = flights("select 1\nfrom from flights")
    definition["nodes"].append({"id": "out", "type": "table.write", "name": "Write", "config": {"path": "out/x.csv"}})
    definition["nodes"][0]["config"]["path"] = "problems/flight.csv"
    page = editor(definition)
    tab = page.locator('[data-drawer="problems"]')
    tab.click()
    expect(rows(page)).to_have_count(3)
    said = [text.split("\n")[1] for text in page.locator(".problem").all_inner_texts()]
    assert sorted(said[:2]) == ["Delays", "Write"]
    page.keyboard.press("Tab")
    while not page.evaluate("document.activeElement.matches('.problem')"):
        page.keyboard.press("Tab")
    page.keyboard.press("End")
    expect(page.locator(".problem").nth(2)).to_be_focused()
    page.keyboard.press("Tab")
    repair = page.get_by_role("button", name="Use problems/flights.csv")
    expect(repair).to_be_focused()
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(2)
    # The keyboard stays in the list.
    assert page.evaluate("!!document.activeElement.closest('#drawer-problems')")


def test_known_problems_stay_while_offline_and_checks_resume_when_online(editor, person):
    person.expected += ["ERR_INTERNET_DISCONNECTED", "Failed to load resource"]
    page = editor(flights())
    page.locator('[data-drawer="problems"]').click()
    expect(rows(page)).to_have_count(1)
    page.locator('[data-card="delays"]').click()
    person.context.set_offline(True)
    page.locator("[data-inspector] .cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" order by 1")
    expect(page.get_by_text("You're offline. Problems will be checked when you're back online.")).to_be_visible()
    expect(rows(page)).to_have_count(1)
    person.context.set_offline(False)
    expect(page.get_by_text("You're offline. Problems will be checked when you're back online.")).to_be_hidden()
    expect(rows(page)).to_have_count(1)
