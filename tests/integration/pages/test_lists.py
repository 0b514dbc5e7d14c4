"""What lists say beside their rows: what is stuck, who waits, what differs, why there is nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine import clock
from engine.models import NodeRun
from tests.integration.pages.test_overview_stuck import stuck_run
from versions.actions import pools, publish, workflows
from versions.actions.launch import launch
from versions.models import Workflow


def shown(browser: Any, place: str, role: str = "viewer") -> str:
    answer = browser(role).get(place)
    assert answer.status_code == 200, place
    return str(answer.content.decode())


def row(page: str, key: object) -> str:
    return page.split(f'data-key="{key}"')[1].split("</tr>")[0]


def test_a_stuck_run_says_so_in_lists_and_can_be_asked_for(flow: Workflow, browser: Any) -> None:
    hangs, well = stuck_run(flow, 20), launch(flow, by="operator-person")
    for place in ("/runs/", "/workflows/flow/"):
        page = shown(browser, place)
        assert "st-stuck" in row(page, hangs.pk)
        assert "st-stuck" not in row(page, well.pk)
    asked = shown(browser, "/runs/?state=stuck")
    assert f'data-key="{hangs.pk}"' in asked
    assert f'data-key="{well.pk}"' not in asked
    assert 'href="/runs/?state=stuck"' in shown(browser, "/")


def test_a_pool_names_who_waits_the_longest_first_and_counts_the_rest(flow: Workflow, browser: Any) -> None:
    pools.create("warehouse", 1, by="x")
    now = clock.now()
    runs = [launch(flow, by="operator-person") for _ in range(8)]
    for age, run in enumerate(runs):
        NodeRun.objects.create(
            run=run, node="a", state="ready", pool="warehouse", slots=1, ready_at=now - timedelta(hours=2, minutes=age)
        )
    page = row(shown(browser, "/resources/"), "warehouse")
    named = [f'href="/runs/{run.pk}/nodes/a/"' for run in reversed(runs)]
    assert [page.index(one) for one in named[:6]] == sorted(page.index(one) for one in named[:6])
    assert not any(one in page for one in named[6:])
    assert "and 2 more" in page
    # Who still waits has waited longer than those who got their slots.
    assert ">2 h 7 m</td>" in page


def test_a_version_is_compared_with_the_live_one_and_that_with_the_one_before(flow: Workflow, browser: Any) -> None:
    page = shown(browser, "/workflows/flow/versions/")
    assert 'data-load="/workflows/flow/versions/2/compare/1/"' in page
    assert 'data-load="/workflows/flow/versions/1/compare/2/"' in page
    live = shown(browser, "/workflows/flow/versions/2/compare/1/")
    assert "v2 compared with v1<" in live
    assert "Node A: name changed" in live
    assert '<a href="/workflows/flow/versions/">' in live, "whoever opened the address has a way back"
    assert "v1 compared with v2 (live)" in shown(browser, "/workflows/flow/versions/1/compare/2/")
    assert "No differences." in shown(browser, "/workflows/flow/versions/1/compare/1/")
    assert browser("viewer").get("/workflows/flow/versions/1/compare/9/").status_code == 404


def test_the_only_version_is_compared_with_nothing(db: None, browser: Any) -> None:
    alone = workflows.create("Alone", slug="alone", by="x")
    publish.publish(alone, {"schema": "interlock/1", "nodes": [{"id": "a", "type": "noop"}], "edges": []}, by="x")
    assert "/compare/" not in shown(browser, "/workflows/alone/versions/")


def test_an_archived_workflow_without_runs_does_not_ask_for_a_version(flow: Workflow, browser: Any) -> None:
    empty = workflows.create("Empty", slug="empty", by="x")
    workflows.change(empty, archived=True, by="x")
    page = shown(browser, "/workflows/empty/", "editor")
    assert "Restore it to run it" in page
    assert "Edit the definition</a>" not in page


def test_an_address_of_a_form_that_is_opened_says_so(flow: Workflow, browser: Any) -> None:
    for place in ("/account/tokens/", "/workflows/flow/archive/", "/sign-out/"):
        answer = browser("admin").get(place)
        assert (answer.status_code, answer["Allow"]) == (405, "POST"), place
        assert "This address only accepts forms" in answer.content.decode(), place
    assert browser("admin").get("/api/v1/workflows/flow/rollback/")["Content-Type"] == "application/problem+json"


def test_what_is_gone_is_named_with_what_may_have_happened(flow: Workflow, browser: Any) -> None:
    page = browser("viewer").get("/runs/99999/").content.decode()
    assert "There is no run 99999. It may have been deleted" in page


def test_what_is_gone_is_named_in_the_readers_language(flow: Workflow, browser: Any) -> None:
    viewer = browser("viewer")
    viewer.cookies["interlock_language"] = "zh-hant"
    assert "沒有編號 99999 的執行。 它可能已刪除" in viewer.get("/runs/99999/").content.decode()


def test_a_refused_account_is_said_where_the_form_is(flow: Workflow, browser: Any) -> None:
    answer = browser("admin").post("/users/:new/", {"username": "admin-person", "role": "viewer"})
    field = answer.content.decode().split('id="username"')[1].split(">")[0]
    assert "autofocus" in field


def test_roles_are_named_in_the_readers_language(flow: Workflow, browser: Any) -> None:
    admin = browser("admin")
    admin.cookies["interlock_language"] = "zh-hant"
    assert ">檢視者</option>" in admin.get("/users/").content.decode()


def test_a_role_that_is_too_low_is_told_which_would_do(flow: Workflow, browser: Any) -> None:
    said = browser("viewer").get("/users/").content.decode()
    assert "This requires the admin role; yours is viewer. An admin can change your role" in said
    said = browser("viewer").get("/workflows/new/").content.decode()
    assert "This requires the editor role or higher; yours is viewer." in said


def test_a_role_that_is_too_low_is_told_in_the_readers_language(flow: Workflow, browser: Any) -> None:
    viewer = browser("viewer")
    viewer.cookies["interlock_language"] = "zh-hant"
    assert "這需要管理員角色；您的角色是檢視者。" in viewer.get("/users/").content.decode()


def test_the_docs_of_the_api_have_the_theme_that_was_chosen(flow: Workflow, browser: Any) -> None:
    viewer = browser("viewer")
    viewer.cookies["interlock_theme"] = "dark"
    page = viewer.get("/api/docs/").content.decode()
    assert '<html lang="en" class="dark-mode">' in page
    assert 'href="/">Go to the overview</a>' in page
    script = page.split('<script src="')[-1].split('"')[0].replace("&amp;", "&")
    assert 'toggle("dark-mode", true)' in viewer.get(script).content.decode()
