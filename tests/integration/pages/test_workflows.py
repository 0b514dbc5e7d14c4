"""Pages and forms of workflows and of their definitions as text."""

import pytest

from tests.integration.pages.answers import text_of
from tests.support.documents import with_input
from tests.support.people import person
from versions import queries
from versions.actions import drafts, workflows
from versions.models import AuditEntry, Workflow


def test_workflows_are_found_by_text_tag_and_archive(browser, flow):
    workflows.create("Other", tags=["blue"], by="x")
    editor = browser("editor")
    assert "Other" not in text_of(editor.get("/workflows/?q=flow"))
    assert "Flow" not in text_of(editor.get("/workflows/?tag=blue"))
    part = editor.get("/workflows/?q=zzz", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="workflow-list")
    assert "No matching workflows" in text_of(part)
    assert "<html" not in text_of(part)
    editor.post("/workflows/flow/archive/")
    assert 'data-key="flow"' not in text_of(editor.get("/workflows/"))
    assert 'data-key="flow"' in text_of(editor.get("/workflows/?show=archived"))
    editor.post("/workflows/flow/archive/", {"archived": "false"})
    assert 'data-key="flow"' in text_of(editor.get("/workflows/"))


def test_a_workflow_is_created_renamed_duplicated_and_deleted(browser, db):
    admin = browser("admin")
    answer = admin.post("/workflows/new/", {"name": "Nightly export", "tags": "a, b,a"})
    assert answer["Location"] == "/workflows/nightly-export/edit/"
    made = Workflow.objects.get(slug="nightly-export")
    assert made.tags == ["a", "b"]
    admin.post("/workflows/nightly-export/settings/", {"name": "Export", "description": "d", "tags": ""})
    made.refresh_from_db()
    assert (made.name, made.description, made.tags) == ("Export", "d", [])
    admin.post("/workflows/nightly-export/duplicate/", {"name": "Twin"})
    assert Workflow.objects.filter(name="Twin").exists()
    admin.post("/workflows/nightly-export/delete/", {"confirm": "wrong"})
    assert Workflow.objects.filter(slug="nightly-export").exists()
    admin.post("/workflows/nightly-export/delete/", {"confirm": "nightly-export"})
    assert not Workflow.objects.filter(slug="nightly-export").exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "Enter a name"),
        ({"name": "x" * 201}, "Enter a name"),
        ({"name": "x", "slug": "flow"}, "already in use"),
        ({"name": "x", "slug": "Not An Address"}, "lower-case letters"),
        ({"name": "x", "slug": "new"}, "lower-case letters"),
    ],
)
def test_a_refused_workflow_form_keeps_its_fields(browser, flow, fields, message):
    answer = browser("editor").post("/workflows/new/", {**fields, "description": "kept text"})
    assert answer.status_code == 422
    assert message in text_of(answer)
    assert "kept text" in text_of(answer)


def test_a_form_with_nul_changes_nothing_and_names_the_field(browser, flow):
    page = browser("editor")
    answer = page.post("/workflows/new/", {"name": "Odd", "description": "a\0b"}, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "description: The text contains a NUL character. Remove it." in answer.content.decode()
    assert b"Odd" not in page.get("/workflows/").content


def test_a_rollback_shows_its_impact_and_requires_a_reason(browser, flow):
    operator = browser("operator")
    form = text_of(operator.get("/workflows/flow/versions/1/rollback/?reason=too+bad"))
    assert "New runs use v1 immediately." in form
    assert "No active runs on v2." in form
    assert 'value="too bad"' in form
    operator.post("/workflows/flow/versions/1/rollback/", {"reason": " "})
    assert queries.workflow_dict(flow)["live"]["version"] == 2
    operator.post("/workflows/flow/versions/1/rollback/", {"reason": "broken"})
    assert queries.workflow_dict(flow)["live"]["version"] == 1
    entry = AuditEntry.objects.get(action="rolled_back")
    assert (entry.by, entry.from_version, entry.to_version, entry.reason) == ("operator-person", 2, 1, "broken")
    again = operator.post("/workflows/flow/versions/1/rollback/", {"reason": "again"}, follow=True)
    assert "is already live" in text_of(again)


# --- the definition as text --------------------------------------------------------------------------------------


def test_the_editor_shows_the_draft_with_its_problems(browser, flow):
    document = with_input()
    document["nodes"][0]["type"] = "nonsense"
    drafts.save(flow, person("editor"), document, expected_saves=None)
    shown = text_of(browser("editor").get("/workflows/flow/edit/text/"))
    assert "nonsense" in shown
    assert "unknown_node_type" in shown
    answer = browser("editor").post("/workflows/flow/edit/publish/", {"message": "m"}, follow=True)
    assert "Not published" in text_of(answer)
    assert queries.newest_number(flow) == 2


@pytest.mark.parametrize(("live", "expected"), [("1", 3), ("", 2)])
def test_a_published_version_goes_live_if_chosen(browser, flow, live, expected):
    document = with_input()
    document["nodes"][0]["name"] = "Third"
    drafts.save(flow, person("editor"), document, expected_saves=None)
    form = text_of(browser("editor").get("/workflows/flow/edit/publish/form/"))
    assert "Publish v3" in form
    assert "Third: name changed" in form
    browser("editor").post("/workflows/flow/edit/publish/", {"message": "third", "live": live})
    shape = queries.workflow_dict(flow)
    assert (shape["newest"], shape["live"]["version"]) == (3, expected)
    assert queries.version(flow, 3).message == "third"


def test_a_draft_of_an_old_version_is_refused_until_rebased(browser, flow):
    document = with_input()
    document["nodes"][0]["name"] = "Mine"
    drafts.save(flow, person("editor"), document, expected_saves=None, base_version=1)
    editor = browser("editor")
    assert "was published after you started" in text_of(editor.get("/workflows/flow/edit/text/"))
    assert "Not published" in text_of(editor.post("/workflows/flow/edit/publish/", follow=True))
    editor.post("/workflows/flow/edit/rebase/")
    editor.post("/workflows/flow/edit/publish/", {"live": "1"})
    assert queries.newest_number(flow) == 3


def test_discarding_a_draft_returns_to_the_newest_version(browser, flow):
    drafts.save(flow, person("editor"), {"nodes": []}, expected_saves=None)
    browser("editor").post("/workflows/flow/edit/discard/")
    assert drafts.load(flow, person("editor")).definition["nodes"][0]["id"] == "a"


def test_a_draft_that_nests_very_deeply_is_shown(browser, flow):
    deep: object = 1
    for _level in range(300):
        deep = [deep]
    drafts.save(flow, person("editor"), {"nodes": deep}, expected_saves=None)
    assert browser("editor").get("/workflows/flow/edit/").status_code == 200
