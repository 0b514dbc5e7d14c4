"""Data that the OpenAPI document allows, and data that it does not allow, for every call.

There must be no internal error and no undocumented answer; allowed data must be accepted and other data refused.
"""

import copy
import functools
import traceback
from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from dashboard.api.docs import openapi_document
from tests.integration.table.calls import CALLS, OPEN, Call
from tests.integration.table.changes import ChangeDetector
from tests.integration.table.world import World
from tests.support.effort import LONG, rounds, seed

EXAMPLES = rounds(6, 400)
"""Per call and kind of data."""

ACCEPTED_STATUSES = (404, 409, 410, 411, 412, 428, 501, 503)
"""A valid request may still name a missing object or conflict with the state of an existing one."""
REFUSALS: Mapping[str, frozenset[str]] = {
    # A body without a definition asks for what is not there.
    "PUT workflows/<slug:slug>/draft/": frozenset({"invalid_document"}),
    "POST workflows/<slug:slug>/versions/": frozenset({"invalid_document"}),
    # Inputs and targets are the workflow's.
    "POST workflows/<slug:slug>/runs/": frozenset({"version_and_draft", "invalid_inputs", "invalid_targets"}),
    "POST runs/<str:run_id>/rerun/": frozenset({"invalid_inputs"}),
    # Pools, their slots and the node's other limit are known to the installation and the run.
    "POST runs/<str:run_id>/retry/": frozenset({"invalid_value"}),
    "POST runs/<str:run_id>/nodes/<str:node>/retry/": frozenset({"invalid_value"}),
    "POST runs/<str:run_id>/nodes/<str:node>/skip/": frozenset({"no_known_schema"}),
    # Names of a path are limited in bytes, and so on.
    **dict.fromkeys(
        ("GET files/", *(f"{method} files/<path:path>" for method in ("GET", "PUT", "DELETE"))), frozenset({"bad_path"})
    ),
    # A time in the future.
    "POST tokens/": frozenset({"invalid_value"}),
    # A password that is hard to guess.
    "POST users/": frozenset({"invalid_value"}),
    "PATCH users/<str:username>/": frozenset({"invalid_value"}),
}
"""By call: the codes with which it refuses what its schema cannot say."""
REFUSED_STATUSES = [400, 404, 405, 411, 412, 413, 415, 422, 428, 501]


class Application(WSGIHandler):
    """Django as it is served, but within the transaction of the test."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        signals = (request_started, request_finished)
        for signal in signals:
            signal.disconnect(close_old_connections)
        try:
            response = super().__call__(environ, start_response)
            body = b"".join(response)
            response.close()
        finally:
            for signal in signals:
                signal.connect(close_old_connections)
        return [body]


# A call without parameters, body and rights has no invalid data.
CASES = [(call, mode) for call in CALLS for mode in GenerationMode if call.role != OPEN or mode.is_positive]


def load(document: dict[str, Any], app: Any) -> Any:
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed("schemathesis"),
            # Every call refuses NUL; that a text has none cannot be said of the texts inside any JSON.
            "generation": {"allow-x00": False},
            "checks": {
                # `ask` looks at the code too.
                "positive_data_acceptance": {"enabled": False},
                "negative_data_rejection": {"expected-statuses": REFUSED_STATUSES},
                "not_a_server_error": {"expected-statuses": ["2xx", "4xx", 501]},
                # The tests of the table check these for every call.
                "unsupported_method": {"enabled": False},
                "ignored_auth": {"enabled": False},
                # Each request is rolled back.
                "use_after_free": {"enabled": False},
                "ensure_resource_availability": {"enabled": False},
            },
        }
    )
    found: Any = schemathesis.openapi.from_dict(document, config=config)
    found.app = app
    return found


def narrowed_document() -> dict[str, Any]:
    """Return the document with only the error statuses that the table expects of each call.

    The `default` response would document every error.
    """
    document = copy.deepcopy(openapi_document("en"))
    for call in CALLS:
        operation = document["paths"][call.template][call.method.lower()]
        problem = operation["responses"].pop("default", None)
        if problem is None:
            continue
        expected = {400, *(refused.status for refused in call.refused)}
        if call.role != OPEN:
            expected |= {401, 403}
        if call.parameters:
            expected.add(404)
        if "requestBody" in operation:
            expected |= {413, 415, *((411,) if call.raw is not None else (422,))}
        for status in expected:
            operation["responses"].setdefault(str(status), problem)
    return document


@functools.cache
def schema() -> Any:
    return load(narrowed_document(), Application())


@pytest.fixture(scope="module")
def changes(world: World) -> ChangeDetector:
    return ChangeDetector(world.home)


def ask(
    schema: Any, call: Call, mode: GenerationMode, world: World, changes: ChangeDetector, examples: int = EXAMPLES
) -> None:
    """Raise if an answer is wrong."""
    operation = schema[call.template][call.method]
    # With random ids nearly all answers would be 404.
    ids = call.values(world)
    if call.url.endswith("/download/"):
        # The formats depend on the output; this node has none.
        ids["node"] = "a"
    headers = {**world.apis["admin"].headers, "Host": "testserver"}
    cases = [operation.as_strategy(generation_mode=mode)]
    if ids:
        cases.append(operation.as_strategy(generation_mode=mode, path_parameters=ids))

    @seeded(schema.config.seed)
    @settings(
        max_examples=examples,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(*reversed(cases)))
    def send(case: Any) -> None:
        with changes.request():
            answer = case.call_and_validate(headers=headers)
        if mode.is_positive and answer.status_code >= 400 and answer.status_code not in ACCEPTED_STATUSES:
            code = answer.json()["code"]
            assert code in REFUSALS.get(call.name, ()), f"Schema-valid request rejected with {code}: {case.body}"

    send()


@pytest.mark.django_db
@pytest.mark.parametrize(("call", "mode"), CASES, ids=lambda part: getattr(part, "name", "") or part.value)
def test_the_document_is_right(world: World, changes: ChangeDetector, call: Call, mode: GenerationMode) -> None:
    ask(schema(), call, mode, world, changes)


@pytest.mark.django_db
def test_the_document_is_right_about_metrics(world: World, changes: ChangeDetector) -> None:
    ask(schema(), Call("GET", "/metrics", OPEN), GenerationMode.POSITIVE, world, changes, 1)


# Documents and applications with a mistake, and the failure that must be reported.


def _no_400(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    del operation["responses"]["400"]


def _other_shape(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    schemas["Pool"]["properties"]["slots"] = {"type": "string"}


def _other_type(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    content = operation["responses"]["200"]["content"]
    content["text/csv"] = content.pop("application/json")


def _allows_more(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    schemas["NewPoolRequest"]["properties"]["slots"] = {"type": "integer", "minimum": -9, "maximum": 0}


def _allows_less(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    schemas["PoolChangeRequest"]["properties"]["slots"] = {"type": "integer", "minimum": 50, "maximum": 60}


class FailingApplication:
    """Answers every request with an internal error."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("500 Internal Server Error", [("Content-Type", "application/problem+json")])
        return [b"{}"]


MUTANTS = {
    "a status that is not documented": ("POST pools/", GenerationMode.NEGATIVE, _no_400, "Undocumented status code"),
    "another shape": ("GET pools/<str:name>/", GenerationMode.POSITIVE, _other_shape, "violates schema"),
    "another type": ("GET pools/<str:name>/", GenerationMode.POSITIVE, _other_type, "Undocumented Content-Type"),
    "allowed data is refused": ("POST pools/", GenerationMode.POSITIVE, _allows_more, "Schema-valid request rejected"),
    "other data is taken": (
        "PATCH pools/<str:name>/",
        GenerationMode.NEGATIVE,
        _allows_less,
        "Schema-violating request accepted",
    ),
    "a fault": ("GET pools/", GenerationMode.POSITIVE, None, "Server error"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", MUTANTS)
def test_a_mistake_is_reported(world: World, changes: ChangeDetector, kind: str) -> None:
    name, mode, change, message = MUTANTS[kind]
    call = next(call for call in CALLS if call.name == name)
    document = narrowed_document()
    if change is not None:
        change(document["paths"][call.template][call.method.lower()], document["components"]["schemas"])
    mutant = load(document, Application() if change is not None else FailingApplication())
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - what it says is looked at below
        ask(mutant, call, mode, world, changes, 100)
    assert message in "".join(traceback.format_exception(raised.value))
