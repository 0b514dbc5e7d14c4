from typing import Any

import pytest

from engine import clock
from engine.models import Pool
from tests.support.api import Answer, Api
from tests.support.documents import chain, with_policy
from versions.models import Deployment

VERSIONS = "workflows/one/versions/"


@pytest.fixture
def api(editor: Api) -> Api:
    editor.post("workflows/", {"name": "One"})
    return editor


def publish(api: Api, definition: Any, **more: Any) -> Answer:
    return api.post(VERSIONS, {"definition": definition, "message": "why", **more})


def live(api: Api) -> Any:
    return api.get("workflows/one/").json["live"]


def test_the_first_version_goes_live_by_itself_in_blue_and_later_ones_do_not(api: Api) -> None:
    first = publish(api, chain("a"))
    assert (first.status, first.json["number"], first.json["message"]) == (201, 1, "why")
    assert first.headers["Location"] == "/api/v1/workflows/one/versions/1/"
    assert (live(api)["version"], live(api)["colour"]) == (1, "blue")
    assert publish(api, chain("b")).json["number"] == 2
    assert live(api)["version"] == 1
    assert api.get("workflows/one/").json["newest"] == 2


def test_a_version_is_shown_with_its_definition_when_asked_alone(api: Api) -> None:
    made = publish(api, chain("a")).json
    alone = api.get(f"{VERSIONS}1/").json
    assert alone == {**made, "definition": chain("a")}
    assert api.get(VERSIONS).json["results"] == [made]
    missing = api.get(f"{VERSIONS}7/")
    assert (missing.status, missing.code) == (404, "unknown_version")
    assert api.get(f"{VERSIONS}99999999999999999999/").status == 404


def test_the_same_content_as_the_newest_gets_no_new_number(api: Api) -> None:
    first = publish(api, chain("a", "b"))
    reordered = dict(reversed(list(chain("a", "b").items())))
    again = publish(api, reordered, message="again", base_version=None)
    assert (again.status, again.json) == (200, first.json)
    publish(api, chain("c"))
    assert publish(api, chain("a", "b")).json["number"] == 3


def test_positions_are_part_of_the_content(api: Api) -> None:
    first = publish(api, chain("a")).json
    moved = chain("a")
    moved["nodes"][0]["position"] = {"x": 10, "y": 0}
    second = publish(api, moved).json
    assert second["number"] == 2
    assert second["hash"] != first["hash"]


def test_an_outdated_base_publishes_nothing_and_lists_the_changes(api: Api) -> None:
    publish(api, chain("a", "b"))
    publish(api, chain("a", "c"), base_version=1)
    late = publish(api, chain("a", "d"), base_version=1)
    assert (late.status, late.code) == (409, "outdated_base_version")
    assert (late.json["base_version"], late.json["newest"]) == (1, 2)
    assert [(change["kind"], change.get("node")) for change in late.json["changes"]] == [
        ("node_added", "c"),
        ("node_removed", "b"),
        ("edge_added", None),
        ("edge_removed", None),
    ]
    none = publish(api, chain("a", "d"), base_version=None)
    assert (none.status, none.code) == (409, "outdated_base_version")
    assert "based on no version" in none.json["detail"]
    for unused in (0, 9):
        unknown = publish(api, chain("a", "d"), base_version=unused)
        assert (unknown.status, unknown.code) == (409, "outdated_base_version")
        assert f"has no version {unused}; the newest is 2" in unknown.json["detail"]
    assert len(api.get(VERSIONS).json["results"]) == 2
    assert publish(api, chain("a", "d"), base_version=2).json["number"] == 3


@pytest.mark.parametrize("definition", [None, [], {}, {"schema": "interlock/1", "nodes": [], "edges": []}, "x"])
def test_an_invalid_document_is_refused_with_all_problems(api: Api, definition: Any) -> None:
    answer = publish(api, definition)
    assert (answer.status, answer.code) == (422, "invalid_document")
    assert answer.json["errors"]
    assert all({"path", "node", "code", "message"} <= set(error) for error in answer.json["errors"])
    assert api.get(VERSIONS).json["results"] == []


def test_a_base_version_before_the_first_publish_is_refused(api: Api) -> None:
    answer = publish(api, chain("a"), base_version=3)
    assert answer.status == 409
    assert "has no version 3 yet" in answer.json["detail"]
    assert publish(api, chain("a"), base_version=None).status == 201


def test_a_missing_definition_is_an_invalid_document(api: Api) -> None:
    assert api.post(VERSIONS, {"message": "x"}).status == 422


def test_several_problems_are_listed_at_once(api: Api) -> None:
    document = chain("a", "b")
    document["nodes"] += [
        {"id": "a", "type": "noop"},
        {"id": "c", "type": "tabel.sql"},
        {"id": "d", "type": "python", "config": {"code": "def main(inputs, ctx)\n  pass"}},
        {"id": "e", "type": "table.sql", "config": {}},
        {"id": "f", "type": "noop", "policy": {"retires": 3}},
        {"id": "g", "type": "http.request"},
    ]
    document["edges"] += [{"source": "b", "target": "a"}, {"source": "a", "target": "nowhere"}]
    codes = {error["code"] for error in publish(api, document).json["errors"]}
    assert len(codes) >= 6, codes
    assert "not_available_yet" in codes


def test_publishing_the_drafts_content_ends_only_the_own_draft(api: Api, admin: Api) -> None:
    draft = "workflows/one/draft/"
    for one in (api, admin):
        one.put(draft, {"definition": chain("a")}, headers={"If-Match": "*"})
    publish(api, chain("a"))
    assert api.get(draft).json["saved_at"] is None
    assert api.get(draft).json["base_version"] == 1
    assert admin.get(draft).json["saved_at"] is not None
    # A draft with other content stays.
    api.put(draft, {"definition": chain("x")}, headers={"If-Match": "*"})
    publish(api, chain("y"))
    assert api.get(draft).json["definition"] == chain("x")
    # Publishing the newest version's content again ends the draft that equals it.
    api.put(draft, {"definition": chain("y")}, headers={"If-Match": "*"})
    assert publish(api, chain("y")).status == 200
    assert api.get(draft).json["saved_at"] is None


def test_versions_go_on_by_next(api: Api) -> None:
    for number in range(5):
        publish(api, chain(f"n{number}"))
    assert [version["number"] for version in api.all(f"{VERSIONS}?limit=2")] == [5, 4, 3, 2, 1]


# --- deployments and rollback ---


def deploy(api: Api, version: int, **more: Any) -> Answer:
    return api.post("workflows/one/deployments/", {"version": version, **more})


def roll_back(api: Api, **more: Any) -> Answer:
    return api.post("workflows/one/rollback/", {"reason": "it fails", **more})


@pytest.fixture
def three(api: Api) -> Api:
    for name in ("a", "b", "c"):
        publish(api, chain(name))
    return api


def test_a_deployment_fills_the_idle_colour_and_switches(three: Api) -> None:
    made = deploy(three, 2)
    assert made.status == 201
    assert (made.json["version"], made.json["colour"], made.json["state"]) == (2, "green", "live")
    assert made.json["strategy"] == "immediate"
    assert (live(three)["version"], live(three)["colour"], live(three)["since"]) == (2, "green", made.json["at"])
    assert deploy(three, 3).json["colour"] == "blue"
    states = [(row["version"], row["colour"], row["state"]) for row in three.all("workflows/one/deployments/?limit=2")]
    assert states == [(3, "blue", "live"), (2, "green", "replaced"), (1, "blue", "replaced")]


def test_deploying_the_live_version_changes_nothing(three: Api, admin: Api) -> None:
    before = len(admin.all("audit/"))
    again = deploy(three, 1)
    assert again.status == 200
    assert again.json["state"] == "live"
    assert len(three.all("workflows/one/deployments/")) == 1
    assert len(admin.all("audit/")) == before


def test_an_invalid_deployment_is_refused(three: Api) -> None:
    assert deploy(three, 9).code == "unknown_version"
    for strategy in ("canary", "blue_green"):
        answer = deploy(three, 2, strategy=strategy)
        assert (answer.status, answer.code) == (501, "not_available_yet")
        assert strategy in answer.json["detail"]
    assert deploy(three, 2, strategy="yolo").status == 400
    assert deploy(three, 2, canary_percent=5).status == 400
    assert deploy(three, 0).status == 400
    assert three.post("workflows/one/deployments/", {}).status == 400
    assert live(three)["version"] == 1


def test_rollback_without_a_number_goes_to_the_previous_version(three: Api, admin: Api) -> None:
    deploy(three, 3)
    deploy(three, 2)
    done = roll_back(three)
    assert done.status == 200
    assert (done.json["from"], done.json["to"], done.json["reason"]) == (2, 3, "it fails")
    assert live(three)["version"] == 3
    entry = admin.get("audit/?workflow=one&limit=1").json["results"][0]
    assert (entry["action"], entry["from"], entry["to"]) == ("rolled_back", 2, 3)
    assert (entry["reason"], entry["by"]) == ("it fails", "editor-person")


def test_rollback_with_a_number_goes_to_any_other_version(three: Api) -> None:
    assert roll_back(three, version=3).json["to"] == 3
    same = roll_back(three, version=3)
    assert (same.status, same.code) == (409, "already_live")
    assert roll_back(three, version=77).status == 404
    assert roll_back(three, version=1).json["to"] == 1


def test_rollback_needs_a_reason_and_another_version(three: Api) -> None:
    nothing = roll_back(three)
    assert (nothing.status, nothing.code) == (409, "nothing_to_roll_back_to")
    for reason in (None, "", "   "):
        assert roll_back(three, version=2, reason=reason).status == 400
    assert three.post("workflows/one/rollback/", {"version": 2}).status == 400
    assert live(three)["version"] == 1
    three.post("workflows/", {"name": "Two"})
    empty = three.post("workflows/two/rollback/", {"reason": "x"})
    assert (empty.status, empty.code) == (409, "nothing_to_roll_back_to")


def test_a_version_whose_pool_is_gone_does_not_go_live(api: Api) -> None:
    Pool.objects.create(name="disk", slots=2, created_at=clock.now())
    publish(api, with_policy(pool="disk", slots=2))
    publish(api, chain("a"))
    deploy(api, 2)
    Pool.objects.filter(name="disk").update(slots=1)
    small = roll_back(api)
    assert (small.status, small.code) == (409, "pool_missing")
    Pool.objects.all().delete()
    assert deploy(api, 1).code == "pool_missing"
    assert live(api)["version"] == 2
    assert Deployment.objects.filter(state="live").count() == 1
