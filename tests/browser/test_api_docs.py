"""The documentation of the API under the strict Content-Security-Policy, used as people use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.browser.conftest import Person


@pytest.mark.long
def test_the_docs_page_sends_a_call_and_requests_nothing_from_other_hosts(person: Person) -> None:
    page = person.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    person.go("/api/docs/")
    block = page.locator("#operations-workflows-create_workflow")
    block.locator(".opblock-summary").click()
    block.get_by_role("button", name="Try it out").click()
    block.locator("textarea").fill('{"name": "Made in the docs"}')
    block.get_by_role("button", name="Execute").click()
    block.locator(".live-responses-table .response-col_status", has_text="201").wait_for()
    own = (person.at("/"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
