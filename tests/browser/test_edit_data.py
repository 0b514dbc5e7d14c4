"""Data in the editor: runs of the draft, up to a node or whole, and what they put out."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.wait import wait_until

SQL = (
    "select range n, if(range % 4 = 0, null, '<b>' || (range % 3)) t, *\n"
    "from range(900), (select 1 a, 2 b, 3 c, 4 d, 5 e, 6 f, 7 g)\n"
)
CODE = "def main(inputs, ctx):\n    return {'rows': inputs['numbers'].row_count}\n"


def definition(*, asks: bool = False) -> dict[str, Any]:
    """numbers > total > end, with an input where it asks."""
    sql = SQL + "where range < {{ inputs.rows }}\n" if asks else SQL
    nodes: list[dict[str, Any]] = [
        {"id": "numbers", "type": "table.sql", "name": "Numbers", "config": {"sql": sql}},
        {"id": "total", "type": "python", "name": "Total", "config": {"code": CODE}},
        {"id": "end", "type": "noop", "name": "End"},
    ]
    for at, node in enumerate(nodes):
        node["position"] = {"x": 280 * at, "y": 0}
    edges = [{"source": "numbers", "target": "total"}, {"source": "total", "target": "end"}]
    made: dict[str, Any] = {"schema": "interlock/1", "nodes": nodes, "edges": edges}
    if asks:
        rows = {"type": "integer", "title": "Rows", "default": 10}
        made["inputs"] = {"type": "object", "properties": {"rows": rows}}
    return made


def opened(person: Any, slug: str, document: dict[str, Any]) -> Page:
    """The editor of a new workflow with this draft."""
    person.product.api("POST", "workflows/", {"name": slug, "slug": slug})
    address = f"/api/v1/workflows/{slug}/draft/"
    person.product.call("PUT", address, {"definition": document}, If_Match='"0"')
    page: Page = person.go(f"/workflows/{slug}/edit/")
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    return page


def runs_of(person: Any, slug: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.product.api("GET", f"runs/?workflow={slug}")["results"]
    return found


def test_running_up_to_a_node_asks_for_inputs_skips_other_nodes_and_shows_its_rows(person):
    page = opened(person, "edit-data-here", definition(asks=True))
    page.locator('[data-card="numbers"]').click()
    expect(page.get_by_text("Not run yet")).to_be_visible()
    page.locator("[data-data-run]").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_text("Runs Numbers and everything it depends on.")).to_be_visible()
    form.get_by_label("Rows").fill("40")
    form.get_by_role("button", name="Run to here").click()
    expect(form).to_be_hidden()

    data = page.locator("#drawer-data")
    expect(data.locator("tbody tr")).to_have_count(40, timeout=30_000)
    expect(data.locator("tbody tr").nth(1).locator("td")).to_have_text(["1", "<b>1", *"11234567"])
    expect(data.locator("tbody tr").nth(0).locator("td").nth(1)).to_have_class("null")
    expect(data.locator('[data-column="n"]')).to_have_text(re.compile("bigint · 0 null"))
    expect(data.locator('[data-column="t"]')).to_have_text(re.compile("text · 3 values · 10 null"))
    expect(page.locator(".drawbar .about")).to_have_text(re.compile(r"40 rows · 10 columns · from run \d+ · just now"))
    expect(page.locator("[data-draft-run]")).to_have_attribute("data-state", "succeeded", timeout=30_000)

    run = runs_of(person, "edit-data-here")[0]
    assert (run["draft"], run["version"], run["inputs"]) == (True, None, {"rows": 40})
    assert run["counts"] == {"succeeded": 1, "skipped": 2}
    nodes = person.product.api("GET", f"runs/{run['id']}/nodes/")["results"]
    assert [(node["state"], node["reason"]) for node in nodes[1:]] == [("skipped", "not_asked")] * 2

    # What was tried last is what the next form begins with; of an edge its source's data is shown.
    page.locator("[data-data-again]").click()
    expect(page.get_by_role("dialog").get_by_label("Rows")).to_have_value("40")
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    page.locator('[data-card="numbers"]').click()
    expect(data.locator("tbody tr")).to_have_count(40)
    page.locator('[data-drawer="problems"]').click()
    expect(data).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(data).to_be_visible()


def test_an_edit_marks_outputs_as_outdated_and_a_failure_links_to_its_line(person):
    page = opened(person, "edit-data-fails", definition())
    page.locator("[data-run-draft]").click()
    strip = page.locator("[data-draft-run]")
    expect(strip).to_have_attribute("data-state", "succeeded", timeout=30_000)
    first = runs_of(person, "edit-data-fails")[0]
    assert first["counts"] == {"succeeded": 3}

    page.locator('[data-card="total"]').click()
    # More rows than are made at once.
    page.locator('[data-card="numbers"]').click()
    expect(page.locator("#drawer-data tbody tr")).to_have_count(200)
    expect(page.locator("#drawer-data")).to_contain_text("the first 200 of 900 rows")
    page.locator('[data-card="total"]').click()
    expect(page.locator("#drawer-data [data-value]")).to_have_text(re.compile(r'"rows": 900'))
    expect(page.locator("[data-stale]")).to_be_hidden()
    code = page.locator("[data-inspector] .cm-content").first
    code.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("boom")
    expect(page.locator("[data-stale]")).to_be_visible()
    # What lies behind it is old too, what stands before it is not.
    page.locator('[data-card="end"]').click()
    expect(page.locator("[data-stale]")).to_be_visible()
    page.locator('[data-card="numbers"]').click()
    expect(page.locator("[data-stale]")).to_be_hidden()

    page.locator("[data-run-draft]").click()
    expect(strip).to_have_attribute("data-state", "failed", timeout=30_000)
    expect(page.locator('[data-drawer="data"]')).to_contain_text("Total")
    note = page.locator(".datanote")
    expect(note).to_contain_text("NameError in line 3")
    note.get_by_role("button", name="Show line 3").click()
    expect(code).to_be_focused()
    strip.get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    expect(page.locator("[data-run-draft-of]")).to_have_text("Draft of admin")


def test_an_editor_opened_during_a_draft_run_follows_the_run_and_can_cancel_it(person):
    slow = "def main(inputs, ctx):\n    import time\n    ctx.progress(0.5, 'half way')\n    time.sleep(60)\n"
    document = definition()
    document["nodes"][1]["config"] = {"code": slow}
    opened(person, "edit-data-follows", document)
    run = person.product.api("POST", "workflows/edit-data-follows/runs/", {"draft": True})["id"]
    try:
        page = person.go("/workflows/edit-data-follows/edit/")
        expect(page.locator("[data-draft-run]")).to_have_attribute("data-state", "running")
        page.locator('[data-card="total"]').click()
        expect(page.locator(".datanote")).to_contain_text("half way", timeout=30_000)
        page.locator("[data-draft-cancel]").click()
        expect(page.locator("[data-draft-run]")).to_have_attribute("data-state", "cancelled", timeout=30_000)
    finally:
        if person.product.api("GET", f"runs/{run}/")["state"] not in ("cancelled", "failed", "succeeded"):
            person.product.api("POST", f"runs/{run}/cancel/", {})
    wait_until(lambda: person.product.api("GET", f"runs/{run}/")["state"] == "cancelled")


def test_a_draft_with_errors_is_not_run_and_its_problems_are_shown(person):
    document = definition()
    document["nodes"][0]["config"] = {"sql": "selec 1"}
    page = opened(person, "edit-data-errors", document)
    page.locator("[data-run-draft]").click()
    expect(page.locator('[data-drawer="problems"]')).to_have_attribute("aria-selected", "true")
    expect(page.locator(".problem").first).to_be_visible()
    expect(page.locator("[data-toast=error]")).to_contain_text("Not started: the draft has 1 problem.")
    assert runs_of(person, "edit-data-errors") == []
