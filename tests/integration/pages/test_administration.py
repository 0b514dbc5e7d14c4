"""Pages and forms of pools, accounts, tokens and the audit log."""

import re

from tests.integration.pages.answers import text_of
from tests.support.api import Api
from tests.support.people import person


def test_pools_are_created_resized_and_deleted(browser, db):
    editor = browser("editor")
    editor.post("/resources/pools/", {"name": "warehouse", "slots": "2"})
    editor.post("/resources/pools/warehouse/", {"slots": "4"})
    assert "0 of 4" in text_of(editor.get("/resources/"))
    assert "whole number" in text_of(editor.post("/resources/pools/warehouse/", {"slots": "x"}, follow=True))
    editor.post("/resources/pools/warehouse/delete/")
    assert "No pools yet" in text_of(editor.get("/resources/"))


def test_the_audit_of_accounts_is_for_admins(browser, flow):
    browser("viewer").post("/account/tokens/", {"name": "secret job"})
    assert "secret job" not in text_of(browser("viewer").get("/audit/"))
    shown = text_of(browser("admin").get("/audit/"))
    assert "secret job" in shown
    assert "Published a version" in shown


def test_a_token_is_shown_once_and_can_be_revoked(browser, db):
    viewer = browser("viewer")
    answer = viewer.post("/account/tokens/", {"name": "job", "days": "30"})
    raw = re.search(r"interlock_[\w-]{20,}", text_of(answer))
    assert raw
    assert raw[0] not in text_of(viewer.get("/account/"))
    token = re.search(r"/account/tokens/(\d+)/delete/", text_of(viewer.get("/account/")))
    assert token
    other = browser("editor").post(token[0], follow=True)
    assert other.status_code == 404
    viewer.post(token[0])
    assert "/delete/" not in text_of(viewer.get("/account/"))


def test_a_first_password_needs_no_old_one_and_a_change_does(browser, db):
    viewer = browser("viewer")
    user = person("viewer")
    user.set_unusable_password()
    user.save()
    viewer.force_login(user)
    new = {"new": "correct horse battery", "again": "correct horse battery"}
    assert viewer.post("/account/password/", {**new, "again": "else"}).status_code == 422
    assert viewer.post("/account/password/", new)["Location"] == "/account/"
    assert viewer.get("/account/").status_code == 200
    assert viewer.post("/account/password/", {**new, "old": "wrong"}).status_code == 422
    assert viewer.post("/account/password/", {"new": "short", "again": "short", "old": new["new"]}).status_code == 422


def test_admins_create_accounts_with_roles_and_links(browser, db):
    admin = browser("admin")
    answer = admin.post("/users/:new/", {"username": "maria", "role": "operator"})
    assert "/sign-in/link/" in text_of(answer)
    admin.post("/users/maria/", {"role": "editor"})
    admin.post("/users/maria/", {"active": "false"})
    user = person("editor", "maria")
    assert (user.role, user.is_active) == ("editor", False)
    assert admin.post("/users/:new/", {"username": "maria", "role": "viewer"}).status_code == 422
    last = admin.post("/users/admin-person/", {"role": "viewer"}, follow=True)
    assert "is the only admin" in text_of(last)


def test_admins_see_and_revoke_the_tokens_of_everybody(browser, db):
    raw = re.search(r"interlock_[\w-]{20,}", text_of(browser("viewer").post("/account/tokens/", {"name": "job"})))
    assert raw
    browser("editor").post("/account/tokens/", {"name": "report"})
    admin = browser("admin")
    assert "/users/:tokens/" in text_of(admin.get("/users/"))
    shown = text_of(admin.get("/users/:tokens/"))
    assert ("job" in shown, "report" in shown, raw[0] in shown) == (True, True, False)
    shown = text_of(admin.get("/users/:tokens/?user=viewer-person"))
    assert ("job" in shown, "report" in shown) == (True, False)
    (revoke,) = re.findall(r"/users/:tokens/\d+/revoke/", shown)
    assert browser("editor").post(revoke).status_code == 403
    assert "Token &quot;job&quot; of viewer-person revoked" in text_of(admin.post(revoke, follow=True))
    assert Api(token=raw[0]).get("workflows/").status == 401
    assert "Revoked an API token" in text_of(admin.get("/audit/"))


def test_admins_see_who_is_signed_in_and_sign_them_out(browser, db):
    admin, viewer = browser("admin"), browser("viewer")
    shown = text_of(admin.get("/users/:sessions/"))
    assert "viewer-person" in shown
    # One's own session is ended by signing out.
    (end,) = re.findall(r"/users/:sessions/\w+/end/", shown)
    assert shown.count("this session") == 1
    assert browser("editor").post(end).status_code == 403
    assert "viewer-person has been signed out" in text_of(admin.post(end, follow=True))
    assert viewer.get("/account/")["Location"].startswith("/sign-in/")
    assert "Ended a session" in text_of(admin.get("/audit/"))
