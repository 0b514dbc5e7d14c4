"""The editor's page as the server renders it."""

import json
import re
from typing import Any

import pytest

from tests.support.documents import chain
from tests.support.people import person
from versions.actions import drafts, workflows

pytestmark = pytest.mark.django_db


def facts_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="editor-facts" type="application/json">(.*?)</script>', page)
    assert found is not None
    return dict(json.loads(found[1]))


def draft_of(page: str) -> str:
    found = re.search(r"data-draft-of>([^<]*)<", page)
    assert found is not None
    return found[1]


def test_the_bar_names_the_base_version_of_the_draft(browser, flow):
    def shown() -> str:
        return str(browser("editor").get("/workflows/flow/edit/").content.decode())

    assert draft_of(shown()) == "Draft of v2"
    drafts.save(flow, person("editor"), chain("a"), expected_saves=None, base_version=1)
    assert draft_of(shown()) == "Draft of v1 · behind v2 (live)"
    drafts.discard(flow, person("editor"))
    assert draft_of(shown()) == "Draft of v2"
    workflows.create("Empty", slug="empty", by="editor-person")
    assert draft_of(browser("editor").get("/workflows/empty/edit/").content.decode()) == "First draft"


def test_the_page_contains_every_node_type_and_pool(browser, flow):
    facts = facts_of(browser("editor").get("/workflows/flow/edit/").content.decode())
    assert (facts["newest"], facts["live"], facts["archived"], facts["address"]) == (2, 2, False, "/workflows/flow/")
    types = {one["type"]: one for one in facts["types"]}
    assert types["table.sql"]["category"] == "tables"
    assert types["branch"]["out_ports"] is None
    assert facts["may_deploy"] is True


def test_an_archived_workflow_is_neither_run_nor_published(browser, flow):
    browser("editor").post("/workflows/flow/archive/")
    page = browser("editor").get("/workflows/flow/edit/").content.decode()
    assert "data-run-draft" not in page
    assert re.search(r"<button[^>]* data-publish disabled", page)
    answer = browser("editor").post("/workflows/flow/archive/", {"archived": "false", "next": "/workflows/flow/edit/"})
    assert answer["Location"] == "/workflows/flow/edit/"
    assert "data-run-draft" in browser("editor").get("/workflows/flow/edit/").content.decode()


def test_the_text_editor_translates_problems(browser, flow):
    drafts.save(flow, person("editor"), {**chain("a"), "nodes": []}, expected_saves=None, base_version=2)
    editor = browser("editor")
    editor.post("/account/language/", {"language": "zh-hant"})
    page = editor.get("/workflows/flow/edit/text/").content.decode()
    found = re.search(r'<script id="first-problems" type="application/json">(.*?)</script>', page)
    assert found is not None
    (problem,) = json.loads(found[1])
    assert problem["code"] == "no_nodes"
    assert "節點" in problem["message"]
