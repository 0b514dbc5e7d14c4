"""What pages show and what their forms do."""

from __future__ import annotations

import json
import re

import pytest
from django.urls import reverse

from dashboard.pages.runs import ROWS_FIRST
from engine.models import Run
from tests.support.documents import with_input
from tests.support.people import person
from tests.support.run_rows import ended, lines, node_run
from versions import queries
from versions.actions import drafts, publish, workflows
from versions.actions.launch import launch
from versions.models import AuditEntry, Workflow


def text_of(answer) -> str:
    return str(answer.content.decode())


def newest_run() -> Run:
    return Run.objects.order_by("-id")[0]


# --- the policy: no inline script, no inline style, text is text -------------------------------------------------

ALL = ("overview", "workflows", "runs", "resources", "audit", "account", "users")


def test_no_page_has_inline_script_or_style(flow, browser):
    admin = browser("admin")
    run = newest_run().pk
    places = [reverse(name) for name in ALL]
    places += [f"/workflows/flow/{part}" for part in ("", "versions/", "definition/", "settings/", "edit/", "run/")]
    places += [f"/runs/{run}/", f"/runs/{run}/nodes/a/", f"/runs/{run}/nodes/a/?tab=attempts"]
    for place in places:
        answer = admin.get(place)
        shown = text_of(answer)
        assert answer.status_code == 200, place
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        for script in re.findall(r"<script\b[^>]*>", shown):
            assert 'src="' in script or 'type="application/json"' in script, (place, script)
        assert not re.findall(r"<[^>]+\sstyle=", shown), place
        assert not re.findall(r"<[^>]+\son[a-z]+=", shown), place
        assert "<style" not in shown


def test_names_with_markup_are_shown_as_text(browser, db):
    evil = "<img src=x onerror=alert(1)>\u202e🎉"
    workflow = workflows.create(evil, slug="evil", description=evil, tags=[evil], by=evil)
    document = with_input()
    document["nodes"][0]["name"] = evil
    document["inputs"]["properties"]["month"]["title"] = evil
    publish.publish(workflow, document, message=evil, by=evil)
    run = launch(workflow, by=evil)
    ended(run.pk, "failed", a="failed")
    admin = browser("admin")
    for place in (
        "/",
        "/workflows/",
        "/workflows/evil/",
        "/workflows/evil/versions/",
        "/workflows/evil/definition/",
        "/workflows/evil/edit/",
        "/workflows/evil/run/",
        "/workflows/evil/settings/",
        "/runs/",
        f"/runs/{run.pk}/",
        "/audit/",
    ):
        shown = text_of(admin.get(place))
        assert "<img" not in shown, place
        if place not in ("/workflows/evil/settings/", "/workflows/evil/edit/", "/audit/"):
            # Outside of fields, where people edit the real text, what disguises is written out.
            assert "\u202e" not in shown, place


# --- constant numbers of queries --------------------------------------------------------------------------------


def fill(count: int) -> None:
    for number in range(count):
        workflow = workflows.create(f"w{number}", by="x")
        publish.publish(workflow, with_input(), by="x")
        ended(launch(workflow, by="x").pk, "failed", a="failed")
        launch(workflow, by="x")


@pytest.mark.parametrize("place", ["/", "/workflows/", "/runs/", "/resources/", "/audit/", "/find/?q=w"])
def test_a_list_asks_as_often_for_many_rows_as_for_few(
    browser, db, place, django_assert_num_queries, django_assert_max_num_queries
):
    admin = browser("admin")
    fill(2)
    with django_assert_max_num_queries(40) as few:
        admin.get(place)
    fill(12)
    # Names of nodes of definitions seen before are remembered, so there may be fewer.
    with django_assert_max_num_queries(len(few.captured_queries)):
        admin.get(place)


def test_versions_are_asked_for_as_one(browser, flow, django_assert_max_num_queries):
    admin = browser("admin")
    with django_assert_max_num_queries(40) as few:
        admin.get("/workflows/flow/versions/")
    document = with_input()
    for number in range(10):
        document["nodes"][0]["name"] = f"Name {number}"
        publish.publish(flow, document, by="x")
    with django_assert_max_num_queries(len(few.captured_queries)):
        shown = text_of(admin.get("/workflows/flow/versions/"))
    assert "v12" in shown


def test_pages_write_nothing(browser, flow, django_assert_max_num_queries):
    admin = browser("admin")
    run = newest_run().pk
    for place in ("/", "/workflows/", "/workflows/flow/edit/", "/workflows/flow/versions/", f"/runs/{run}/", "/audit/"):
        with django_assert_max_num_queries(60) as asked:
            admin.get(place)
        for query in asked.captured_queries:
            assert not re.match(r"\s*(INSERT|UPDATE|DELETE)", query["sql"]), (place, query["sql"])


# --- overview ----------------------------------------------------------------------------------------------------


def test_a_new_installation_offers_what_to_begin_with(browser, db):
    shown = text_of(browser("editor").get("/"))
    assert "Nothing has run yet" in shown
    assert reverse("workflow-new") in shown
    assert reverse("workflow-new") not in text_of(browser("viewer").get("/"))


def test_a_failure_that_began_with_the_live_version_offers_to_roll_back(browser, flow):
    shown = text_of(browser("operator").get("/"))
    assert "Node A: ValueError in line 3, bad" in shown
    assert "first run of this version" in shown
    assert "Roll back to v1" in shown
    assert "Roll back to v1" not in text_of(browser("viewer").get("/"))


def test_a_failure_of_a_version_that_has_worked_offers_to_open_it(browser, flow):
    run = launch(flow, by="x")
    ended(run.pk, "succeeded", a="succeeded")
    run = launch(flow, by="x")
    ended(run.pk, "failed", a="failed")
    shown = text_of(browser("operator").get("/"))
    assert "Node A: ValueError" in shown
    assert "Roll back to" not in shown


def test_a_success_since_then_ends_the_need(browser, flow):
    run = launch(flow, by="x")
    ended(run.pk, "succeeded", a="succeeded")
    assert "Nothing needs you" in text_of(browser("operator").get("/"))


# --- workflows ---------------------------------------------------------------------------------------------------


def test_workflows_are_found_by_text_and_tag_and_leave_with_the_archive(browser, flow):
    workflows.create("Other", tags=["blue"], by="x")
    editor = browser("editor")
    assert "Other" not in text_of(editor.get("/workflows/?q=flow"))
    assert "Flow" not in text_of(editor.get("/workflows/?tag=blue"))
    part = editor.get("/workflows/?q=zzz", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="workflow-list")
    assert "No workflow matches" in text_of(part)
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
    ("given", "said"),
    [
        ({"name": ""}, "Give the workflow a name"),
        ({"name": "x" * 201}, "Give the workflow a name"),
        ({"name": "x", "slug": "flow"}, "exists already"),
        ({"name": "x", "slug": "Not An Address"}, "lower-case letters"),
        ({"name": "x", "slug": "new"}, "lower-case letters"),
    ],
)
def test_a_workflow_that_cannot_be_is_refused_with_what_was_typed_kept(browser, flow, given, said):
    answer = browser("editor").post("/workflows/new/", {**given, "description": "kept text"})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert "kept text" in text_of(answer)


def test_a_rollback_shows_its_impact_and_takes_a_reason(browser, flow):
    operator = browser("operator")
    form = text_of(operator.get("/workflows/flow/versions/1/rollback/?reason=too+bad"))
    assert "New runs start on v1 at once." in form
    assert "No run is in flight on v2." in form
    assert 'value="too bad"' in form
    operator.post("/workflows/flow/versions/1/rollback/", {"reason": " "})
    assert queries.workflow_dict(flow)["live"]["version"] == 2
    operator.post("/workflows/flow/versions/1/rollback/", {"reason": "broken"})
    assert queries.workflow_dict(flow)["live"]["version"] == 1
    entry = AuditEntry.objects.get(action="rolled_back")
    assert (entry.by, entry.from_version, entry.to_version, entry.reason) == ("operator-person", 2, 1, "broken")
    again = operator.post("/workflows/flow/versions/1/rollback/", {"reason": "again"}, follow=True)
    assert "is live already" in text_of(again)


# --- the definition as text --------------------------------------------------------------------------------------


def test_the_editor_shows_the_draft_with_its_problems(browser, flow):
    document = with_input()
    document["nodes"][0]["type"] = "nonsense"
    drafts.save(flow, person("editor"), document, expected_saves=None)
    shown = text_of(browser("editor").get("/workflows/flow/edit/text/"))
    assert "nonsense" in shown
    assert "unknown_node_type" in shown
    answer = browser("editor").post("/workflows/flow/edit/publish/", {"message": "m"}, follow=True)
    assert "Nothing was published" in text_of(answer)
    assert queries.newest_number(flow) == 2


@pytest.mark.parametrize(("live", "expected"), [("1", 3), ("", 2)])
def test_publishing_makes_it_live_when_told_to(browser, flow, live, expected):
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


def test_a_draft_on_an_old_version_is_refused_until_it_is_based_on_the_newest(browser, flow):
    document = with_input()
    document["nodes"][0]["name"] = "Mine"
    drafts.save(flow, person("editor"), document, expected_saves=None, base_version=1)
    editor = browser("editor")
    assert "was published since you began" in text_of(editor.get("/workflows/flow/edit/text/"))
    assert "Nothing was published" in text_of(editor.post("/workflows/flow/edit/publish/", follow=True))
    editor.post("/workflows/flow/edit/rebase/")
    editor.post("/workflows/flow/edit/publish/", {"live": "1"})
    assert queries.newest_number(flow) == 3


def test_a_discarded_draft_gives_the_newest_version_back(browser, flow):
    drafts.save(flow, person("editor"), {"nodes": []}, expected_saves=None)
    browser("editor").post("/workflows/flow/edit/discard/")
    assert drafts.load(flow, person("editor")).definition["nodes"][0]["id"] == "a"


def test_a_draft_that_nests_very_deeply_is_shown(browser, flow):
    deep: object = 1
    for _level in range(300):
        deep = [deep]
    drafts.save(flow, person("editor"), {"nodes": deep}, expected_saves=None)
    assert browser("editor").get("/workflows/flow/edit/").status_code == 200


# --- starting runs -----------------------------------------------------------------------------------------------


def test_the_run_form_is_made_from_the_schema_of_the_inputs(browser, flow):
    operator = browser("operator")
    form = text_of(operator.get("/workflows/flow/run/", HTTP_HX_REQUEST="true"))
    assert 'type="number" step="1"' in form
    assert 'value="1"' in form
    answer = operator.post("/workflows/flow/run/", {"input.month": "7", "priority": "2"}, HTTP_HX_REQUEST="true")
    run = newest_run()
    assert answer["HX-Redirect"] == f"/runs/{run.pk}/"
    assert (run.inputs, run.priority, run.version) == ({"month": 7}, 2, 2)
    wrong = operator.post("/workflows/flow/run/", {"input.month": '"seven"'})
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in text_of(wrong)


def test_a_draft_is_run_by_who_may_edit_only(browser, flow):
    drafts.save(flow, person("editor"), with_input(), expected_saves=None)
    assert browser("operator").post("/workflows/flow/run/", {"draft": "1"}).status_code == 403
    browser("editor").post("/workflows/flow/run/", {"draft": "1"})
    assert newest_run().draft


def test_kinds_of_inputs_are_read_as_the_schema_says():
    from dashboard.pages.launch import fields, read

    schema = {
        "properties": {
            "s": {"type": "string", "default": "d"},
            "n": {"type": "number"},
            "b": {"type": "boolean", "default": True},
            "e": {"enum": ["x", 2, None]},
            "o": {"type": "object"},
            "u": {"type": ["integer", "null"]},
        },
        "required": ["n"],
    }
    shown = fields(schema, {})
    assert [one.kind for one in shown] == ["text", "number", "boolean", "choice", "json", "json"]
    assert [one.required for one in shown] == [False, True, False, False, False, False]
    given = {"input.s": "", "input.n": "1.5", "input.e": "null", "input.o": '{"a": 1}', "input.u": ""}
    assert read(given, shown) == {"n": 1.5, "b": False, "e": None, "o": {"a": 1}}
    broken = fields(schema, {})
    assert read({"input.o": "{"}, broken)["o"] == "{"
    assert broken[4].wrong


# --- runs --------------------------------------------------------------------------------------------------------


def test_a_failed_run_opens_at_its_failing_node_with_cause_and_line(browser, flow):
    run = newest_run()
    shown = text_of(browser("viewer").get(f"/runs/{run.pk}/"))
    assert "ValueError in line 3, bad" in shown
    assert 'aria-selected="true"' in shown
    assert "Retry failed nodes" not in shown
    assert "Retry failed nodes" in text_of(browser("operator").get(f"/runs/{run.pk}/"))


def test_a_run_says_how_long_it_runs_once_it_has_begun(browser, flow):
    run = launch(flow, by="ada")
    assert re.search(r"<span data-run-lasts hidden>", text_of(browser("viewer").get(f"/runs/{run.pk}/")))
    ended(run.pk, "succeeded")
    assert re.search(r"<span data-run-lasts>.*Took", text_of(browser("viewer").get(f"/runs/{run.pk}/")))


def test_runs_are_filtered_by_state_workflow_and_person(browser, flow):
    viewer = browser("viewer")
    first, second = Run.objects.order_by("id").values_list("pk", flat=True)[:2]
    listed = text_of(viewer.get("/runs/?state=bad"))
    assert f"/runs/{second}/" in listed
    assert f'href="/runs/{first}/"' not in listed
    assert "No run matches" in text_of(viewer.get("/runs/?by=nobody"))
    assert "No run matches" in text_of(viewer.get("/runs/?workflow=nope&page=3"))


def test_an_output_is_shown_as_a_value_or_as_rows(browser, flow, settings, tmp_path):
    run = launch(flow, by="x")
    ended(run.pk, "succeeded")
    node_run(run, "a", "succeeded", output={"kind": "json", "value": {"k": "<b>"}, "bytes": 11, "ports": ["out"]})
    shown = text_of(browser("viewer").get(f"/runs/{run.pk}/nodes/a/"))
    assert "&lt;b&gt;" in shown
    assert f"/api/v1/runs/{run.pk}/nodes/a/output/download/?format=json" in shown


def test_retry_cancel_again_and_delete_do_what_they_say(browser, flow):
    run = newest_run()
    operator = browser("operator")
    operator.post(f"/runs/{run.pk}/retry/")
    assert AuditEntry.objects.filter(action="run_retried", run=run.pk, by="operator-person").exists()
    answer = operator.post(f"/runs/{run.pk}/cancel/", follow=True)
    assert "cannot be cancelled" in text_of(answer)
    answer = operator.post(f"/runs/{run.pk}/again/")
    fresh = newest_run()
    assert answer["Location"] == f"/runs/{fresh.pk}/"
    operator.post(f"/runs/{fresh.pk}/cancel/")
    assert Run.objects.get(pk=fresh.pk).cancel_requested_at is not None
    browser("editor").post(f"/runs/{run.pk}/delete/")
    assert not Run.objects.filter(pk=run.pk).exists()


def test_a_run_of_many_nodes_renders_the_first_rows_only(browser, db):
    workflow = workflows.create("Big", slug="big", by="x")
    nodes = [{"id": f"n{number}", "type": "noop"} for number in range(1500)]
    publish.publish(workflow, {"schema": "interlock/1", "nodes": nodes, "edges": []}, by="x")
    run = launch(workflow, by="x")
    shown = text_of(browser("viewer").get(f"/runs/{run.pk}/"))
    assert shown.count('data-node="n') == ROWS_FIRST
    assert "1,500" in shown


def test_log_lines_are_left_to_the_browser_but_for_the_last_of_a_failure(browser, flow):
    worked, failed = Run.objects.order_by("id")[:2]
    for run in (worked, failed):
        lines(run, "a", 5, "<script>alert(1)</script>")
    assert "alert(1)" not in text_of(browser("viewer").get(f"/runs/{worked.pk}/"))
    shown = text_of(browser("viewer").get(f"/runs/{failed.pk}/"))
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert(1)" not in shown


# --- resources, audit, account, people ---------------------------------------------------------------------------


def test_pools_are_created_resized_and_deleted(browser, db):
    editor = browser("editor")
    editor.post("/resources/pools/", {"name": "warehouse", "slots": "2"})
    editor.post("/resources/pools/warehouse/", {"slots": "4"})
    assert "0 of 4" in text_of(editor.get("/resources/"))
    assert "whole number" in text_of(editor.post("/resources/pools/warehouse/", {"slots": "x"}, follow=True))
    editor.post("/resources/pools/warehouse/delete/")
    assert "No pool yet" in text_of(editor.get("/resources/"))


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
    stranger = browser("editor").post(token[0], follow=True)
    assert stranger.status_code == 404
    viewer.post(token[0])
    assert "/delete/" not in text_of(viewer.get("/account/"))


def test_a_password_is_set_once_freely_and_changed_with_the_present_one(browser, db):
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


def test_people_get_accounts_roles_and_links(browser, db):
    admin = browser("admin")
    answer = admin.post("/users/:new/", {"username": "maria", "role": "operator"})
    assert "/sign-in/link/" in text_of(answer)
    admin.post("/users/maria/", {"role": "editor"})
    admin.post("/users/maria/", {"active": "false"})
    user = person("editor", "maria")
    assert (user.role, user.is_active) == ("editor", False)
    assert admin.post("/users/:new/", {"username": "maria", "role": "viewer"}).status_code == 422
    last = admin.post("/users/admin-person/", {"role": "viewer"}, follow=True)
    assert "last account with the role admin" in text_of(last)


def test_theme_and_language_are_a_choice_of_the_browser(browser, db):
    viewer = browser("viewer")
    viewer.post("/account/theme/", {"theme": "dark", "next": "/runs/"})
    assert 'data-theme="dark"' in text_of(viewer.get("/"))
    viewer.post("/account/theme/", {"theme": ""})
    assert "data-theme" not in text_of(viewer.get("/"))
    viewer.post("/account/language/", {"language": "zh-hant"})
    shown = text_of(viewer.get("/"))
    assert '<html lang="zh-hant"' in shown
    assert "總覽" in shown


def test_the_palette_finds_workflows_runs_pages_and_actions(browser, flow):
    def found(role: str, text: str) -> list[dict[str, str]]:
        return list(json.loads(browser(role).get("/find/", {"q": text}).content)["results"])

    run = newest_run().pk
    assert {one["group"] for one in found("editor", "flow")} == {"Workflows", "Do", "Pages"}
    assert [one["href"] for one in found("viewer", f"run {run}")] == [f"/runs/{run}/"]
    assert not [one for one in found("viewer", "flow") if one["group"] == "Do"]
    assert found("viewer", "zzz") == []


# --- runs of drafts ----------------------------------------------------------------------------------------------


def draft_run(flow, targets=None, **inputs):
    """A run of the draft of editor-person, ended."""
    if not drafts.load(flow, person("editor")).saved_at:
        drafts.save(flow, person("editor"), with_input(), expected_saves=None)
    started = launch(flow, draft_of=person("editor"), inputs=inputs, targets=targets, by="editor-person")
    return ended(started.pk, "succeeded", a="succeeded")


def test_a_run_of_a_draft_is_marked_in_the_list_and_on_its_page(browser, flow):
    run = draft_run(flow, targets=["a"])
    viewer = browser("viewer")
    assert "A run of the draft of editor-person" in text_of(viewer.get("/runs/"))
    shown = text_of(viewer.get(f"/runs/{run.pk}/"))
    assert "Draft of editor-person" in shown
    assert "data-run-up-to" in shown
    assert "data-run-up-to" not in text_of(viewer.get(f"/runs/{run.pk - 1}/"))


def test_a_run_of_a_draft_is_run_again_by_its_author_only_and_on_the_draft(browser, flow):
    run = draft_run(flow, targets=["a"], month=3)
    again = f"/runs/{run.pk}/again/"
    assert browser("admin").post(again).status_code == 403
    assert again not in text_of(browser("admin").get(f"/runs/{run.pk}/"))
    assert again in text_of(browser("editor").get(f"/runs/{run.pk}/"))
    browser("editor").post(again)
    newest = newest_run()
    assert (newest.pk > run.pk, newest.draft, newest.version) == (True, True, None)
    assert (newest.inputs, newest.targets) == ({"month": 3}, ["a"])


def test_runs_of_drafts_say_nothing_of_how_a_workflow_does(browser, flow):
    from dashboard.pages import strips

    run = draft_run(flow)
    assert run.pk not in [one.pk for one in strips.of_workflows(["flow"])["flow"].runs]


def test_the_editor_gets_the_id_of_the_run_that_it_started(browser, flow):
    editor = browser("editor")
    answer = editor.post("/workflows/flow/run/", {"draft": "1", "follow": "1", "target": "a"})
    run = newest_run()
    assert (answer.status_code, answer.json()) == (202, {"run": str(run.pk)})
    # Nothing was drafted yet: what is shown as the draft runs, and counts for no version.
    assert (run.draft, run.version, run.targets) == (True, None, ["a"])
    wrong = editor.post("/workflows/flow/run/", {"draft": "1", "follow": "1", "input.month": "x"})
    assert wrong.status_code == 422
    assert wrong.json()["detail"]
    unknown = editor.post("/workflows/flow/run/", {"draft": "1", "follow": "1", "target": "nobody"})
    assert "nobody" in unknown.json()["detail"]


def test_the_form_of_a_draft_begins_with_what_its_author_tried_last(browser, flow):
    draft_run(flow, month=7)
    assert 'value="7"' in text_of(browser("editor").get("/workflows/flow/run/?draft=1&follow=1"))
    assert 'value="1"' in text_of(browser("admin").get("/workflows/flow/run/?draft=1&follow=1"))
    shown = text_of(browser("editor").get("/workflows/flow/run/?draft=1&follow=1&target=a"))
    assert 'name="target" value="a"' in shown
    assert "Up to Node A" in shown or "Up to a" in shown


def test_dates_long_texts_and_choices_without_a_default_have_fields_of_their_own():
    from dashboard.pages.launch import fields, read

    schema = {
        "properties": {
            "d": {"type": "string", "format": "date"},
            "l": {"type": "string", "maxLength": 5000},
            "e": {"enum": ["x", True]},
            "f": {"enum": ["x", "y"], "default": "y"},
        }
    }
    shown = fields(schema, {})
    assert [one.kind for one in shown] == ["date", "long", "choice", "choice"]
    assert shown[2].choices == [("", "None"), ('"x"', "x"), ("true", "true")]
    assert (shown[3].choices, shown[3].value) == ([('"x"', "x"), ('"y"', "y")], '"y"')
    given = {"input.d": "", "input.l": "a\r\nb", "input.e": "", "input.f": '"y"'}
    assert read(given, shown) == {"l": "a\nb", "f": "y"}


def test_help_names_places_of_the_server_only_to_who_may_run_code_there(browser, settings):
    home, command = str(settings.INTERLOCK.home), "interlock doctor"
    for role in ("editor", "admin"):
        shown = text_of(browser(role).get("/help/"))
        assert home in shown
        assert command in shown
    for role in ("viewer", "operator"):
        shown = text_of(browser(role).get("/help/"))
        assert home not in shown
        assert command not in shown
        assert "ask who looks after this installation" in shown
