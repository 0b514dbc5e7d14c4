import pytest

from tests.support.api import Api
from tests.support.documents import chain
from versions.models import AuditEntry, Workflow

NASTY = '<script>alert(1)</script> \U0001f682 \u202eabc\u202c "q" \' \\ {{ x }}'


def test_a_created_workflow_is_shown_as_given(editor: Api) -> None:
    given = {"name": "Nightly export", "description": "two\nlines", "tags": ["sales", "night"]}
    made = editor.post("workflows/", given)
    assert made.status == 201, made
    assert made.headers["Location"] == "/api/v1/workflows/nightly-export/"
    created = made.json
    assert {name: created[name] for name in given} == given
    assert created["slug"] == "nightly-export"
    assert created["live"] is None
    assert created["candidate"] is None
    assert created["newest"] is None
    assert editor.get("workflows/nightly-export/").json == created


def test_names_of_any_characters_are_kept_as_text(editor: Api) -> None:
    made = editor.post("workflows/", {"name": NASTY, "description": NASTY, "tags": [NASTY[:60]]})
    assert made.status == 201, made
    assert made.json["name"] == " ".join(NASTY.split())
    assert made.json["description"] == NASTY
    assert editor.get(f"workflows/{made.json['slug']}/").json["name"] == " ".join(NASTY.split())


def test_half_surrogates_become_replacement_characters(editor: Api) -> None:
    made = editor.post("workflows/", raw=b'{"name": "b\\ud800c", "description": "\\udfff"}')
    assert made.status == 201, made
    assert made.json["name"] == "b\ufffdc"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"name": "a\\u0000b"}', "name"),
        (b'{"name": "x", "tags": ["y", "\\u0000"]}', "tags[1]"),
        (b'{"name": "x", "\\u0000": 1}', ""),
        (b'{"name": "x", "\\u0000": 1, "\\ud800": 2}', ""),
    ],
)
def test_a_text_with_nul_is_refused_and_its_field_named(editor: Api, body: bytes, path: str) -> None:
    answer = editor.post("workflows/", raw=body)
    assert (answer.status, answer.code, answer.json["errors"][0]["path"] if path else "") == (
        400,
        "nul_character",
        path,
    )
    assert "Remove it." in answer.json["detail"]
    assert editor.get("workflows/").json["results"] == []


def test_a_name_without_latin_letters_gets_a_slug(editor: Api) -> None:
    assert editor.post("workflows/", {"name": "每日匯出"}).json["slug"] == "workflow"
    assert editor.post("workflows/", {"name": "報表"}).json["slug"] == "workflow-2"


def test_a_given_slug_that_exists_is_a_conflict_and_a_generated_one_is_numbered(editor: Api) -> None:
    assert editor.post("workflows/", {"name": "One", "slug": "one"}).status == 201
    again = editor.post("workflows/", {"name": "One", "slug": "one"})
    assert (again.status, again.code) == (409, "slug_taken")
    assert editor.post("workflows/", {"name": "One"}).json["slug"] == "one-2"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 7.5, "slug": "Has Space"}, "slug"),
        ({"name": "x", "slug": "new"}, "slug"),
        ({"name": "x", "slug": "a/b"}, "slug"),
        ({"name": "x", "tags": "sales"}, "tags"),
        ({"name": "x", "tags": [{"a": 1}]}, "tags.0"),
        ({"name": "x", "colour": "blue"}, "colour"),
        ({"name": {"first": "x"}}, "name"),
    ],
)
def test_an_invalid_body_is_refused_by_field(editor: Api, body: object, path: str) -> None:
    answer = editor.post("workflows/", body)
    assert (answer.status, answer.code) == (400, "invalid")
    assert path in [error["path"] for error in answer.json["errors"]]
    assert not Workflow.objects.exists()
    assert not AuditEntry.objects.filter(action="workflow_created").exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"nul",
        b'"text"',
        b'{"name": NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
    ],
)
def test_a_body_that_is_no_json_object_is_refused(editor: Api, raw: bytes) -> None:
    answer = editor.post("workflows/", raw=raw)
    assert answer.status == 400, answer
    assert not Workflow.objects.exists()


def test_a_number_of_many_digits_is_refused(editor: Api) -> None:
    answer = editor.post("workflows/", raw=b'{"name": ' + b"9" * 5000 + b"}")
    assert answer.status == 400, answer


def test_a_body_of_another_media_type_is_refused(editor: Api) -> None:
    answer = editor.post("workflows/", raw=b"name=x", content_type="application/x-www-form-urlencoded")
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_the_list_is_newest_first_and_goes_on_by_next(editor: Api) -> None:
    for number in range(5):
        editor.post("workflows/", {"name": f"w{number}"})
    first = editor.get("workflows/?limit=2")
    assert [row["slug"] for row in first.json["results"]] == ["w4", "w3"]
    assert first.json["next"].startswith("http://testserver/api/v1/workflows/?")
    assert [row["slug"] for row in editor.all("workflows/?limit=2")] == ["w4", "w3", "w2", "w1", "w0"]
    assert editor.get("workflows/?limit=5").json["next"] is None


def test_the_list_is_searched_by_words_and_tags(editor: Api) -> None:
    editor.post("workflows/", {"name": "Sales by night", "tags": ["sales", "night"]})
    editor.post("workflows/", {"name": "Sales by day", "tags": ["sales"]})
    editor.post("workflows/", {"name": "Stock", "description": "not SALES", "tags": ["sal"]})

    def slugs(query: str) -> list[str]:
        return [row["slug"] for row in editor.get(f"workflows/?{query}").json["results"]]

    assert slugs("search=sales+night") == ["sales-by-night"]
    assert slugs("search=sales") == ["stock", "sales-by-day", "sales-by-night"]
    assert slugs("tags=sales") == ["sales-by-day", "sales-by-night"]
    assert slugs("tags=sales,night") == ["sales-by-night"]
    assert slugs("tags=sal") == ["stock"]
    assert slugs("search=%25") == []


def test_unknown_and_invalid_parameters_are_refused(editor: Api) -> None:
    assert editor.get("workflows/?serach=x").code == "unknown_parameter"
    assert editor.get("workflows/?limit=0").code == "bad_parameter"
    assert editor.get("workflows/?limit=ten").code == "bad_parameter"
    assert editor.get("workflows/?before=99999999999999999999999").code == "bad_parameter"
    assert editor.get("workflows/?archived=maybe").code == "bad_parameter"
    assert editor.get("workflows/?limit=1000000000").status == 200
    assert editor.get("workflows/?search=%00%ff").status == 200


def test_a_list_takes_no_query_per_row(editor: Api, django_assert_max_num_queries) -> None:
    for number in range(12):
        editor.post("workflows/", {"name": f"w{number}"})
        editor.post(f"workflows/w{number}/versions/", {"definition": chain(), "message": ""})
    editor.get("workflows/")
    with django_assert_max_num_queries(5):
        rows = editor.get("workflows/").json["results"]
    assert {row["live"]["version"] for row in rows} == {1}


def test_a_change_keeps_all_other_fields(editor: Api) -> None:
    editor.post("workflows/", {"name": "One", "description": "d", "tags": ["a"]})
    changed = editor.patch("workflows/one/", {"name": "Uno"})
    assert (changed.status, changed.json["name"], changed.json["slug"]) == (200, "Uno", "one")
    assert (changed.json["description"], changed.json["tags"]) == ("d", ["a"])
    assert editor.patch("workflows/one/", {"slug": "uno"}).status == 400


def test_archiving_hides_a_workflow_and_stops_new_runs(editor: Api) -> None:
    editor.post("workflows/", {"name": "One"})
    editor.post("workflows/one/versions/", {"definition": chain(), "message": "m"})
    assert editor.patch("workflows/one/", {"archived": True}).json["archived_at"] is not None
    assert editor.get("workflows/").json["results"] == []
    assert [row["slug"] for row in editor.get("workflows/?archived=true").json["results"]] == ["one"]
    assert editor.post("workflows/one/runs/").code == "archived"
    assert editor.post("workflows/one/versions/", {"definition": chain("x"), "message": "m"}).code == "archived"
    assert editor.post("workflows/one/deployments/", {"version": 1}).code == "archived"
    assert editor.patch("workflows/one/", {"archived": False}).json["archived_at"] is None
    assert editor.post("workflows/one/runs/").status == 202


def test_deleting_also_deletes_versions_drafts_and_ended_runs(editor: Api, admin: Api) -> None:
    from engine.models import Run

    editor.post("workflows/", {"name": "One"})
    editor.post("workflows/one/versions/", {"definition": chain(), "message": "m"})
    editor.put("workflows/one/draft/", {"definition": {}}, headers={"If-Match": '"0"'})
    run = editor.post("workflows/one/runs/").json["id"]
    refused = admin.delete("workflows/one/")
    assert (refused.status, refused.code) == (409, "run_in_progress")
    assert admin.get("workflows/one/").json["archived_at"] is None
    Run.objects.filter(pk=run).update(state="succeeded")
    assert admin.delete("workflows/one/").status == 204
    assert admin.get("workflows/one/").status == 404
    assert admin.get(f"runs/{run}/").status == 404
    assert admin.delete("workflows/one/").status == 404
    kinds = [entry["action"] for entry in admin.all("audit/?workflow=one")]
    assert kinds == ["workflow_deleted", "workflow_archived", "deployed", "version_published", "workflow_created"]


def test_an_unknown_workflow_is_not_found_everywhere(admin: Api) -> None:
    for path in ("", "draft/", "versions/", "versions/1/", "deployments/"):
        answer = admin.get(f"workflows/nowhere/{path}")
        assert (answer.status, answer.code) == (404, "not_found"), path


def test_validation_lists_every_problem_and_always_answers_200(editor: Api) -> None:
    editor.post("workflows/", {"name": "One"})
    good = editor.post("workflows/one/validate/", {"definition": chain()})
    assert (good.status, good.json) == (200, {"valid": True, "problems": []})
    document = chain("a", "b")
    document["edges"].append({"source": "b", "target": "a"})
    document["nodes"].append({"id": "a", "type": "nope"})
    document["edges"].append({"source": "a", "target": "ghost"})
    bad = editor.post("workflows/one/validate/", {"definition": document})
    assert bad.status == 200
    assert not bad.json["valid"]
    assert len({problem["code"] for problem in bad.json["problems"]}) >= 3
    with_nul = chain("a")
    with_nul["nodes"][0]["name"] = "a\0b"
    for wrong in (None, ["x"], "x", 7, with_nul):
        answer = editor.post("workflows/one/validate/", {"definition": wrong})
        assert (answer.status, answer.json["valid"]) == (200, False)
    assert editor.post("workflows/one/validate/", {}).json["valid"] is False
