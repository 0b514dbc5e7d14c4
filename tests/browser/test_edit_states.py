"""The editor where there is nothing to draw: on a phone, and of a draft that is no drawing."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import box_of, open_browser


def test_an_empty_canvas_on_a_phone_offers_only_what_a_phone_can_do(chromium, product, tmp_path):
    product.api("POST", "workflows/", {"name": "empty-phone", "slug": "empty-phone"})
    with open_browser(chromium, product, tmp_path / "shots", width=360, height=780, touch=True) as person:
        person.sign_in()
        page = person.go("/workflows/empty-phone/edit/")
        empty = page.locator(".cvempty")
        expect(empty.get_by_text("Add your first node")).to_be_visible()
        expect(empty.get_by_text("Drag a type from the left")).to_be_hidden()
        expect(page.get_by_role("button", name="Add a node")).to_have_count(1)
        page.get_by_role("button", name="Add a node").tap()
        page.get_by_role("option", name="Python").first.tap()
        expect(empty).to_be_hidden()
        for tool in page.locator(".cvtools button").all():
            assert box_of(tool)["height"] >= 32


@pytest.mark.parametrize("width", [360, pytest.param(820, marks=pytest.mark.long)])
def test_on_a_narrow_page_the_canvas_does_not_move_when_the_texts_above_it_load(chromium, product, tmp_path, width):
    product.api("POST", "workflows/", {"name": "narrow", "slug": f"editor-{width}"})
    with open_browser(chromium, product, tmp_path / "shots", width=width, height=780) as person:
        person.sign_in()
        person.expected += ["Failed to load resource"]
        page = person.page
        page.route(re.compile(r"/static/.*\.js"), lambda route: route.abort())
        person.go(f"/workflows/editor-{width}/edit/")
        before = box_of(page.locator(".editcanvas"))["y"]
        page.unroute_all()
        person.go(f"/workflows/editor-{width}/edit/")
        expect(page.locator("[data-saved]")).not_to_be_empty()
        expect(page.locator("[data-problem-count]")).not_to_be_empty()
        assert box_of(page.locator(".editcanvas"))["y"] == before


def test_a_draft_that_cannot_be_drawn_offers_the_text_editor_and_no_graph_tools(person):
    product = person.product
    product.api("POST", "workflows/", {"name": "undrawn", "slug": "undrawn"})
    draft = {"definition": {"schema": "interlock/1", "nodes": "none"}}
    assert product.call("PUT", "/api/v1/workflows/undrawn/draft/", draft, If_Match='"0"').status == 200
    page = person.go("/workflows/undrawn/edit/")
    expect(page.get_by_text("This draft cannot be shown as a graph")).to_be_visible()
    for name in ("Publish", "Compare", "Run draft", "Arrange nodes"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.get_by_role("link", name="Open as text").click()
    expect(page.get_by_label("Definition as JSON")).to_contain_text("none")
