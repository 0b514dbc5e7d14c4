"""axe-core finds nothing wrong on the pages of a run, in light and dark, wide and narrow."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.conftest import open_browser
from tests.support.hangs import SLEEP
from tests.support.wait import wait_until

pytestmark = pytest.mark.axe

FAILS = "def main(inputs, ctx):\n    print('reading')\n    return inputs['nothing']\n"
PARTS = (
    ("why", "logs"),
    ("output", "timeline"),
    ("attempts", "nodes"),
    ("config", "inputs"),
    ("history", "events"),
)
"""Tabs of the panel, each with a tab of the drawer: both are on the page at once."""


@pytest.fixture(scope="module")
def addresses(product) -> Iterator[list[str]]:
    """Pages of a run that is stuck and of one that failed, in every part that they have."""
    stuck = {
        "id": "slow",
        "type": "python",
        "config": {"code": SLEEP.format(number=900)},
        "policy": {"expected_duration": 0.5},
    }
    product.publish("axe-stuck", [stuck, {"id": "after", "type": "noop"}], [{"source": "slow", "target": "after"}])
    product.publish("axe-failed", [{"id": "bad", "type": "python", "config": {"code": FAILS}}], [])
    hangs = product.api("POST", "workflows/axe-stuck/runs/", {})["id"]
    failed = product.api("POST", "workflows/axe-failed/runs/", {})["id"]
    assert product.ended(failed)["state"] == "failed"
    wait_until(lambda: product.api("GET", f"runs/{hangs}/diagnostics/")["suggestions"])
    node = f"/runs/{hangs}/nodes/slow/"
    yield [
        "/",
        f"/runs/{hangs}/",
        *(f"{node}?tab={tab}&drawer={drawer}" for tab, drawer in PARTS),
        *(f"/runs/{failed}/nodes/bad/?tab={tab}" for tab in ("why", "output", "attempts")),
    ]
    # It holds one of the two node processes that the other tests need.
    product.api("POST", f"runs/{hangs}/cancel/", {})


@axe.LOOKS_OF_PAGES
def test_axe_finds_nothing_on_the_pages_of_a_run(chromium, product, tmp_path, addresses, dark, width):
    with open_browser(chromium, product, tmp_path / "shots", width=width, dark=dark) as person:
        person.sign_in()
        found = {}
        for address in addresses:
            page = person.go(address)
            expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
            if "/runs/" in address:
                page.wait_for_selector("[data-canvas][data-drawn]")
            if wrong := axe.violations_of_page(page, dark, width):
                found[address] = wrong
        assert found == {}
