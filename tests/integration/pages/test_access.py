"""Every page is tried by nobody and by each role; forms need the right and the CSRF token."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from dashboard.pages import urls
from engine.models import Run

ROLES = ("viewer", "operator", "editor", "admin")
RUN = "{run}"

# (name, arguments, first role that may see it)
PAGES = [
    ("overview", [], "viewer"),
    ("workflows", [], "viewer"),
    ("workflow-new", [], "editor"),
    ("workflow", ["flow"], "viewer"),
    ("workflow-versions", ["flow"], "viewer"),
    ("workflow-version", ["flow", 1], "viewer"),
    ("workflow-rollback", ["flow", 1], "operator"),
    ("workflow-deploy", ["flow", 1], "operator"),
    ("workflow-definition", ["flow"], "viewer"),
    ("workflow-settings", ["flow"], "viewer"),
    ("workflow-edit", ["flow"], "editor"),
    ("workflow-publish-form", ["flow"], "editor"),
    ("workflow-run", ["flow"], "operator"),
    ("runs", [], "viewer"),
    ("run", [RUN], "viewer"),
    ("run-graph", [RUN], "viewer"),
    ("run-summary", [RUN], "viewer"),
    ("run-log-index", [RUN], "viewer"),
    ("run-log-lines", [RUN], "viewer"),
    ("run-log-search", [RUN], "viewer"),
    ("run-log-download", [RUN], "viewer"),
    ("run-node", [RUN, "a"], "viewer"),
    ("run-panel", [RUN, "a"], "viewer"),
    ("run-events", [RUN], "viewer"),
    ("run-usual", [RUN], "viewer"),
    ("resources", [], "viewer"),
    ("audit", [], "viewer"),
    ("account", [], "viewer"),
    ("users", [], "admin"),
    ("find", [], "viewer"),
]

# (name, arguments, first role whose form is taken)
FORMS = [
    ("workflow-archive", ["flow"], "editor"),
    ("workflow-duplicate", ["flow"], "editor"),
    ("workflow-delete", ["flow"], "admin"),
    ("workflow-publish", ["flow"], "editor"),
    ("workflow-discard", ["flow"], "editor"),
    ("workflow-rebase", ["flow"], "editor"),
    ("run-cancel", [RUN], "operator"),
    ("run-retry", [RUN], "operator"),
    ("run-again", [RUN], "operator"),
    ("run-delete", [RUN], "editor"),
    ("run-node-cancel", [RUN, "a"], "operator"),
    ("run-node-retry", [RUN, "a"], "operator"),
    ("run-node-stack", [RUN, "a"], "viewer"),
    ("pool-create", [], "editor"),
    ("pool-resize", ["p"], "editor"),
    ("pool-delete", ["p"], "editor"),
    ("account-password", [], "viewer"),
    ("account-tokens", [], "viewer"),
    ("account-token-delete", [1], "viewer"),
    ("user-create", [], "admin"),
    ("user", ["viewer-person"], "admin"),
    ("user-link", ["viewer-person"], "admin"),
]

# Open to everybody: signing in and out, the look, the words of the scripts.
OPEN = {"sign-in", "sign-out", "login-link", "theme", "language", "catalogue"}


def address(name: str, arguments: list[object]) -> str:
    run = Run.objects.order_by("-id").values_list("pk", flat=True).first()
    return reverse(name, args=[run if argument == RUN else argument for argument in arguments])


def test_the_tables_name_every_page():
    named = {name for name, _arguments, _role in PAGES + FORMS} | OPEN
    assert {pattern.name for pattern in urls.urlpatterns} == named
    assert get_resolver().url_patterns


@pytest.mark.parametrize(("name", "arguments", "first"), PAGES)
def test_a_page_is_shown_from_its_role_on(flow, browser, name, arguments, first):
    place = address(name, arguments)
    answer = Client().get(place)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/?next=")
    for role in ROLES:
        expected = 200 if ROLES.index(role) >= ROLES.index(first) else 403
        assert browser(role).get(place).status_code == expected, role


@pytest.mark.parametrize(("name", "arguments", "first"), FORMS)
def test_a_form_is_taken_from_its_role_on(flow, browser, name, arguments, first):
    place = address(name, arguments)
    assert Client().post(place)["Location"].startswith("/sign-in/")
    for role in ROLES:
        allowed = ROLES.index(role) >= ROLES.index(first)
        if allowed:
            assert browser(role).post(place).status_code in (200, 302, 404, 422), role
            break
        assert browser(role).post(place).status_code == 403, role


@pytest.mark.parametrize(("name", "arguments", "first"), FORMS)
def test_a_form_without_its_token_does_nothing(flow, browser, name, arguments, first):
    admin = browser("admin")
    admin.handler.enforce_csrf_checks = True
    answer = admin.post(address(name, arguments))
    assert answer.status_code == 403
    assert b"This form has expired" in answer.content


def test_who_may_not_sees_why_and_who_can_help(browser, db):
    answer = browser("viewer").get(reverse("users"))
    assert answer.status_code == 403
    assert "admin" in answer.content.decode()


def test_a_part_of_a_page_sends_the_whole_page_to_sign_in(flow):
    answer = Client().get(address("run-panel", [RUN, "a"]), HTTP_HX_REQUEST="true")
    assert answer.status_code == 401
    assert answer["HX-Redirect"].startswith("/sign-in/")


@pytest.mark.parametrize(
    "place", ["/nothing/", "/runs/999999/", "/runs/1/nodes/nope/", "/workflows/nope/", "/workflows/flow/versions/99/"]
)
def test_what_is_not_there_is_a_page_of_its_own(flow, browser, place):
    answer = browser("viewer").get(place)
    assert answer.status_code == 404
    assert b"There is nothing at this address" in answer.content


def test_signing_in_goes_where_one_wanted_and_nowhere_else(db):
    from tests.support.people import person

    user = person("viewer")
    user.set_password("correct horse battery")
    user.save()
    given = {"username": user.username, "password": "correct horse battery"}
    assert Client().post("/sign-in/", {**given, "next": "/runs/"})["Location"] == "/runs/"
    assert Client().post("/sign-in/", {**given, "next": "https://evil.example/"})["Location"] == "/"
    assert Client().post("/sign-in/", {**given, "next": "//evil.example/"})["Location"] == "/"
    wrong = Client().post("/sign-in/", {**given, "password": "no"})
    assert wrong.status_code == 403
    assert b"do not fit together" in wrong.content


def test_opening_a_login_link_does_not_use_it_up(db):
    from dashboard import accounts
    from tests.support.people import person

    link = accounts.create_login_link(person("editor"), "http://testserver")
    for _scanner in range(3):
        answer = Client().get(link)
        assert answer.status_code == 200
        assert answer["Referrer-Policy"] == "strict-origin"
    client = Client()
    assert client.post(link)["Location"] == "/"
    assert client.get("/").status_code == 200
    again = Client().post(link)
    assert again.status_code == 410
    assert b"used up" in again.content
