"""The way that the product is made for, from the one-time link to the roll back, in a real browser."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import FORMS, open_browser
from tests.support.product import Product
from tests.support.templates import first_start
from tests.support.wait import wait_until
from tests.support.withworkers import installation


@contextlib.contextmanager
def started(form: str, folder: Path) -> Iterator[Product]:
    """An installation of its own: the way begins at the first start."""
    if form == "one_host":
        with first_start(folder / "home") as product:
            yield product
        return
    with installation(folder, first=True) as made:
        made.worker()
        yield made.product


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_a_person_signs_in_by_link_publishes_rolls_back_and_runs_a_workflow(chromium, tmp_path, form):
    with (
        started(form, tmp_path) as product,
        open_browser(chromium, product, tmp_path / "shots", motion=True) as person,
    ):
        page = person.page

        # The terminal's link signs in, once.
        link = wait_until(lambda: re.search(r"http://\S+/sign-in/link/\S+", product.log.read_text()))
        page.goto(link[0])
        page.get_by_role("button", name="Sign in as admin").click()
        expect(page.get_by_text("No workflow has run yet")).to_be_visible()

        # The sample runs; states and lines arrive while the page stands.
        page.get_by_role("link", name="Run Flight delays").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("Month")).to_have_value("1")
        dialog.get_by_role("button", name="Run v1").click()
        page.wait_for_url(re.compile(r"/runs/\d+/"))
        page.evaluate("window.sameDocument = true")
        expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
        expect(page.locator("[data-run-state]")).to_have_text("Succeeded", timeout=60_000)
        expect(page.locator("[data-logs] .line").first).to_be_visible()
        page.get_by_role("tab", name=re.compile("^Nodes")).click()
        expect(page.locator('[data-node-rows] [data-node="by_carrier"]')).to_contain_text("16 rows")
        assert page.evaluate("window.sameDocument"), "the page was loaded again"

        # The result's rows, with the figures that are known of this data.
        page.locator('[data-node-rows] [data-node="by_carrier"]').click()
        expect(page.locator("[data-output-rows]")).to_contain_text("16 rows")
        united = page.locator(".rowsbox tr", has_text="UA")
        expect(united).to_contain_text("4637")
        expect(united).to_contain_text(re.compile(r"3\.175[56]"))
        assert page.evaluate("window.sameDocument")

        # A bad version: the editor saves and checks while one types, and it is published and live.
        page.goto(person.at("/workflows/flight-delays/edit/text/"))
        area = page.get_by_label("Definition as JSON")
        definition = json.loads(area.input_value())
        summary = next(node for node in definition["nodes"] if node["id"] == "summary")
        summary["config"]["code"] = "def main(inputs, ctx):\n    ctx.log('about to divide')\n    return 1 / 0\n"
        area.fill(json.dumps(definition, indent=2))
        expect(page.locator("[data-saved]")).to_have_text("Saved")
        expect(page.locator("[data-problem-count]")).to_have_text("No problems")
        page.get_by_role("button", name="Publish", exact=True).click()
        form = page.locator("#publish")
        expect(form).to_contain_text(re.compile("Summary.*Code changed"))
        form.get_by_label("Describe your changes").fill("Divide")
        expect(form.get_by_label("Make it live")).to_be_checked()
        form.get_by_role("button", name="Publish v2").click()
        expect(page.get_by_text("v2 is published and live.")).to_be_visible()

        # It fails, and says where.
        page.get_by_role("link", name="Run", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Run v2").click()
        page.wait_for_url(re.compile(r"/runs/\d+/"))
        expect(page.locator("[data-run-state]")).to_have_text("Failed", timeout=60_000)
        page.get_by_role("tab", name=re.compile("^Nodes")).click()
        failing = page.locator('[data-node-rows] [data-node="summary"]')
        expect(failing).to_contain_text("ZeroDivisionError in line 3")
        failing.click()
        expect(page.locator("[data-error-lead]")).to_have_text("ZeroDivisionError in line 3, division by zero")
        expect(page.locator("[data-error-code] .hit")).to_contain_text("return 1 / 0")
        page.get_by_role("tab", name=re.compile("^Logs")).click()
        expect(page.locator("[data-logs] .line", has_text="about to divide")).to_be_visible()

        # The overview names the cause and offers the way back: one click, with the reason filled in.
        page.goto(person.at("/"))
        need = page.locator("#needs article", has_text="Flight delays")
        expect(need).to_contain_text("Summary: ZeroDivisionError in line 3, division by zero")
        expect(need).to_contain_text("first run of this version")
        need.get_by_role("button", name="Roll back to v1").click()
        form = need.locator("form")
        expect(form.get_by_label("Reason")).to_have_value(re.compile("ZeroDivisionError"))
        form.get_by_role("button", name="Roll back").click()
        expect(page.get_by_text('Rolled back "Flight delays" from v2 to v1.')).to_be_visible()

        # And it runs well again.
        page.goto(person.at("/workflows/flight-delays/"))
        page.get_by_role("link", name="Run", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Run v1").click()
        page.wait_for_url(re.compile(r"/runs/\d+/"))
        expect(page.locator("[data-run-state]")).to_have_text("Succeeded", timeout=60_000)

        # Who, from where to where and why is on record.
        page.goto(person.at("/audit/"))
        entry = page.locator("tr", has_text="Rolled back")
        expect(entry).to_contain_text("v2 → v1")
        expect(entry).to_contain_text("ZeroDivisionError")
        assert page.evaluate("window.violations") == []
