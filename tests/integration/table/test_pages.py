"""Every page, form and partial page with every kind of invalid request: no internal error, no way around the rights."""

from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from dashboard.pages import urls
from tests.integration.table.changes import ChangeDetector
from tests.integration.table.invalid_requests import METHODS, ROLES, UNUSUAL_PATHS, some
from tests.integration.table.world import World
from tests.support.people import person

VIEWER, OPERATOR, EDITOR, ADMIN = ROLES


@dataclass(frozen=True)
class Page:
    name: str
    where: tuple[str, ...] = ()
    """Arguments of the URL; a key of `World.ids` stands for that id."""
    see: str = ""
    """Lowest role that may see it; empty: it is only a form."""
    send: str = ""
    """Lowest role that may send the form; empty: it has none."""
    form: dict[str, str] = field(default_factory=dict)
    """Fields of the form, as a browser sends them."""
    answer: tuple[int, ...] = (302,)
    """Status of the answer to the form."""

    def path(self, world: World, *other: str) -> str:
        return reverse(self.name, args=[world.ids.get(value, value) for value in other or self.where])


RUN = ("ended",)
NODE = ("ended", "a")
PAGES = [
    Page("overview", see=VIEWER),
    Page("workflows", see=VIEWER),
    Page(
        "workflow-new", see=EDITOR, send=EDITOR, form={"name": "Two", "description": "", "tags": "a, b", "slug": "two"}
    ),
    Page("workflow", ("one",), VIEWER),
    Page("workflow-versions", ("one",), VIEWER),
    Page("workflow-version", ("one", "1"), VIEWER),
    Page("workflow-compare", ("one", "1", "1"), VIEWER),
    Page("workflow-rollback", ("one", "1"), OPERATOR, OPERATOR, {"reason": "worse"}),
    Page("workflow-deploy", ("one", "1"), OPERATOR, OPERATOR, {}),
    Page("workflow-definition", ("one",), VIEWER),
    Page("workflow-settings", ("one",), VIEWER, EDITOR, {"name": "Uno", "description": "x", "tags": "t"}),
    Page("workflow-archive", ("one",), send=EDITOR, form={"archived": "true"}),
    Page("workflow-duplicate", ("one",), send=EDITOR, form={"name": "Again"}),
    Page("workflow-delete", ("bare",), send=ADMIN, form={"confirm": "bare"}),
    Page("workflow-edit", ("one",), EDITOR),
    Page("workflow-edit-text", ("one",), EDITOR),
    Page("workflow-check", ("one",), send=EDITOR, answer=(200, 400)),
    Page("workflow-outputs", ("one",), EDITOR),
    Page("workflow-node-facts", ("one",), EDITOR),
    Page("workflow-preview", ("one",), send=EDITOR, answer=(200, 400, 422)),
    Page("workflow-data", ("one", "ended", "b"), EDITOR),
    Page("workflow-publish", ("one",), send=EDITOR, form={"message": "x"}, answer=(200, 302, 422)),
    Page("workflow-publish-form", ("one",), EDITOR),
    Page("workflow-discard", ("one",), send=EDITOR, form={}),
    Page("workflow-rebase", ("one",), send=EDITOR, form={}, answer=(200, 302)),
    Page("workflow-run", ("one",), OPERATOR, OPERATOR, {"priority": "5", "version": "2"}),
    Page("runs", see=VIEWER),
    Page("run", RUN, VIEWER),
    Page("run-graph", RUN, VIEWER),
    Page("run-summary", RUN, VIEWER),
    Page("run-log-index", RUN, VIEWER),
    Page("run-log-lines", RUN, VIEWER),
    Page("run-log-search", RUN, VIEWER),
    Page("run-log-download", RUN, VIEWER),
    Page("run-events", RUN, VIEWER),
    Page("run-expected-durations", RUN, VIEWER),
    Page("run-cancel", ("waiting",), OPERATOR, OPERATOR),
    Page("run-retry", RUN, send=OPERATOR, form={"from": "start"}),
    Page("run-again", RUN, send=OPERATOR),
    Page("run-delete", RUN, send=EDITOR),
    Page("run-node", NODE, VIEWER),
    Page("run-panel", NODE, VIEWER),
    Page("run-node-cancel", ("waiting", "a"), send=OPERATOR),
    Page("run-node-skip", ("waiting", "a"), OPERATOR, OPERATOR),
    Page("run-node-retry", NODE, send=OPERATOR, form={"from": "start"}),
    Page("run-node-stack", NODE, send=VIEWER, answer=(200, 302, 409)),
    Page("resources", see=VIEWER),
    Page("pool-create", send=EDITOR, form={"name": "more", "slots": "2"}),
    Page("pool-resize", ("spare",), send=EDITOR, form={"slots": "3"}),
    Page("pool-delete", ("spare",), send=EDITOR),
    Page("worker-drain", ("one@here",), send=OPERATOR),
    Page("worker-resume", ("rests@here",), send=OPERATOR),
    Page("audit", see=VIEWER),
    Page("account", see=VIEWER),
    Page(
        "account-password",
        send=VIEWER,
        form={"new": "correct horse battery", "again": "correct horse battery"},
        answer=(422,),
    ),
    Page("account-tokens", send=VIEWER, form={"name": "more", "days": "30"}, answer=(200,)),
    Page("account-token-delete", ("another_token",), send=VIEWER),
    Page("users", see=ADMIN),
    Page("user-create", send=ADMIN, form={"username": "fresh", "role": "viewer"}, answer=(200, 302)),
    Page("user", ("viewer-person",), send=ADMIN, form={"role": "editor", "active": "true"}),
    Page("user-link", ("viewer-person",), send=ADMIN, answer=(200, 302)),
    Page("user-tokens", see=ADMIN),
    Page("user-token-revoke", ("another_token",), send=ADMIN),
    Page("user-sessions", see=ADMIN),
    Page("user-session-end", ("session",), send=ADMIN),
    Page("find", see=VIEWER),
    Page("help", see=VIEWER),
]

# Open to everybody: sign-in and sign-out, theme and language, translations for scripts.
OPEN = [
    Page("sign-in", see=VIEWER, send=VIEWER, form={"username": "x", "password": "y"}, answer=(403,)),
    Page("login-link", ("nothing",), VIEWER, VIEWER, answer=(410,)),
    Page("sign-out", send=VIEWER),
    Page("theme", send=VIEWER, form={"theme": "dark"}, answer=(204, 200, 302)),
    Page("language", send=VIEWER, form={"language": "en"}),
    Page("catalogue", see=VIEWER),
]

# All query parameters of all pages. Each value is sent in all of them at once.
QUERY_PARAMETERS = (
    "after", "before", "by", "from", "level", "limit", "next", "node", "offset", "page", "q", "reason", "seqs", "show",
    "stack", "state", "tab", "tag", "target", "v", "version", "workflow", "attempt", "action",
    "user",
)  # fmt: skip
FORM_FIELDS = (
    "active", "again", "archived", "confirm", "days", "description", "from", "language", "live", "message", "name",
    "new", "next", "old", "password", "priority", "reason", "role", "scope", "slots", "slug", "tags", "target", "theme",
    "username", "version", "definition", "inputs", "month",
)  # fmt: skip
UNUSUAL_VALUES = (
    "", "-1", "0", "abc", "9" * 30, "\x00", "a\x00b\x01", "\U0001f682", "\u202e<b>&\"'", "x" * 5000, "%", "1.5",
    "\u0661", "//evil.example", "{", "[]", "null", "https://evil.example/", "\ufffd", "' OR 1=1 --", "\r\nX-Y: z",
)  # fmt: skip


def test_the_table_names_every_page() -> None:
    assert {pattern.name for pattern in urls.urlpatterns} == {page.name for page in PAGES + OPEN}


HOST, TOKEN = "http://testserver/x/", "a" * 32


class PageClients:
    """Sends requests for pages, checks every answer and undoes the changes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clients = {
            who: Client(raise_request_exception=False, enforce_csrf_checks=True) for who in (*ROLES, "nobody")
        }
        for who, client in self.clients.items():
            client.cookies[settings.CSRF_COOKIE_NAME] = TOKEN
            if who in ROLES:
                client.force_login(person(who))
        self.changes = ChangeDetector(world.home)

    def ask(self, who: str, method: str, path: str, raw: bytes = b"", **options: Any) -> tuple[int, str]:
        """Return the status, and what else is wrong with the answer."""
        client = self.clients[who]
        headers = {"X-CSRFToken": TOKEN, **options.pop("headers", {})}
        with self.changes.request():
            cookies = SimpleCookie(client.cookies)
            options.setdefault("content_type", "application/x-www-form-urlencoded")
            response: Any = client.generic(method, path, raw, headers=headers, **options)
            body = b"".join(response.streaming_content) if response.streaming else response.content
            changed = self.changes.changed() if response.status_code >= 400 else ""
            # Signing out is rolled back with the rows, but the client's cookie must be restored as well.
            client.cookies = cookies
        status = response.status_code
        if path.startswith(("/sign-in/", "/account/password/")):
            changed = ""  # Attempts are counted.
        if status >= 500:
            return status, f"{status}: {body[:200]!r}"
        if b"Traceback (most" in body:
            return status, "a traceback"
        location = response.headers.get("Location", "/")
        if urlsplit(urljoin(HOST, location)).netloc != urlsplit(HOST).netloc:
            return status, f"it leads to {location}"
        return status, f"{status}, but it changed {changed}" if changed else ""


@pytest.fixture(scope="module")
def page_clients(world: World) -> PageClients:
    return PageClients(world)


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


class Checks:
    """The requests for one page. `failures` collects unexpected answers."""

    def __init__(self, page: Page, page_clients: PageClients) -> None:
        self.page, self.page_clients, self.path = page, page_clients, page.path(page_clients.world)
        self.open = page in OPEN
        self.failures: list[str] = []

    def expect(self, expected: tuple[int, ...], kind: str, who: str, method: str, path: str = "", raw: bytes = b"",
            **options: Any) -> None:  # fmt: skip
        status, failure = self.page_clients.ask(who, method, path or self.path, raw, **options)
        if not failure and expected and status not in expected:
            failure = f"{status}, not {expected}"
        if failure:
            self.failures.append(f"{kind} ({method} as {who}): {failure}")

    def rights(self) -> None:
        """By nobody, by each role, and without the CSRF token."""
        page, data = self.page, form(**self.page.form)
        for method, first, answer in (("GET", page.see, (200,)), ("POST", page.send, page.answer)):
            if self.open:
                continue
            if not first:
                self.expect((405,), "a method it has not", ADMIN, method)
                continue
            self.expect((302,), "nobody", "nobody", method, raw=data)
            self.expect((401,), "nobody, a part", "nobody", method, raw=data, headers={"HX-Request": "true"})
            for role in ROLES[: ROLES.index(first)]:
                self.expect((403,), "below", role, method, raw=data)
            self.expect(answer, "taken", first, method, raw=data)
            self.expect((), "a part", ADMIN, method, raw=data, headers={"HX-Request": "true"})
        if page.send:
            self.expect((403,), "no csrf token", ADMIN, "POST", raw=data, headers={"X-CSRFToken": ""})
            self.expect((403,), "a foreign origin", ADMIN, "POST", raw=data, headers={"Origin": "https://evil.example"})

    def methods(self) -> None:
        for method in METHODS:
            if method not in ("GET", "POST", "OPTIONS"):
                self.expect((405,), "method", ADMIN, method)
        if self.page.see:
            # A view with a form has no HEAD.
            self.expect((405,) if self.page.send else (200,), "method", ADMIN, "HEAD")
        self.expect((400,), "host", ADMIN, "GET", HTTP_HOST="evil.example")

    def paths(self) -> None:
        world, where = self.page_clients.world, self.page.where
        for index, value in enumerate(where):
            ghosts = ["999999"] if value.isdigit() or value in world.ids else ["ghost"]
            for ghost in ghosts:
                other = tuple(ghost if place == index else given for place, given in enumerate(where))
                expected = (404,) if not self.open else (410,)
                if self.page.see:
                    self.expect(expected, f"no such {index}", ADMIN, "GET", self.page.path(world, *other))
                if self.page.send:
                    self.expect((404, 302, 410), f"no such {index}", ADMIN, "POST", self.page.path(world, *other))
            for unusual in some(UNUSUAL_PATHS, 8):
                parts = [quote(world.ids.get(given, given)) for given in where]
                parts[index] = unusual
                self.expect((), f"path {unusual[:20]}", ADMIN, "GET" if self.page.see else "POST", self._with(parts))

    def _with(self, parts: list[str]) -> str:
        """Return the URL with these parts, also such that `reverse` would refuse."""
        pattern = next(pattern for pattern in urls.urlpatterns if pattern.name == self.page.name)
        text = "/" + str(pattern.pattern)
        for part in parts:
            text = text[: text.index("<")] + part + text[text.index(">") + 1 :]
        return text

    def values(self) -> None:
        for text in some(UNUSUAL_VALUES, 10):
            if self.page.see:
                everything = urlencode(dict.fromkeys(QUERY_PARAMETERS, text))
                self.expect((), f"query {text[:20]!r}", ADMIN, "GET", f"{self.path}?{everything}")
            if self.page.send:
                fields = form(**dict.fromkeys(FORM_FIELDS, text))
                self.expect((), f"fields {text[:20]!r}", ADMIN, "POST", raw=fields)
                for name in self.page.form:
                    self.expect((), f"{name}={text[:20]!r}", ADMIN, "POST", raw=form(**{**self.page.form, name: text}))
        self.expect((), "query not UTF-8", ADMIN, "GET", f"{self.path}?q=%ff&node=%ed%a0%80&page=%")

    def bodies(self) -> None:
        if not self.page.send:
            return
        for kind, type_, raw in BODIES:
            self.expect((), f"body {kind}", ADMIN, "POST", raw=raw, content_type=type_)


BODIES = (
    ("empty", "application/x-www-form-urlencoded", b""),
    ("not UTF-8", "application/x-www-form-urlencoded", b"name=\xff\xfe&reason=%ed%a0%80"),
    ("JSON", "application/json", b'{"name": 5}'),
    ("a JSON list", "application/json", b"[1]"),
    ("null", "application/json", b"null"),
    ("broken JSON", "application/json", b"{"),
    ("NaN", "application/json", b'{"definition": NaN, "node": NaN}'),
    ("odd parts", "application/json", b'{"definition": {"nodes": [1], "edges": 5}, "node": [], "id": {}}'),
    ("deep JSON", "application/json", b"[" * 100_000),
    ("surrogates", "application/json", b'{"definition": {"name": "\\ud800\\u0000"}, "node": "\\ud800"}'),
    ("no boundary", "multipart/form-data", b"--x\r\n"),
    ("half a part", "multipart/form-data; boundary=x",
     b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nhalf'),
    ("a file", "multipart/form-data; boundary=x",
     b'--x\r\nContent-Disposition: form-data; name="name"; filename="a"\r\n\r\nz\r\n--x--\r\n'),
    ("two thousand fields", "application/x-www-form-urlencoded", b"&".join(b"x%d=1" % n for n in range(2000))),
    ("a text", "text/plain", b"name=x"),
    ("large", "application/x-www-form-urlencoded", b"name=" + b"x" * 3_000_000),
    ("no type at all", "", b"name=x"),
)  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES + OPEN, ids=lambda page: page.name)
def test_each_invalid_request_to_a_page_is_refused(page_clients: PageClients, page: Page) -> None:
    checks = Checks(page, page_clients)
    for kind in (checks.rights, checks.methods, checks.paths, checks.values, checks.bodies):
        kind()
    assert not checks.failures, "\n".join([f"{len(checks.failures)} cells of {page.name}", *checks.failures])
