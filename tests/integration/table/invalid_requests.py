"""Requests in which exactly one thing is wrong, generated for each call of the API.

Parameters and fields of a call are read from the OpenAPI document, so that a new call needs nothing here.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.integration.table.calls import ADMIN, EDITOR, NOTHING, OPEN, OPERATOR, VIEWER, Call
from tests.integration.table.world import World
from tests.support.effort import rounds

JSON, PATCH = "application/json", "application/json-patch+json"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ROLES = (VIEWER, OPERATOR, EDITOR, ADMIN)
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
ACCEPTED_OR_REFUSED = range(200, 500)
"""The request may be accepted or refused, as long as the answer is documented and a refusal changes nothing."""


CHECKED_BY_ACTION: Mapping[str, tuple[str, ...]] = {
    "PUT workflows/<slug:slug>/draft/": ("definition",),
    "POST workflows/<slug:slug>/versions/": ("definition",),
    "POST workflows/<slug:slug>/runs/": ("inputs", "targets"),
    "POST runs/<str:run_id>/rerun/": ("inputs",),
    "POST pools/": ("name", "slots"),
    "PATCH pools/<str:name>/": ("slots",),
}
"""By call: fields of which the action says what is wrong, with a code of its own (422)."""
PERMITTED = tuple(status for status in (*ACCEPTED_OR_REFUSED, 501) if status not in (401, 403))


@dataclass(frozen=True)
class Cell:
    """A request and the answer that it must get."""

    kind: str
    method: str
    path: str
    status: range | tuple[int, ...]
    code: str = ""
    """Empty: any."""
    who: str = ADMIN
    raw: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    """Variables of the WSGI environment."""
    error: str = ""
    """Path of the first error in the problem document."""


class Cells:
    """Generates the requests of one call."""

    def __init__(self, call: Call, world: World, document: dict[str, Any], methods: tuple[str, ...]) -> None:
        self.call, self.world, self.document = call, world, document
        self.methods = methods
        """All methods of the call's URL."""
        self.operation: dict[str, Any] = document["paths"][call.template][call.method.lower()]
        content = self.operation.get("requestBody", {}).get("content", {})
        self.media = next(iter(content), "")
        self.schema = self.resolved(content[self.media]["schema"]) if self.media in (JSON, PATCH) else None

    def all(self) -> Iterator[Cell]:
        yield from self.example()
        yield from self.credentials()
        yield from self.others()
        yield from self.paths()
        yield from self.parameters()
        yield from self.headers()
        yield from self.states()
        yield from self.bodies()
        yield from self.fields()

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Resolve a reference at the top of a schema or in its allOf."""
        for inner in (schema, *schema.get("allOf", ())):
            if "$ref" in inner:
                return dict(self.document["components"]["schemas"][inner["$ref"].rsplit("/", 1)[-1]])
        return schema

    def cell(self, kind: str, status: int | range | tuple[int, ...], code: str = "", **changed: Any) -> Cell:
        """Return the example request with changes: `body` is encoded as JSON, `query` and `where` go into the path."""
        call = self.call
        body = changed.pop("body", NOTHING)
        body = call.body if body is NOTHING else body
        raw = changed.pop("raw", None)
        if raw is None:
            raw = call.raw if call.raw is not None else b"" if body is NOTHING else json.dumps(body).encode()
        query = changed.pop("query", None) or call.query
        path = changed.pop("path", None) or call.path(self.world, **changed.pop("where", {}))
        length = {"Content-Length": str(len(raw))} if self.media not in (JSON, PATCH) and raw else {}
        values = {
            "content_type": PATCH if self.media == PATCH else JSON,
            "method": call.method,
            **changed,
            "path": f"{path}?{query}" if query else path,
            "headers": {**call.headers, **length, **changed.get("headers", {})},
        }
        return Cell(kind, status=(status,) if isinstance(status, int) else status, code=code, raw=raw, **values)

    def cell_unless_missing(self, kind: str, status: int, code: str, **changed: Any) -> Cell:
        """Like `cell`, but a call of a missing feature is refused before anything else is read."""
        return self.cell(kind, (501,) if self.call.missing else status, "" if self.call.missing else code, **changed)

    # --- the kinds -------------------------------------------------------------------------------------------------

    def example(self) -> Iterator[Cell]:
        """The valid request. It must be accepted, or the refusals of the others would prove nothing."""
        status = self.call.status
        yield self.cell("example", status, "not_available_yet" if self.call.missing else "")
        for accept in some(("text/html", "nonsense", "*/*;q=0", ""), 2):
            yield self.cell(f"accept {accept}", status, headers={"Accept": accept})
        for language in some(("zh-hant", "xx-YY;q=7", "\u00e9", "a" * 5000), 1):
            yield self.cell(f"language {language[:10]}", status, headers={"Accept-Language": language})
        if self.call.method == "GET":
            yield self.cell("head", status, method="HEAD")
            yield self.cell("body of a GET", status, raw=b"{broken")

    def credentials(self) -> Iterator[Cell]:
        if self.call.role == OPEN:
            for who in ("nobody", "wrong", "closed"):
                yield self.cell(f"as {who}", self.call.status, who=who)
            return
        yield self.cell("as nobody", 401, "not_signed_in", who="nobody")
        yield self.cell("as closed session", 401, "not_signed_in", who="closed session")
        for who in ("wrong", "taken back", "expired", "closed"):
            yield self.cell(f"as {who}", 401, "invalid_token", who=who)
        yield self.cell("as metrics", 403, "forbidden", who="metrics")
        least = ROLES.index(self.call.role)
        for role in ROLES[:least]:
            yield self.cell(f"as {role}", 403, "forbidden", who=role)
        for role in ROLES[least:-1]:
            # The call may be refused because the object belongs to somebody else, but not because of the role.
            yield self.cell(f"as {role}", PERMITTED, who=role)
        for header in ("Bearer", "Bearer ", "Bearer \u00e9", "Bearer \x00", f"Bearer {'x' * 9000}"):
            yield self.cell(
                f"header {header[:9]!r}", 401, "invalid_token", who="nobody", headers={"Authorization": header}
            )
        for header in ("Basic eDp5", "Digest", "x", "Token abc"):
            yield self.cell(f"header {header}", 401, "not_signed_in", who="nobody", headers={"Authorization": header})
        if self.call.method in UNSAFE:
            yield self.cell("session without csrf", 403, "csrf_failed", who="session")
            yield self.cell(
                "session with a wrong csrf", 403, "csrf_failed", who="session", headers={"X-CSRFToken": "x"}
            )
            yield self.cell("bearer beside a session", 401, "invalid_token", who="session",
                            headers={"Authorization": "Bearer no"})  # fmt: skip

    def others(self) -> Iterator[Cell]:
        """Other methods, and host names that are not allowed."""
        for method in METHODS:
            if method not in self.methods:
                yield self.cell(f"method {method}", 405, "method_not_allowed", method=method)
        for host in some(("evil.example", "[::1", "localhost:x", "local host", "\u00e9", "localhost.evil.example"), 2):
            yield self.cell(f"host {host}", 400, "bad_request", extra={"HTTP_HOST": host})

    def paths(self) -> Iterator[Cell]:
        for converter, name in self.call.parameters:
            ghost = "999999" if converter == "int" else "ghost"
            if (self.call.method, name) != ("PUT", "path"):
                yield self.cell_unless_missing(f"no such {name}", 404, "", where={name: ghost})
            for unusual in some(UNUSUAL_PATHS, 12):
                # For the path of a file and for missing features, every value is a valid name.
                free = name == "path" or self.call.missing
                status = (*range(200, 500), 501) if free else (404,)
                yield self.cell(f"{name}={unusual[:20]}", status, where={name: unusual})

    def parameters(self) -> Iterator[Cell]:
        for query in (
            "nothing=1",
            "nothing",
            "%00=1",
            "%ed%a0%80=1",
            "format=json&_=1",
            f"{'x' * 5000}=1",
            "limit[]=1",
        ):
            yield self.cell(f"query {query[:20]}", 400, "unknown_parameter", query=query)
        for parameter in self.operation.get("parameters", ()):
            if parameter["in"] != "query":
                continue
            name, schema = parameter["name"], self.resolved(parameter["schema"])
            kind = "enum" if "enum" in schema else str(schema.get("format", schema.get("type")))
            for wrong in some(INVALID_PARAMETERS.get(kind, ()), 7):
                yield self.cell(f"{name}={wrong[:20]}", 400, "bad_parameter", query=f"{name}={wrong}", error=name)
            if name == "limit":
                yield self.cell("limit=0", 400, "bad_parameter", query="limit=0", error=name)
            for unusual in some(UNUSUAL_PARAMETERS, 6 if kind == "string" else 1):
                yield self.cell(f"{name}={unusual[:20]}", ACCEPTED_OR_REFUSED, query=f"{name}={unusual}")
            yield self.cell(f"{name} twice", ACCEPTED_OR_REFUSED, query=f"{name}=1&{name}=2&{name}=")

    def headers(self) -> Iterator[Cell]:
        for coding in ("gzip", "br", "gzip, gzip", "nonsense", "\u00e9"):
            raw = gzip.compress(b"{}") if coding == "gzip" else b"{}"
            yield self.cell(
                f"coding {coding}", 415, "unsupported_content_coding", raw=raw, headers={"Content-Encoding": coding}
            )
        names = {parameter["name"] for parameter in self.operation.get("parameters", ()) if parameter["in"] == "header"}
        if "If-Match" in names:
            for tag in UNUSUAL_TAGS:
                yield self.cell(f"If-Match {tag[:10]!r}", 412, "stale_draft", headers={"If-Match": tag})
        if "Prefer" in names:
            for prefer in ("return=", "return=maximal", "\u00e9", 'return="', ",;,;", "a" * 5000):
                yield self.cell(f"Prefer {prefer[:10]!r}", self.call.status, headers={"Prefer": prefer})

    def states(self) -> Iterator[Cell]:
        for number, refused in enumerate(self.call.refused):
            yield self.cell(f"refused {number}", refused.status, refused.code, where=refused.where, body=refused.body,
                            headers=refused.headers, query=refused.query)  # fmt: skip

    def bodies(self) -> Iterator[Cell]:
        """Bodies that are not JSON or not an object."""
        if self.schema is None:
            if self.call.method in ("POST", "PUT", "PATCH") and not self.media:
                # Documented without a body: a body that is sent is checked.
                yield self.cell_unless_missing("a field", 400, "invalid", body={"nothing": 1})
                yield self.cell_unless_missing("broken", 400, "bad_json", raw=b"{")
                yield self.cell_unless_missing("a list", 400, "invalid", body=[1])
            return
        for kind, raw in BROKEN.items():
            yield self.cell(kind, 400, "bad_json", raw=raw)
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/xml",
            "nonsense",
            "\u00e9",
        ):
            yield self.cell(f"type {kind}", 415, "unsupported_media_type", content_type=kind)
        yield self.cell(
            "type of a patch", 415, "unsupported_media_type", content_type=JSON if self.media == PATCH else PATCH
        )
        yield self.cell("type with a charset", self.call.status, content_type=f"{self.media}; charset=utf-8")
        yield self.cell("long text", ACCEPTED_OR_REFUSED, body={"name": "x" * 10_000_000})
        if self.schema.get("type") != "object":
            return
        values: tuple[Any, ...] = ([], [{}], "x", "", 0, 1.5, True, None)
        for value in values:
            yield self.cell(f"body {value!r}", 400, "invalid", body=value)
        yield self.cell("an unknown field", 400, "invalid", body={**self.call.body, "nothing": 1}, error="nothing")
        yield self.cell("a field of no name", 400, "invalid", body={**self.call.body, "": 1})
        yield self.cell("a thousand fields", 400, "invalid", body={f"x{number}": 1 for number in range(1000)})
        for name in self.schema.get("required", ()):
            rest = {key: value for key, value in self.call.body.items() if key != name}
            yield self.cell(f"without {name}", 400, "invalid", body=rest, error=name)

    def fields(self) -> Iterator[Cell]:
        """Each field of the body with every other JSON type and with values beyond its bounds."""
        if self.schema is None or self.schema.get("type") != "object":
            return
        assert set(self.call.body) >= set(self.schema.get("required", ())), "the example has what is needed"
        for name, plain in self.schema.get("properties", {}).items():
            schema = self.resolved(plain)
            by_action = name in CHECKED_BY_ACTION.get(self.call.name, ())
            status, code = ((400, 422), "") if by_action else (400, "invalid")
            # Paths of problems begin in the definition.
            error = "" if name == "definition" else name
            for wrong in invalid_values(schema):
                body = {**self.call.body, name: wrong}
                yield self.cell(f"{name} {json.dumps(wrong)[:20]}", status, code, body=body, error=error)
            for unusual in some(UNUSUAL_TEXTS, 6):
                raw = json.dumps({**self.call.body, name: "\x01odd"}).replace('"\\u0001odd"', f'"{unusual}"').encode()
                yield self.cell(f"{name} {unusual[:14]}", ACCEPTED_OR_REFUSED, raw=raw)


def some(values: Sequence[str], number: int) -> Sequence[str]:
    """Return the first `number` values, in the long tests all. For values that many calls share."""
    return values[: rounds(number, len(values))]


def invalid_values(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Generate values that a field of this schema must refuse."""
    if not schema.keys() & {"type", "enum"}:
        return
    types = {"string"} if "enum" in schema and "type" not in schema else schema["type"]
    types = {types} if isinstance(types, str) else set(types)
    for kind, value in VALUES_OF_TYPE.items():
        if kind not in types and not (kind == "integer" and "number" in types):
            yield value
    if "enum" in schema:
        yield from ("nothing", "", schema["enum"][0].upper(), [schema["enum"][0]])
    elif "string" in types:
        if schema.get("minLength"):
            yield ""
        if "maxLength" in schema:
            yield "x" * (schema["maxLength"] + 1)
        if schema.get("format") == "date-time":
            yield from ("yesterday", "2026-13-45T99:99:99Z", "2026-11-24T08:00:00+99:99", "9" * 400)
    if "integer" in types:
        yield from (10**30, -(10**30), 1e300, schema["minimum"] - 1, schema["maximum"] + 1)
    if "array" in types:
        items = schema["items"]
        yield from ([value] for value in VALUES_OF_TYPE.values() if not isinstance(value, str))
        if "maxLength" in items:
            yield ["x" * (items["maxLength"] + 1)]
        if "maxItems" in schema:
            yield ["x"] * (schema["maxItems"] + 1)


VALUES_OF_TYPE: dict[str, Any] = {
    "string": "text", "integer": 7, "number": 1.5, "boolean": True, "null": None, "array": ["x"], "object": {"x": 1},
}  # fmt: skip
TYPES = (
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "nonsense", "\u00e9",
)  # fmt: skip
# The short tests use the beginning of each of these lists.
# Written as in JSON: characters that text columns or encoders refuse, or that change the direction of text.
UNUSUAL_TEXTS = (
    "\\u0000", "a\\u0000b", "\\ud800", "\\ud83d\\ude00", "\\u202e<b>", "' OR 1=1 --", "\\udfff\\ud800", "%s{0}{{x}}",
    "../../x", "\\r\\nX: y", "\\ufeff", "e\\u0301" * 60, "\\uffff", "<script>",
)  # fmt: skip
UNUSUAL_PATHS = (
    "%00", "%0a", "a%2Fb", "..", "%ff", "%ed%a0%80", "%F0%9F%9A%82", "x" * 5000, "-1", "9" * 30, "%D9%A1", "%25",
    "a%00b", "%2F", "%2e%2e", "..%2f..", ".", "%20", "%C3%A9", "0", "00", "1e3", "1.0", "%E2%80%AE", "*", "%3Fx", "a;b",
    "%5C", "null", "<b>",
)  # fmt: skip
_NUMBERS = (
    "abc", "", "-1", "1.5", str(10**30), "1e3", "%D9%A1", "%00", "%ed%a0%80", "0x1", "-" + "9" * 30, "1,2", "true",
)  # fmt: skip
INVALID_PARAMETERS: dict[str, tuple[str, ...]] = {
    "integer": _NUMBERS,
    "int32": _NUMBERS,
    "double": ("abc", "-1", "61", "nan", "inf", "1e999", "", "%00", "-inf", "%D9%A1"),
    "boolean": ("maybe", "", "1", "TRUE", "%00"),
    "enum": ("nothing", "", "%00", "%ed%a0%80"),
    "date-time": (
        "yesterday", "", "2026-13-01T00:00:00Z", "%00", "0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59",
        "2026-11-24T08:00:00%2B99:00", "2026-02-30", "1764000000",
    ),
}  # fmt: skip
UNUSUAL_PARAMETERS = (
    "%00", "%ed%a0%80", "%F0%9F%9A%82", "x" * 5000, "%25_%5C", "%2C%00", "", "%ff", "'%22", "(a", "1&", ",,,",
)  # fmt: skip
UNUSUAL_TAGS = (
    '"', '"" ""', "abc", 'W/"1"', '"-1"', '"1.0"', '"01"', f'"{"9" * 400}"', '"\u0661"', '"\x00"', "1", "**", '"*"',
    ",", '"a","b"', "\u00e9", '"' * 5000, '"0x1"',
)  # fmt: skip
BROKEN = {
    "half": b"{", "single quotes": b"{'a': 1}", "no value": b'{"a":}', "trailing comma": b'{"a": 1,}',
    "two values": b"{} {}", "text after": b"{}x", "a comment": b"{/**/}", "nothing but space": b"  ",
    "a form": b"name=x", "not UTF-8": b'{"name": "\xff"}', "UTF-16": '{"a": 1}'.encode("utf-16"), "NUL": b"\x00",
    "a raw surrogate": b'{"name": "\xed\xa0\x80"}', "a control character": b'{"name": "a\nb"}',
    "NaN": b'{"name": NaN}', "Infinity": b'{"name": Infinity}', "-Infinity": b'{"name": -Infinity}',
    "beyond floats": b'{"name": 1e999}', "5000 digits": b'{"name": ' + b"9" * 5000 + b"}",
    "a name twice": b'{"name": "x", "name": "y"}', "two names that become one": b'{"\\udfff": 1, "\\ud800": 2}',
    "deep lists": b"[" * 10_000 + b"]" * 10_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deep and open": b"[" * 10_000,
    "deep inside": b'{"name": ' + b"[" * 200 + b"]" * 200 + b"}", "bad escape": b'{"name": "\\x"}',
    "half an escape": b'{"name": "\\ud8"}',
}  # fmt: skip
