"""Pages stay quick with many runs: bounded counts, pages that continue by id, cached parts."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from dashboard.pages import base, overview, strips
from dashboard.pages import workflows as pages
from engine import clock
from engine.models import Attempt, Run
from tests.support.run_rows import ended
from versions.actions.launch import launch
from versions.models import Workflow


def get_page(browser: Any, path: str) -> str:
    answer = browser("operator").get(path)
    assert answer.status_code == 200, path
    return " ".join(answer.content.decode().split())


def create_runs(flow: Workflow, version: int, *states: str) -> list[int]:
    return [ended(launch(flow, version=version, by="x").pk, state, a=state).pk for state in states]


def next_page(page: str) -> str:
    found = re.search(r'href="(\?[^"]*)">Next page', page)
    assert found is not None
    return html.unescape(found[1])


def keys(page: str) -> list[int]:
    return [int(key) for key in re.findall(r'<tr data-key="(\d+)"', page)]


@pytest.mark.parametrize("path", ["/runs/", "/workflows/flow/", "/runs/?workflow=flow"])
def test_the_next_page_continues_after_the_last_row(flow: Workflow, browser: Any, path: str) -> None:
    made = create_runs(flow, 2, *["succeeded"] * 60)
    first = get_page(browser, path)
    assert keys(first) == made[:-51:-1]
    create_runs(flow, 2, "succeeded")
    second = get_page(browser, path.split("?")[0] + next_page(first))
    assert keys(second)[:10] == made[9::-1]
    assert len(keys(second)) == 12
    assert "Page 2<" in second
    assert re.search(r'href="(\.|\?workflow=flow)">First page', second)
    assert "Next page" not in second


def test_a_page_by_number_skips_a_bounded_number_of_rows(
    flow: Workflow, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create_runs(flow, 2, *["succeeded"] * 120)
    assert keys(get_page(browser, "/runs/?page=2")) == made[69:19:-1]
    monkeypatch.setattr(base, "SKIPPED_ROWS_MAX", 100)
    assert keys(get_page(browser, "/runs/?page=900000"))[0] == made[19]


def test_the_count_of_a_workflows_runs_is_bounded(
    flow: Workflow, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "COUNTED_RUNS_MAX", 2)
    assert '<span class="n">2+</span>' not in get_page(browser, "/workflows/flow/definition/")
    create_runs(flow, 2, "succeeded")
    assert '<span class="n">2+</span>' in get_page(browser, "/workflows/flow/definition/")


def test_outcomes_of_a_version_are_counted_over_its_newest_runs(
    flow: Workflow, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "TALLIED_RUNS_MAX", 3)
    create_runs(flow, 1, "succeeded", "succeeded")
    assert "3 runs, none failed" in get_page(browser, "/workflows/flow/versions/")
    create_runs(flow, 1, "succeeded", "failed")
    page = get_page(browser, "/workflows/flow/versions/")
    assert "3+ runs, 1+ failed" in page
    assert "1 run, 1 failed" in page
    create_runs(flow, 1, *["succeeded"] * 4)
    page = get_page(browser, "/workflows/flow/versions/")
    assert "3+ runs" in page
    assert "3+ runs," not in page


def test_a_version_never_worked_only_if_none_of_all_its_runs_succeeded(
    flow: Workflow, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "TALLIED_RUNS_MAX", 3)
    create_runs(flow, 2, "failed", "failed", "cancelled", "failed")
    assert "none of its 3+ runs succeeded" in get_page(browser, "/")
    first = Run.objects.filter(workflow="flow", version=2).earliest("id")
    Run.objects.filter(pk=first.pk).update(state="succeeded")
    page = get_page(browser, "/")
    assert "runs succeeded" not in page
    assert "Roll back to v1" not in page


def test_nodes_per_minute_are_counted_by_the_database(flow: Workflow) -> None:
    run = Run.objects.latest("id")
    Attempt.objects.all().delete()
    now = clock.now()
    for number, seconds in enumerate((1, 10.5, 50, 70, 100, 16 * 60), 1):
        Attempt.objects.create(
            run=run, node="a", number=number, state="succeeded", claim=str(number), worker="local/1", pid=1,
            started_at=now - timedelta(hours=1), finished_at=now - timedelta(seconds=seconds),
        )  # fmt: skip
    last, points = overview.nodes_a_minute()
    assert last == 3
    heights = [int(point.split(",")[1]) for point in points.split()]
    # Three in the last minute, two in the one before, none in any other.
    assert heights == [*[15] * 13, 6, 1]


def test_a_definition_is_rendered_once(flow: Workflow, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pages._definition_html.cache_clear()
    made: list[str] = []

    def record(document: Any, context: Any = pages._definition_context) -> Any:
        made.append(document["nodes"][0].get("name", ""))
        return context(document)

    monkeypatch.setattr(pages, "_definition_context", record)
    first = get_page(browser, "/workflows/flow/definition/")
    assert "Node A" in first
    assert cards(get_page(browser, "/workflows/flow/versions/2/")) == cards(first)
    assert len(made) == 1
    # Another version or language has its own page.
    assert "Node A" not in cards(get_page(browser, "/workflows/flow/versions/1/"))
    assert len(made) == 2
    client = browser("operator")
    client.cookies["interlock_language"] = "zh-hant"
    assert cards(client.get("/workflows/flow/definition/").content.decode()) != cards(first)
    assert len(made) == 3


def cards(page: str) -> str:
    """Return the part of a page that shows the definition."""
    return page.split('<div class="card"><header>', 1)[1].split("</main>")[0]
