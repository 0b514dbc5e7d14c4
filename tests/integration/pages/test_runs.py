"""Pages and forms of runs, starting runs, and runs of drafts."""

import re

import pytest

from dashboard import accounts
from dashboard.models import User
from dashboard.pages.runs import ROWS_FIRST
from engine.models import Run
from tests.integration.pages.answers import newest_run, text_of
from tests.support.documents import chain, with_input
from tests.support.people import person
from tests.support.run_rows import ended, lines, node_run
from versions.actions import deploy, drafts, publish, workflows
from versions.actions.launch import launch
from versions.models import AuditEntry

# --- starting runs -----------------------------------------------------------------------------------------------


def test_the_run_form_follows_the_inputs_schema(browser, flow):
    operator = browser("operator")
    form = text_of(operator.get("/workflows/flow/run/", HTTP_HX_REQUEST="true"))
    assert 'type="number" step="1"' in form
    assert 'value="1"' in form
    answer = operator.post("/workflows/flow/run/", {"input.month": "7", "priority": "2"}, HTTP_HX_REQUEST="true")
    run = newest_run()
    assert answer["HX-Redirect"] == f"/runs/{run.pk}/"
    assert (run.inputs, run.priority, run.version) == ({"month": 7}, 2, 2)
    wrong = operator.post("/workflows/flow/run/", {"input.month": '"seven"'})
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in text_of(wrong)


def test_a_draft_is_run_only_by_editors(browser, flow):
    drafts.save(flow, person("editor"), with_input(), expected_saves=None)
    assert browser("operator").post("/workflows/flow/run/", {"draft": "1"}).status_code == 403
    browser("editor").post("/workflows/flow/run/", {"draft": "1"})
    assert newest_run().draft


def test_form_values_are_read_by_the_inputs_schema():
    from dashboard.pages.launch import fields, read

    schema = {
        "properties": {
            "s": {"type": "string", "default": "d"},
            "n": {"type": "number"},
            "b": {"type": "boolean", "default": True},
            "e": {"enum": ["x", 2, None]},
            "o": {"type": "object"},
            "u": {"type": ["integer", "null"]},
        },
        "required": ["n"],
    }
    shown = fields(schema, {})
    assert [one.kind for one in shown] == ["text", "number", "boolean", "choice", "json", "json"]
    assert [one.required for one in shown] == [False, True, False, False, False, False]
    values = {"input.s": "", "input.n": "1.5", "input.e": "null", "input.o": '{"a": 1}', "input.u": ""}
    assert read(values, shown) == {"n": 1.5, "b": False, "e": None, "o": {"a": 1}}
    broken = fields(schema, {})
    assert read({"input.o": "{"}, broken)["o"] == "{"
    assert broken[4].errors


def test_dates_long_texts_and_choices_have_their_own_fields():
    from dashboard.pages.launch import fields, read

    schema = {
        "properties": {
            "d": {"type": "string", "format": "date"},
            "l": {"type": "string", "maxLength": 5000},
            "e": {"enum": ["x", True]},
            "f": {"enum": ["x", "y"], "default": "y"},
        }
    }
    shown = fields(schema, {})
    assert [one.kind for one in shown] == ["date", "long", "choice", "choice"]
    assert shown[2].choices == [("", "None"), ('"x"', "x"), ("true", "true")]
    assert (shown[3].choices, shown[3].value) == ([('"x"', "x"), ('"y"', "y")], '"y"')
    values = {"input.d": "", "input.l": "a\r\nb", "input.e": "", "input.f": '"y"'}
    assert read(values, shown) == {"l": "a\nb", "f": "y"}


# --- runs --------------------------------------------------------------------------------------------------------


def test_a_failed_run_opens_at_its_failing_node_with_cause_and_line(browser, flow):
    run = newest_run()
    shown = text_of(browser("viewer").get(f"/runs/{run.pk}/"))
    assert "ValueError in line 3, bad" in shown
    assert 'aria-selected="true"' in shown
    assert "Retry failed nodes" not in shown
    assert "Retry failed nodes" in text_of(browser("operator").get(f"/runs/{run.pk}/"))


def test_a_started_run_shows_its_duration(browser, flow):
    run = launch(flow, by="ada")
    assert re.search(r"<span data-run-lasts hidden>", text_of(browser("viewer").get(f"/runs/{run.pk}/")))
    ended(run.pk, "succeeded")
    assert re.search(r"<span data-run-lasts>.*Took", text_of(browser("viewer").get(f"/runs/{run.pk}/")))


def test_runs_are_filtered_by_state_workflow_and_person(browser, flow):
    viewer = browser("viewer")
    first, second = Run.objects.order_by("id").values_list("pk", flat=True)[:2]
    listed = text_of(viewer.get("/runs/?state=bad"))
    assert f"/runs/{second}/" in listed
    assert f'href="/runs/{first}/"' not in listed
    assert "No matching runs" in text_of(viewer.get("/runs/?by=nobody"))
    assert "No matching runs" in text_of(viewer.get("/runs/?workflow=nope&page=3"))


def test_an_output_is_shown_as_a_value_or_as_rows(browser, flow, settings, tmp_path):
    run = launch(flow, by="x")
    ended(run.pk, "succeeded")
    node_run(run, "a", "succeeded", output={"kind": "json", "value": {"k": "<b>"}, "bytes": 11, "ports": ["out"]})
    shown = text_of(browser("viewer").get(f"/runs/{run.pk}/nodes/a/"))
    assert "&lt;b&gt;" in shown
    assert f"/api/v1/runs/{run.pk}/nodes/a/output/download/?format=json" in shown


def test_retry_cancel_rerun_and_delete(browser, flow):
    run = newest_run()
    operator = browser("operator")
    operator.post(f"/runs/{run.pk}/retry/")
    assert AuditEntry.objects.filter(action="run_retried", run=run.pk, by="operator-person").exists()
    answer = operator.post(f"/runs/{run.pk}/cancel/", follow=True)
    assert "cannot be cancelled" in text_of(answer)
    answer = operator.post(f"/runs/{run.pk}/again/")
    fresh = newest_run()
    assert answer["Location"] == f"/runs/{fresh.pk}/"
    operator.post(f"/runs/{fresh.pk}/cancel/")
    assert Run.objects.get(pk=fresh.pk).cancel_requested_at is not None
    browser("editor").post(f"/runs/{run.pk}/delete/")
    assert not Run.objects.filter(pk=run.pk).exists()


def test_a_run_of_many_nodes_renders_the_first_rows_only(browser, db):
    workflow = workflows.create("Big", slug="big", by="x")
    nodes = [{"id": f"n{number}", "type": "noop"} for number in range(1500)]
    publish.publish(workflow, {"schema": "interlock/1", "nodes": nodes, "edges": []}, by="x")
    run = launch(workflow, by="x")
    shown = text_of(browser("viewer").get(f"/runs/{run.pk}/"))
    assert shown.count('data-node="n') == ROWS_FIRST
    assert "1,500" in shown


def test_only_the_last_log_lines_of_a_failure_are_rendered(browser, flow):
    succeeded, failed = Run.objects.order_by("id")[:2]
    for run in (succeeded, failed):
        lines(run, "a", 5, "<script>alert(1)</script>")
    assert "alert(1)" not in text_of(browser("viewer").get(f"/runs/{succeeded.pk}/"))
    shown = text_of(browser("viewer").get(f"/runs/{failed.pk}/"))
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert(1)" not in shown


# --- runs of drafts ----------------------------------------------------------------------------------------------


def draft_run(flow, targets=None, **inputs):
    """Create an ended run of editor-person's draft."""
    if not drafts.load(flow, person("editor")).saved_at:
        drafts.save(flow, person("editor"), with_input(), expected_saves=None)
    started = launch(flow, draft_of=person("editor"), inputs=inputs, targets=targets, by="editor-person")
    return ended(started.pk, "succeeded", a="succeeded")


def test_a_run_of_a_draft_is_marked_in_the_list_and_on_its_page(browser, flow):
    run = draft_run(flow, targets=["a"])
    viewer = browser("viewer")
    assert "Run of the draft of editor-person" in text_of(viewer.get("/runs/"))
    shown = text_of(browser("editor").get(f"/runs/{run.pk}/"))
    assert "Draft of editor-person" in shown
    assert "data-run-up-to" in shown
    assert "data-run-up-to" not in text_of(viewer.get(f"/runs/{run.pk - 1}/"))


@pytest.mark.parametrize("role", ["editor", "operator", "admin"])
def test_others_see_that_a_draft_run_exists_but_nothing_of_what_it_did(browser, flow, role):
    accounts.create_user("ann", "editor", by="x")
    run = draft_run(flow, targets=["a"])
    Run.objects.filter(pk=run.pk).update(created_by="ann")
    client, mine = browser(role), role == "admin"
    page, call = f"/runs/{run.pk}/", f"/api/v1/runs/{run.pk}/"
    assert page in text_of(client.get("/runs/"))
    assert client.get(call).status_code == 200
    inner = [page, f"{page}logs/download/", f"{page}logs/index/", f"{page}logs/lines/?seqs=1", f"{call}nodes/",
             f"{call}nodes/a/", f"{call}logs/", f"{call}timeline/", f"{call}nodes/a/attempts/"]  # fmt: skip
    for url in inner:
        answer = client.get(url)
        assert answer.status_code == (200 if mine else 403), url
    answer = client.post(f"{call}retry/", {}, content_type="application/json")
    assert (answer.status_code == 403) == (not mine)
    assert (client.post(f"{page}retry/").status_code == 403) == (not mine)


def test_a_draft_run_is_run_again_only_by_its_author_with_the_content_that_it_had(browser, flow):
    run = draft_run(flow, targets=["a"], month=3)
    again = f"/runs/{run.pk}/again/"
    assert browser("admin").post(again).status_code == 403
    assert again not in text_of(browser("admin").get(f"/runs/{run.pk}/"))
    assert again in text_of(browser("editor").get(f"/runs/{run.pk}/"))
    drafts.save(flow, person("editor"), chain("other"), expected_saves=None)
    browser("editor").post(again)
    newest = newest_run()
    assert (newest.rerun_of, newest.draft, newest.version) == (run.pk, True, None)
    assert (newest.inputs, newest.targets) == ({"month": 3}, ["a"])
    assert newest.definition_id == run.definition_id
    User.objects.filter(username="editor-person").update(role="operator")
    assert browser("editor").post(again).status_code == 403


def test_run_again_repeats_the_version_of_the_run_and_links_to_it(browser, flow):
    run = launch(flow, inputs={"month": 3}, priority=2, by="x")
    ended(run.pk, "succeeded")
    deploy.deploy(flow, publish.publish(flow, chain("a", "b", "c"), by="x").version.number, by="x")
    operator = browser("operator")
    again = f"/runs/{run.pk}/again/"
    assert again not in text_of(browser("viewer").get(f"/runs/{run.pk}/"))
    assert browser("viewer").post(again).status_code == 403
    shown = text_of(operator.get(f"/runs/{run.pk}/"))
    assert again in shown
    assert "Repeats run" not in shown
    operator.post(again)
    newest = newest_run()
    assert (newest.rerun_of, newest.version, newest.inputs, newest.priority) == (run.pk, run.version, {"month": 3}, 2)
    link = rf'<a class="chip" href="/runs/{run.pk}/"[^>]*>.*?Repeats run {run.pk}</a>'
    assert re.search(link, text_of(browser("viewer").get(f"/runs/{newest.pk}/")))
    Run.objects.filter(pk=run.pk).delete()
    shown = text_of(browser("viewer").get(f"/runs/{newest.pk}/"))
    assert f"Repeats run {run.pk}" in shown
    assert f'href="/runs/{run.pk}/"' not in shown


def test_draft_runs_do_not_count_as_runs_of_a_workflow(browser, flow):
    from dashboard.pages import strips

    run = draft_run(flow)
    assert run.pk not in [one.pk for one in strips.of_workflows(["flow"])["flow"].runs]


def test_the_editor_gets_the_id_of_its_run(browser, flow):
    editor = browser("editor")
    answer = editor.post("/workflows/flow/run/", {"draft": "1", "follow": "1", "target": "a"})
    run = newest_run()
    assert (answer.status_code, answer.json()) == (202, {"run": str(run.pk)})
    # Nothing is saved as a draft yet: the newest version runs as the draft.
    assert (run.draft, run.version, run.targets) == (True, None, ["a"])
    wrong = editor.post("/workflows/flow/run/", {"draft": "1", "follow": "1", "input.month": "x"})
    assert wrong.status_code == 422
    assert wrong.json()["detail"]
    unknown = editor.post("/workflows/flow/run/", {"draft": "1", "follow": "1", "target": "nobody"})
    assert "nobody" in unknown.json()["detail"]


def test_the_draft_run_form_starts_with_the_authors_last_inputs(browser, flow):
    draft_run(flow, month=7)
    assert 'value="7"' in text_of(browser("editor").get("/workflows/flow/run/?draft=1&follow=1"))
    assert 'value="1"' in text_of(browser("admin").get("/workflows/flow/run/?draft=1&follow=1"))
    shown = text_of(browser("editor").get("/workflows/flow/run/?draft=1&follow=1&target=a"))
    assert 'name="target" value="a"' in shown
    assert "Runs Node A and everything" in shown or "Runs a and everything" in shown
