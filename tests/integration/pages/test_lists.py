"""What lists show beside their rows: stuck runs, waiting nodes, differences, and why a list is empty."""

from datetime import timedelta
from typing import Any

from engine import clock
from engine.models import NodeRun
from tests.integration.pages.test_overview_stuck import stuck_run
from versions.actions import pools, publish, workflows
from versions.actions.launch import launch
from versions.models import Workflow


def get_page(browser: Any, path: str, role: str = "viewer") -> str:
    answer = browser(role).get(path)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


def row(page: str, key: object) -> str:
    return page.split(f'data-key="{key}"')[1].split("</tr>")[0]


def test_a_stuck_run_is_marked_in_lists_and_can_be_filtered(flow: Workflow, browser: Any) -> None:
    stuck, normal = stuck_run(flow, 20), launch(flow, by="operator-person")
    for path in ("/runs/", "/workflows/flow/"):
        page = get_page(browser, path)
        assert "st-stuck" in row(page, stuck.pk)
        assert "st-stuck" not in row(page, normal.pk)
    filtered = get_page(browser, "/runs/?state=stuck")
    assert f'data-key="{stuck.pk}"' in filtered
    assert f'data-key="{normal.pk}"' not in filtered
    assert 'href="/runs/?state=stuck"' in get_page(browser, "/")


def test_a_pool_lists_the_longest_waits_first_and_counts_the_rest(flow: Workflow, browser: Any) -> None:
    pools.create("warehouse", 1, by="x")
    now = clock.now()
    runs = [launch(flow, by="operator-person") for _ in range(8)]
    for age, run in enumerate(runs):
        NodeRun.objects.create(
            run=run, node="a", state="ready", pool="warehouse", slots=1, ready_at=now - timedelta(hours=2, minutes=age)
        )
    page = row(get_page(browser, "/resources/"), "warehouse")
    links = [f'href="/runs/{run.pk}/nodes/a/"' for run in reversed(runs)]
    assert [page.index(one) for one in links[:6]] == sorted(page.index(one) for one in links[:6])
    assert not any(one in page for one in links[6:])
    assert "and 2 more" in page
    # A node that still waits has waited longer than those that got their slots.
    assert ">2 h 7 m</td>" in page


def test_a_version_is_compared_with_the_live_one_and_the_live_one_with_its_predecessor(
    flow: Workflow, browser: Any
) -> None:
    page = get_page(browser, "/workflows/flow/versions/")
    assert 'data-load="/workflows/flow/versions/2/compare/1/"' in page
    assert 'data-load="/workflows/flow/versions/1/compare/2/"' in page
    live = get_page(browser, "/workflows/flow/versions/2/compare/1/")
    assert "v2 compared with v1<" in live
    assert "Node A: name changed" in live
    assert '<a href="/workflows/flow/versions/">' in live, "whoever opened the address has a way back"
    assert "v1 compared with v2 (live)" in get_page(browser, "/workflows/flow/versions/1/compare/2/")
    assert "No differences." in get_page(browser, "/workflows/flow/versions/1/compare/1/")
    assert browser("viewer").get("/workflows/flow/versions/1/compare/9/").status_code == 404


def test_the_only_version_has_no_comparison(db: None, browser: Any) -> None:
    alone = workflows.create("Alone", slug="alone", by="x")
    publish.publish(alone, {"schema": "interlock/1", "nodes": [{"id": "a", "type": "noop"}], "edges": []}, by="x")
    assert "/compare/" not in get_page(browser, "/workflows/alone/versions/")


def test_an_archived_workflow_without_runs_does_not_ask_for_a_version(flow: Workflow, browser: Any) -> None:
    empty = workflows.create("Empty", slug="empty", by="x")
    workflows.change(empty, archived=True, by="x")
    page = get_page(browser, "/workflows/empty/", "editor")
    assert "Restore it to run it" in page
    assert "Edit the definition</a>" not in page


def test_opening_the_url_of_a_form_is_405(flow: Workflow, browser: Any) -> None:
    for path in ("/account/tokens/", "/workflows/flow/archive/", "/sign-out/"):
        answer = browser("admin").get(path)
        assert (answer.status_code, answer["Allow"]) == (405, "POST"), path
        assert "This address only accepts forms" in answer.content.decode(), path
    assert browser("admin").get("/api/v1/workflows/flow/rollback/")["Content-Type"] == "application/problem+json"


def test_a_missing_run_may_have_been_deleted(flow: Workflow, browser: Any) -> None:
    page = browser("viewer").get("/runs/99999/").content.decode()
    assert "There is no run 99999. It may have been deleted" in page


def test_the_page_of_a_missing_run_is_translated(flow: Workflow, browser: Any) -> None:
    viewer = browser("viewer")
    viewer.cookies["interlock_language"] = "zh-hant"
    assert "沒有編號 99999 的執行。 它可能已刪除" in viewer.get("/runs/99999/").content.decode()


def test_a_refused_account_focuses_its_field(flow: Workflow, browser: Any) -> None:
    answer = browser("admin").post("/users/:new/", {"username": "admin-person", "role": "viewer"})
    field = answer.content.decode().split('id="username"')[1].split(">")[0]
    assert "autofocus" in field


def test_roles_are_translated(flow: Workflow, browser: Any) -> None:
    admin = browser("admin")
    admin.cookies["interlock_language"] = "zh-hant"
    assert ">檢視者</option>" in admin.get("/users/").content.decode()


def test_a_refusal_names_the_required_role(flow: Workflow, browser: Any) -> None:
    answer = browser("viewer").get("/users/").content.decode()
    assert "This requires the admin role; yours is viewer. An admin can change your role" in answer
    answer = browser("viewer").get("/workflows/new/").content.decode()
    assert "This requires the editor role or higher; yours is viewer." in answer


def test_a_refusal_with_roles_is_translated(flow: Workflow, browser: Any) -> None:
    viewer = browser("viewer")
    viewer.cookies["interlock_language"] = "zh-hant"
    assert "這需要管理員角色；您的角色是檢視者。" in viewer.get("/users/").content.decode()


def test_the_api_docs_follow_the_theme(flow: Workflow, browser: Any) -> None:
    viewer = browser("viewer")
    viewer.cookies["interlock_theme"] = "dark"
    page = viewer.get("/api/docs/").content.decode()
    assert '<html lang="en" class="dark-mode">' in page
    assert 'href="/">Go to the overview</a>' in page
    script = page.split('<script src="')[-1].split('"')[0].replace("&amp;", "&")
    assert 'toggle("dark-mode", true)' in viewer.get(script).content.decode()
