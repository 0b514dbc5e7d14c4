"""Buttons and forms of a run's page."""

import pytest
from django.urls import reverse

from dashboard.pages import run_findings
from dashboard.presenters.audit import details_text
from engine import clock
from engine.diagnosis.finding import Action
from engine.models import Attempt, Command, Run
from engine.sentences import Sentence
from tests.integration.pages.panels import run_of
from tests.support.factories import document, node, python
from tests.support.people import ROLES, person
from versions.actions import deploy, publish
from versions.actions.launch import launch
from versions.models import AuditEntry, Workflow


def test_a_cancel_shows_its_impact_before_and_its_receipt_after(nightly, browser):
    run = run_of(nightly, "running")
    form = browser("operator").get(f"/runs/{run.pk}/cancel/").content.decode()
    assert "1 running node is stopped with all its processes." in form
    assert "14 nodes will not start." in form
    assert browser("viewer").get(f"/runs/{run.pk}/cancel/").status_code == 403
    browser("operator").post(f"/runs/{run.pk}/cancel/")
    Attempt.objects.filter(run=run).update(
        state="cancelled", finished_at=clock.now(), receipt={"processes": 3, "slots": 1, "seconds": 0.25}
    )
    Run.objects.filter(pk=run.pk).update(state="cancelled", finished_at=clock.now())
    shown = browser("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert shown.count("Stopped 3 processes in 0.3 s, 1 slot released.") == 2


def test_rerunning_with_other_inputs_starts_from_those_of_the_run(nightly, browser):
    run = launch(nightly, inputs={"month": 7}, priority=2, by="x")
    form = browser("operator").get("/workflows/nightly/run/", {"from": run.pk}).content.decode()
    assert 'name="input.month" value="7"' in form
    assert '<option value="2" selected>' in form
    assert f"inputs of run {run.pk}" in form
    assert browser("operator").get("/workflows/nightly/run/", {"from": "x"}).status_code == 404


def test_a_retry_with_other_limits_works_as_a_form(nightly, browser):
    run = run_of(nightly, "failed")
    url = f"/runs/{run.pk}/nodes/work/retry/"
    fields = {"policy.soft_timeout": "60", "policy.hard_timeout": "", "policy.memory_mb": "1024", "from": "start"}
    browser("operator").post(url, fields)
    command = Command.objects.get(kind="retry", run=run)
    assert command.body["from"] == "start"
    assert command.body["policy"]["work"]["soft_timeout"] == 60
    assert command.body["policy"]["work"]["memory_mb"] == 1024
    invalid = browser("operator").post(url, {"policy.soft_timeout": "soon"}, follow=True).content.decode()
    assert "is not a number" in invalid
    refused = browser("operator").post(f"/runs/{run.pk}/nodes/after1/retry/", follow=True).content.decode()
    assert "cannot be retried" in refused


@pytest.mark.parametrize(
    ("method", "path", "first"),
    [
        ("POST", "/api/v1/runs/1/nodes/a/cancel/", "operator"),
        ("POST", "/api/v1/runs/1/retry/", "operator"),
        ("GET", "/api/v1/runs/1/nodes/a/stack/", "viewer"),
        ("PATCH", "/api/v1/pools/warehouse/", "editor"),
        ("POST", "/api/v1/pools/", "editor"),
        ("POST", "/api/v1/workflows/w/rollback/", "operator"),
        ("POST", "/api/v1/nothing/", ""),
        ("DELETE", "/api/v1/runs/1/retry/", ""),
    ],
)
def test_buttons_follow_the_rights_of_the_api(db, method, path, first):
    may = [role for role in ROLES if run_findings.may(person(role), method, path)]
    assert may == (list(ROLES[ROLES.index(first) :]) if first else [])


def test_a_call_is_also_a_form_without_scripts(db):
    policy = {"soft_timeout": 60, "memory_mb": None}
    action = Action(Sentence("Retry"), "POST", "/api/v1/runs/7/nodes/a/retry/", {"policy": policy, "from": "start"})
    (button,) = run_findings.buttons([action], person("operator"))
    assert button["form"] == reverse("run-node-retry", args=[7, "a"])
    assert button["fields"] == {"policy.soft_timeout": "60", "policy.memory_mb": "null", "from": "start"}
    skip = Action(Sentence("Skip node"), "POST", "/api/v1/runs/7/nodes/a/skip/", {}, danger=True)
    (button,) = run_findings.buttons([skip], person("operator"))
    assert (button["kind"], button["form"]) == ("skip", reverse("run-node-skip", args=[7, "a"]))
    some = Action(Sentence("Retry"), "POST", "/api/v1/runs/7/retry/", {"nodes": ["a"]})
    assert run_findings.buttons([some], person("operator"))[0]["form"] == ""


def test_a_node_is_skipped_by_a_form(nightly, browser):
    run = run_of(nightly, "running")
    assert browser("viewer").post(f"/runs/{run.pk}/nodes/work/skip/").status_code == 403
    answer = browser("operator").post(f"/runs/{run.pk}/nodes/work/skip/")
    assert (answer.status_code, answer["Location"]) == (302, f"/runs/{run.pk}/nodes/work/")
    assert Command.objects.filter(run=run, kind="skip", node="work").exists()


TABLE = {
    "kind": "table",
    "artifact": f"ab/{'ab' * 32}.parquet",
    "schema": [{"name": "<i>day</i>", "type": "DATE"}, {"name": "price", "type": "DOUBLE"}],
    "row_count": 9,
    "bytes": 300,
    "ports": ["out"],
}


@pytest.fixture
def summed(nightly):
    """The run of a workflow in which a query needs the table of `work`."""
    query = node("sum", "table.sql", {"sql": "select * from work"})
    publish.publish(nightly, document([python("work"), query], "work>sum"), by="x")
    deploy.deploy(nightly, 2, by="x")
    return run_of(nightly, "failed")


def test_before_a_skip_the_dialog_names_what_fails_and_that_no_schema_is_known(summed, browser):
    assert browser("viewer").get(f"/runs/{summed.pk}/nodes/work/skip/").status_code == 403
    shown = browser("operator").get(f"/runs/{summed.pk}/nodes/work/skip/").content.decode()
    assert "This node needs its table and fails if it gets null:" in shown
    assert "data-skip-unknown" in shown
    assert "empty_table" not in shown


def test_the_dialog_of_a_skip_offers_an_empty_table_of_the_last_known_schema(summed, browser):
    earlier = run_of(Workflow.objects.get(slug="nightly"), "succeeded", output=TABLE)
    shown = browser("operator").get(f"/runs/{summed.pk}/nodes/work/skip/").content.decode()
    assert 'value="empty_table" checked' in shown
    assert f"with the columns of run {earlier.pk}:" in shown
    assert "&lt;i&gt;day&lt;/i&gt;, price" in shown
    browser("operator").post(f"/runs/{summed.pk}/nodes/work/skip/", {"output": "empty_table"})
    assert Command.objects.get(kind="skip").body["output"]["row_count"] == 0
    (entry,) = AuditEntry.objects.filter(action="node_skipped")
    assert details_text(entry.action, entry.details) == "hands on an empty table"


def test_the_dialog_of_a_skip_that_harms_no_node_asks_for_no_empty_table(nightly, browser):
    run = run_of(nightly, "running")
    shown = browser("operator").get(f"/runs/{run.pk}/nodes/work/skip/").content.decode()
    assert "data-skip-fails" not in shown
    browser("operator").post(f"/runs/{run.pk}/nodes/work/skip/", {"output": ""})
    (entry,) = AuditEntry.objects.filter(action="node_skipped")
    assert details_text(entry.action, entry.details) == "hands on null"


def test_the_cancel_form_is_a_whole_page_at_its_url(nightly, browser):
    run = run_of(nightly)
    operator = browser("operator")
    part = operator.get(f"/runs/{run.pk}/cancel/", headers={"HX-Request": "true"}).content.decode()
    whole = operator.get(f"/runs/{run.pk}/cancel/").content.decode()
    assert "<html" not in part
    assert whole.startswith("<!doctype html>")
    for shown in (part, whole):
        assert f"Cancel run {run.pk}" in shown
    assert (f'href="/runs/{run.pk}/"' in part, f'href="/runs/{run.pk}/"' in whole) == (False, True)
    sent = operator.post(f"/runs/{run.pk}/cancel/", headers={"Referer": f"http://testserver/runs/{run.pk}/cancel/"})
    assert sent["Location"] == f"/runs/{run.pk}/"


@pytest.mark.parametrize(("state", "stops"), [("running", True), ("failed", False)])
def test_a_skip_says_that_processes_stop_only_where_the_node_runs(nightly, browser, state, stops):
    run = run_of(nightly, state)
    shown = browser("operator").get(f"/runs/{run.pk}/nodes/work/skip/").content.decode()
    assert ("running processes are stopped" in shown) == stops
