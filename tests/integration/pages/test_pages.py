"""What holds for all pages, and the overview."""

import json
import re

import pytest
from django.urls import reverse

from tests.integration.pages.answers import newest_run, text_of
from tests.support.documents import with_input
from tests.support.run_rows import ended
from versions.actions import publish, workflows
from versions.actions.launch import launch

# --- the policy: no inline script, no inline style, text is text -------------------------------------------------

ALL = ("overview", "workflows", "runs", "resources", "audit", "account", "users")


def test_no_page_has_inline_script_or_style(flow, browser):
    admin = browser("admin")
    run = newest_run().pk
    paths = [reverse(name) for name in ALL]
    paths += [f"/workflows/flow/{part}" for part in ("", "versions/", "definition/", "settings/", "edit/", "run/")]
    paths += [f"/runs/{run}/", f"/runs/{run}/nodes/a/", f"/runs/{run}/nodes/a/?tab=attempts"]
    for path in paths:
        answer = admin.get(path)
        shown = text_of(answer)
        assert answer.status_code == 200, path
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        for script in re.findall(r"<script\b[^>]*>", shown):
            assert 'src="' in script or 'type="application/json"' in script, (path, script)
        assert not re.findall(r"<[^>]+\sstyle=", shown), path
        assert not re.findall(r"<[^>]+\son[a-z]+=", shown), path
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
    for path in (
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
        shown = text_of(admin.get(path))
        assert "<img" not in shown, path
        if path not in ("/workflows/evil/settings/", "/workflows/evil/edit/", "/audit/"):
            # Fields, where people edit the real text, keep invisible characters; everywhere else they are escaped.
            assert "\u202e" not in shown, path


# --- constant numbers of queries --------------------------------------------------------------------------------


def fill(count: int) -> None:
    for number in range(count):
        workflow = workflows.create(f"w{number}", by="x")
        publish.publish(workflow, with_input(), by="x")
        ended(launch(workflow, by="x").pk, "failed", a="failed")
        launch(workflow, by="x")


@pytest.mark.parametrize("path", ["/", "/workflows/", "/runs/", "/resources/", "/audit/", "/find/?q=w"])
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    browser, db, path, django_assert_num_queries, django_assert_max_num_queries
):
    admin = browser("admin")
    fill(2)
    with django_assert_max_num_queries(40) as few:
        admin.get(path)
    fill(12)
    # Names of nodes are cached by definition, so there may be fewer queries.
    with django_assert_max_num_queries(len(few.captured_queries)):
        admin.get(path)


def test_all_versions_take_as_many_queries_as_one(browser, flow, django_assert_max_num_queries):
    admin = browser("admin")
    document = with_input()
    publish.publish(flow, document, by="x")
    with django_assert_max_num_queries(40) as few:
        admin.get("/workflows/flow/versions/")
    for number in range(9):
        document["nodes"][0]["name"] = f"Name {number}"
        publish.publish(flow, document, by="x")
    with django_assert_max_num_queries(len(few.captured_queries)):
        shown = text_of(admin.get("/workflows/flow/versions/"))
    assert "v12" in shown


def test_pages_write_nothing(browser, flow, django_assert_max_num_queries):
    admin = browser("admin")
    run = newest_run().pk
    for path in ("/", "/workflows/", "/workflows/flow/edit/", "/workflows/flow/versions/", f"/runs/{run}/", "/audit/"):
        with django_assert_max_num_queries(60) as captured:
            admin.get(path)
        for query in captured.captured_queries:
            assert not re.match(r"\s*(INSERT|UPDATE|DELETE)", query["sql"]), (path, query["sql"])


# --- overview ----------------------------------------------------------------------------------------------------


def test_a_new_installation_offers_first_steps(browser, db):
    shown = text_of(browser("editor").get("/"))
    assert "No workflow has run yet" in shown
    assert reverse("workflow-new") in shown
    assert reverse("workflow-new") not in text_of(browser("viewer").get("/"))


def test_a_failure_since_the_live_version_offers_a_rollback(browser, flow):
    shown = text_of(browser("operator").get("/"))
    assert "Node A: ValueError in line 3, bad" in shown
    assert "first run of this version" in shown
    assert "Roll back to v1" in shown
    assert "Roll back to v1" not in text_of(browser("viewer").get("/"))


def test_a_failure_of_a_version_that_has_worked_offers_no_rollback(browser, flow):
    run = launch(flow, by="x")
    ended(run.pk, "succeeded", a="succeeded")
    run = launch(flow, by="x")
    ended(run.pk, "failed", a="failed")
    shown = text_of(browser("operator").get("/"))
    assert "Node A: ValueError" in shown
    assert "Roll back to" not in shown


def test_a_later_success_removes_the_failure(browser, flow):
    run = launch(flow, by="x")
    ended(run.pk, "succeeded", a="succeeded")
    assert "Nothing needs attention" in text_of(browser("operator").get("/"))


# --- what every page offers --------------------------------------------------------------------------------------


def test_theme_and_language_are_kept_in_the_browser(browser, db):
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
    assert {one["group"] for one in found("editor", "flow")} == {"Workflows", "Actions", "Pages"}
    assert [one["href"] for one in found("viewer", f"run {run}")] == [f"/runs/{run}/"]
    assert not [one for one in found("viewer", "flow") if one["group"] == "Actions"]
    assert found("viewer", "zzz") == []


def test_help_shows_server_paths_only_to_roles_that_run_code(browser, settings):
    home, command = str(settings.INTERLOCK.home), "interlock doctor"
    for role in ("editor", "admin"):
        shown = text_of(browser(role).get("/help/"))
        assert home in shown
        assert command in shown
    for role in ("viewer", "operator"):
        shown = text_of(browser(role).get("/help/"))
        assert home not in shown
        assert command not in shown
        assert "ask your administrator" in shown
