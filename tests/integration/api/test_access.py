"""Rights that change during a session, sessions, and the documentation page.

tests/integration/table checks for every call who may use it.
"""

from dashboard.models import Role
from tests.support.api import Api
from tests.support.people import ROLES, person


def test_the_documentation_is_for_everybody_who_is_signed_in(db: None) -> None:
    response = Api().client.get("/api/docs/")
    assert (response.status_code, response["Location"].split("?")[0]) == (302, "/sign-in/")
    for role in ROLES:
        by_token, by_session = Api(person(role)), Api(person(role), session=True)
        assert by_token.client.get("/api/docs/", headers=by_token.headers).status_code == 200
        assert by_session.client.get("/api/docs/").status_code == 200


def test_a_view_without_rights_refuses_everybody(db: None) -> None:
    from rest_framework.test import APIRequestFactory, force_authenticate

    from dashboard.api.base import ApiView

    class WithoutRights(ApiView):
        def get(self, request: object) -> None:
            raise AssertionError("reached")

    request = APIRequestFactory().get("/")
    force_authenticate(request, person(Role.ADMIN))
    assert WithoutRights.as_view()(request).status_code == 403


def test_a_deactivated_account_is_refused(admin: Api) -> None:
    user = person(Role.EDITOR)
    by_token, by_session = Api(user), Api(user, session=True)
    assert by_token.get("runs/").status == by_session.get("runs/").status == 200
    admin.patch("users/editor-person/", {"active": False})
    assert by_token.get("runs/").status == by_session.get("runs/").status == 401


def test_a_changed_role_applies_at_once(admin: Api, editor: Api) -> None:
    assert editor.post("workflows/", {"name": "Two"}).status == 201
    admin.patch("users/editor-person/", {"role": "viewer"})
    assert editor.post("workflows/", {"name": "Three"}).status == 403


def test_a_write_with_a_session_needs_the_csrf_token(db: None) -> None:
    api = Api(person(Role.EDITOR), session=True)
    assert api.get("workflows/").status == 200
    refused = api.post("workflows/", {"name": "One"})
    assert (refused.status, refused.code) == (403, "csrf_failed")
    token = "a" * 32
    api.client.cookies["interlock_csrf"] = token
    assert api.post("workflows/", {"name": "One"}, headers={"X-CSRFToken": token}).status == 201
    assert api.put("workflows/one/draft/", {"definition": {}}, headers={"If-Match": "*"}).code == "csrf_failed"
    assert api.delete("workflows/one/draft/").code == "csrf_failed"
    assert api.put("files/x.txt", raw=b"x").code == "csrf_failed"


def test_an_unknown_token_is_401_even_beside_a_session(db: None) -> None:
    api = Api(person(Role.ADMIN), session=True)
    for header in ("Bearer nonsense", "Bearer ", "bearer interlock_x", "Bearer \u00e9"):
        answer = api.get("workflows/", headers={"Authorization": header})
        assert (answer.status, answer.code) == (401, "invalid_token"), header
    assert api.get("workflows/", headers={"Authorization": "Basic eDp5"}).status == 200
