"""Pages of workflows with more runs than are counted, and lists that go on behind their first page."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from dashboard.pages import base, strips
from dashboard.pages import workflows as pages
from engine.models import Run
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
