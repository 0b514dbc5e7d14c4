"""Pages of a workflow whose node has a type that only an installed package describes."""

import json
import re
from typing import Any

import pytest

from engine.models import NodeRun
from tests.integration.pages.panels import panel
from tests.support.documents import chain
from tests.support.node_packages import install_types, packages
from tests.support.run_rows import ended
from versions.actions import publish, workflows
from versions.actions.launch import launch
from versions.models import Workflow

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    with packages(tmp_path, monkeypatch) as install:
        install_types(install)
        yield


@pytest.fixture
def sorting(db) -> Workflow:
    workflow = workflows.create("Sorting", slug="sorting", by="editor-person")
    document = chain("sort", "big")
    document["nodes"][0] |= {
        "type": "acme.sort",
        "config": {
            "script": "def main(inputs, ctx):\n    return inputs\n",
            "source": "in.csv",
            "routes": [{"to": "big"}],
        },
    }
    document["edges"][0]["source_port"] = "big"
    publish.publish(workflow, document, by="editor-person")
    return workflow


def data_of(page: str, name: str) -> Any:
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


def test_the_editor_gets_form_code_paths_ports_and_icon(browser, sorting):
    page = browser("editor").get("/workflows/sorting/edit/").content.decode()
    described = {one["type"]: one for one in data_of(page, "editor-facts")["types"]}["acme.sort"]
    assert described["icon"] == "split"
    assert described["code"] == {"field": "script", "language": "python"}
    assert described["paths"] == [
        {"field": "source", "direction": "read"},
        {"field": "report", "direction": "write"},
    ]
    assert described["out_ports"] is None
    assert described["default_ports"] == ["main"]
    assert described["config"]["properties"]["script"]["title"] == "Script"


def test_its_texts_are_in_the_language_of_the_reader(browser, sorting):
    editor = browser("editor")
    editor.post("/account/language/", {"language": "zh-hant"})
    facts = data_of(editor.get("/workflows/sorting/edit/").content.decode(), "editor-facts")
    described = {one["type"]: one for one in facts["types"]}["acme.sort"]
    assert described["name"] == "資料列分流"
    assert described["config"]["properties"]["script"]["title"] == "腳本"
    answer = editor.post(
        "/workflows/sorting/edit/check/",
        json.dumps({"definition": {**chain("a"), "nodes": [{"id": "a", "type": "acme.sort", "config": {}}]}}),
        content_type="application/json",
    )
    messages = [problem["message"] for problem in answer.json()["problems"]]
    assert "請輸入腳本。" in messages


def test_the_run_page_shows_its_icon_name_and_highlighted_code(browser, sorting):
    run = launch(sorting, by="operator-person")
    ended(run.pk, "failed", sort="failed", big="skipped")
    page = browser("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert data_of(page, "type-icons") == {"acme.sort": "split", "noop": "dot"}
    assert NodeRun.objects.filter(run=run, node="sort").exists()
    shown = panel(browser, "viewer", run, "config", node="sort")
    assert '<span class="kw">def</span> main' in shown
    assert "in.csv" in shown
    assert "Sort rows" in panel(browser, "viewer", run, node="sort")
