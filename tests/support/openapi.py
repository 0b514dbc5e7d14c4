"""Checks that an answer of the API matches its OpenAPI document.

The document is the generated one, made stricter for the tests: an object may have no undocumented field, and times have
the one form of the contract.
"""

import copy
import functools
import json
import re
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
URI = "urn:openapi"
PROBLEM = "application/problem+json"

formats = FormatChecker(formats=[])


@formats.checks("date-time")
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or bool(MOMENT.match(value))


class Contract:
    def __init__(self, document: dict[str, Any]) -> None:
        self.document = _closed(document)
        resource = DRAFT202012.create_resource(self.document)
        self.registry: Any = Registry().with_resource(URI, resource)
        # Literal parts before parameters: versions/1/diff/2/ is not nodes/x/.
        templates = sorted(self.document["paths"], key=lambda path: (path.count("{"), -len(path)))
        self.templates = [(template, _pattern(template)) for template in templates]

    def template(self, path: str) -> str | None:
        """Return the documented path of an address."""
        return next((template for template, pattern in self.templates if pattern.match(path)), None)

    def check(self, method: str, path: str, status: int, content_type: str, body: bytes) -> None:
        """Raises AssertionError with what differs from the document."""
        template = self.template(path)
        operation = self.document["paths"][template].get(method.lower()) if template else None
        media = content_type.partition(";")[0].strip()
        where = f"{method} {path} -> {status} {media}"
        if status >= 400:
            assert media == PROBLEM, f"{where}: an error is a problem document, not {body[:200]!r}"
            shape = json.loads(body)
            assert shape["status"] == status, where
            if operation is None:
                assert status in (401, 403, 404, 405), f"{where}: this call is not documented"
                self._validate({"$ref": f"{URI}#/components/schemas/Problem"}, shape, where)
                return
        assert operation is not None, f"{where}: this call is not documented"
        responses = operation["responses"]
        assert status >= 400 or str(status) in responses, f"{where}: documented are {list(responses)}"
        key = str(status) if str(status) in responses else "default"
        content = responses[key].get("content")
        if content is None:
            assert not body, f"{where}: no body is documented, here is {body[:100]!r}"
            return
        assert media in content, f"{where}: documented are {list(content)}"
        schema = content[media].get("schema", {})
        if "contentMediaType" in schema:
            return
        place = f"{_escape('paths')}/{_escape(str(template))}/{method.lower()}/responses/{key}/content/{_escape(media)}"
        self._validate({"$ref": f"{URI}#/{place}/schema"}, json.loads(body), where)

    def _validate(self, schema: dict[str, Any], value: Any, where: str) -> None:
        validator = Draft202012Validator(schema, registry=self.registry, format_checker=formats)
        wrong = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
        assert not wrong, f"{where} is not as documented:\n" + "\n".join(wrong)


@functools.cache
def contract() -> Contract:
    from dashboard.api.docs import openapi_document

    return Contract(openapi_document("en"))


def _closed(document: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(document)
    for schema in document["components"]["schemas"].values():
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return document


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", template)
    # Only the path of a file may hold slashes.
    return re.compile(
        "".join((".+" if part == "{path}" else "[^/]+") if part.startswith("{") else re.escape(part) for part in parts)
        + r"\Z"
    )


def _escape(part: str) -> str:
    from urllib.parse import quote

    return quote(part.replace("~", "~0").replace("/", "~1"), safe="~")
