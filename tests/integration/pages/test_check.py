"""The check that the editor asks for while one types."""

from __future__ import annotations

from tests.support.documents import chain


def ask(client, body, slug="flow"):
    return client.post(f"/workflows/{slug}/edit/check/", body, content_type="application/json")


def test_problems_come_in_the_shape_of_the_contract(browser, flow):
    document = chain("a", "b")
    document["nodes"][0]["type"] = "noopp"
    answer = ask(browser("editor"), {"definition": document})
    assert answer.status_code == 200
    assert set(answer.json()) >= {"problems", "columns", "prints", "complete"}
    (problem,) = answer.json()["problems"]
    assert (problem["node"], problem["path"], problem["code"]) == ("a", "nodes[0].type", "unknown_node_type")
    assert problem["fix"] == {
        "label": "Use noop",
        "changes": [{"op": "replace", "path": "/nodes/0/type", "value": "noop"}],
    }


def test_what_is_no_document_is_told_as_a_problem_or_refused(browser, flow):
    editor = browser("editor")
    strange: list[object] = [{"definition": None}, {"definition": 3}, {}, []]
    for body in strange:
        assert [problem["code"] for problem in ask(editor, body).json()["problems"]] == ["not_an_object"]
    for text in ("{", '{"definition": NaN}', "[" * 2000):
        assert ask(editor, text).status_code == 400


def test_it_is_for_those_who_may_edit(browser, flow, client):
    assert ask(browser("viewer"), {"definition": {}}).status_code == 403
    assert ask(browser("operator"), {"definition": {}}).status_code == 403
    assert ask(client, {"definition": {}}).status_code == 302
    assert ask(browser("editor"), {"definition": {}}, "no-such").status_code == 404
