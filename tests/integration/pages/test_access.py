"""Sign-in, and the pages for missing rights and missing pages.

tests/integration/table checks who may see which page.
"""

import pytest
from django.test import Client
from django.urls import reverse


def test_a_form_without_its_token_has_expired(flow, browser):
    admin = browser("admin")
    admin.handler.enforce_csrf_checks = True
    answer = admin.post(reverse("workflow-archive", args=["flow"]))
    assert answer.status_code == 403
    assert b"This form has expired" in answer.content


def test_a_refused_page_names_the_role_that_may_open_it(browser, db):
    answer = browser("viewer").get(reverse("users"))
    assert answer.status_code == 403
    assert "admin" in answer.content.decode()


def test_a_partial_answer_redirects_the_whole_page_to_sign_in(flow):
    answer = Client().get(reverse("resources"), HTTP_HX_REQUEST="true")
    assert answer.status_code == 401
    assert answer["HX-Redirect"].startswith("/sign-in/")


@pytest.mark.parametrize(
    "path", ["/nothing/", "/runs/999999/", "/runs/1/nodes/nope/", "/workflows/nope/", "/workflows/flow/versions/99/"]
)
def test_a_missing_page_has_its_own_page(flow, browser, path):
    answer = browser("viewer").get(path)
    assert answer.status_code == 404
    assert b"Page not found" in answer.content


def test_signing_in_redirects_only_within_the_site(db):
    from tests.support.people import person

    user = person("viewer")
    user.set_password("correct horse battery")
    user.save()
    credentials = {"username": user.username, "password": "correct horse battery"}
    assert Client().post("/sign-in/", {**credentials, "next": "/runs/"})["Location"] == "/runs/"
    assert Client().post("/sign-in/", {**credentials, "next": "https://evil.example/"})["Location"] == "/"
    assert Client().post("/sign-in/", {**credentials, "next": "//evil.example/"})["Location"] == "/"
    wrong = Client().post("/sign-in/", {**credentials, "password": "no"})
    assert wrong.status_code == 403
    assert b"Incorrect user name or password" in wrong.content


def test_opening_a_login_link_does_not_use_it_up(db):
    from dashboard import accounts
    from tests.support.people import person

    link = accounts.create_login_link(person("editor"), "http://testserver", by="x")
    for _scanner in range(3):
        answer = Client().get(link)
        assert answer.status_code == 200
        assert answer["Referrer-Policy"] == "strict-origin"
    client = Client()
    assert client.post(link)["Location"] == "/"
    assert client.get("/").status_code == 200
    again = Client().post(link)
    assert again.status_code == 410
    assert b"no longer valid" in again.content
