"""The socket of a run's page is cut again and again: the page ends equal to the API and never showed a way back."""

import contextlib
import os
import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person, open_browser
from tests.support.cuts import CuttingProxy
from tests.support.effort import rounds

CUTS = rounds(40, 100)
STEPS = rounds(36, 90)
CODE = """
import random, time
def main(inputs, ctx):
    for n in range(6):
        ctx.log(f"{ctx.node} says {n}")
        ctx.progress(n / 6)
        time.sleep(random.random() * 0.4)
    return 1
"""
# Every state that a row of the table shows, in the order in which it shows them, from what the server sent on and also
# over loads of the page.
RECORD = """
window.shown = JSON.parse(sessionStorage.getItem("shown") ?? "{}");
window.heads = JSON.parse(sessionStorage.getItem("heads") ?? "[]");
// Sockets that this load of the page has lost.
window.lost = 0;
window.WebSocket = class extends WebSocket {
  constructor(...how) {
    super(...how);
    this.addEventListener("close", () => (window.lost += 1));
  }
};
addEventListener("pagehide", () => {
  sessionStorage.setItem("shown", JSON.stringify(window.shown));
  sessionStorage.setItem("heads", JSON.stringify(window.heads));
});
const note = (list, state) => { if (state && list.at(-1) !== state) list.push(state); };
const look = () => {
  for (const row of document.querySelectorAll("[data-node-rows] [data-node]")) {
    const node = row.dataset.node;
    if (node) note(window.shown[node] ??= [], [...row.classList].find((name) => name.startsWith("is-"))?.slice(3));
  }
  note(window.heads, document.querySelector("[data-run-state] .chip")?.className.match(/st-(\\w+)/)?.[1]);
};
document.addEventListener("DOMContentLoaded", () => {
  look();
  const all = { subtree: true, childList: true, attributes: true, attributeFilter: ["class", "data-node"] };
  new MutationObserver(look).observe(document.documentElement, all);
});
"""
RANK = {"pending": 0, "ready": 1, "running": 2, "succeeded": 3}


@contextlib.contextmanager
def behind_a_bad_network(chromium, product, shots) -> Iterator[tuple[Person, CuttingProxy]]:
    proxy = CuttingProxy(product.port)
    try:
        with open_browser(chromium, product, shots, height=1400) as person:
            person.sign_in()
            person.expected += ["WebSocket", "ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "ERR_NETWORK"]
            yield person, proxy
    finally:
        proxy.close()


@pytest.mark.long
def test_after_many_disconnects_the_page_equals_the_api_and_no_state_went_back(chromium, product, tmp_path):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed}")
    chance = random.Random(seed)
    nodes = [{"id": f"n{number}", "type": "python", "config": {"code": CODE}} for number in range(STEPS)]
    edges = [{"source": f"n{number}", "target": f"n{number + 6}"} for number in range(STEPS - 6)]
    product.publish("cuts", nodes, edges)
    with behind_a_bad_network(chromium, product, tmp_path / "shots") as (person, proxy):
        page = person.page
        page.add_init_script(RECORD)
        run = product.api("POST", "workflows/cuts/runs/", {})["id"]
        page.goto(f"http://127.0.0.1:{proxy.port}/runs/{run}/?drawer=nodes")
        # Somebody else looks at the run too: what the server has just told them it may hand on, a little old.
        other = person.context.new_page()
        other.goto(person.at(f"/runs/{run}/"))
        page.wait_for_selector('[data-live][data-state="live"]')
        # All rows at once: what is out of view is not in the page.
        page.get_by_role("separator", name="Drawer height").press("End")
        done = 0
        while done < CUTS:
            # The socket is up (again), and lives for a while.
            page.wait_for_selector('[data-live][data-state="live"]', timeout=30_000)
            page.wait_for_timeout(chance.random() * 250)
            lost = page.evaluate("window.lost")
            cut = proxy.cut()
            done += cut
            if cut:
                # It may be back before anybody has looked at its dot.
                while page.evaluate("window.lost") == lost:
                    page.wait_for_timeout(10)
                # Some come back at once, as with a change of network; some load the page again.
                way = chance.random()
                if way < 0.1:
                    page.reload()
                elif way < 0.7:
                    page.evaluate("window.dispatchEvent(new Event('online'))")
        assert product.ended(run)["state"] == "succeeded"
        expect(page.locator("[data-run-state]")).to_have_text("Succeeded", timeout=30_000)
        expect(page.locator("[data-live]")).to_have_attribute("data-state", "live", timeout=30_000)

        truth = {node["node"]: node for node in product.api("GET", f"runs/{run}/nodes/?limit=1000")["results"]}
        shown = page.evaluate("window.shown")
        # The server sends all rows; a list of this length keeps those in view, and only they go on changing.
        in_view = page.eval_on_selector_all("[data-node-rows] [data-node]", "rows => rows.map(row => row.dataset.node)")
        assert len(in_view) >= 30
        for node, states in shown.items():
            assert [RANK[state] for state in states] == sorted(RANK[state] for state in states), (node, states)
        assert {node: shown[node][-1] for node in in_view} == {node: truth[node]["state"] for node in in_view}
        heads = page.evaluate("window.heads")
        assert heads[-1] == "succeeded"
        order = ["queued", "running", "succeeded"]
        assert [order.index(state) for state in heads] == sorted(order.index(state) for state in heads), heads
        expect(page.locator("[data-run-done]")).to_have_text(f"{STEPS} of {STEPS} nodes")
        # No line was lost or told twice: each node wrote six.
        expect(page.locator("[data-log-count]")).to_have_text(str(STEPS * 6))
        assert page.evaluate("window.violations") == []
