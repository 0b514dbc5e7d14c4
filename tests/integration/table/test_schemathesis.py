"""Data that the OpenAPI document allows, and data that it does not, against every call of it.

No fault, nothing undocumented, what is allowed is understood, what is not is refused.
"""

from __future__ import annotations

import copy
import functools
import traceback
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
from tests.integration.table.watch import Watch
from tests.integration.table.world import World
from tests.support.effort import LONG, rounds, seed

EXAMPLES = rounds(6, 400)
"""For each call and each of the two kinds of data."""

UNDERSTOOD = ["2xx", 404, 409, 410, 411, 412, 422, 428, 501, 503]
"""What is well formed may still be about something that is not there, or wrong in the state that things are in."""
REFUSED = [400, 404, 405, 411, 412, 413, 415, 422, 428, 501]


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


# Of what has no parameters, no body and no lock there is nothing wrong to send.
ASKED = [(call, mode) for call in CALLS for mode in GenerationMode if call.role != OPEN or mode.is_positive]


def loaded(document: dict[str, Any], app: Any) -> Any:
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed("schemathesis"),
            "checks": {
                "positive_data_acceptance": {"expected-statuses": UNDERSTOOD},
                "negative_data_rejection": {"expected-statuses": REFUSED},
                "not_a_server_error": {"expected-statuses": ["2xx", "4xx", 501]},
                # The table asks these of every call, with answers of its own.
                "unsupported_method": {"enabled": False},
                "ignored_auth": {"enabled": False},
                # Each request is undone.
                "use_after_free": {"enabled": False},
                "ensure_resource_availability": {"enabled": False},
            },
        }
    )
    found: Any = schemathesis.openapi.from_dict(document, config=config)
    found.app = app
    return found


def told() -> dict[str, Any]:
    """The document, but of errors only those that the call has been seen to answer with: it says of any error what it
    looks like, so that none would be unknown."""
    document = copy.deepcopy(openapi_document("en"))
    for call in CALLS:
        operation = document["paths"][call.template][call.method.lower()]
        problem = operation["responses"].pop("default", None)
        if problem is None:
            continue
        known = {400, *(refused.status for refused in call.refused)}
        if call.role != OPEN:
            known |= {401, 403}
        if call.parameters:
            known.add(404)
        if "requestBody" in operation:
            known |= {413, 415, *((411,) if call.raw is not None else (422,))}
        for status in known:
            operation["responses"].setdefault(str(status), problem)
    return document


@functools.cache
def schema() -> Any:
    return loaded(told(), Application())


@pytest.fixture(scope="module")
def watch(world: World) -> Watch:
    return Watch(world.home)


def ask(schema: Any, call: Call, mode: GenerationMode, world: World, watch: Watch, examples: int = EXAMPLES) -> None:
    """Raises what is wrong with the answers."""
    operation = schema[call.template][call.method]
    # Without ids of what is there, nearly all answers would be 404.
    real = call.values(world)
    if call.address.endswith("/download/"):
        # Which formats there are depends on the output; of this node there is none.
        real["node"] = "a"
    headers = {**world.apis["admin"].headers, "Host": "testserver"}
    cases = [operation.as_strategy(generation_mode=mode)]
    if real:
        cases.append(operation.as_strategy(generation_mode=mode, path_parameters=real))

    @seeded(schema.config.seed)
    @settings(
        max_examples=examples,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(*reversed(cases)))
    def asked(case: Any) -> None:
        with watch.request():
            case.call_and_validate(headers=headers)

    asked()


@pytest.mark.django_db
@pytest.mark.parametrize(("call", "mode"), ASKED, ids=lambda part: getattr(part, "name", "") or part.value)
def test_what_the_document_says_holds(world: World, watch: Watch, call: Call, mode: GenerationMode) -> None:
    ask(schema(), call, mode, world, watch)


@pytest.mark.django_db
def test_what_the_document_says_holds_of_the_metrics(world: World, watch: Watch) -> None:
    ask(schema(), Call("GET", "/metrics", OPEN), GenerationMode.POSITIVE, world, watch, 1)


# A document, or a product, that is wrong on purpose, and what is said of it.


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


class Faulty:
    """Answers nothing but a fault."""

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
def test_a_document_that_is_wrong_is_found_out(world: World, watch: Watch, kind: str) -> None:
    name, mode, change, said = MUTANTS[kind]
    call = next(call for call in CALLS if call.name == name)
    document = told()
    if change is not None:
        change(document["paths"][call.template][call.method.lower()], document["components"]["schemas"])
    wrong = loaded(document, Application() if change is not None else Faulty())
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - what it says is looked at below
        ask(wrong, call, mode, world, watch, 100)
    assert said in "".join(traceback.format_exception(raised.value))
