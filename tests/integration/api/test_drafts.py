from typing import Any

import pytest

from dashboard.models import Role
from tests.support.api import Answer, Api
from tests.support.documents import chain
from tests.support.people import person

DRAFT = "workflows/one/draft/"


@pytest.fixture
def api(editor: Api) -> Api:
    editor.post("workflows/", {"name": "One"})
    return editor


def save(api: Api, definition: Any, tag: str, **more: Any) -> Answer:
    return api.put(DRAFT, {"definition": definition, **more}, headers={"If-Match": tag})


def tag(api: Api) -> str:
    return str(api.get(DRAFT).headers["ETag"])


def test_without_a_draft_the_newest_version_is_shown(api: Api) -> None:
    empty = api.get(DRAFT)
    assert empty.status == 200
    assert empty.json == {
        "definition": {"schema": "interlock/1", "nodes": [], "edges": []},
        "base_version": None,
        "saved_at": None,
    }
    assert empty.headers["ETag"].startswith('"')
    api.post("workflows/one/versions/", {"definition": chain("x"), "message": ""})
    assert api.get(DRAFT).json["definition"] == chain("x")
    assert api.get(DRAFT).json["base_version"] == 1


def test_a_save_needs_the_tag_and_refuses_a_stale_one(api: Api) -> None:
    first = tag(api)
    missing = api.put(DRAFT, {"definition": {}})
    assert (missing.status, missing.code) == (428, "precondition_required")
    saved = save(api, {"any": ["thing"]}, first)
    assert (saved.status, saved.json["definition"]) == (200, {"any": ["thing"]})
    assert saved.headers["ETag"] == tag(api) != first
    stale = save(api, {"other": 1}, first)
    assert (stale.status, stale.code) == (412, "stale_draft")
    assert api.get(DRAFT).json["definition"] == {"any": ["thing"]}


@pytest.mark.parametrize("given", ['W/"0"', "0", '"00"', '"x"', '""', ",", '"1"', '"999999999999"'])
def test_only_the_strong_current_tag_matches(api: Api, given: str) -> None:
    assert save(api, {}, given).status == 412


def test_one_of_several_tags_is_enough_and_a_star_matches_any(api: Api) -> None:
    assert save(api, {"n": 1}, '"7", "0"').status == 200
    assert save(api, {"n": 2}, "*").status == 200
    assert api.get(DRAFT).json["definition"] == {"n": 2}


def test_the_tag_never_comes_back_after_a_draft_has_ended(api: Api) -> None:
    seen = [tag(api)]
    save(api, chain(), seen[-1])
    seen.append(tag(api))
    assert api.delete(DRAFT).status == 204
    after = save(api, chain("x"), tag(api))
    assert after.status == 200
    assert after.headers["ETag"] not in seen
    assert save(api, {}, seen[0]).status == 412


def test_publishing_by_others_does_not_stale_the_tag(api: Api, admin: Api) -> None:
    before = tag(api)
    admin.post("workflows/one/versions/", {"definition": chain("x"), "message": ""})
    assert tag(api) == before
    assert save(api, {}, before).status == 200


def test_a_draft_is_its_owners_alone(api: Api, admin: Api) -> None:
    save(api, {"mine": True}, tag(api))
    assert admin.get(DRAFT).json["saved_at"] is None
    assert save(admin, {"other": True}, tag(admin)).status == 200
    assert api.get(DRAFT).json["definition"] == {"mine": True}


@pytest.mark.parametrize("definition", [None, [], "text", 3, True])
def test_a_definition_that_is_no_object_is_an_invalid_document(api: Api, definition: Any) -> None:
    answer = save(api, definition, tag(api))
    assert (answer.status, answer.code) == (422, "invalid_document")
    assert answer.json["errors"]
    assert api.get(DRAFT).json["saved_at"] is None


def test_the_base_version_stays_until_another_is_given(api: Api) -> None:
    api.post("workflows/one/versions/", {"definition": chain("x"), "message": ""})
    assert save(api, {}, tag(api)).json["base_version"] == 1
    api.post("workflows/one/versions/", {"definition": chain("y"), "message": ""})
    assert save(api, {}, tag(api)).json["base_version"] == 1
    assert save(api, {}, tag(api), base_version=2).json["base_version"] == 2
    assert save(api, {}, tag(api)).json["base_version"] == 2


@pytest.mark.parametrize("base", [0, 2, 77])
def test_an_unknown_base_version_is_refused_and_stores_nothing(api: Api, base: int) -> None:
    early = save(api, {"n": 1}, tag(api), base_version=base)
    assert (early.status, early.json["errors"][0]["path"]) == (422, "base_version")
    assert f"has no version {base} yet" in early.json["detail"]
    api.post("workflows/one/versions/", {"definition": chain("x"), "message": ""})
    answer = save(api, {"n": 1}, tag(api), base_version=base)
    assert (answer.status, answer.json["errors"][0]["path"]) == (422, "base_version")
    assert f"has no version {base}; the newest is 1" in answer.json["detail"]
    assert api.get(DRAFT).json["saved_at"] is None
    assert save(api, {"n": 1}, tag(api), base_version=None).json["base_version"] is None


def patched(api: Api, operations: Any, match: str | None = None) -> Answer:
    headers = {"If-Match": match or tag(api)}
    return api.patch(DRAFT, operations, content_type="application/json-patch+json", headers=headers)


def test_a_patch_changes_the_definition(api: Api) -> None:
    save(api, chain("a", "b"), tag(api))
    answer = patched(
        api,
        [
            {"op": "test", "path": "/nodes/0/id", "value": "a"},
            {"op": "replace", "path": "/nodes/0/id", "value": "z"},
            {"op": "remove", "path": "/edges/0"},
            {"op": "add", "path": "/nodes/-", "value": {"id": "c", "type": "noop"}},
        ],
    )
    assert answer.status == 200, answer
    assert [node["id"] for node in answer.json["definition"]["nodes"]] == ["z", "b", "c"]
    assert answer.headers["ETag"] == tag(api)


def test_a_patch_needs_the_tag_too(api: Api) -> None:
    kind = "application/json-patch+json"
    assert api.patch(DRAFT, [], content_type=kind).status == 428
    assert patched(api, [], '"17"').status == 412


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ({"op": "add"}, 400),
        ("text", 400),
        (["x"], 400),
        ([{"op": "explode", "path": "/nodes"}], 400),
        ([{"op": "add", "path": "/nodes"}], 400),
        ([{"op": "add", "path": 7, "value": 1}], 400),
        ([{"path": "/nodes", "value": 1}], 400),
        ([{"op": "remove", "path": "/nope/deep"}], 422),
        ([{"op": "test", "path": "/schema", "value": "other"}], 422),
        ([{"op": "replace", "path": "/nodes/7", "value": 1}], 422),
        ([{"op": "replace", "path": "", "value": [1]}], 422),
    ],
)
def test_a_patch_that_is_invalid_or_does_not_apply_changes_nothing(api: Api, operations: Any, status: int) -> None:
    before = api.get(DRAFT)
    answer = patched(api, operations)
    assert answer.status == status, answer
    assert api.get(DRAFT).json == before.json
    assert tag(api) == before.headers["ETag"]


def test_a_patch_that_copies_without_end_is_refused(api: Api) -> None:
    operations: list[dict[str, Any]] = [{"op": "add", "path": "/x", "value": ["y" * 1000]}]
    operations += [{"op": "copy", "from": "/x", "path": f"/x/{number}"} for number in range(60)]
    answer = patched(api, operations)
    assert (answer.status, answer.code) == (413, "too_large")


def test_a_patch_of_another_media_type_is_refused(api: Api) -> None:
    assert api.patch(DRAFT, {}, headers={"If-Match": "*"}).status == 415


def test_discarding_goes_back_to_the_newest_version(api: Api) -> None:
    api.post("workflows/one/versions/", {"definition": chain("x"), "message": ""})
    save(api, {"mine": 1}, tag(api))
    assert api.delete(DRAFT, headers={"If-Match": '"0"'}).status == 412
    assert api.delete(DRAFT, headers={"If-Match": tag(api)}).status == 204
    assert api.get(DRAFT).json["definition"] == chain("x")
    assert api.delete(DRAFT).status == 204


def test_a_tab_that_shows_a_discarded_draft_cannot_patch_what_is_shown_instead(api: Api) -> None:
    save(api, chain("mine"), tag(api))
    stale = tag(api)
    assert api.delete(DRAFT).status == 204
    assert tag(api) != stale
    answer = patched(api, [{"op": "remove", "path": "/nodes/0"}], stale)
    assert (answer.status, answer.code) == (412, "stale_draft")


def test_half_surrogates_in_a_draft_become_replacement_characters(api: Api) -> None:
    answer = api.put(DRAFT, raw=b'{"definition": {"a": "\\ud800"}}', headers={"If-Match": tag(api)})
    assert answer.json["definition"] == {"a": "\ufffd"}
    assert api.get(DRAFT).json == answer.json


def test_a_draft_with_nul_is_refused_and_its_field_named(api: Api) -> None:
    saved = save(api, chain("a"), tag(api)).json
    body = b'{"definition": {"nodes": [{"id": "b", "notes": "a\\u0000"}]}}'
    answer = api.put(DRAFT, raw=body, headers={"If-Match": tag(api)})
    assert (answer.status, answer.code) == (400, "nul_character")
    assert answer.json["errors"][0]["path"] == "definition.nodes[0].notes"
    assert api.get(DRAFT).json == saved


def test_a_viewer_has_no_draft(api: Api) -> None:
    viewer = Api(person(Role.VIEWER))
    assert viewer.get(DRAFT).status == 403


PATCH = "application/json-patch+json"
RENAME = b'[{"op": "replace", "path": "/nodes/0/id", "value": "y"}]'


def test_a_save_that_prefers_a_minimal_answer_gets_only_the_tag(api: Api) -> None:
    minimal = {"Prefer": "return=minimal"}
    saved = api.put(DRAFT, {"definition": chain("x")}, headers={"If-Match": tag(api), **minimal})
    assert (saved.status, saved.body, saved.headers["ETag"]) == (204, b"", '"1"')
    assert saved.headers["Preference-Applied"] == "return=minimal"
    patched = api.call("PATCH", DRAFT, raw=RENAME, content_type=PATCH, headers={"If-Match": '"1"', **minimal})
    assert (patched.status, patched.body, patched.headers["ETag"]) == (204, b"", '"2"')
    assert api.get(DRAFT).json["definition"] == chain("y")
    whole = api.put(DRAFT, {"definition": {}}, headers={"If-Match": '"2"', "Prefer": "return=representation"})
    assert (whole.status, whole.json["definition"]) == (200, {})


def test_a_patch_is_applied_only_to_the_document_it_was_made_from(api: Api, admin: Api) -> None:
    admin.post("workflows/one/versions/", {"definition": chain("x"), "message": ""})

    def patch(on: str) -> Answer:
        return api.call("PATCH", f"{DRAFT}?on={on}", raw=RENAME, content_type=PATCH, headers={"If-Match": tag(api)})

    # Nothing is saved yet: publishing by others keeps the tag but changes the document that the patch would apply to.
    for other in ("draft", "empty", "2"):
        assert (patch(other).status, patch(other).code) == (412, "stale_draft"), other
    admin.post("workflows/one/versions/", {"definition": chain("z"), "message": ""})
    assert patch("1").status == 412
    assert api.get(DRAFT).json["definition"] == chain("z")
    assert patch("2").status == 200
    assert patch("2").status == 412
    assert patch("draft").status == 200
    assert patch("first").status == 400


def test_a_patch_that_fails_half_way_changes_nothing(api: Api) -> None:
    save(api, chain("x"), tag(api))
    half = b'[{"op": "replace", "path": "/nodes/0/id", "value": "y"}, {"op": "remove", "path": "/nodes/7"}]'
    answer = api.call("PATCH", DRAFT, raw=half, content_type=PATCH, headers={"If-Match": tag(api)})
    assert (answer.status, answer.code) == (422, "patch_does_not_apply")
    assert api.get(DRAFT).json["definition"] == chain("x")


@pytest.fixture
def rolled_back(api: Api) -> Api:
    """Version 2 was live and was rolled back to version 1."""
    for name in ("x", "y"):
        api.post("workflows/one/versions/", {"definition": chain(name), "message": ""})
    api.post("workflows/one/deployments/", {"version": 2})
    api.post("workflows/one/rollback/", {"reason": "wrong"})
    return api


def test_after_a_rollback_a_new_draft_in_the_editor_starts_from_the_live_version(rolled_back: Api) -> None:
    shown = rolled_back.get(DRAFT + "?start=live").json
    assert (shown["base_version"], shown["definition"]) == (1, chain("x"))
    assert rolled_back.get(DRAFT).json["base_version"] == 2
    assert rolled_back.get("workflows/one/").json["draft_base"] == 1
    assert rolled_back.get("workflows/").json["results"][0]["draft_base"] == 1


def test_after_a_rollback_a_patch_can_be_made_from_the_live_version(rolled_back: Api) -> None:
    saved = rolled_back.call(
        "PATCH", f"{DRAFT}?on=1", raw=RENAME, content_type=PATCH, headers={"If-Match": tag(rolled_back)}
    )
    assert (saved.status, saved.json["base_version"]) == (200, 1)


def test_a_newest_version_that_was_never_live_is_continued(api: Api) -> None:
    for name in ("x", "y"):
        api.post("workflows/one/versions/", {"definition": chain(name), "message": ""})
    assert api.get(DRAFT + "?start=live").json["base_version"] == 2
    assert api.get("workflows/one/").json["draft_base"] == 2
    stale = api.call("PATCH", f"{DRAFT}?on=1", raw=RENAME, content_type=PATCH, headers={"If-Match": tag(api)})
    assert stale.status == 412
    api.post("workflows/one/deployments/", {"version": 2})
    assert api.get("workflows/one/").json["draft_base"] == 2


def test_an_unknown_start_of_a_draft_is_refused(api: Api) -> None:
    assert api.get(DRAFT + "?start=oldest").code == "bad_parameter"
