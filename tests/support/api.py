"""The client of all API tests: it checks every answer against the OpenAPI document."""

import json
from typing import Any

from django.test import Client

from dashboard import tokens
from dashboard.models import User
from tests.support.openapi import contract

BASE = "/api/v1/"


class Answer:
    """One answer: `status`, `headers`, `body` (bytes), `json`, and `code` of a problem."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers = response.headers
        # The client closes streams when it has read them.
        self.body: bytes = b"".join(response.streaming_content) if response.streaming else response.content

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])

    def __repr__(self) -> str:
        return f"<{self.status} {self.body[:500]!r}>"


class Api:
    """Makes requests as `user` (with a token, or with a session if `session`), or without an account."""

    def __init__(self, user: User | None = None, *, session: bool = False, token: str | None = None) -> None:
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.headers: dict[str, str] = {}
        if token is None and user is not None and not session:
            token = tokens.create_token(user, "tests")
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"
        elif user is not None:
            self.client.force_login(user)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """`path` is under /api/v1/ unless it begins with a slash, or is a whole address (of `next`)."""
        address = path.removeprefix("http://testserver") if "://" in path else path
        address = address if address.startswith("/") else BASE + address
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        response = self.client.generic(
            method, address, data, content_type=content_type, headers={**self.headers, **(headers or {})}
        )
        answer = Answer(response)
        if method != "HEAD":
            plain = response.wsgi_request.path
            contract().check(method, plain, answer.status, answer.headers.get("Content-Type", ""), answer.body)
        return answer

    def get(self, path: str, **options: Any) -> Answer:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("PUT", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        return self.call("DELETE", path, **options)

    def all(self, path: str) -> list[Any]:
        """Return every entry of a list, by following `next`."""
        found: list[Any] = []
        address: str | None = path
        while address is not None:
            answer = self.get(address)
            assert answer.status == 200, answer
            found += answer.json["results"]
            address = answer.json["next"]
        return found
