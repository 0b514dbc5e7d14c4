"""The graph that the canvas draws."""

import json

import pytest

from dashboard.pages import graph
from engine.models import Run
from tests.support.documents import chain
from versions.actions import publish, workflows
from versions.actions.launch import launch


@pytest.fixture(autouse=True)
def empty_cache():
    graph._body.cache_clear()


def run_of(document) -> Run:
    workflow = workflows.create("Graph", slug="graph", by="editor-person")
    publish.publish(workflow, document, message="", by="editor-person")
    return launch(workflow, by="operator-person")


def test_nodes_edges_and_icons_come_as_compact_lists(browser, db):
    document = chain("a", "b")
    document["nodes"][0] |= {"name": "<b>Lütt</b> 🎉", "position": {"x": 12.5, "y": -3}}
    document["nodes"][1]["type"] = "table.sql"
    document["nodes"][1]["config"] = {"sql": "select 1 as one"}
    document["edges"][0] |= {"target_port": "rows"}
    run = run_of(document)
    answer = browser("viewer").get(f"/runs/{run.pk}/graph/")
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == {
        "nodes": [["a", "<b>Lütt</b> 🎉", "noop", 12.5, -3], ["b", "b", "table.sql"]],
        "edges": [[0, 1, "out", "rows"]],
        "icons": {"noop": "dot", "table.sql": "sql"},
    }


def test_an_edge_that_only_orders_comes_with_its_mark(browser, db):
    document = chain("a", "b")
    document["edges"][0]["order"] = True
    run = run_of(document)
    answer = browser("viewer").get(f"/runs/{run.pk}/graph/")
    assert answer.json()["edges"] == [[0, 1, "out", "a", True]]
    panel = browser("viewer").get(f"/runs/{run.pk}/nodes/b/panel/?tab=config").content.decode()
    assert "only orders" in panel


def test_a_url_with_the_hash_is_immutable_and_one_without_is_revalidated(browser, flow):
    run = Run.objects.select_related("definition").order_by("-id")[0]
    viewer = browser("viewer")
    immutable = viewer.get(f"/runs/{run.pk}/graph/?v={run.definition.hash[:16]}")
    assert immutable["Cache-Control"] == "private, max-age=31536000, immutable"
    for wrong in ("", "?v=", "?v=0123456789abcdef", f"?v={run.definition.hash[:4]}"):
        assert viewer.get(f"/runs/{run.pk}/graph/{wrong}")["Cache-Control"] == "private, no-cache"
    again = viewer.get(f"/runs/{run.pk}/graph/", HTTP_IF_NONE_MATCH=immutable["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert viewer.get(f"/runs/{run.pk}/graph/", HTTP_IF_NONE_MATCH='"other"').status_code == 200


def test_errors_are_never_cached(browser, flow, client):
    run = Run.objects.order_by("-id")[0]
    assert "no-store" in client.get(f"/runs/{run.pk}/graph/")["Cache-Control"]
    missing = browser("viewer").get("/runs/999999/graph/")
    assert missing.status_code == 404
    assert "no-store" in missing["Cache-Control"]


def test_a_graph_of_10_000_nodes_is_cached(browser, db, monkeypatch):
    names = [f"n{number}" for number in range(10_000)]
    document = chain(*names)
    document["edges"] += [
        {"source": names[at], "target": names[at + step]} for step in (2, 3, 4, 5) for at in range(10_000 - step)
    ]
    run = run_of(document)
    viewer = browser("viewer")
    first = viewer.get(f"/runs/{run.pk}/graph/")
    read = json.loads(first.content)
    assert (len(read["nodes"]), len(read["edges"])) == (10_000, 49_985)

    def compact_again(_document):
        raise AssertionError("It was made again.")

    monkeypatch.setattr(graph, "compact", compact_again)
    assert viewer.get(f"/runs/{run.pk}/graph/").content == first.content
