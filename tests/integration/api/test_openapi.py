import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from dashboard.api.docs import openapi_document
from dashboard.models import Role
from tests.support.api import Api
from tests.support.openapi import contract
from tests.support.people import person


def test_the_document_is_valid_openapi() -> None:
    document = openapi_document("en")
    assert document["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_operation_has_its_own_name() -> None:
    names = [
        operation["operationId"] for path in openapi_document("en")["paths"].values() for operation in path.values()
    ]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names), names


def test_the_document_comes_as_json_and_yaml(viewer: Api) -> None:
    assert viewer.get("schema/").json["info"]["title"] == "Interlock"
    yaml = viewer.client.get("/api/v1/schema/", headers={**viewer.headers, "Accept": "application/vnd.oai.openapi"})
    assert yaml.status_code == 200
    assert yaml.content.startswith(b"openapi: 3.1.0")


def test_the_docs_page_keeps_to_the_content_security_policy(db: None) -> None:
    client = Api(person(Role.VIEWER), session=True).client
    response = client.get("/api/docs/")
    page = response.content.decode()
    assert "script-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "<style" not in page
    assert " style=" not in page
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(sources) == 6
    for source in sources:
        assert source.startswith("/"), "nothing is asked of another host"
        answer: Any = client.get(source.replace("&amp;", "&"))
        assert answer.status_code == 200, source
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if "script" in source:
            assert b"/api/v1/schema/" in content
            assert b"https://" not in content


@pytest.mark.parametrize(
    ("status", "media", "body"),
    [
        (200, "application/json", b'{"results": [], "next": null, "extra": 1}'),
        (200, "application/json", b'{"results": [{}], "next": null}'),
        (200, "application/json", b'{"results": []}'),
        (201, "application/json", b'{"results": [], "next": null}'),
        (200, "text/html", b"<p>"),
        (404, "text/html", b"<p>"),
        (404, "application/problem+json", b'{"status": 404}'),
    ],
)
def test_the_check_of_answers_fails_on_undocumented_ones(status: int, media: str, body: bytes) -> None:
    contract().check("GET", "/api/v1/workflows/", 200, "application/json", b'{"results": [], "next": null}')
    with pytest.raises(AssertionError):
        contract().check("GET", "/api/v1/workflows/", status, media, body)
