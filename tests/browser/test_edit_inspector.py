"""The inspector: what a chosen node is, edited in a form; several nodes, an edge, and the workflow itself."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import axe
from tests.browser.conftest import Person
from tests.support.wait import wait_until

NODES: list[dict[str, Any]] = [
    {"id": "load", "type": "table.read", "name": "Load", "config": {"path": "samples/flights-2013-01.csv.gz"}},
    {"id": "clean", "type": "table.sql", "name": "Clean", "config": {"sql": "select * from load"}},
    {"id": "join", "type": "python", "name": "Join", "config": {"code": "def main(inputs, ctx):\n    return None\n"}},
    {"id": "ask", "type": "python.function", "name": "Ask", "config": {"function": "json.dumps"}},
    {"id": "say", "type": "shell", "name": "Say", "config": {"command": "true"}},
    {
        "id": "which",
        "type": "branch",
        "name": "Which",
        "config": {"condition": "{{ nodes.clean.output.row_count > 0 }}"},
    },
    {"id": "save", "type": "table.write", "name": "Save", "config": {"path": "out/x.parquet"}},
    {"id": "odd", "type": "acme.odd", "name": "Odd", "config": {"a": 1}},
    {"id": "rest", "type": "noop"},
]
EDGES = [
    {"source": "load", "target": "clean"},
    {"source": "clean", "target": "join", "target_port": "rows"},
    {"source": "clean", "target": "which"},
    {"source": "which", "source_port": "true", "target": "save"},
    {"source": "save", "target": "rest"},
]


@pytest.fixture
def person(signed_in_once: Person) -> Person:
    return signed_in_once


class Inspecting:
    """The editor's page of one workflow with its inspector, and its draft as the server has it."""

    def __init__(self, person: Any, slug: str, nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> None:
        self.product, self.slug = person.product, slug
        self.product.api("POST", "workflows/", {"name": slug, "slug": slug})
        placed = [{**node, "position": {"x": 300 * (at % 3), "y": 90 * (at // 3)}} for at, node in enumerate(nodes)]
        definition = {"schema": "interlock/1", "nodes": placed, "edges": edges}
        self.product.call("PUT", f"/api/v1/workflows/{slug}/draft/", {"definition": definition}, If_Match='"0"')
        self.page: Page = person.go(f"/workflows/{slug}/edit/")
        self.panel: Locator = self.page.locator("[data-inspector]")
        expect(self.page.locator("[data-editor][data-ready] [data-inspector][data-shown]")).to_be_visible()

    def choose(self, node: str, *, add: bool = False) -> None:
        self.page.locator(f'[data-card="{node}"]').click(modifiers=["Shift"] if add else [])

    def tab(self, name: str) -> None:
        self.panel.get_by_role("tab", name=name).click()

    def field(self, label: str, role: Any = "textbox") -> Locator:
        return self.panel.get_by_role(role, name=label, exact=True)

    def undo(self) -> None:
        self.page.locator("[data-undo]").click()

    def draft(self) -> dict[str, Any]:
        found: dict[str, Any] = self.product.api("GET", f"workflows/{self.slug}/draft/")["definition"]
        return found

    def saved(self, read: Callable[[dict[str, Any]], Any], wanted: Any) -> None:
        """Until the server's draft holds what is wanted."""
        seen: list[Any] = []

        def look() -> bool:
            seen[:] = [read(self.draft())]
            return bool(seen[0] == wanted)

        try:
            wait_until(look, interval=0.05)
        except AssertionError:
            raise AssertionError(f"the draft holds {seen}, not {wanted!r}") from None

    def config(self, node: str, wanted: dict[str, Any]) -> None:
        self.saved(lambda draft: next(each["config"] for each in draft["nodes"] if each["id"] == node), wanted)

    def node(self, node: str, field: str, wanted: Any) -> None:
        self.saved(lambda draft: next(each.get(field) for each in draft["nodes"] if each["id"] == node), wanted)


def test_each_kind_of_field_writes_its_value_and_nothing_else(person):
    it = Inspecting(person, "inspect-fields", NODES, EDGES)
    it.choose("load")
    it.field("Format", "combobox").select_option(label="CSV")
    it.panel.locator("summary", has_text="Options").click()
    it.field("Delimiter (CSV)").fill(";")
    first = it.panel.get_by_role("radiogroup", name="First row is a header (CSV)")
    first.get_by_role("radio", name="No", exact=True).click()
    skip = it.field("Lines to skip (CSV)")
    skip.fill("x")
    expect(it.panel.get_by_text("Enter a whole number.")).to_be_visible()
    skip.fill("2")
    nulls = it.panel.get_by_role("group", name="Values treated as null (CSV)")
    nulls.get_by_role("button", name="Add entry").click()
    it.page.keyboard.type("NA")
    types = it.panel.get_by_role("group", name="Column types")
    types.get_by_role("button", name="Add entry").click()
    it.page.keyboard.type("day")
    it.page.keyboard.press("Tab")
    it.page.keyboard.type("DATE")
    options = {"delim": ";", "header": False, "skip": 2, "nullstr": "NA", "columns": {"day": "DATE"}}
    it.config("load", {"path": NODES[0]["config"]["path"], "format": "csv", "options": options})
    expect(it.panel.locator("summary", has_text="Options")).to_contain_text("5 set")
    # What says nothing is not kept, nor the object that held it, nor a default.
    it.field("Format", "combobox").select_option(label="Auto")
    it.field("Delimiter (CSV)").fill("")
    skip.fill("")
    first.get_by_role("radio", name="Not set").click()
    nulls.get_by_role("button", name="Remove entry 1").click()
    types.get_by_role("button", name="Remove day").click()
    it.config("load", NODES[0]["config"])

    it.choose("say")
    it.field("Command").click()
    it.page.keyboard.press("Control+A")
    it.page.keyboard.type("echo $A")
    it.panel.get_by_role("group", name="Environment").get_by_role("button", name="Add entry").click()
    it.page.keyboard.type("A")
    it.page.keyboard.press("Tab")
    it.page.keyboard.type("{{ inputs.month }}")
    it.config("say", {"command": "echo $A", "env": {"A": "{{ inputs.month }}"}})

    it.choose("ask")
    it.field("Function").fill("json.loads")
    it.panel.get_by_role("group", name="Arguments").get_by_role("button", name="Add entry").click()
    it.page.keyboard.type("n")
    it.page.keyboard.press("Tab")
    it.page.keyboard.type("[1, 2]")
    it.config("ask", {"function": "json.loads", "args": {"n": [1, 2]}})

    it.choose("save")
    it.panel.get_by_role("radio", name="Keep it").click()
    it.config("save", {"path": "out/x.parquet", "if_exists": "skip"})

    it.choose("odd")
    expect(it.panel.get_by_text("The node type acme.odd is not installed here")).to_be_visible()
    it.field("Config").fill('{"a": 2')
    expect(it.panel.get_by_text("Invalid JSON")).to_be_visible()
    it.field("Config").fill('{"a": 2}')
    it.config("odd", {"a": 2})


def test_undo_changes_a_focused_code_field_and_cases_are_reordered_in_a_list(person):
    it = Inspecting(person, "inspect-code", NODES, EDGES)
    it.choose("clean")
    sql = it.field("SQL")
    sql.click()
    it.page.keyboard.press("Control+End")
    # One input event, because a pause between two would begin another undo step (see code/steps.test.ts).
    it.page.keyboard.insert_text(" where month = 1")
    it.config("clean", {"sql": "select * from load where month = 1"})
    # The field keeps the focus, and typing goes on.
    it.page.keyboard.press("Control+Z")
    expect(sql).to_have_text("select * from load")
    expect(sql).to_be_focused()
    it.page.keyboard.press("Control+End")
    it.page.keyboard.type(" limit 3")
    it.config("clean", {"sql": "select * from load limit 3"})
    it.choose("which")
    cases = it.panel.get_by_role("group", name="Cases", exact=True)
    for _ in range(2):
        cases.get_by_role("button", name="Add entry").click()
    ports, whens = cases.get_by_label("Port"), cases.get_by_role("textbox", name="When")
    ports.nth(0).fill("few")
    ports.nth(1).fill("many")
    whens.nth(1).click()
    it.page.keyboard.type("true")
    cases.get_by_role("button", name="Move entry 2 up").click()
    it.saved(
        lambda draft: draft["nodes"][5]["config"].get("cases"),
        [{"port": "many", "when": True}, {"port": "few", "when": ""}],
    )
    outputs = it.panel.get_by_role("list", name="Outputs")
    expect(outputs.get_by_role("listitem")).to_have_text(["manyleads nowhere", "fewleads nowhere"])
    it.undo()
    expect(ports.nth(0)).to_have_value("few")


def test_limits_retries_and_notes_are_written_into_the_draft(person):
    it = Inspecting(person, "inspect-policy", NODES[:2], EDGES[:1])
    it.product.api("POST", "pools/", {"name": "inspected", "slots": 2})
    it.page.reload()
    it.choose("clean")
    it.field("Pool", "combobox").select_option(label="inspected (2 slots)")
    it.field("Priority", "combobox").select_option(label="3")
    it.tab("Limits")
    soft = it.field("Soft time limit")
    soft.fill("5 m")
    expect(soft).to_have_value("5 m")
    it.panel.get_by_role("button", name="No limit").nth(1).click()
    expect(it.field("Hard time limit")).to_have_value("No limit")
    it.field("Slots").fill("2")
    it.field("Memory").fill("512")
    it.node(
        "clean",
        "policy",
        {"pool": "inspected", "priority": 3, "soft_timeout": 300, "hard_timeout": None, "slots": 2, "memory_mb": 512},
    )
    expect(soft).to_have_value("300")
    it.tab("Retries")
    it.field("Retries").fill("3")
    it.panel.get_by_role("radio", name="Same").click()
    expect(it.panel.get_by_text("All delays are the same.")).to_be_visible()
    it.panel.get_by_role("button", name="SqlError", exact=True).click()
    on = it.field("Retry on")
    on.fill("MyError")
    on.press("Enter")
    it.field("Starts when", "combobox").select_option(label="All ended")
    it.tab("Notes")
    it.field("Notes").fill("Ask Ada.")
    it.node("clean", "notes", "Ask Ada.")
    found = it.draft()["nodes"][1]["policy"]
    assert {key: found[key] for key in ("retries", "retry_backoff", "retry_on", "trigger_rule")} == {
        "retries": 3,
        "retry_backoff": "fixed",
        "retry_on": ["SqlError", "MyError"],
        "trigger_rule": "all_done",
    }
    # The tabs by keyboard; the next node shows the same one.
    it.panel.get_by_role("tab", name="Notes").focus()
    it.page.keyboard.press("Home")
    expect(it.panel.get_by_role("tab", name="Config")).to_have_attribute("aria-selected", "true")


def test_a_problem_is_shown_at_its_field_with_its_fix(person):
    nodes = [{**node} for node in NODES[:2]]
    nodes[1] |= {
        "config": {"sql": "select 1\nfrom lode"},
        "policy": {"retries": -1, "hard_timeout": 60, "cache": {"ttl": 3}},
    }
    it = Inspecting(person, "inspect-problems", nodes, EDGES[:1])
    it.choose("clean")
    marked = it.panel.get_by_role("tab", name="Limits")
    expect(marked).to_contain_text("has problems")
    it.tab("Retries")
    retries = it.field("Retries")
    expect(retries).to_have_attribute("aria-invalid", "true")
    expect(it.panel.locator('[data-field="policy.retries"]')).to_contain_text("retries must be a whole number from 0")
    retries.fill("1")
    expect(retries).not_to_have_attribute("aria-invalid", "true")
    it.tab("Limits")
    it.panel.get_by_role("button", name="Set soft_timeout to 60 s").click()
    expect(it.field("Soft time limit")).to_have_value("60")
    it.panel.get_by_role("button", name="Remove cache").click()
    expect(it.panel.locator('[data-field="policy.cache"]')).to_have_count(0)
    expect(marked).not_to_contain_text("has problems")
    # What can be told at once is told before the server answers, and once.
    it.page.route("**/edit/check/", lambda route: None)
    it.tab("Config")
    sql = it.field("SQL")
    sql.click()
    it.page.keyboard.press("Control+A")
    it.page.keyboard.press("Delete")
    expect(it.panel.locator('[data-field="config.sql"] .wrong', has_text="Enter a query.")).to_have_count(1)
    it.page.unroute("**/edit/check/")


def test_renaming_an_id_changes_the_queries_that_name_it_and_a_port_is_renamed(person):
    it = Inspecting(person, "inspect-names", NODES[:3], EDGES[:2])
    it.choose("load")
    name = it.field("Name")
    name.fill("Read flights")
    name.press("Enter")
    own = it.field("Id")
    own.fill("read_flights")
    own.press("Enter")
    # The query that names it follows, and the field keeps the keyboard.
    expect(own).to_be_focused()
    it.saved(lambda draft: [node["id"] for node in draft["nodes"]], ["read_flights", "clean", "join"])
    it.config("clean", {"sql": "select * from read_flights"})
    expect(name).to_have_value("Read flights")
    it.choose("join")
    port = it.field("Port that takes the output of Clean")
    expect(port).to_have_value("rows")
    port.fill("Rows!")
    port.press("Enter")
    expect(it.page.locator(".toast")).to_contain_text("Use up to 63 lowercase letters")
    expect(port).to_have_value("rows")
    port.fill("table_1")
    port.press("Enter")
    it.saved(lambda draft: draft["edges"][1]["target_port"], "table_1")
    it.panel.get_by_role("button", name="Clean", exact=True).click()
    expect(name).to_have_value("Clean")
    expect(it.panel.get_by_role("list", name="Inputs")).to_contain_text("Read flights")


def test_several_selected_nodes_are_edited_aligned_and_deleted_together(person):
    it = Inspecting(person, "inspect-several", NODES[:3], EDGES[:2])
    it.choose("load")
    it.choose("join", add=True)
    expect(it.panel.get_by_role("heading", name="2 nodes")).to_be_visible()
    it.field("Retries").fill("2")
    it.saved(lambda draft: [node.get("policy") for node in draft["nodes"]], [{"retries": 2}, None, {"retries": 2}])
    it.undo()
    it.saved(lambda draft: [node.get("policy") for node in draft["nodes"]], [None, None, None])
    it.panel.get_by_role("button", name="Left", exact=True).click()
    it.saved(lambda draft: len({node["position"]["x"] for node in (draft["nodes"][0], draft["nodes"][2])}), 1)
    it.panel.get_by_role("button", name="Delete").click()
    it.saved(lambda draft: [node["id"] for node in draft["nodes"]], ["clean"])
    it.undo()
    expect(it.panel.get_by_role("heading", name="2 nodes")).to_be_visible()


def test_settings_and_inputs_of_the_workflow_are_written_into_the_draft(person):
    nodes = [{**node} for node in NODES[:2]]
    nodes[1]["config"] = {"sql": "select * from load where month = {{ inputs.month }}"}
    it = Inspecting(person, "inspect-workflow", nodes, EDGES[:1])
    it.panel.get_by_role("button", name="Add an input").click()
    it.page.keyboard.type("month")
    it.page.keyboard.press("Enter")
    row = it.panel.locator(".runinputs > li")
    row.get_by_label("Type").select_option("integer")
    row.get_by_label("Title").fill("Month")
    row.get_by_label("Default").fill("1")
    row.get_by_label("At least").fill("1")
    row.get_by_label("At most").fill("12")
    row.get_by_label("Required").check()
    month = {"type": "integer", "title": "Month", "default": 1, "minimum": 1, "maximum": 12}
    it.saved(
        lambda draft: draft.get("inputs"), {"type": "object", "properties": {"month": month}, "required": ["month"]}
    )
    # Another name, and the expressions that read it.
    name = row.get_by_label("Name of input month")
    name.fill("which")
    name.press("Enter")
    it.config("clean", {"sql": "select * from load where month = {{ inputs.which }}"})
    row.get_by_label("Default").fill("13")
    expect(row.locator(":scope > .fieldproblems")).to_contain_text("must be at most 12")
    row.get_by_label("Default").fill("2")
    it.panel.get_by_role("button", name="As JSON Schema").click()
    raw = json.loads(it.panel.get_by_label("JSON Schema of inputs").input_value())
    assert raw["properties"] == {"which": {**month, "default": 2}}
    it.panel.get_by_role("button", name="As rows").click()
    it.panel.get_by_role("radio", name="Continue other branches").click()
    it.field("Nodes at once").fill("2")
    it.field("Run time limit").fill("1 h")
    it.saved(lambda draft: draft.get("settings"), {"on_failure": "continue", "max_concurrent": 2, "timeout": 3600})
    it.field("Nodes at once").fill("")
    it.field("Run time limit").fill("")
    it.panel.get_by_role("radio", name="Stop").click()
    it.saved(lambda draft: draft.get("settings"), None)


def test_an_edges_port_is_renamed_a_node_is_inserted_and_the_edge_is_deleted(person):
    it = Inspecting(person, "inspect-edge", NODES[:3], EDGES[:2])
    one = it.page.locator('[data-card="clean"]').bounding_box()
    other = it.page.locator('[data-card="join"]').bounding_box()
    assert one is not None
    assert other is not None
    # Beside the middle, where a button offers to insert a node.
    begins = one["x"] + one["width"]
    it.page.mouse.click(begins + (other["x"] - begins) / 4, one["y"] + one["height"] / 2)
    expect(it.panel.get_by_role("heading", name="Clean to Join")).to_be_visible()
    port = it.field("Input port")
    port.fill("rows_1")
    port.press("Enter")
    it.saved(lambda draft: draft["edges"][1].get("target_port"), "rows_1")
    # It is the same edge by another name, and still the chosen one.
    expect(port).to_be_focused()
    it.panel.get_by_role("button", name="Insert a node here").click()
    expect(it.page.locator("[data-add-menu]")).to_be_visible()
    it.page.keyboard.press("Escape")
    it.panel.get_by_role("button", name="Delete").click()
    it.saved(lambda draft: len(draft["edges"]), 1)
    expect(it.panel.get_by_text("Workflow settings")).to_be_visible()


def test_an_edge_only_orders_by_key_and_by_switch(person):
    it = Inspecting(person, "inspect-order", NODES[:3], EDGES[:2])
    one, other = (it.page.locator(f'[data-card="{name}"]').bounding_box() for name in ("clean", "join"))
    assert one is not None
    assert other is not None
    begins = one["x"] + one["width"]
    it.page.mouse.click(begins + (other["x"] - begins) / 4, one["y"] + one["height"] / 2)
    expect(it.panel.get_by_role("heading", name="Clean to Join")).to_be_visible()
    it.page.keyboard.press("o")
    ordering = {"source": "clean", "target": "join", "order": True}
    it.saved(lambda draft: draft["edges"][1], ordering)
    expect(it.panel.get_by_text("order only: no data is passed")).to_be_visible()
    expect(it.field("Input port")).to_have_count(0)
    switch = it.field("Only orders", "switch")
    expect(switch).to_be_checked()
    switch.click()
    it.saved(lambda draft: draft["edges"][1], {"source": "clean", "target": "join"})
    expect(it.field("Input port")).to_have_value("clean")
    it.undo()
    it.saved(lambda draft: draft["edges"][1], ordering)
    it.choose("join")
    expect(it.panel.get_by_text("only orders", exact=True)).to_be_visible()


@pytest.mark.axe
@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_axe_finds_nothing_in_any_view_of_the_inspector(person, theme):
    nodes = [*NODES[:2], {**NODES[5], "config": {"cases": [{"port": "few", "when": True}]}}, NODES[7]]
    it = Inspecting(person, f"inspect-axe-{theme}", nodes, [EDGES[0], EDGES[2]])
    it.page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
    found = {}

    def look(view: str) -> None:
        it.page.evaluate("document.querySelectorAll('[data-inspector] details').forEach((fold) => (fold.open = true))")
        if wrong := axe.violations(it.page, dark=theme == "dark", where="[data-inspector]"):
            found[view] = wrong

    it.panel.get_by_role("button", name="Add an input").click()
    look("workflow")
    for node in ("load", "which", "odd"):
        it.choose(node)
        expect(it.panel.locator(".codehost [aria-busy]")).to_have_count(0)
        look(node)
    for tab in ("Limits", "Retries"):
        it.tab(tab)
        look(tab)
    it.choose("load", add=True)
    look("several")
    assert found == {}
