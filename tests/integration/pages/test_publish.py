"""Publishing: the popover, and what the editor sends."""

import json
from typing import Any

import pytest

from dashboard.presenters.changes import change_sentences
from tests.integration.pages.answers import text_of
from tests.support.documents import with_input
from tests.support.people import person
from versions import diff, queries
from versions.actions import drafts, publish, rollback, workflows
from versions.models import Workflow

PUBLISH = "/workflows/flow/edit/publish/"
FORM = "/workflows/flow/edit/publish/form/?drawn=1"


@pytest.fixture
def editor(browser):
    return browser("editor")


def draft(flow: Workflow, **changed: Any) -> drafts.WorkingCopy:
    document = with_input()
    document["nodes"][0].update(changed)
    return drafts.save(flow, person("editor"), document, expected_saves=None)


def send(client: Any, url: str, body: Any) -> Any:
    return client.post(url, json.dumps(body), content_type="application/json")


def test_the_form_lists_the_changes_against_the_live_version(editor, flow):
    draft(flow, name="Third", policy={"retries": 3})
    form = text_of(editor.get(FORM))
    assert "Publish v3" in form
    assert "Compared with v2 (live)" in form
    assert "Third: name, retries changed" in form
    assert "data-publish-form" in form


def test_the_form_of_an_unchanged_draft_has_nothing_to_publish(editor, flow):
    drafts.save(flow, person("editor"), queries.document_of(queries.version(flow, 2)), expected_saves=None)
    assert "No changes since v2" in text_of(editor.get(FORM))


def test_problems_replace_the_form(editor, flow):
    draft(flow, name="Third", type="nonsense")
    form = text_of(editor.get(FORM))
    assert "Fix 1 problem before publishing" in form
    assert "<b>Third</b>:" in form
    assert "data-show-problems" in form
    assert "data-publish-form" not in form
    assert "data-show-problems" not in text_of(editor.get("/workflows/flow/edit/publish/form/"))


def test_the_first_version_goes_live_without_a_choice(editor, db):
    made = workflows.create("New", slug="new", by="x")
    drafts.save(made, person("editor"), with_input(), expected_saves=None)
    form = text_of(editor.get("/workflows/new/edit/publish/form/?drawn=1"))
    assert "goes live automatically" in form
    assert 'name="live"' not in form
    answer = send(editor, "/workflows/new/edit/publish/", {"message": "", "live": False, "saves": 1})
    assert answer.json() == {"number": 1, "created": True, "live": True, "newest_live": 1}


def test_the_editor_publishes_its_draft_and_stays(editor, flow):
    copy = draft(flow, name="Third")
    answer = send(editor, PUBLISH, {"message": " m ", "live": True, "saves": copy.saves})
    assert (answer.status_code, answer.json()) == (
        200,
        {"number": 3, "created": True, "live": True, "newest_live": 3},
    )
    assert queries.version(flow, 3).message == "m"
    assert drafts.load(flow, person("editor")).saved_at is None


def test_a_version_can_be_published_without_going_live(editor, flow):
    copy = draft(flow, name="Third")
    answer = send(editor, PUBLISH, {"live": False, "saves": copy.saves})
    assert answer.json() == {"number": 3, "created": True, "live": False, "newest_live": 2}


@pytest.mark.parametrize("body", [{"saves": 0}, {}, [], "x", {"saves": "1"}, {"saves": True}])
def test_a_draft_other_than_on_the_screen_is_not_published(editor, flow, body):
    copy = draft(flow, name="Third")
    drafts.save(flow, person("editor"), copy.definition, expected_saves=1)
    answer = send(editor, PUBLISH, body)
    assert answer.status_code == 412
    assert answer.json()["detail"]
    assert queries.newest_number(flow) == 2


def test_a_document_with_problems_is_refused(editor, flow):
    copy = draft(flow, type="nonsense")
    answer = send(editor, PUBLISH, {"saves": copy.saves})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_document")


def test_a_version_published_by_others_is_shown_before_and_after(editor, flow):
    copy = draft(flow, name="Mine")
    theirs = with_input()
    theirs["nodes"][0]["notes"] = "theirs"
    publish.publish(flow, theirs, message="Notes <i>", by="Somebody", base_version=2)
    form = text_of(editor.get(FORM))
    assert "v3 was published in the meantime" in form
    assert "Your draft is based on v2." in form
    assert "v3 is by Somebody" in form
    assert "Notes &lt;i&gt;" in form
    assert "notes changed" in form
    assert "data-take-over" in form
    assert "data-publish-form" not in form
    answer = send(editor, PUBLISH, {"saves": copy.saves})
    assert (answer.status_code, answer.json()["code"]) == (409, "outdated_base_version")
    assert send(editor, "/workflows/flow/edit/rebase/", {"saves": 99}).status_code == 412
    based = send(editor, "/workflows/flow/edit/rebase/", {"saves": copy.saves}).json()
    assert based == {"saves": copy.saves + 1, "base": 3}
    assert send(editor, PUBLISH, {"saves": based["saves"], "live": True}).json()["number"] == 4


def test_versions_offer_to_be_edited(editor, browser, flow):
    for url in ("/workflows/flow/versions/", "/workflows/flow/versions/1/"):
        assert "/workflows/flow/edit/?from=1" in text_of(editor.get(url))
        assert "?from=1" not in text_of(browser("viewer").get(url))


def test_forms_of_the_text_editor_return_to_it(editor, flow):
    draft(flow, type="nonsense")
    here = "http://testserver/workflows/flow/edit/text/"
    for url in (PUBLISH, "/workflows/flow/edit/discard/", "/workflows/flow/edit/rebase/"):
        assert editor.post(url, headers={"referer": here}).headers["Location"] == "/workflows/flow/edit/text/"


def test_changes_are_sentences() -> None:
    def node(id_: str, **more: Any) -> dict[str, Any]:
        return {"id": id_, "type": "table.sql", "name": id_.upper(), "config": {"sql": "select 1"}, **more}

    older = {"nodes": [node("a"), node("b"), node("c"), node("d")], "edges": [{"source": "a", "target": "b"}]}
    newer = {
        "nodes": [
            node("a", config={"sql": "select 2"}, position={"x": 1, "y": 1}, policy={"retries": 1}),
            node("b", position={"x": 1, "y": 1}),
            node("d", position={"x": 1, "y": 1}),
            node("e"),
        ],
        "edges": [{"source": "b", "target": "d"}, {"source": "d", "target": "e"}],
        "settings": {"priority": 1},
        "inputs": {"type": "object"},
    }
    assert change_sentences(diff.changes(older, newer), newer) == [
        "A: SQL, retries changed",
        "E added",
        "C removed",
        "B → D connected",
        "A → B disconnected",
        "Workflow: priority changed",
        "Inputs of the workflow changed",
        "2 nodes moved",
    ]
    assert change_sentences(diff.changes({}, {"nodes": 3}), {"nodes": 3}) == []
    many = {f"f{n}": n for n in range(9)}
    sentences = change_sentences(diff.changes({"nodes": [{"id": "x"}]}, {"nodes": [{"id": "x", **many}]}), {})
    assert sentences == ["x: f0, f1, f2, f3, f4 … changed"]


@pytest.fixture
def rolled_back(flow):
    """Version 2 was live and was rolled back to version 1."""
    rollback.rollback(flow, reason="Wrong month", by="admin-person")
    return flow


def test_after_a_rollback_a_draft_of_the_live_version_is_published(editor, rolled_back):
    copy = drafts.load(rolled_back, person("editor"), start="live")
    assert copy.base_version == 1
    copy.definition["nodes"][0]["notes"] = "repaired"
    saved = drafts.save(rolled_back, person("editor"), copy.definition, expected_saves=None, base_version=1)
    form = text_of(editor.get(FORM))
    assert "Compared with v1 (live)" in form
    assert "data-publish-form" in form
    answer = send(editor, PUBLISH, {"message": "", "live": True, "saves": saved.saves})
    assert answer.json() == {"number": 3, "created": True, "live": True, "newest_live": 3}


def test_a_draft_of_a_version_that_was_rolled_back_asks_before_it_is_published(editor, flow):
    copy = draft(flow, name="Third")
    rollback.rollback(flow, reason="Wrong month", by="admin-person")
    page = editor.get("/workflows/flow/edit/").content.decode()
    assert "Draft of v2 · ahead of v1 (live)" in page
    form = text_of(editor.get(FORM))
    assert "v2 was replaced by v1" in form
    assert "Wrong month" in form
    assert "Revert the changes of v2" in form
    assert "data-publish-form" not in form
    kept = send(editor, "/workflows/flow/edit/rebase/", {"saves": copy.saves})
    assert kept.json()["base"] == 1
    assert "data-publish-form" in text_of(editor.get(FORM))


def test_a_draft_that_equals_the_live_version_has_nothing_to_publish_after_a_rollback(editor, rolled_back):
    document = queries.document_of(queries.version(rolled_back, 1))
    drafts.save(rolled_back, person("editor"), document, expected_saves=None, base_version=1)
    assert "No changes since v1" in text_of(editor.get(FORM))
