from typing import Any

import pytest
from django.db import OperationalError

from engine import clock
from engine.models import Leader
from tests.support.api import Api
from tests.support.documents import chain


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v1/",
        "/api/v2/workflows/",
        "/api/v1/nothing/",
        "/api/v1/workflows",
        "/api/v1/workflows/one/nothing/",
        "/api/v1/workflows/%0a/",
        "/api/v1/\u00e9/",
        "/api/v1/runs/1/nodes/a/output/download",
    ],
)
def test_an_unknown_url_is_a_problem_document_for_everybody(db: None, admin: Api, path: str) -> None:
    for api in (Api(), admin):
        for method in ("GET", "POST", "DELETE"):
            answer = api.call(method, path)
            assert (answer.status, answer.code) == (404, "not_found"), method
            assert set(answer.json) == {"type", "title", "status", "detail", "code"}


def test_an_internal_error_is_a_problem_without_a_traceback(admin: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **named: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("versions.queries.workflow_dicts", broken)
    monkeypatch.setattr("dashboard.api.workflows.queries.workflow_dict", broken)
    answer = admin.get("workflows/?search=x")
    assert (answer.status, answer.code) == (500, "fault")
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body


def test_a_database_that_does_not_answer_is_503(admin: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*arguments: Any, **named: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("engine.reads.queries.pools", unavailable)
    answer = admin.get("pools/")
    assert (answer.status, answer.code) == (503, "database_unavailable")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("GET", "workflows/one/versions/1/diff/2/", "diff"),
        ("POST", "workflows/one/deployments/1/promote/", "promote"),
        ("POST", "workflows/one/deployments/1/abort/", "abort"),
        ("GET", "workflows/one/export/", "export"),
        ("POST", "import/", "import"),
        ("POST", "runs/1/pause/", "pause"),
        ("POST", "runs/1/resume/", "resume"),
        ("POST", "runs/1/nodes/a/approve/", "approve"),
        ("POST", "runs/1/nodes/a/reject/", "reject"),
        ("GET", "alerts/", "alerts"),
        ("GET", "secrets/", "secrets"),
        ("POST", "connections/", "connections"),
        ("GET", "schedules/", "schedules"),
        ("GET", "/metrics", "metrics"),
    ],
)
def test_a_missing_feature_is_refused_by_name(admin: Api, method: str, path: str, what: str) -> None:
    answer = admin.call(method, path)
    assert (answer.status, answer.code) == (501, "not_available_yet")
    assert what in answer.json["detail"]


def test_metrics_has_its_own_authentication(viewer: Api) -> None:
    assert viewer.get("/metrics").status == 501
    # The test client connects from loopback.
    assert Api().get("/metrics").status == 501
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert Api().get("/metrics", headers={header: "127.0.0.1"}).status == 401
    response = Api().client.get("/metrics", REMOTE_ADDR="192.0.2.7")
    assert response.status_code == 401


def test_health_says_only_ok(db: None) -> None:
    answer = Api().get("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_readiness_names_the_failing_part(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    failing = api.get("/readyz")
    assert (failing.status, failing.code, failing.json["failing"]) == (503, "not_ready", "scheduler")
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now()})
    assert api.get("/readyz").json == {"status": "ok"}
    monkeypatch.setattr("dashboard.api.health._schema_is_current", False)
    monkeypatch.setattr("engine.database.schema.is_current", lambda: False)
    assert api.get("/readyz").json["failing"] == "schema"

    def unavailable() -> bool:
        raise OperationalError("no")

    monkeypatch.setattr("dashboard.api.health._schema_is_current", True)
    monkeypatch.setattr("engine.reads.queries.scheduler_alive", unavailable)
    assert api.get("/readyz").json["failing"] == "database"


def test_the_code_of_a_problem_does_not_depend_on_the_language(admin: Api) -> None:
    assert admin.get("workflows/ghost/", headers={"Accept-Language": "zh-hant"}).code == "not_found"


def test_an_integer_written_as_a_float_is_accepted(admin: Api) -> None:
    made = admin.post("pools/", {"name": "p", "slots": 3.0})
    assert (made.status, made.json["slots"]) == (201, 3)


def test_a_field_of_a_call_without_fields_is_refused(admin: Api) -> None:
    admin.post("workflows/", {"name": "One"})
    admin.post("workflows/one/versions/", {"definition": chain("a"), "message": ""})
    run = admin.post("workflows/one/runs/").json["id"]
    answer = admin.post(f"runs/{run}/cancel/", {"why": "x"})
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, "unknown_field")
    assert answer.json["detail"] == "why: Unknown field. This call takes no fields."
    pool = admin.post("pools/", {"name": "p", "slots": 1, "why": "x"})
    assert "The fields are name, slots." in pool.json["detail"]
