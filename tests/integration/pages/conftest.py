"""Fixtures of page tests: signed-in browsers, and workflows with versions and runs."""

from datetime import timedelta

import pytest
from cachetools import LRUCache
from django.test import Client

from dashboard.pages import overview
from engine import clock
from engine.definition import store
from engine.models import Leader, Pool
from tests.integration.pages.panels import CODE
from tests.support.documents import with_input
from tests.support.factories import document, node, python
from tests.support.people import person
from tests.support.run_rows import ended
from versions.actions import deploy, publish, workflows
from versions.actions.launch import launch
from versions.models import Workflow


@pytest.fixture(autouse=True)
def empty_caches(monkeypatch):
    """Clear the caches that are keyed by id or time, so that no test sees another's."""
    store.clear_cache()
    monkeypatch.setattr(overview, "_rate", (float("-inf"), 0, ""))
    monkeypatch.setattr(overview, "_names_cache", LRUCache(200))


@pytest.fixture
def browser(db):
    """Return a function that creates a browser in which a person of a role is signed in."""

    def make(role: str) -> Client:
        client = Client()
        client.force_login(person(role))
        return client

    return make


@pytest.fixture
def flow(db) -> Workflow:
    """A workflow `flow` with v1 and v2 (live): run 1 of v1 succeeded, run 2 of v2 failed."""
    workflow = workflows.create("Flow <b>&</b>", slug="flow", by="editor-person")
    document = with_input()
    publish.publish(workflow, document, message="first", by="editor-person")
    run = launch(workflow, by="operator-person")
    ended(run.pk, "succeeded", a="succeeded")
    document["nodes"][0]["name"] = "Node A"
    publish.publish(workflow, document, message="second", by="editor-person")
    deploy.deploy(workflow, 2, by="editor-person")
    run = launch(workflow, by="operator-person")
    ended(run.pk, "failed", a="failed")
    return workflow


@pytest.fixture
def nightly(db) -> Workflow:
    """A workflow of `work` (Python, in a pool) and 14 nodes after it."""
    Leader.objects.create(pk=1, beat_at=clock.now() + timedelta(seconds=30))
    Pool.objects.create(name="warehouse", slots=1, created_at=clock.now())
    workflow = workflows.create("Nightly", slug="nightly", by="x")
    after = [node(f"after{n}") for n in range(14)]
    work = python("work", CODE, pool="warehouse", retries=1, expected_duration=10, memory_mb=512)
    definition_document = document([work, *after], *(f"work>after{n}" for n in range(14)))
    definition_document["nodes"][0]["name"] = "Work <b>hard</b>"
    definition_document["inputs"] = {"type": "object", "properties": {"month": {"type": "integer", "default": 1}}}
    publish.publish(workflow, definition_document, by="x")
    return workflow
