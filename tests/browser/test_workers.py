"""Workers on the page of resources: real Celery workers that come, drain, take work again and are lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import axe
from tests.browser.conftest import open_browser
from tests.browser.test_lists import THIN
from tests.support.withworkers import WithWorkers, installation

pytestmark = [pytest.mark.postgres, pytest.mark.redis]


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WithWorkers]:
    with installation(tmp_path_factory.mktemp("workers")) as made:
        yield made


def wider(page: Page) -> bool:
    """Whether the page is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_a_worker_is_watched_drained_and_resumed_by_keyboard_without_a_reload(
    chromium: Browser, scaled: WithWorkers, tmp_path: Path
) -> None:
    with open_browser(chromium, scaled.product, tmp_path / "shots") as person:
        person.sign_in()
        page = person.go("/resources/")
        listed = page.locator("#workers")
        expect(listed).to_contain_text("celery -A engine worker -Q default")
        # It is shown without being asked for again.
        scaled.worker()
        row = listed.locator("tr[data-key='one@test']")
        expect(row).to_contain_text("Accepting work")
        run = scaled.start(scaled.waiting("a"))
        scaled.wait_for_starts()
        expect(row.get_by_role("link")).to_have_attribute("href", f"/runs/{run}/nodes/a/")
        expect(row).to_contain_text("1 of 2")

        row.get_by_role("button", name="Drain", exact=True).focus()
        page.keyboard.press("Enter")
        expect(row.get_by_role("button", name="Cancel")).to_be_focused()
        expect(row.locator("[popover]")).to_contain_text("No other worker serves these queues")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(row).to_contain_text("Draining")
        expect(row.get_by_role("link")).to_have_attribute("href", f"/runs/{run}/nodes/a/")
        scaled.flag.touch()
        expect(row).to_contain_text("idle")
        row.get_by_role("button", name="Resume one@test").focus()
        page.keyboard.press("Enter")
        expect(row).to_contain_text("Accepting work")
        scaled.started[0].kill()
        expect(row).to_contain_text("no heartbeat for", timeout=15_000)
        expect(row).to_contain_text("Lost")
        expect(row.get_by_role("button")).to_have_count(0)


@pytest.mark.axe
@pytest.mark.parametrize("dark", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_list_of_workers_is_accessible_and_fits_a_phone(
    chromium: Browser, scaled: WithWorkers, tmp_path: Path, dark: bool
) -> None:
    scaled.worker(f"shown-{dark}", "default,gpu")
    scaled.worker(f"rests-{dark}")
    scaled.product.api("POST", f"workers/rests-{dark}@test/drain/", {})
    with open_browser(chromium, scaled.product, tmp_path / "shots", dark=dark) as person:
        person.sign_in()
        assert axe.violations(person.go("/resources/"), dark) == []
    with open_browser(
        chromium, scaled.product, tmp_path / "shots", width=360, height=780, touch=True, dark=dark
    ) as person:
        person.sign_in()
        page = person.go("/resources/")
        expect(page.locator(f"tr[data-key='rests-{dark}@test']")).to_contain_text("Draining")
        assert page.evaluate(THIN) == []
        assert not wider(page)


@pytest.mark.long
def test_a_worker_is_drained_without_scripts(chromium: Browser, scaled: WithWorkers) -> None:
    scaled.worker("plain")
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    try:
        page = context.new_page()
        at = f"http://127.0.0.1:{scaled.product.port}"
        page.goto(at + scaled.product.login_path("admin"))
        page.get_by_role("button", name="Sign in as").click()
        page.goto(f"{at}/resources/")
        row = page.locator("tr[data-key='plain@test']")
        row.get_by_role("button", name="Drain", exact=True).click()
        row.get_by_role("button", name="Drain worker").click()
        expect(row).to_contain_text("Draining")
        row.get_by_role("button", name="Resume").click()
        expect(row).to_contain_text("Accepting work")
    finally:
        context.close()
