"""A real Chromium on a real `up` in a home of its own; every test also watches for what the pages must never do."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FloatRect,
    Locator,
    Page,
    Route,
    expect,
    sync_playwright,
)

from tests.conftest import CHROMIUM
from tests.support.product import Product, csrf_token
from tests.support.templates import running
from tests.support.withworkers import installation

# Shorter than the 15 s after which a page asks by itself, so that an update over the socket is what is seen.
expect.set_options(timeout=14_000)

DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


def box_of(part: Locator) -> FloatRect:
    """Where it stands on the page, once what was done there is drawn."""
    part.page.evaluate(DRAWN)
    box = part.bounding_box()
    assert box, "It is not on the page."
    return box


def completions(page: Page) -> Locator:
    """What is offered, once the list answers what is typed: a key too late, it stands there dimmed."""
    return page.locator(".cm-tooltip-autocomplete:not(.cm-tooltip-autocomplete-disabled) [role=option]")


class HeldRequests:
    """Requests to these addresses wait until they are let go; those that come later go through."""

    def __init__(self, page: Page, addresses: str | re.Pattern[str]) -> None:
        self.routes: list[Route] = []
        self.open = False
        page.route(addresses, self._take)

    def _take(self, route: Route) -> None:
        if self.open:
            route.continue_()
        else:
            self.routes.append(route)

    def release(self) -> None:
        self.open = True
        for route in self.routes:
            route.continue_()


FORMS = (
    pytest.param("one_host", id="one host"),
    pytest.param(
        "several_hosts", id="several hosts", marks=(pytest.mark.postgres, pytest.mark.redis, pytest.mark.long)
    ),
)
"""Names of fixtures, for what holds on whichever product."""


@pytest.fixture(scope="session")
def one_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(tmp_path_factory.mktemp("browser") / "home") as product:
        yield product


@pytest.fixture(scope="session")
def several_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """On PostgreSQL and Redis; nodes run on a worker."""
    with installation(tmp_path_factory.mktemp("browser-several")) as made:
        made.worker()
        yield made.product


@pytest.fixture(scope="session")
def product(one_host: Product) -> Product:
    """One product for the browser tests; each uses workflows of its own."""
    return one_host


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@dataclass
class Person:
    """Somebody at a browser: the page, and what went wrong in it."""

    product: Product
    context: BrowserContext
    page: Page
    wrong: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of messages that a test provokes on purpose."""

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.product.port}{path}"

    def go(self, path: str) -> Page:
        self.page.goto(self.at(path))
        return self.page

    def sign_in(self, user: str = "admin") -> None:
        """Sign in by a one-time link without drawing a page, which would cost more than most tests do."""
        link = self.at(self.product.login_path(user))
        form: dict[str, bool | float | str] = {"csrfmiddlewaretoken": csrf_token(self.context.request.get(link).text())}
        answer = self.context.request.post(link, form=form, headers={"Origin": self.at("")}, max_redirects=0)
        assert answer.status == 302, answer.text()

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in self.expected):
            self.wrong.append(f"{message.type}: {message.text} ({message.location.get('url')})")


@contextlib.contextmanager
def open_browser(
    browser: Browser,
    product: Product,
    shots: Path,
    *,
    width: int = 1440,
    height: int = 900,
    dark: bool = False,
    touch: bool = False,
    motion: bool = False,
) -> Iterator[Person]:
    """Without `motion` as people who have asked for none see the product: what turns while a node runs keeps a machine
    busy that draws in software."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="no-preference" if motion else "reduce",
        locale="en-GB",
        timezone_id="Europe/Berlin",
        has_touch=touch,
        is_mobile=touch,
    )
    context.set_default_timeout(60_000)
    # Violations of the policy are events of the document, whatever the console says.
    context.add_init_script(
        "window.violations = []; document.addEventListener('securitypolicyviolation',"
        " (event) => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));"
    )
    page = context.new_page()
    person = Person(product, context, page)
    page.on("console", person.on_console)
    page.on("pageerror", lambda error: person.wrong.append(f"error: {error}"))
    try:
        yield person
    except BaseException:
        shots.mkdir(exist_ok=True)
        with contextlib.suppress(Exception):
            page.screenshot(path=shots / "failed.png")
        raise
    finally:
        context.close()
    assert person.wrong == []


@pytest.fixture
def person(chromium, product, tmp_path) -> Iterator[Person]:
    """An admin who is signed in by a one-time link."""
    with open_browser(chromium, product, tmp_path / "shots") as person:
        person.sign_in()
        yield person


@pytest.fixture(scope="module")
def _signed_in(chromium, product, tmp_path_factory) -> Iterator[Person]:
    with open_browser(chromium, product, tmp_path_factory.mktemp("signed-in") / "shots") as person:
        person.sign_in()
        yield person


@pytest.fixture
def signed_in_once(_signed_in: Person) -> Iterator[Person]:
    """An admin who signs in once for all tests of a module, with a page of the test's own: for modules whose tests are
    quicker than that."""
    page = _signed_in.context.new_page()
    page.on("console", _signed_in.on_console)
    page.on("pageerror", lambda error: _signed_in.wrong.append(f"error: {error}"))
    _signed_in.page = page
    yield _signed_in
    violations = page.evaluate("window.violations")
    page.close()
    assert (_signed_in.wrong, violations) == ([], [])
