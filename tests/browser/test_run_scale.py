"""A run of 10,000 nodes in the browser: what it shows while it goes on, and that it ends equal to the API. Nothing
here is timed: `manage.py bench page` measures."""

import pytest
from playwright.sync_api import Page, expect

from tests.bench import workflows

NODES = 9_997
"""In layers; three more make 10,000, the most that a definition may have."""
GATED = 6_000
"""From this node on all wait for the gate."""
FAILS = "def main(inputs, ctx):\n    raise ValueError('no such month')\n"
# Scrolls through the whole table and notes the state that each row shows.
READ = """
async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const shown = {};
  for (let top = 0, scroller; ; top += scroller.clientHeight * 0.8) {
    scroller = document.querySelector("[data-nodes]");
    scroller.scrollTop = top;
    await frame();
    for (const row of document.querySelectorAll("[data-node-rows] [data-node]")) {
      if (row.getClientRects().length) {
        shown[row.dataset.node] = [...row.classList].find((name) => name.startsWith("is-"))?.slice(3);
      }
    }
    if (top + scroller.clientHeight >= scroller.scrollHeight) return shown;
  }
}
"""


def large(gate: str) -> dict[str, object]:
    """No-ops in layers; those of one layer also wait for a gate, and a node beside them fails."""
    document = workflows.layers(NODES, 3)
    document["nodes"] += [
        workflows.python("gate", workflows.WAIT_FOR_FILE.format(path=gate)),
        workflows.python("wrong", FAILS),
        {"id": "after_wrong", "type": "noop", "name": "Needs what failed"},
    ]
    document["edges"] += [
        *({"source": "gate", "target": f"n{number}"} for number in range(GATED, GATED + workflows.LAYER)),
        {"source": "gate", "target": "wrong"},
        {"source": "wrong", "target": "after_wrong"},
    ]
    document["settings"] = {"on_failure": "continue"}
    return document


def all_nodes(product, run: str) -> dict[str, str]:
    """State of each node, as the API lists them, page by page."""
    found: dict[str, str] = {}
    path = f"runs/{run}/nodes/?limit=1000"
    while path:
        answer = product.api("GET", path)
        found |= {node["node"]: node["state"] for node in answer["results"]}
        path = (answer["next"] or "").partition("/api/v1/")[2]
    return found


def drawn(page: Page) -> int:
    return int(page.locator("[data-canvas]").get_attribute("data-drawn") or -1)


@pytest.mark.long
def test_a_run_of_ten_thousand_nodes_is_shown_searched_and_ends_equal_to_the_api(person, tmp_path):
    product, gate = person.product, tmp_path / "gate"
    product.api("POST", "workflows/", {"name": "Large", "slug": "large-run"})
    product.api("POST", "workflows/large-run/versions/", {"definition": large(str(gate)), "message": "first"})
    run = product.api("POST", "workflows/large-run/runs/", {})["id"]
    try:
        page = person.go(f"/runs/{run}/")
        expect(page.locator("[data-canvas][data-drawn]")).to_be_visible(timeout=60_000)
        # It goes on as far as the gate lets it, and the head counts along.
        expect(page.locator("[data-run-done]")).to_have_text("6,000 of 10,000 nodes", timeout=120_000)
        expect(page.locator("[data-run-state]")).to_have_text("Running")

        # A node is found by its name in the graph, is chosen, and says what it waits for.
        page.locator("[data-canvas]").get_by_role("button", name="Find a node").click()
        page.keyboard.type("n7431")
        expect(page.locator(".cvsearch [role=option]")).to_have_count(1)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/runs/{run}/nodes/n7431/**")
        expect(page.locator("[data-panel]")).to_contain_text("n7431")
        waits = product.api("GET", f"runs/{run}/nodes/n7431/")["waiting_for"]
        expect(page.locator("[data-panel]")).to_contain_text(waits[0]["message"].split('"')[1])

        # A first visit in the middle of it shows the same.
        page.reload()
        expect(page.locator("[data-run-done]")).to_have_text("6,000 of 10,000 nodes")
        expect(page.locator("[data-canvas][data-drawn]")).to_be_visible(timeout=60_000)
        begun = drawn(page)
    finally:
        gate.touch()
    assert product.ended(run)["state"] == "failed"
    expect(page.locator("[data-run-state]")).to_have_text("Failed", timeout=60_000)
    expect(page.locator("[data-run-done]")).to_have_text("10,000 of 10,000 nodes")
    assert drawn(page) > begun

    # Many rows at once, by which they are read.
    page.set_viewport_size({"width": 1280, "height": 4000})
    page.locator('[data-drawer="nodes"]').click()
    height = page.get_by_role("separator", name="Drawer height")
    expect(height).to_have_attribute("aria-valuemax", "3780")
    height.press("End")
    expect(height).to_have_attribute("aria-valuenow", "3780")
    expect(page.locator("[data-node-rows] [data-node]").nth(99)).to_be_visible()
    truth = all_nodes(product, run)
    assert len(truth) == NODES + 3
    assert (truth["wrong"], truth["after_wrong"]) == ("failed", "upstream_failed")
    assert page.evaluate(READ) == truth
    page.locator("[data-node-search]").fill("Needs what")
    expect(page.locator("[data-node-rows] [data-node]:visible")).to_have_count(1)
    expect(page.locator('[data-node="after_wrong"]')).to_be_visible()
    assert page.evaluate("window.violations") == []
