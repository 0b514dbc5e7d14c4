"""Whatever happens while one draws (a second tab, a lost network, a killed server, a full disk), nothing is lost."""

import contextlib
import json
import resource
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import Person, open_browser
from tests.support.documents import chain
from tests.support.product import Product
from tests.support.templates import running
from tests.support.wait import wait_until

TROUBLE = ["Failed to load resource", "WebSocket"]


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Iterator[Product]:
    """A product that may be killed and starved."""
    with running(tmp_path_factory.mktemp("saving") / "home") as product:
        yield product


@pytest.fixture
def slug(request) -> str:
    return str(request.node.name).replace("test_", "").replace("_", "-")[:60].strip("-")


@pytest.fixture
def author(chromium, own, tmp_path) -> Iterator[Person]:
    with open_browser(chromium, own, tmp_path / "shots") as person:
        person.expected += TROUBLE
        person.sign_in()
        yield person


def opened(person: Person, slug: str, page: Page | None = None) -> Page:
    """The editor on a draft a -> b; a workflow of this name is made when there is none."""
    if page is None:
        person.product.api("POST", "workflows/", {"name": slug, "slug": slug})
        put(person, slug, chain("a", "b"), '"0"')
    page = page or person.page
    page.goto(person.at(f"/workflows/{slug}/edit/"))
    expect(page.locator("[data-editor][data-ready]")).to_be_visible()
    expect(page.locator("[data-edit-canvas][data-drawn]")).to_be_visible()
    return page


def put(person: Person, slug: str, definition: dict[str, Any], tag: str) -> None:
    answer = person.product.call("PUT", f"/api/v1/workflows/{slug}/draft/", {"definition": definition}, If_Match=tag)
    assert answer.status == 200


def draw(page: Page, kind: str = "noop") -> None:
    page.locator(f'[data-palette-side] [data-add="{kind}"]').click()


def ids(person: Person, slug: str) -> list[str]:
    found = person.product.api("GET", f"workflows/{slug}/draft/")["definition"]
    return [node["id"] for node in found["nodes"]]


def stands(page: Page, state: str) -> None:
    # After some tries in vain the next one is up to sixteen seconds away.
    expect(page.locator("[data-saved]")).to_have_attribute("data-state", state, timeout=30_000)


def notice(page: Page) -> Any:
    return page.locator("[data-save-notice]")


def test_an_edit_is_saved_within_a_second_by_a_small_patch(person, slug):
    person.page.clock.install()
    page = opened(person, slug)
    # For the page time stands still, but for the second that it has.
    page.clock.pause_at(page.evaluate("Date.now() / 1000") + 1)
    with page.expect_response(lambda answer: answer.request.method == "PATCH") as saving:
        draw(page)
        page.clock.run_for(1000)
    page.clock.resume()
    request = saving.value.request
    assert saving.value.status == 204
    assert [operation["op"] for operation in json.loads(request.post_data or "")] == ["add"]
    stands(page, "saved")
    assert ids(person, slug)[:2] == ["a", "b"]
    assert len(ids(person, slug)) == 3


def test_a_conflicting_save_is_not_overwritten_and_either_or_both_can_be_kept(person, slug):
    person.expected += TROUBLE
    page = opened(person, slug)
    put(person, slug, chain("a", "theirs"), '"1"')
    draw(page)
    stands(page, "conflict")
    expect(notice(page)).to_contain_text("Your draft was saved from another tab")
    expect(notice(page).locator("li", has_text="theirs is only in the saved draft")).to_be_visible()
    expect(notice(page).locator("li", has_text="b is only in this tab")).to_be_visible()
    # What is drawn on beside it is not lost either, and nothing is sent.
    draw(page, "shell")
    expect(notice(page).locator("li", has_text="is only in this tab")).to_have_count(3)
    assert ids(person, slug) == ["a", "theirs"]
    page.get_by_role("button", name="Use the other tab's version").click()
    stands(page, "saved")
    expect(notice(page)).to_have_count(0)
    assert ids(person, slug) == ["a", "theirs"]
    page.locator("[data-undo]").click()
    wait_until(lambda: len(ids(person, slug)) == 4, interval=0.05)
    # Both drew something else: both can be kept.
    stands(page, "saved")
    found = person.product.api("GET", f"workflows/{slug}/draft/")["definition"]
    put(person, slug, {**found, "nodes": [*found["nodes"], {"id": "more", "type": "noop"}]}, '"3"')
    draw(page)
    page.get_by_role("button", name="Keep both").click()
    wait_until(lambda: len(ids(person, slug)) == 6 and "more" in ids(person, slug), interval=0.05)
    # Keeping one's own leaves theirs one step back.
    stands(page, "saved")
    put(person, slug, chain("a", "again"), '"5"')
    draw(page)
    page.get_by_role("button", name="Keep mine").click()
    wait_until(lambda: len(ids(person, slug)) == 7, interval=0.05)
    stands(page, "saved")
    page.locator("[data-undo]").click()
    wait_until(lambda: ids(person, slug) == ["a", "again"], interval=0.05)


def test_a_save_in_one_tab_is_announced_in_the_other_tabs_of_the_browser(person, slug):
    page = opened(person, slug)
    text = person.context.new_page()
    text.goto(person.at(f"/workflows/{slug}/edit/text/"))
    area = text.get_by_label("Definition as JSON")
    # From now on it hears of others.
    stands(text, "saved")
    draw(page)
    stands(page, "saved")
    expect(notice(text)).to_contain_text("Your draft was saved from another tab")
    text.get_by_role("button", name="Use the other tab's version").click()
    wait_until(lambda: len(json.loads(area.input_value())["nodes"]) == 3)
    area.fill(json.dumps(chain("x", "y", "z")))
    stands(text, "saved")
    expect(notice(page)).to_contain_text("Your draft was saved from another tab")
    page.get_by_role("button", name="Use the other tab's version").click()
    stands(page, "saved")
    expect(page.locator('[data-card="z"]')).to_be_visible()
    assert ids(person, slug) == ["x", "y", "z"]


def test_an_offline_editor_says_so_asks_before_leaving_and_saves_when_online(person, slug):
    person.expected += TROUBLE
    page = opened(person, slug)
    person.context.set_offline(True)
    draw(page)
    stands(page, "offline")
    expect(page.locator("[data-saved]")).to_have_text("Not saved: offline, stored in this browser")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    page.close(run_before_unload=True)
    while not asked:
        # The browser's own question comes while it is looked at: the test's time limit ends this.
        page.wait_for_timeout(20)
    assert asked == ["beforeunload"]
    assert len(ids(person, slug)) == 2
    person.context.set_offline(False)
    stands(page, "saved")
    assert len(ids(person, slug)) == 3


KEPT = """new Promise((done) => {
  indexedDB.open('interlock').onsuccess = (event) => {
    const all = event.target.result.transaction('kept').objectStore('kept').getAll();
    all.onsuccess = () => done(all.result.some((one) => String(one).includes('"unsaved":true')));
  };
})"""


def test_the_last_edit_is_stored_in_the_browser_while_it_asks_whether_to_leave(person, slug):
    person.expected += TROUBLE
    # What is kept a moment after an edit never comes: the page is left before.
    person.page.add_init_script(
        "const later = setTimeout; window.setTimeout = (run, ms) => later(run, ms === 150 ? 1e8 : ms)"
    )
    page = opened(person, slug)
    person.context.set_offline(True)
    draw(page)
    assert not page.evaluate(KEPT)
    page.evaluate("window.dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    wait_until(lambda: page.evaluate(KEPT), interval=0.05)


@pytest.mark.long
def test_edits_made_while_the_server_is_down_are_saved_even_if_the_tab_was_closed(author, own, slug):
    page = opened(author, slug)
    own.kill()
    draw(page)
    stands(page, "offline")
    draw(page, "shell")
    own.start()
    stands(page, "saved")
    assert len(ids(author, slug)) == 4
    # Once more, and the tab is gone before the server is back.
    own.kill()
    draw(page)
    stands(page, "offline")
    page.close()
    own.start()
    page = opened(author, slug, author.context.new_page())
    expect(page.locator(".toast")).to_contain_text("Unsaved changes restored")
    stands(page, "saved")
    assert len(ids(author, slug)) == 5
    # And once more, with a save from elsewhere before it is opened again.
    own.kill()
    draw(page)
    stands(page, "offline")
    page.close()
    own.start()
    put(author, slug, chain("a", "theirs"), own.call("GET", f"/api/v1/workflows/{slug}/draft/").headers["etag"])
    page = opened(author, slug, author.context.new_page())
    expect(notice(page)).to_contain_text("Unsaved changes restored from this browser")
    assert ids(author, slug) == ["a", "theirs"]
    page.get_by_role("button", name="Keep mine").click()
    stands(page, "saved")
    assert len(ids(author, slug)) == 6


def test_a_full_disk_is_reported_and_edits_are_saved_once_there_is_space(author, own, slug):
    page = opened(author, slug)
    with full_disk(own):
        draw(page)
        expect(notice(page)).to_contain_text("The server's disk refuses to store more")
        expect(page.locator("[data-saved]")).to_have_text("Not saved, stored in this browser")
        assert ids(author, slug) == ["a", "b"]
        draw(page, "shell")
    stands(page, "saved")
    expect(notice(page)).to_have_count(0)
    assert len(ids(author, slug)) == 4


@contextlib.contextmanager
def full_disk(product: Product) -> Iterator[None]:
    """The kernel refuses every write of the product's processes that makes a file longer, as by a quota."""
    pids = product.tree()
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_saving_continues_after_signing_in_again_but_not_as_another_user(author, own, slug):
    own.api("POST", "users/", {"username": "bob", "role": "editor", "password": "correct horse battery"})
    page = opened(author, slug)
    author.context.clear_cookies(name="interlock_session")
    draw(page)
    expect(notice(page)).to_contain_text("You are signed out")
    expect(notice(page).get_by_role("link", name="Sign in in a new tab")).to_have_attribute("target", "_blank")
    other = Person(author.product, author.context, author.context.new_page())
    other.sign_in("bob")
    back(page)
    expect(notice(page)).to_contain_text("Signed in as bob")
    assert ids(author, slug) == ["a", "b"]
    other.sign_in("admin")
    back(page)
    stands(page, "saved")
    expect(notice(page)).to_have_count(0)
    draw(page, "shell")
    wait_until(lambda: len(ids(author, slug)) == 4, interval=0.05)


def back(page: Page) -> None:
    """The person turns to this tab again; a browser without a window has no focus of its own to move."""
    page.evaluate("window.dispatchEvent(new Event('focus'))")
