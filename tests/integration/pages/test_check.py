"""The check of a draft that the editor calls while somebody types."""

from tests.support.documents import chain


def ask(client, body, slug="flow"):
    return client.post(f"/workflows/{slug}/edit/check/", body, content_type="application/json")


def test_problems_come_in_the_shape_of_the_contract(browser, flow):
    document = chain("a", "b")
    document["nodes"][0]["type"] = "noopp"
    answer = ask(browser("editor"), {"definition": document})
    assert answer.status_code == 200
    assert set(answer.json()) >= {"problems", "columns", "fingerprints", "complete"}
    (problem,) = answer.json()["problems"]
    assert (problem["node"], problem["path"], problem["code"]) == ("a", "nodes[0].type", "unknown_node_type")
    assert problem["fix"] == {
        "label": "Use noop",
        "changes": [{"op": "replace", "path": "/nodes/0/type", "value": "noop"}],
    }


def test_an_invalid_body_is_a_problem_or_refused(browser, flow):
    editor = browser("editor")
    bodies: list[object] = [{"definition": None}, {"definition": 3}, {}, []]
    for body in bodies:
        assert [problem["code"] for problem in ask(editor, body).json()["problems"]] == ["not_an_object"]
    for text in ("{", '{"definition": NaN}', "[" * 2000):
        assert ask(editor, text).status_code == 400


def test_the_check_is_for_editors(browser, flow, client):
    assert ask(browser("viewer"), {"definition": {}}).status_code == 403
    assert ask(browser("operator"), {"definition": {}}).status_code == 403
    assert ask(client, {"definition": {}}).status_code == 302
    assert ask(browser("editor"), {"definition": {}}, "no-such").status_code == 404
