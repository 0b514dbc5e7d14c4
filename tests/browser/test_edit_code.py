"""Code fields in the inspector: what they complete, how they show problems, and that the keyboard gets in and out."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import HeldRequests, Person, completions


@pytest.fixture
def person(signed_in_once: Person) -> Person:
    return signed_in_once


@pytest.fixture
def slug(request) -> str:
    return str(request.node.name).replace("test_", "").replace("_", "-")[:60].strip("-")


def document() -> dict[str, Any]:
    def node(name: str, kind: str, column: int, **config: Any) -> dict[str, Any]:
        return {"id": name, "type": kind, "config": config, "position": {"x": column * 280, "y": 0}}

    return {
        "schema": "interlock/1",
        "inputs": {"type": "object", "properties": {"month": {"type": "integer", "default": 1}}},
        "nodes": [
            # Its columns are known without a run.
            node("delays", "table.sql", 0, sql="select 2 as dep_delay, 'UA' as carrier, 1 as month"),
            node("worst", "table.sql", 1, sql="select carrier\nfrom delays"),
            node("report", "python", 2, code="def main(inputs, ctx):\n    return None\n"),
            node("flights", "table.read", 3, path="samples/airlines.csv"),
        ],
        "edges": [{"source": "delays", "target": "worst"}, {"source": "worst", "target": "report"}],
    }


def opened(person: Person, slug: str) -> Page:
    person.product.api("POST", "workflows/", {"name": slug, "slug": slug})
    path = f"/api/v1/workflows/{slug}/draft/"
    assert person.product.call("PUT", path, {"definition": document()}, If_Match='"0"').status == 200
    page = person.go(f"/workflows/{slug}/edit/")
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    expect(page.locator("[data-editor][data-checked]")).to_be_visible()
    return page


def field(page: Page, node: str) -> Locator:
    """The code field of a node, which is chosen for it."""
    page.locator(f'[data-card="{node}"]').click()
    expect(page.locator("[data-inspector]")).to_contain_text(node)
    found = page.locator("[data-inspector] .cm-content").first
    expect(found).to_be_visible()
    return found


def emptied(page: Page, code: Locator) -> None:
    code.click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")


def offered(page: Page) -> Locator:
    return page.locator(".cm-tooltip-autocomplete [role=option]")


def chosen(page: Page, label: str) -> None:
    """The option that is offered first, taken with Enter; then it is gone."""
    first = completions(page).first
    expect(first).to_contain_text(label)
    expect(first).to_have_attribute("aria-selected", "true")
    # For a moment after the list opens, Enter still belongs to the text.
    page.wait_for_timeout(100)
    page.keyboard.press("Enter")
    expect(offered(page)).to_have_count(0)


def saved(person: Person, page: Page, slug: str, node: str) -> dict[str, Any]:
    expect(page.locator("[data-saved]")).to_have_attribute("data-state", "saved")
    nodes = person.product.api("GET", f"workflows/{slug}/draft/")["definition"]["nodes"]
    return next(each["config"] for each in nodes if each["id"] == node)


def test_sql_completes_tables_columns_and_expressions(person, slug):
    page = opened(person, slug)
    code = field(page, "worst")
    emptied(page, code)
    page.keyboard.type("select d.")
    page.keyboard.type("x\nfrom ")
    chosen(page, "delays")
    page.keyboard.type(" d where d.")
    expect(offered(page)).to_have_text(["dep_delayINTEGER", "carrierVARCHAR", "monthINTEGER"])
    page.keyboard.type("mo")
    chosen(page, "month")
    page.keyboard.type(" = {{")
    chosen(page, "inputs")
    page.keyboard.type(".")
    chosen(page, "month")
    page.keyboard.press("End")
    expect(code).to_have_text("select d.xfrom delays d where d.month = {{ inputs.month }}")
    assert saved(person, page, slug, "worst")["sql"] == "select d.x\nfrom delays d where d.month = {{ inputs.month }}"


def test_python_completes_inputs_rows_and_ctx(person, slug):
    page = opened(person, slug)
    code = field(page, "report")
    emptied(page, code)
    page.keyboard.type("mai")
    chosen(page, "def main(inputs, ctx)")
    page.keyboard.type("for row in inputs[")
    chosen(page, "worst")
    page.keyboard.type(".ro")
    chosen(page, "rows")
    page.keyboard.press("End")
    page.keyboard.type(":\nctx.lo")
    chosen(page, "log")
    page.keyboard.type('row["c')
    chosen(page, "carrier")
    page.keyboard.press("End")
    page.keyboard.type("\n")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("return None")
    written = 'for row in inputs["worst"].rows():\n        ctx.log(row["carrier"])\n    return None'
    assert saved(person, page, slug, "report")["code"] == f"def main(inputs, ctx):\n    {written}"


@pytest.mark.long
def test_text_typed_while_the_code_editor_loads_stays_in_order(person, slug):
    held = HeldRequests(person.page, "**/static/code-*.js")
    page = opened(person, slug)
    page.locator('[data-card="worst"]').click()
    page.locator("[data-inspector] .codehost textarea").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" limit")
    held.release()
    code = page.locator("[data-inspector] .cm-content")
    expect(code).to_be_focused()
    page.keyboard.type(" 3")
    expect(code).to_have_text("select carrierfrom delays limit 3")


def test_a_problem_is_marked_at_its_line_and_fixed_by_keyboard(person, slug):
    page = opened(person, slug)
    code = field(page, "worst")
    emptied(page, code)
    page.keyboard.type("select carrier,\ndep_dely from delays")
    page.keyboard.press("Escape")
    line = page.locator(".cm-lineNumbers .cm-flagged")
    # Lists are waited for: while one types, a check of the text before may still mark another line.
    expect(line).to_have_text(["2"])
    expect(page.locator(".cm-line .cm-wrong, .cm-line .cm-doubtful")).to_have_text(["dep_dely"])
    page.keyboard.press("F8")
    told = page.locator(".cm-problem")
    expect(told).to_contain_text("dep_dely")
    expect(told.get_by_role("button")).to_be_visible()
    page.keyboard.press("Control+.")
    expect(code).to_have_text("select carrier,dep_delay from delays")
    expect(line).to_have_count(0)
    # The same by the mouse, and back by the editor's own history.
    page.keyboard.press("Control+z")
    expect(code).to_have_text("select carrier,dep_dely from delays")
    expect(line).to_have_text(["2"])
    line.click()
    told.get_by_role("button").click()
    expect(code).to_have_text("select carrier,dep_delay from delays")
    expect(code).to_be_focused()


def test_tab_indents_in_code_and_leaves_the_field_after_escape(person, slug):
    page = opened(person, slug)
    code = field(page, "worst")
    code.click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    expect(code).to_have_text("  select carrierfrom delays")
    page.keyboard.press("Shift+Tab")
    expect(code).to_have_text("select carrierfrom delays")
    expect(code).to_have_accessible_description(re.compile("Tab indents; press Escape and then Tab to leave the field"))
    page.keyboard.press("Escape")
    expect(code).to_be_focused()
    page.keyboard.press("Tab")
    expect(code).not_to_be_focused()
    expect(page.locator(":focus")).to_have_count(1)
    # Typing over lines is one step of its own.
    code.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("from delay")
    page.keyboard.press("s")
    page.keyboard.press("Control+z")
    expect(code).to_have_text("select carrierfrom delays")
    page.keyboard.press("Control+Shift+z")
    expect(code).to_have_text("from delays")


def test_code_fields_in_the_dark_theme_violate_no_content_security_policy(person, slug):
    page = person.page
    page.emulate_media(color_scheme="dark")
    opened(person, slug)
    code = field(page, "worst")
    editor = page.locator("[data-inspector] .cm-editor").first
    dark = editor.evaluate("(it) => getComputedStyle(it).backgroundColor")
    page.emulate_media(color_scheme="light")
    assert editor.evaluate("(it) => getComputedStyle(it).backgroundColor") != dark
    page.emulate_media(color_scheme="dark")
    code.click()
    page.keyboard.press("Control+f")
    find = page.get_by_label("Find", exact=True)
    expect(find).to_be_focused()
    find.press_sequentially("carrier")
    expect(page.locator(".cm-find-count")).to_have_text("1")
    page.keyboard.press("Enter")
    expect(page.locator(".cm-find-count")).to_have_text("1 of 1")
    page.keyboard.press("Escape")
    expect(code).to_be_focused()
    # A browser that typed over the selection by itself would write styles into the page.
    page.keyboard.type("month")
    expect(code).to_have_text("select monthfrom delays")


def test_a_path_field_completes_files_and_accepts_an_upload(person, slug):
    page = opened(person, slug)
    path = field(page, "flights")
    note = page.locator(".pathnote")
    expect(note).to_contain_text(" B")
    emptied(page, path)
    page.keyboard.type("sam")
    expect(completions(page).first).to_contain_text("samples/")
    page.keyboard.press("Enter")
    # What is in the folder is offered at once.
    expect(path).to_have_text("samples/")
    expect(offered(page).filter(has_text="weather-2013-01.csv.gz")).to_be_visible()
    page.keyboard.type("wea")
    chosen(page, "samples/weather-2013-01.csv.gz")
    assert saved(person, page, slug, "flights")["path"] == "samples/weather-2013-01.csv.gz"

    picker = page.locator("[data-inspector] input[type=file]")
    emptied(page, path)
    picker.set_input_files({"name": "own.csv", "mimeType": "text/csv", "buffer": b"a\n1\n"})
    expect(path).to_have_text("own.csv")
    expect(note).to_have_text("Uploaded: 4 B")
    # What is there is not replaced without asking.
    picker.set_input_files({"name": "own.csv", "mimeType": "text/csv", "buffer": b"a\n1\n2\n"})
    expect(note).to_contain_text("own.csv already exists: 4 B")
    note.get_by_role("button", name="Save as own-2.csv").click()
    expect(path).to_have_text("own-2.csv")
    assert person.product.call("GET", "/api/v1/files/own.csv").body == b"a\n1\n"
    assert person.product.call("GET", "/api/v1/files/own-2.csv").body == b"a\n1\n2\n"
    assert saved(person, page, slug, "flights")["path"] == "own-2.csv"
    # That one is missing is said once, with what helps.
    emptied(page, path)
    page.keyboard.type("none.csv")
    expect(note).to_have_text("Upload it here, or write it in an upstream node.")
    expect(page.locator("[data-inspector]").get_by_text(re.compile("no (such )?file"))).to_have_count(1)
