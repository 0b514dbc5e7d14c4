"""A failed node whose table a query needs: the dialog says so, and the run goes on with an empty table."""

import pytest
from playwright.sync_api import expect

ORDERS = """
import duckdb

def main(inputs, ctx):
    if ctx.run["inputs"].get("fails"):
        raise ValueError("no orders")
    return duckdb.sql("select 7 as number, 1.5 as price")
"""


@pytest.mark.smoke
def test_a_skip_names_the_query_that_would_fail_and_hands_on_an_empty_table(person):
    nodes = [
        {"id": "orders", "type": "python", "config": {"code": ORDERS}},
        {"id": "sum", "type": "table.sql", "config": {"sql": "select count(*) as n from orders"}},
    ]
    product = person.product
    definition = {
        "schema": "interlock/1",
        "nodes": nodes,
        "edges": [{"source": "orders", "target": "sum"}],
        "inputs": {"type": "object", "properties": {"fails": {"type": "boolean"}}},
    }
    product.api("POST", "workflows/", {"name": "skips", "slug": "skips"})
    product.api("POST", "workflows/skips/versions/", {"definition": definition, "message": "first"})
    good = product.api("POST", "workflows/skips/runs/", {})["id"]
    assert product.ended(good)["state"] == "succeeded"
    run = product.api("POST", "workflows/skips/runs/", {"inputs": {"fails": True}})["id"]
    assert product.ended(run)["state"] == "failed"
    page = person.go(f"/runs/{run}/nodes/orders/")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    panel = page.locator("[data-panel]")
    panel.get_by_role("button", name="Skip node").click()
    dialog = panel.locator(":popover-open")
    expect(dialog.locator("[data-skip-fails]")).to_contain_text("fails if it gets null:sum · input orders")
    expect(dialog.get_by_label("Empty table")).to_be_checked()
    expect(dialog.locator("[data-skip-columns]")).to_have_text("number, price")
    expect(dialog.locator(".danger.solid")).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel.locator("[data-outcome]")).to_have_text("Skipped. Downstream nodes continue.")
    assert product.ended(run)["state"] == "succeeded"
    assert product.api("GET", f"runs/{run}/nodes/sum/output/")["rows"] == [{"n": 0}]
    assert product.api("GET", f"runs/{run}/nodes/orders/output/")["rows"] == []
