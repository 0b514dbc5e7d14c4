"""Drawing a workflow: each thing that an author does in the editor, by mouse and by keyboard."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Position, expect

from tests.browser.conftest import HeldRequests, Person, box_of
from tests.support.documents import chain
from tests.support.wait import wait_until


@pytest.fixture
def person(signed_in_once: Person) -> Person:
    return signed_in_once


@pytest.fixture
def slug(product, request) -> str:
    """An empty workflow of the test's own."""
    name = request.node.name.replace("_", "-")[:60].strip("-")
    product.api("POST", "workflows/", {"name": name, "slug": name})
    return str(name)


class Drawing:
    """The editor's page of one workflow, and its draft as the server has it."""

    def __init__(self, person: Any, slug: str, definition: dict[str, Any] | None = None) -> None:
        self.person, self.slug = person, slug
        if definition:
            person.product.call("PUT", f"/api/v1/workflows/{slug}/draft/", {"definition": definition}, If_Match='"0"')
        self.page: Page = person.go(f"/workflows/{slug}/edit/")
        expect(self.page.locator("[data-editor][data-ready]")).to_be_visible()

    def key(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def saved(self, condition: Callable[[list[str], list[tuple[str, str]]], bool]) -> dict[str, Any]:
        """The draft, once ids of its nodes and ends of its edges are as asked; ends have one of the two orders."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.person.product.api("GET", f"workflows/{self.slug}/draft/")["definition"]
            nodes = [node["id"] for node in found.get("nodes", [])]
            edges = [(edge["source"], edge["target"]) for edge in found.get("edges", [])]
            return found if condition(nodes, edges) else None

        return wait_until(look, interval=0.05)

    def is_now(self, nodes: str, edges: str = "") -> dict[str, Any]:
        """The draft, once it has these nodes ("a b") and edges ("a>b")."""
        ends = sorted(tuple(edge.split(">")) for edge in edges.split())
        return self.saved(lambda ids, found: ids == nodes.split() and sorted(found) == ends)

    def leave_field(self) -> None:
        """Once the field of what was added has the keyboard: back to the graph."""
        expect(self.page.locator("[data-inspector] :focus")).to_be_visible()
        # Escape closes what is open, then lets Tab leave a field for code, then leads back.
        for _ in range(4):
            self.key("Escape")
            if self.page.locator("[data-edit-canvas] :focus").count():
                return
        raise AssertionError("the field keeps the keyboard")

    def choose(self, node: str) -> None:
        self.page.locator(f'[data-card="{node}"]').click()

    @property
    def undo(self) -> Any:
        return self.page.locator("[data-undo]")


def placed(definition: dict[str, Any]) -> dict[str, Any]:
    """With its nodes in a row, so that all are in view."""
    for at, node in enumerate(definition["nodes"]):
        node["position"] = {"x": 240 * at, "y": 0}
    return definition


@pytest.mark.smoke
def test_the_key_n_finds_a_node_type_and_enter_adds_it_after_the_selected_node(person, slug):
    it = Drawing(person, slug)
    it.key("n")
    field = it.page.get_by_label("Add a node", exact=True)
    expect(field).to_be_focused()
    # Nothing is drawn yet: reading a table is what one begins with.
    expect(it.page.locator('[data-add="table.read"]')).to_have_attribute("aria-selected", "true")
    it.page.keyboard.type("csv write")
    expect(it.page.locator("[data-palette-side] [data-add]")).to_have_count(1)
    field.fill("")
    it.key("Enter")
    expect(it.undo).to_have_attribute("title", "Undo: Add Read table (Ctrl Z)")
    # The first field of its form has the keyboard; Escape gives it back to the graph.
    it.leave_field()
    it.key("n")
    expect(it.page.locator('[data-add="table.sql"]')).to_have_attribute("aria-selected", "true")
    it.key("Enter")
    made = it.is_now("read_table sql", "read_table>sql")
    assert made["nodes"][1]["position"]["x"] > made["nodes"][0]["position"]["x"]
    it.leave_field()
    it.key("n")
    it.page.keyboard.type("nothing like that")
    expect(it.page.get_by_text("No matching node types.")).to_be_visible()
    it.key("Enter", "Escape", "Escape")
    expect(field).not_to_be_focused()
    it.is_now("read_table sql", "read_table>sql")


def test_a_click_in_the_palette_adds_a_node_in_a_free_place_and_connects_its_input(person, slug):
    it = Drawing(person, slug)
    read = it.page.locator('[data-add="table.read"]')
    read.click()
    read.click()
    it.page.locator('[data-add="python"]').click()
    made = it.is_now("read_table read_table_2 python", "read_table_2>python")
    first, second = (node["position"] for node in made["nodes"][:2])
    assert abs(first["x"] - second["x"]) >= 188 or abs(first["y"] - second["y"]) >= 54


def test_every_kind_of_edit_is_undone_and_redone(person, slug):
    it = Drawing(person, slug, placed(chain("a", "b", "c")))
    it.choose("b")
    it.key("d")
    it.is_now("a b c b_2", "a>b b>c")
    it.key("Delete")
    it.is_now("a b c", "a>b b>c")
    it.choose("b")
    it.key("Shift+ArrowDown", "Shift+ArrowDown")
    wait_until(lambda: it.is_now("a b c", "a>b b>c")["nodes"][1]["position"] == {"x": 240, "y": 20})
    # What was before and after is joined.
    it.key("Delete")
    it.is_now("a c", "a>c")
    it.page.get_by_role("status").get_by_role("button", name="Undo").click()
    assert it.is_now("a b c", "a>b b>c")["nodes"][1]["position"] == {"x": 240, "y": 20}
    expect(it.page.get_by_role("status").get_by_role("button", name="Undo")).to_have_count(0)
    # Steps in a row are one; the bar and the keys do the same.
    it.undo.click()
    assert wait_until(lambda: it.is_now("a b c", "a>b b>c")["nodes"][1]["position"]["y"] == 0)
    it.key("Control+z", "Control+z")
    it.is_now("a b c", "a>b b>c")
    expect(it.undo).to_be_disabled()
    expect(it.page.locator("[data-redo]")).to_have_attribute("title", "Redo: Duplicate b (Ctrl Shift Z)")
    it.key("Control+Shift+z", "Control+y")
    it.page.locator("[data-redo]").click()
    it.key("Control+Shift+z")
    it.is_now("a c", "a>c")
    expect(it.page.locator("[data-redo]")).to_be_disabled()


def test_text_typed_into_the_inspector_is_undone_like_any_edit(person, slug):
    query = {"id": "q", "type": "table.sql", "config": {"sql": "select 1"}}
    it = Drawing(person, slug, placed({"schema": "interlock/1", "nodes": [query], "edges": []}))
    it.choose("q")
    it.key("Enter")
    field = it.page.locator("[data-inspector] .cm-content")
    expect(field).to_be_focused()
    it.key("Control+a")
    # A pause would be the end of a step.
    it.page.keyboard.insert_text("select 2 as ")
    it.key("n")
    expect(it.undo).to_have_attribute("title", "Undo: Edit SQL of q (Ctrl Z)")
    # One step, though it was two; the field follows, and keeps the keyboard.
    it.key("Control+z")
    expect(field).to_have_text("select 1")
    expect(it.undo).to_be_disabled()
    it.key("Control+Shift+z")
    expect(field).to_have_text("select 2 as n")
    expect(field).to_be_focused()
    # The palette's own field keeps its own.
    it.leave_field()
    it.key("n", "p", "y", "Control+z", "Control+z")
    expect(field).to_have_text("select 2 as n")


def test_enter_focuses_the_inspector_even_while_it_is_loading(person, slug):
    held = HeldRequests(person.page, "**/static/view-*.js")
    it = Drawing(person, slug, placed(chain("a", "b")))
    it.choose("a")
    it.key("Enter")
    held.release()
    expect(it.page.locator("[data-inspector] :focus")).to_be_visible()


def test_nodes_are_copied_between_workflows_and_as_json_text(person, slug):
    person.context.grant_permissions(["clipboard-read", "clipboard-write"])
    it = Drawing(person, slug, placed(chain("a", "b", "c")))
    it.choose("a")
    it.key("Control+a", "Control+c")
    expect(it.page.locator("[data-toast]")).to_contain_text("Copied 3 nodes.")
    text = json.loads(it.page.evaluate("navigator.clipboard.readText()"))
    assert [text["interlock"], len(text["nodes"]), len(text["edges"])] == ["nodes/1", 3, 2]
    it.key("Escape", "Control+v")
    made = it.is_now("a b c a_2 b_2 c_2", "a>b b>c a_2>b_2 b_2>c_2")
    assert len({json.dumps(node["position"]) for node in made["nodes"]}) == 6
    it.key("Control+x")
    it.is_now("a b c", "a>b b>c")

    other = f"{slug[:50]}-other"
    person.product.api("POST", "workflows/", {"name": other, "slug": other})
    there = Drawing(person, other)
    there.key("Control+v")
    there.is_now("a_2 b_2 c_2", "a_2>b_2 b_2>c_2")
    # Text from elsewhere: a whole definition, then what is none.
    there.page.evaluate("(text) => navigator.clipboard.writeText(text)", json.dumps(placed(chain("x", "y"))))
    there.key("Control+v")
    there.is_now("a_2 b_2 c_2 x y", "a_2>b_2 b_2>c_2 x>y")
    there.page.evaluate("navigator.clipboard.writeText('dear diary')")
    there.key("Control+v")
    expect(there.page.locator('[data-toast="error"]')).to_contain_text("Copy nodes, or a definition as JSON")

    there.page.get_by_role("button", name="More").click()
    there.page.get_by_role("button", name="Import JSON").click()
    dialog = there.page.get_by_role("dialog")
    dialog.get_by_label("Workflow definition").fill('{"nodes": [')
    dialog.get_by_role("button", name="Replace workflow").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This is not valid JSON.")
    dialog.get_by_label("Workflow definition").fill(json.dumps(chain("p", "q")))
    dialog.get_by_role("button", name="Replace workflow").click()
    expect(dialog).to_have_count(0)
    there.is_now("p q", "p>q")
    there.key("Control+z")
    there.is_now("a_2 b_2 c_2 x y", "a_2>b_2 b_2>c_2 x>y")


def test_keys_typed_into_a_field_are_not_shortcuts(person, slug):
    it = Drawing(person, slug, placed(chain("a", "b")))
    it.choose("a")
    it.key("n")
    it.page.keyboard.type("dfnc")
    it.key("Delete", "Backspace", "Control+a", "Control+x", "Escape", "?")
    help_ = it.page.get_by_role("dialog", name="Keyboard")
    expect(help_.get_by_role("heading", name="In the editor")).to_be_visible()
    expect(help_.get_by_role("heading", name="On a run", exact=True)).to_be_hidden()
    it.key("Escape")
    it.key("Control+k")
    it.page.keyboard.type("add sql")
    expect(it.page.locator("#palette [role=option]").first).to_contain_text("Add SQL")
    it.key("Enter")
    it.is_now("a b sql", "a>b a>sql")
    # G goes elsewhere, and the letter after it is no key of the editor.
    it.leave_field()
    it.key("g", "w")
    it.page.wait_for_url("**/workflows/")


def test_the_palette_and_the_inspector_fold_and_stay_folded(person, slug):
    it = Drawing(person, slug, placed(chain("a", "b")))
    page = it.page
    wide = box_of(page.locator("[data-edit-canvas]"))["width"]
    page.get_by_role("button", name="Node type names").click()
    page.get_by_role("button", name="Inspector").click()
    expect(page.locator("#panel")).to_be_hidden()
    page.reload()
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    expect(page.locator("#panel")).to_be_hidden()
    assert box_of(page.locator("[data-edit-canvas]"))["width"] > wide + 500
    # What they are for is there all the same: a menu to add from, and the inspector when it has something to ask.
    it.key("n")
    expect(page.locator("[data-add-menu]").get_by_role("combobox")).to_be_focused()
    page.keyboard.type("sql")
    it.key("Enter")
    expect(page.locator("#panel")).to_be_visible()
    it.leave_field()
    page.locator('[data-palette-side] [data-add="noop"]').click()
    it.is_now("a b sql no_operation", "a>b sql>no_operation")
    page.get_by_role("button", name="Node type names").click()
    it.key("n")
    expect(page.get_by_label("Add a node", exact=True)).to_be_focused()


def test_a_narrow_page_is_one_column_in_which_nodes_are_added(person, slug):
    person.page.set_viewport_size({"width": 360, "height": 740})
    it = Drawing(person, slug)
    page = it.page
    page.locator("[data-add-narrow]").click()
    menu = page.locator("[data-add-menu]")
    expect(menu.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("sql")
    menu.locator("[data-add]").first.click()
    it.is_now("sql")
    tops = [box_of(page.locator(part)) for part in (".edhead", ".editcanvas", ".addbar", "#panel", "#drawer")]
    assert all(one["y"] + one["height"] <= two["y"] + 1 for one, two in itertools.pairwise(tops))
    assert all(one["x"] >= 0 and one["x"] + one["width"] <= 360 for one in tops)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_a_type_is_dragged_from_the_palette_to_its_place_and_into_an_edge(person, slug):
    it = Drawing(person, slug, placed(chain("a", "b")))
    canvas = it.page.locator("[data-edit-canvas]")
    it.page.locator('[data-add="table.read"]').drag_to(canvas, target_position={"x": 300, "y": 420})
    made = it.is_now("a b read_table", "a>b")
    assert made["nodes"][2]["position"]["y"] > 100
    box, start, end = (
        box_of(it.page.locator(part)) for part in ("[data-edit-canvas]", '[data-card="a"]', '[data-card="b"]')
    )
    middle: Position = {
        "x": (start["x"] + start["width"] + end["x"]) / 2 - box["x"],
        "y": start["y"] + start["height"] / 2 - box["y"],
    }
    it.page.locator('[data-add="python"]').drag_to(canvas, target_position=middle)
    it.is_now("a b read_table python", "a>python python>b")
    it.key("Control+z", "Control+z")
    it.is_now("a b", "a>b")
