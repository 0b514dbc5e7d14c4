from typing import Any

import pytest

from engine.models import Pool
from tests.support.api import Api
from tests.support.documents import chain, with_policy


def test_a_pool_is_created_shown_resized_and_deleted(editor: Api, admin: Api) -> None:
    made = editor.post("pools/", {"name": "disk", "slots": 2})
    assert made.status == 201
    assert made.json == {
        "name": "disk",
        "slots": 2,
        "in_use": 0,
        "waiting": 0,
        "acquired": 0,
        "released": 0,
        "longest_wait": 0,
        "holders": [],
    }
    assert editor.get(made.headers["Location"]).json == made.json
    assert editor.patch("pools/disk/", {"slots": 5}).json["slots"] == 5
    assert editor.get("pools/").json["results"][0]["slots"] == 5
    assert editor.delete("pools/disk/").status == 204
    assert editor.get("pools/disk/").status == 404
    assert [entry["action"] for entry in admin.all("audit/")][:3] == ["pool_deleted", "pool_resized", "pool_created"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "disk", "slots": 0}, 400),
        ({"name": "disk", "slots": 10**12}, 400),
        ({"name": "disk", "slots": "many"}, 400),
        ({"name": "a b", "slots": 1}, 422),
        ({"name": "a/b", "slots": 1}, 422),
        ({"name": "", "slots": 1}, 400),
        ({"slots": 1}, 400),
        ({"name": "there", "slots": 1}, 409),
    ],
)
def test_an_invalid_pool_is_refused(editor: Api, body: dict[str, Any], status: int) -> None:
    editor.post("pools/", {"name": "there", "slots": 1})
    assert editor.post("pools/", body).status == status
    assert Pool.objects.count() == 1


def test_an_unknown_pool_is_not_found(editor: Api) -> None:
    assert editor.get("pools/none/").status == 404
    assert editor.patch("pools/none/", {"slots": 1}).status == 404
    assert editor.delete("pools/none/").status == 404


def test_a_pool_in_use_by_a_live_version_is_not_deleted(editor: Api) -> None:
    editor.post("pools/", {"name": "disk", "slots": 4})
    editor.post("workflows/", {"name": "One"})
    assert editor.post("workflows/one/versions/", {"definition": with_policy(pool="none"), "message": ""}).status == 422
    too_many = editor.post("workflows/one/versions/", {"definition": with_policy(pool="disk", slots=5), "message": ""})
    assert too_many.status == 422
    editor.post("workflows/one/versions/", {"definition": with_policy(pool="disk", slots=3), "message": ""})
    refused = editor.delete("pools/disk/")
    assert (refused.status, refused.code) == (409, "in_use_by_version")
    assert "one v1" in refused.json["detail"]
    assert editor.patch("pools/disk/", {"slots": 2}).code == "in_use_by_version"
    assert editor.patch("pools/disk/", {"slots": 3}).status == 200
    # Once another version is live, the pool may go.
    editor.post("workflows/one/versions/", {"definition": chain(), "message": ""})
    editor.post("workflows/one/deployments/", {"version": 2})
    assert editor.delete("pools/disk/").status == 204
    assert editor.post("workflows/one/rollback/", {"reason": "x"}).code == "pool_missing"
