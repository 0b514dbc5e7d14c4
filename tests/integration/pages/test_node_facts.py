"""What the inspector shows of nodes beside their definition: learned durations and the last change."""

from typing import Any

import pytest

from engine.models import NodeStat
from tests.support.documents import chain
from tests.support.people import person
from versions import node_facts
from versions.actions import drafts, publish, workflows

pytestmark = pytest.mark.django_db


@pytest.fixture
def history():
    """v1 has a and b, v2 changes b, v3 moves a, v4 adds c."""
    node_facts._last_changes.cache_clear()
    workflow = workflows.create("History", slug="history", by="editor-person")
    document = chain("a", "b")
    publish.publish(workflow, document, by="editor-person")
    document["nodes"][1]["notes"] = "changed"
    publish.publish(workflow, document, by="editor-person")
    document["nodes"][0]["position"] = {"x": 5, "y": 5}
    publish.publish(workflow, document, by="editor-person")
    document["nodes"].append({"id": "c", "type": "noop"})
    publish.publish(workflow, document, by="editor-person")
    return workflow


def facts(browser) -> dict[str, Any]:
    answer = browser("editor").get("/workflows/history/edit/node-facts/")
    assert answer.status_code == 200
    return dict(answer.json()["nodes"])


def test_each_node_has_the_version_of_its_last_change(browser, history):
    assert facts(browser) == {"a": {"version": 1}, "b": {"version": 2}, "c": {"version": 4}}


def test_edits_of_the_draft_and_learned_durations_are_shown(browser, history):
    NodeStat.objects.create(workflow="history", node="a", durations=[2, 3, 4], median=3)
    NodeStat.objects.create(workflow="history", node="b", durations=[2], median=None)
    draft = chain("a", "b", "new")
    draft["nodes"][0]["position"] = {"x": 9, "y": 9}
    drafts.save(history, person("editor"), draft, expected_saves=None, base_version=4)
    assert facts(browser) == {"a": {"version": 1, "learned": 3}, "b": {"version": 2, "edited": True}}


def test_a_change_before_the_versions_read_has_no_version(browser, history, monkeypatch):
    monkeypatch.setattr(node_facts, "VERSIONS_MAX", 2)
    assert facts(browser) == {"c": {"version": 4}}


def test_no_versions_or_an_invalid_draft_give_no_facts(browser, history):
    workflows.create("Empty", slug="empty", by="editor-person")
    page = browser("editor").get("/workflows/empty/edit/node-facts/")
    assert page.json() == {"nodes": {}}
    drafts.save(history, person("editor"), {"nodes": [5, {"id": 5}]}, expected_saves=None, base_version=4)
    assert facts(browser) == {}


def test_facts_take_few_queries_and_versions_are_read_once(browser, history, django_assert_max_num_queries):
    client = browser("editor")
    client.get("/workflows/history/edit/node-facts/")
    with django_assert_max_num_queries(9):
        client.get("/workflows/history/edit/node-facts/")


def test_facts_are_for_editors(browser, history):
    assert browser("operator").get("/workflows/history/edit/node-facts/").status_code == 403
