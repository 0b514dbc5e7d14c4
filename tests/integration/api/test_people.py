from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from dashboard import accounts
from dashboard.models import ApiToken, Role, Session, User
from engine import clock
from tests.support.api import Api
from tests.support.people import person
from versions.models import AuditEntry

# --- tokens ---


def test_a_token_is_shown_once_and_stored_as_a_hash(viewer: Api) -> None:
    made = viewer.post("tokens/", {"name": "reports"})
    assert made.status == 201
    raw = made.json["token"]
    assert made.headers["Cache-Control"] == "no-store"
    assert not ApiToken.objects.filter(hash__contains=raw).exists()
    assert raw not in str([entry.details for entry in AuditEntry.objects.all()])
    listed = viewer.get("tokens/").json["results"]
    assert listed[0]["name"] == "reports"
    assert "token" not in listed[0]
    assert Api(token=raw).get("workflows/").status == 200


def test_a_deleted_token_ends_at_once(viewer: Api) -> None:
    made = viewer.post("tokens/", {"name": "x"}).json
    assert viewer.delete(f"tokens/{made['id']}/").status == 204
    assert Api(token=made["token"]).get("workflows/").status == 401
    assert viewer.delete(f"tokens/{made['id']}/").status == 404


def test_tokens_of_others_are_not_found(viewer: Api, editor: Api) -> None:
    mine = viewer.post("tokens/", {"name": "x"}).json
    assert editor.get(f"tokens/{mine['id']}/").status == 404
    assert editor.delete(f"tokens/{mine['id']}/").status == 404
    assert mine["id"] not in [token["id"] for token in editor.all("tokens/")]
    assert [editor.get(f"tokens/?user={name}").status for name in ("viewer-person", "*", "nobody")] == [403] * 3
    assert editor.get("tokens/?user=editor-person").json == editor.get("tokens/").json
    assert editor.delete("tokens/99999999999999999999999/").status == 404


def test_admins_list_and_revoke_the_tokens_of_all_accounts(viewer: Api, admin: Api) -> None:
    made = viewer.post("tokens/", {"name": "x"}).json
    own = admin.all("tokens/")
    assert {token["user"] for token in own} == {"admin-person"}
    assert [token["user"] for token in admin.all("tokens/?user=viewer-person")] == ["viewer-person"] * 2
    everybody = admin.get("tokens/?user=*")
    assert {token["user"] for token in everybody.json["results"]} == {"viewer-person", "admin-person"}
    # Neither a token nor what is stored of it.
    hashes = [value.encode() for value in ApiToken.objects.values_list("hash", flat=True)]
    assert not any(secret in everybody.body for secret in (made["token"].encode(), *hashes))
    assert admin.delete(f"tokens/{made['id']}/").status == 204
    assert Api(token=made["token"]).get("workflows/").status == 401
    entry = AuditEntry.objects.get(action="token_deleted")
    assert (entry.by, entry.details["user"], entry.details["name"]) == ("admin-person", "viewer-person", "x")
    assert admin.get("tokens/?user=nobody").status == 404


# --- sessions ---


def session_of(role: str) -> Api:
    return Api(person(role), session=True)


def test_everybody_lists_and_ends_only_their_own_sessions(viewer: Api, editor: Api) -> None:
    browser = session_of("viewer")
    session_of("editor")
    (mine,) = viewer.all("sessions/")
    assert mine["user"] == "viewer-person"
    assert [editor.get(f"sessions/?user={name}").status for name in ("viewer-person", "*")] == [403, 403]
    assert editor.delete(f"sessions/{mine['id']}/").status == 404
    assert browser.get("workflows/").status == 200
    assert viewer.delete(f"sessions/{mine['id']}/").status == 204
    assert browser.get("workflows/").status == 401
    assert viewer.delete(f"sessions/{mine['id']}/").status == 404


def test_admins_list_and_end_the_sessions_of_all_accounts(admin: Api) -> None:
    browsers = [session_of(role) for role in ("viewer", "viewer", "editor")]
    Session.objects.filter(user=person("editor")).update(expire_date=clock.now() - timedelta(seconds=1))
    everybody = admin.get("sessions/?user=*&limit=1")
    listed = admin.all("sessions/?user=*&limit=1")
    assert [session["user"] for session in listed] == ["viewer-person"] * 2
    keys = [str(browser.client.session.session_key).encode() for browser in browsers[:2]]
    hashes = [value.encode() for value in Session.objects.values_list("session_key", flat=True)]
    assert not any(secret in everybody.body for secret in (*keys, *hashes))
    for session in listed:
        assert admin.delete(f"sessions/{session['id']}/").status == 204
    assert [browser.get("workflows/").status for browser in browsers] == [401] * 3
    entries = AuditEntry.objects.filter(action="session_ended", by="admin-person")
    assert [entry.details["user"] for entry in entries] == ["viewer-person"] * 2
    assert admin.get("sessions/?user=nobody").status == 404


def test_an_expired_token_is_refused(viewer: Api) -> None:
    made = viewer.post("tokens/", {"name": "x", "expires_at": clock.iso(clock.now() + timedelta(hours=1))})
    assert made.status == 201
    api = Api(token=made.json["token"])
    assert api.get("workflows/").status == 200
    ApiToken.objects.filter(pk=int(made.json["id"])).update(expires_at=clock.now() - timedelta(seconds=1))
    assert api.get("workflows/").code == "invalid_token"
    assert viewer.post("tokens/", {"name": "x", "expires_at": "2001-01-01T00:00:00Z"}).status == 422
    assert viewer.post("tokens/", {"name": "x", "expires_at": "soon"}).status == 400


def test_a_limited_token_is_valid_only_for_its_scope(admin: Api) -> None:
    raw = admin.post("tokens/", {"name": "prometheus", "scopes": ["metrics"]}).json["token"]
    api = Api(token=raw)
    for path in ("workflows/", "tokens/", "schema/", "users/"):
        answer = api.get(path)
        assert (answer.status, answer.code) == (403, "forbidden")
    assert api.post("tokens/", {"name": "more"}).status == 403
    assert api.get("/metrics").code == "not_available_yet"
    assert admin.post("tokens/", {"name": "x", "scopes": ["root"]}).status == 400


def test_the_use_of_a_token_is_recorded_once_an_hour(viewer: Api, django_assert_num_queries) -> None:
    ApiToken.objects.update(created_at=clock.now() - timedelta(hours=2))
    viewer.get("node-types/")
    used = ApiToken.objects.get().used_at
    assert used is not None
    assert used.minute == used.second == used.microsecond == 0
    with django_assert_num_queries(1):
        viewer.get("node-types/")


def test_a_token_whose_use_cannot_be_recorded_is_valid_for_reading(viewer: Api) -> None:
    def full(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise OperationalError("database or disk is full")
        return execute(sql, params, many, context)

    ApiToken.objects.update(created_at=clock.now() - timedelta(hours=2))
    with connection.execute_wrapper(full):
        assert viewer.get("node-types/").status == 200
    assert ApiToken.objects.get().used_at is None
    viewer.get("node-types/")
    assert ApiToken.objects.get().used_at is not None


def test_a_token_is_never_used_before_its_creation(viewer: Api, django_assert_num_queries) -> None:
    viewer.get("node-types/")
    token = ApiToken.objects.get()
    assert token.used_at is not None
    assert token.used_at >= token.created_at
    with django_assert_num_queries(1):
        viewer.get("node-types/")
    shown = viewer.all("tokens/")[0]
    assert shown["used_at"] >= shown["created_at"]


# --- users ---


def test_an_admin_creates_accounts_and_changes_their_role(admin: Api) -> None:
    made = admin.post("users/", {"username": "ann", "role": "viewer"})
    assert (made.status, made.json["role"], made.json["has_password"]) == (201, "viewer", False)
    assert admin.get(made.headers["Location"]).json == made.json
    changed = admin.patch("users/ann/", {"role": "operator", "password": "correct horse battery"})
    assert (changed.json["role"], changed.json["has_password"]) == ("operator", True)
    assert [user["username"] for user in admin.all("users/?limit=1")] == ["ann", "admin-person"]
    entries = [(entry["action"], entry["details"]) for entry in admin.all("audit/?action=user_changed")]
    assert entries == [("user_changed", {"user": "ann", "role": "operator", "from": "viewer", "password": "changed"})]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"username": "ann", "role": "king"}, 400),
        ({"username": "", "role": "viewer"}, 400),
        ({"username": "has space", "role": "viewer"}, 422),
        ({"username": "a/b", "role": "viewer"}, 422),
        ({"username": "<b>", "role": "viewer"}, 422),
        ({"username": "x" * 151, "role": "viewer"}, 400),
        ({"username": "ann", "role": "viewer", "password": "short"}, 422),
        ({"username": "ann", "role": "viewer", "is_superuser": True}, 400),
        ({"username": "admin-person", "role": "viewer"}, 409),
        ({"role": "viewer"}, 400),
    ],
)
def test_an_invalid_account_is_refused(admin: Api, body: dict[str, object], status: int) -> None:
    before = User.objects.count()
    assert admin.post("users/", body).status == status
    assert User.objects.count() == before


def test_the_last_admin_keeps_the_role(admin: Api) -> None:
    for change in ({"role": "editor"}, {"active": False}):
        answer = admin.patch("users/admin-person/", change)
        assert (answer.status, answer.code) == (409, "last_admin")
    admin.post("users/", {"username": "second", "role": "admin"})
    assert admin.patch("users/admin-person/", {"role": "editor"}).status == 200
    assert admin.get("users/").status == 403


def test_an_unknown_account_is_not_found(admin: Api) -> None:
    assert admin.get("users/ghost/").status == 404
    assert admin.patch("users/%00/", {"role": "viewer"}).status == 404


def test_a_new_password_ends_the_sessions(admin: Api) -> None:
    user = person(Role.VIEWER)
    api = Api(user, session=True)
    assert api.get("workflows/").status == 200
    accounts.change_user(user, password="correct horse battery", by="x")
    assert api.get("workflows/").status == 401


# --- audit ---


def test_the_audit_log_of_a_workflow_is_for_all_and_the_whole_log_for_admins(
    viewer: Api, editor: Api, admin: Api
) -> None:
    editor.post("workflows/", {"name": "One"})
    editor.post("workflows/", {"name": "Two"})
    assert [entry["workflow"] for entry in viewer.all("audit/?workflow=one")] == ["one"]
    assert viewer.get("audit/").status == editor.get("audit/").status == 403
    assert {entry["workflow"] for entry in admin.all("audit/?by=editor-person&limit=1")} >= {"one", "two"}
    entry = admin.get("audit/?workflow=two").json["results"][0]
    assert (entry["action"], entry["by"], entry["from"], entry["to"]) == (
        "workflow_created",
        "editor-person",
        None,
        None,
    )
