"""What pages leave out or keep, so that they are as quick with many runs: counts without end, rows before a page, what
they made already."""

from __future__ import annotations

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


def shown(browser: Any, place: str) -> str:
    answer = browser("operator").get(place)
    assert answer.status_code == 200, place
    return " ".join(answer.content.decode().split())


def tried(flow: Workflow, version: int, *states: str) -> list[int]:
    return [ended(launch(flow, version=version, by="x").pk, state, a=state).pk for state in states]


def next_page(page: str) -> str:
    found = re.search(r'href="(\?[^"]*)">Next page', page)
    assert found is not None
    return html.unescape(found[1])


def keys(page: str) -> list[int]:
    return [int(key) for key in re.findall(r'<tr data-key="(\d+)"', page)]


@pytest.mark.parametrize("place", ["/runs/", "/workflows/flow/", "/runs/?workflow=flow"])
def test_a_next_page_goes_on_where_the_one_before_ended_whatever_began_meanwhile(
    flow: Workflow, browser: Any, place: str
) -> None:
    made = tried(flow, 2, *["succeeded"] * 60)
    first = shown(browser, place)
    assert keys(first) == made[:-51:-1]
    tried(flow, 2, "succeeded")
    second = shown(browser, place.split("?")[0] + next_page(first))
    assert keys(second)[:10] == made[9::-1]
    assert len(keys(second)) == 12
    assert "Page 2<" in second
    assert re.search(r'href="(\.|\?workflow=flow)">First page', second)
    assert "Next page" not in second


def test_a_page_that_is_named_by_its_number_alone_is_read_so_far_back_and_no_further(
    flow: Workflow, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tried(flow, 2, *["succeeded"] * 120)
    assert keys(shown(browser, "/runs/?page=2")) == made[69:19:-1]
    monkeypatch.setattr(base, "SKIPPED_MAX", 100)
    assert keys(shown(browser, "/runs/?page=900000"))[0] == made[19]


def test_runs_of_a_workflow_are_counted_so_far(flow: Workflow, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "COUNTED", 2)
    assert '<span class="n">2+</span>' not in shown(browser, "/workflows/flow/definition/")
    tried(flow, 2, "succeeded")
    assert '<span class="n">2+</span>' in shown(browser, "/workflows/flow/definition/")


def test_of_a_version_with_many_runs_the_last_are_looked_at(
    flow: Workflow, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "TALLIED", 3)
    tried(flow, 1, "succeeded", "succeeded")
    assert "3 runs, none failed" in shown(browser, "/workflows/flow/versions/")
    tried(flow, 1, "succeeded", "failed")
    page = shown(browser, "/workflows/flow/versions/")
    assert "3+ runs, 1+ failed" in page
    assert "1 run, 1 failed" in page
    tried(flow, 1, *["succeeded"] * 4)
    page = shown(browser, "/workflows/flow/versions/")
    assert "3+ runs" in page
    assert "3+ runs," not in page


def test_a_version_fails_from_its_beginning_only_if_none_of_all_its_runs_succeeded(
    flow: Workflow, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "TALLIED", 3)
    tried(flow, 2, "failed", "failed", "cancelled", "failed")
    assert "none of its 3+ runs succeeded" in shown(browser, "/")
    first = Run.objects.filter(workflow="flow", version=2).earliest("id")
    Run.objects.filter(pk=first.pk).update(state="succeeded")
    page = shown(browser, "/")
    assert "runs succeeded" not in page
    assert "Roll back to v1" not in page


def test_what_ended_in_the_last_minute_is_counted_by_the_database(flow: Workflow) -> None:
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


def test_a_definition_is_made_into_a_page_once(flow: Workflow, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pages._definition_html.cache_clear()
    made: list[str] = []

    def noted(document: Any, shown: Any = pages._definition_context) -> Any:
        made.append(document["nodes"][0].get("name", ""))
        return shown(document)

    monkeypatch.setattr(pages, "_definition_context", noted)
    first = shown(browser, "/workflows/flow/definition/")
    assert "Node A" in first
    assert cards(shown(browser, "/workflows/flow/versions/2/")) == cards(first)
    assert len(made) == 1
    # Another version, and another language, are others.
    assert "Node A" not in cards(shown(browser, "/workflows/flow/versions/1/"))
    assert len(made) == 2
    client = browser("operator")
    client.cookies["interlock_language"] = "zh-hant"
    assert cards(client.get("/workflows/flow/definition/").content.decode()) != cards(first)
    assert len(made) == 3


def cards(page: str) -> str:
    """What a page says of the definition itself."""
    return page.split('<div class="card"><header>', 1)[1].split("</main>")[0]
