"""axe-core finds nothing wrong in the drawn editor, in light and dark, wide and narrow."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.conftest import open_browser

pytestmark = pytest.mark.axe

READ = {"id": "read", "type": "table.read", "config": {"path": "samples/airlines.csv"}, "position": {"x": 0, "y": 0}}
BAD = {"id": "sql", "type": "table.sql", "config": {"sql": "select nam from read"}, "position": {"x": 260, "y": 0}}
DRAWN = {"schema": "interlock/1", "nodes": [READ, BAD], "edges": [{"source": "read", "target": "sql"}]}


@pytest.fixture(scope="module", autouse=True)
def workflow(product) -> None:
    """One version that is live, and a draft that differs and has a problem."""
    good = {**BAD, "config": {"sql": "select name from read"}}
    product.publish("axe-drawn", [READ, good], DRAWN["edges"])
    etag = product.call("GET", "/api/v1/workflows/axe-drawn/draft/").headers.get("Etag", '"0"')
    product.call("PUT", "/api/v1/workflows/axe-drawn/draft/", {"definition": DRAWN}, If_Match=etag)


@axe.LOOKS
def test_axe_finds_nothing_in_the_editor(chromium, product, tmp_path, dark, width):
    with open_browser(chromium, product, tmp_path / "shots", width=width, dark=dark) as person:
        person.sign_in()
        page = person.go("/workflows/axe-drawn/edit/")
        expect(page.locator("[data-problem-count]")).to_have_text(re.compile("^1 "))
        # The inspector's own views are looked at in its tests.
        page.locator("[data-problem-count]").click()
        if width > 640:
            page.get_by_role("button", name="Compare", exact=True).click()
        found = {"page": axe.violations(page, dark, width)}
        page.locator("[data-publish]").click()
        expect(page.locator("[data-publish-part]")).to_be_visible()
        found["publish"] = axe.violations(page, dark, width)
        page.keyboard.press("Escape")
        if width <= 640:
            page.locator("[data-add-narrow]").click()
            expect(page.locator("[data-add-menu]")).to_be_visible()
            found["add menu"] = axe.violations(page, dark, width)
        assert {where: wrong for where, wrong in found.items() if wrong} == {}
