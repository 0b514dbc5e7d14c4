"""The canvas on which a workflow is drawn: what is done there by mouse, by touch and by keyboard."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Person, box_of, open_browser
from tests.support.wait import wait_until

SHIFT = "Shift"
numbers = itertools.count()


@pytest.fixture
def person(signed_in_once: Person) -> Person:
    return signed_in_once


def node(
    name: str, x: float | None = None, y: float | None = None, type: str = "noop", **config: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {"id": name.lower(), "type": type, "name": name}
    if config:
        made["config"] = config
    if x is not None:
        made["position"] = {"x": x, "y": y}
    return made


def edge(text: str) -> dict[str, str]:
    """`a>b`, or `a:port>b`."""
    source, _, target = text.partition(">")
    source, _, port = source.partition(":")
    return {"source": source, "target": target} | ({"source_port": port} if port else {})


class Canvas:
    """The editor of a workflow of its own, with this draft."""

    def __init__(self, person: Any, nodes: list[dict[str, Any]], edges: str = "") -> None:
        self.product = person.product
        self.slug = f"edit-canvas-{next(numbers)}"
        self.product.api("POST", "workflows/", {"name": self.slug, "slug": self.slug})
        document = {"schema": "interlock/1", "nodes": nodes, "edges": [edge(one) for one in edges.split()]}
        answer = self.product.call(
            "PUT", f"/api/v1/workflows/{self.slug}/draft/", {"definition": document}, If_Match='"0"'
        )
        assert answer.status == 200, answer.body
        self.page: Page = person.go(f"/workflows/{self.slug}/edit/")
        self.host = self.page.locator("[data-edit-canvas]")
        expect(self.host).to_have_attribute("data-drawn", re.compile(r"\d"))
        expect(self.page.locator("[data-editor]")).to_have_attribute("data-ready", "")

    def card(self, name: str) -> Locator:
        return self.page.locator(f'[data-card="{name}"]')

    def chosen(self, *names: str) -> None:
        """Exactly these nodes are shown as chosen."""
        expect(self.page.locator("[data-card].sel")).to_have_count(len(names))
        for name in names:
            expect(self.card(name)).to_have_class(re.compile(r"\bsel\b"))

    def over(self, what: str) -> Locator:
        """What lies over the cards; a straight line has no extent, so that it counts as hidden."""
        return self.page.locator(f".cvover .{what}")

    def middle(self, thing: Locator | str) -> tuple[float, float]:
        box = box_of(self.card(thing) if isinstance(thing, str) else thing)
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, start: tuple[float, float], *stops: tuple[float, float], drop: bool = True) -> None:
        self.page.mouse.move(*start)
        self.page.mouse.down()
        for stop in stops:
            self.page.mouse.move(*stop, steps=4)
        if drop:
            self.page.mouse.up()

    def port(self, name: str, port: str = "out") -> tuple[float, float]:
        return self.middle(self.page.locator(f'[data-port="{name}:{port}"]'))

    def way_in(self, name: str) -> tuple[float, float]:
        return self.middle(self.page.locator(f'[data-in="{name}"]'))

    def draft(self) -> dict[str, Any]:
        found: dict[str, Any] = self.product.api("GET", f"workflows/{self.slug}/draft/")["definition"]
        return found

    def saved(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.draft()
            return found if condition(found) else None

        return wait_until(look, interval=0.05)

    def has_edges(self, edges: str) -> None:
        wanted = sorted(edges.split())
        self.saved(
            lambda draft: (
                sorted(
                    one["source"] + (":" + one["source_port"] if "source_port" in one else "") + ">" + one["target"]
                    for one in draft["edges"]
                )
                == wanted
            )
        )

    def has_place(self, name: str, x: float, y: float) -> None:
        self.saved(
            lambda draft: {"x": x, "y": y} in [one.get("position") for one in draft["nodes"] if one["id"] == name]
        )

    def undo(self) -> None:
        self.page.keyboard.press("Control+z")


def test_a_dragged_node_snaps_to_the_grid_or_to_the_height_of_another_node(person):
    it = Canvas(person, [node("Read", 0, 0), node("Clean", 300, 0), node("Odd", 7, 213)], "read>clean")
    x, y = it.middle("clean")
    it.drag((x, y), (x + 40, y + 96))
    it.has_place("clean", 340, 100)
    it.chosen("clean")
    # Level with one that stands on no grid, and a line says so.
    x, y = it.middle("clean")
    it.drag((x, y), (x - 20, y + 110), drop=False)
    expect(it.over("guide")).not_to_have_css("display", "none")
    it.page.mouse.up()
    expect(it.over("guide")).to_have_css("display", "none")
    it.has_place("clean", 320, 213)
    # Alt takes it anywhere; Escape takes it back.
    x, y = it.middle("clean")
    it.page.keyboard.down("Alt")
    it.drag((x, y), (x + 3, y - 31))
    it.page.keyboard.up("Alt")
    it.has_place("clean", 323, 182)
    before = box_of(it.card("clean"))
    x, y = it.middle("clean")
    it.drag((x, y), (x + 100, y + 50), drop=False)
    it.page.keyboard.press("Escape")
    expect(it.page.locator(".cvstage.dragging")).to_have_count(0)
    it.page.mouse.up()
    assert box_of(it.card("clean")) == before
    for place in ((320, 213), (340, 100), (300, 0)):
        it.undo()
        it.has_place("clean", *place)
    expect(it.page.locator("[data-undo]")).to_be_disabled()


def test_several_nodes_are_selected_by_a_box_or_by_clicks_and_moved_together(person):
    it = Canvas(person, [node("A", 0, 0), node("B", 240, 0), node("C", 0, 120), node("D", 240, 120)], "a>b c>d")
    ax, ay = it.middle("a")
    _, cy = it.middle("c")
    it.page.keyboard.down(SHIFT)
    it.drag((ax - 110, ay - 50), (ax + 60, cy + 20))
    it.page.keyboard.up(SHIFT)
    it.chosen("a", "c")
    it.page.keyboard.down("Control")
    it.page.mouse.click(*it.middle("d"))
    it.page.mouse.click(*it.middle("c"))
    it.page.keyboard.up("Control")
    it.chosen("a", "d")
    x, y = it.middle("d")
    it.drag((x, y), (x + 60, y + 160))
    it.has_place("d", 300, 280)
    it.has_place("a", 60, 160)
    it.undo()
    it.has_place("a", 0, 0)
    it.has_place("d", 240, 120)
    # A drag over empty ground moves the view, and a click there chooses nothing.
    before = box_of(it.card("a"))
    x, y = it.middle("a")
    it.drag((x, y - 60), (x + 80, y - 20))
    after = box_of(it.card("a"))
    assert (after["x"] - before["x"], after["y"] - before["y"]) == (80, 40)
    it.chosen("a", "d")
    it.page.mouse.click(x, y - 60)
    it.chosen()


def test_edges_are_drawn_from_ports_and_one_that_would_close_a_cycle_is_refused_with_the_reason(person):
    it = Canvas(
        person,
        [
            node("Read", 0, 0),
            node("Clean", 260, 0),
            node("Split", 260, 120, type="branch", condition="true"),
            node("Tell", 560, 120),
        ],
        "read>clean",
    )
    # While it is drawn, nodes that it may lead to light up, and the others do not.
    it.drag(it.port("clean"), (it.port("clean")[0] + 40, it.port("clean")[1] + 40), drop=False)
    expect(it.card("tell")).to_have_class(re.compile(r"\bmay\b"))
    expect(it.card("read")).to_have_class(re.compile("mustnot"))
    it.page.mouse.move(*it.middle("read"), steps=4)
    why = it.page.locator(".cvwhy")
    expect(why).to_have_text("Clean already depends on Read: Read → Clean")
    expect(it.page.locator(".cvover .wire")).to_have_class("wire refused")
    it.page.mouse.up()
    expect(why).to_be_hidden()
    # From the named port of a branch; forward and backward.
    it.drag(it.port("split", "false"), it.middle("tell"))
    it.has_edges("read>clean split:false>tell")
    it.drag(it.way_in("split"), it.middle("clean"))
    it.has_edges("read>clean split:false>tell clean>split")
    # Dropped where nothing is, what comes next is asked for.
    x, y = it.port("tell")
    it.drag((x, y), (x + 60, y + 120))
    menu = it.page.locator("[data-add-menu]")
    expect(menu).to_be_visible()
    it.page.keyboard.type("python")
    it.page.keyboard.press("Enter")
    it.saved(
        lambda draft: [one["target"] for one in draft["edges"] if one["source"] == "tell"] == [draft["nodes"][-1]["id"]]
    )
    assert len(it.draft()["nodes"]) == 5
    for _ in range(3):
        it.undo()
    it.has_edges("read>clean")


def test_an_edge_is_selected_moved_to_another_target_and_split_by_a_dropped_node(person):
    it = Canvas(
        person,
        [node("Read", 0, 0), node("Clean", 300, 0), node("Tell", 300, 120), node("Alone", 0, 240)],
        "read>clean",
    )
    start, end = it.port("read"), it.way_in("clean")
    between = ((start[0] + end[0]) / 2 + 22, start[1])
    it.page.mouse.click(*between)
    expect(it.page.locator(".cvover .end").first).to_be_visible()
    it.chosen()
    # Its end goes to another node; the edge is the same one.
    it.drag(end, it.middle("tell"))
    it.has_edges("read>tell")
    it.undo()
    it.has_edges("read>clean")
    # A node that no edge holds goes into an edge that it is dropped on.
    x, y = it.middle("alone")
    it.drag((x, y), (x, y - 40), (between[0] - 10, between[1] + 4), drop=False)
    expect(it.over("lit")).not_to_have_css("display", "none")
    it.page.mouse.up()
    it.has_edges("read>alone alone>clean")
    it.undo()
    it.has_edges("read>clean")
    # So does one of the palette, and one that the edge's own button asks for.
    it.page.evaluate(
        """([x, y]) => {
          const data = new DataTransfer();
          data.setData("application/x-interlock-node", "python");
          const at = { dataTransfer: data, clientX: x, clientY: y, bubbles: true, cancelable: true };
          const stage = document.querySelector(".cvstage");
          for (const kind of ["dragenter", "dragover", "drop"]) stage.dispatchEvent(new DragEvent(kind, at));
        }""",
        list(between),
    )
    it.has_edges("read>python python>clean")
    it.undo()
    it.has_edges("read>clean")
    it.page.mouse.move(between[0], between[1] - 60)
    it.page.mouse.move(*between, steps=2)
    it.page.get_by_role("button", name="Insert a node here").click()
    expect(it.page.locator("[data-add-menu]")).to_be_visible()
    it.page.keyboard.type("python")
    it.page.keyboard.press("Enter")
    it.has_edges("read>python python>clean")


def test_a_node_is_renamed_on_its_card(person):
    it = Canvas(person, [node("Read", 0, 0), node("Clean", 300, 0)], "read>clean")
    it.card("read").dblclick()
    field = it.page.get_by_label("Name of the node")
    expect(field).to_be_focused()
    expect(field).to_have_value("Read")
    field.fill("Load flights")
    it.page.keyboard.press("Enter")
    draft = it.saved(lambda draft: draft["nodes"][0].get("name") == "Load flights")
    # Its id may follow; the edge does.
    name = draft["nodes"][0]["id"]
    it.has_edges(f"{name}>clean")
    expect(it.card(name).locator("b")).to_have_text("Load flights")
    it.chosen(name)
    it.page.keyboard.press("F2")
    field.fill("Another")
    it.page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    expect(it.card(name).locator("b")).to_have_text("Load flights")
    it.undo()
    it.saved(lambda draft: draft["nodes"][0]["name"] == "Read")


def test_arranging_is_one_edit_and_moving_a_node_stores_the_positions_of_all(person):
    it = Canvas(person, [node("A"), node("B"), node("C")], "a>b b>c")
    boxes = {name: box_of(it.card(name)) for name in "abc"}
    x, y = it.middle("c")
    it.drag((x, y), (x + 20, y + 120))
    places = {
        one["id"]: one["position"]
        for one in it.saved(lambda draft: all("position" in one for one in draft["nodes"]))["nodes"]
    }
    it.page.reload()
    expect(it.host).to_have_attribute("data-drawn", re.compile(r"\d"))
    assert {one["id"]: one["position"] for one in it.draft()["nodes"]} == places
    assert places["b"]["x"] - places["a"]["x"] == boxes["b"]["x"] - boxes["a"]["x"]
    assert places["c"]["y"] - places["b"]["y"] == 120
    it.page.locator("[data-tidy]").click()
    it.saved(lambda draft: len({one["position"]["y"] for one in draft["nodes"]}) == 1)
    it.undo()
    it.has_place("c", **places["c"])


def test_nodes_are_reached_and_connected_by_keyboard(person):
    it = Canvas(
        person,
        [
            node("Read", 0, 0),
            node("Clean", 260, 0),
            node("Split", 0, 120, type="branch", condition="true"),
            node("Tell", 520, 60),
        ],
        "read>clean",
    )
    said = it.host.locator("> [aria-live]")
    it.page.mouse.click(*it.middle("read"))
    expect(it.page.get_by_role("application", name="Graph")).to_be_focused()
    it.page.keyboard.press("ArrowRight")
    it.chosen("clean")
    expect(said).to_contain_text("Clean. noop")
    it.page.keyboard.press("c")
    expect(said).to_contain_text("Connect from Clean. To Tell")
    # Letters are names now, and no keys of the page; what would close a cycle is not offered.
    it.page.keyboard.type("sp")
    expect(it.card("split")).to_have_class(re.compile("aimed"))
    it.page.keyboard.press("ArrowRight")
    expect(it.card("tell")).to_have_class(re.compile("aimed"))
    it.page.keyboard.press("Enter")
    it.has_edges("read>clean clean>tell")
    expect(it.card("clean")).to_have_class(re.compile("focus"))
    # A branch begins at the port that Tab has chosen.
    it.page.locator("[data-edit-canvas]").get_by_role("button", name="Find a node").click()
    it.page.keyboard.type("split")
    it.page.keyboard.press("Enter")
    it.chosen("split")
    it.page.keyboard.press("c")
    expect(said).to_contain_text("port true")
    it.page.keyboard.press("Tab")
    expect(said).to_contain_text("port false")
    it.page.keyboard.press("t")
    it.page.keyboard.press("Enter")
    it.has_edges("read>clean clean>tell split:false>tell")
    it.page.keyboard.press("c")
    it.page.keyboard.press("Escape")
    expect(it.page.locator(".cvstage.wiring")).to_have_count(0)
    it.undo()
    it.undo()
    it.has_edges("read>clean")


def test_an_empty_canvas_shows_how_to_start_and_accepts_a_dropped_file(person):
    it = Canvas(person, [])
    expect(it.host.get_by_text("Add your first node")).to_be_visible()
    stage = box_of(it.page.locator(".cvstage"))
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + 120
    it.page.evaluate(
        """([x, y, name]) => {
          const data = new DataTransfer();
          data.items.add(new File(["carrier,delay\\nUA,2\\n"], name, { type: "text/csv" }));
          const at = { dataTransfer: data, clientX: x, clientY: y, bubbles: true, cancelable: true };
          const stage = document.querySelector(".cvstage");
          for (const kind of ["dragenter", "dragover", "drop"]) stage.dispatchEvent(new DragEvent(kind, at));
        }""",
        [x, y, f"{it.slug}.csv"],
    )
    draft = it.saved(lambda draft: len(draft["nodes"]) == 1)
    assert (draft["nodes"][0]["type"], draft["nodes"][0]["config"]["path"]) == ("table.read", f"{it.slug}.csv")
    assert it.product.call("GET", f"/api/v1/files/{it.slug}.csv").body == b"carrier,delay\nUA,2\n"
    expect(it.host.get_by_text("Add your first node")).to_be_hidden()
    # The same name again is another file.
    x, y = it.middle(it.page.locator("[data-card]"))
    it.page.mouse.dblclick(x, y + 120)
    expect(it.page.locator("[data-add-menu]")).to_be_visible()


def test_a_finger_pans_the_view_and_drags_a_selected_node(chromium, product, tmp_path):
    with open_browser(chromium, product, tmp_path / "shots", width=390, height=780, touch=True) as person:
        person.sign_in()
        it = Canvas(person, [node("Read", 0, 0), node("Clean", 0, 120)], "read>clean")
        session = it.page.context.new_cdp_session(it.page)

        def finger(start: tuple[float, float], end: tuple[float, float]) -> None:
            for kind, (x, y) in (
                ("touchStart", start),
                *(
                    (
                        "touchMove",
                        (start[0] + (end[0] - start[0]) * share / 4, start[1] + (end[1] - start[1]) * share / 4),
                    )
                    for share in range(1, 5)
                ),
            ):
                session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
            session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        before = box_of(it.card("read"))
        x, y = it.middle("read")
        finger((x, y), (x + 30, y + 60))
        after = box_of(it.card("read"))
        assert (round(after["x"] - before["x"]), round(after["y"] - before["y"])) != (0, 0)
        it.chosen()
        # A browser takes a tap right after a swipe for its end.
        it.page.wait_for_timeout(500)
        it.page.touchscreen.tap(*it.middle("read"))
        it.chosen("read")
        x, y = it.middle("read")
        finger((x, y), (x + 40, y + 10))
        it.saved(lambda draft: draft["nodes"][0]["position"] != {"x": 0, "y": 0})
