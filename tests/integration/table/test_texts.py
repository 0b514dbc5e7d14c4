"""Texts of people in every place that takes one: refused with a reason, or returned as sent.

Then all pages and calls are requested with the text in every place at once: none fails, and none renders it as HTML.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from engine import clock
from engine.models import NodeRun, Run
from engine.text import clean_text
from tests.integration.table.calls import CALLS
from tests.integration.table.changes import ChangeDetector
from tests.integration.table.test_pages import OPEN, PAGES
from tests.integration.table.world import World
from tests.support import run_rows
from tests.support.api import Answer, Api
from tests.support.documents import chain

MARK = "<b id=odd>"
"""Appears unescaped on a page only if the page renders a text as HTML."""
TEXTS = {
    "plain": "plain",
    "HTML": f"{MARK}x</b><script>alert(1)</script>",
    "an attribute": f"\"'>{MARK} onload=x",
    "marks of direction": f"a\u202e{MARK}\u2066b\u200f",
    "half a pair": f"a\ud800{MARK}\udfff",
    "NUL": f"a\x00{MARK}\x01\x1fb",
    "long": "x" * 100_000,
    "combining": "e\u0301" * 10 + "z" + "\u0335" * 30,
    "emoji": "\U0001f469\u200d\U0001f680\ufe0f",
    "percent": "100 % %s %(name)s %d %%",
    "braces": f"{{{{ 7 * 7 }}}} {{% load %}} {{0}} {{name}} {MARK}",
    "a formula": '=HYPERLINK("https://evil.example/")',
    "lines": "a\r\nb\u2028c\td",
    "not normal": "\u212b \ufb01 \u1e9b\u0323",
}


@dataclass(frozen=True)
class Place:
    """A place where a text is written, and where it is read again."""

    name: str
    write: Callable[[Api, str], Answer]
    read: Callable[[Api], Any]
    """Returns the text, or a list that must contain it."""
    free: bool = True
    """Whether it takes every text that is not too long; otherwise it is a name with rules."""
    line: bool = False
    """Whether it is one line, in which any white space becomes one space."""


def _found(api: Api, path: str, of: Callable[[Any], Any]) -> Any:
    answer = api.get(path)
    assert answer.status == 200, answer
    return of(answer.json)


def _document(text: str) -> dict[str, Any]:
    node = {"id": "a", "type": "python", "name": text[:200], "notes": text, "config": {"code": f"x = {text!r}"}}
    return {"schema": "interlock/1", "notes": text, "nodes": [node], "edges": []}


PLACES = [
    Place(
        "name of a workflow",
        lambda api, text: api.patch("workflows/one/", {"name": text}),
        lambda api: _found(api, "workflows/one/", lambda found: found["name"]),
        line=True,
    ),
    Place(
        "description",
        lambda api, text: api.patch("workflows/one/", {"description": text}),
        lambda api: _found(api, "workflows/one/", lambda found: found["description"]),
    ),
    Place(
        "tag",
        lambda api, text: api.patch("workflows/one/", {"tags": [text]}),
        lambda api: _found(api, "workflows/one/", lambda found: found["tags"][0]),
        line=True,
    ),
    Place(
        "draft",
        lambda api, text: api.put("workflows/one/draft/", {"definition": _document(text)}, headers={"If-Match": "*"}),
        lambda api: _found(api, "workflows/one/draft/", lambda found: found["definition"]["nodes"][0]["notes"]),
    ),
    Place(
        "message of a version",
        lambda api, text: api.post("workflows/one/versions/", {"definition": chain("a"), "message": text}),
        lambda api: _found(api, "workflows/one/versions/3/", lambda found: found["message"]),
    ),
    Place(
        "reason",
        lambda api, text: api.post("workflows/one/rollback/", {"version": 1, "reason": text}),
        lambda api: _found(api, "audit/?limit=1", lambda found: found["results"][0]["reason"]),
    ),
    Place(
        "input of a run",
        lambda api, text: api.post("workflows/said/runs/", {"inputs": {"text": text, "more": [{text: text}]}}),
        lambda api: _found(api, "runs/?limit=1", lambda found: found["results"][0]["inputs"]["text"]),
    ),
    Place(
        "name of a token",
        lambda api, text: api.post("tokens/", {"name": text}),
        lambda api: _found(api, "tokens/", lambda found: [one["name"] for one in found["results"]]),
        line=True,
    ),
    Place(
        "name of a pool",
        lambda api, text: api.post("pools/", {"name": text, "slots": 1}),
        lambda api: _found(api, "pools/", lambda found: [one["name"] for one in found["results"]]),
        free=False,
    ),
    Place(
        "name of an account",
        lambda api, text: api.post("users/", {"username": text, "role": "viewer"}),
        lambda api: _found(api, "users/", lambda found: [one["username"] for one in found["results"]]),
        free=False,
    ),
    Place(
        "name of a file",
        lambda api, text: api.put(f"files/{quote(clean_text(text))}", raw=b"x", headers={"Content-Length": "1"}),
        lambda api: _found(api, "files/?limit=1000", lambda found: [one["path"] for one in found["results"]]),
        free=False,
    ),
    Place(
        "id of a node",
        lambda api, text: api.post("workflows/bare/versions/", {"definition": chain(text), "message": ""}),
        lambda api: _found(api, "workflows/bare/versions/1/", lambda found: found["definition"]["nodes"][0]["id"]),
        free=False,
    ),
]


@pytest.fixture(scope="module")
def changes(world: World) -> ChangeDetector:
    document = {**chain("a"), "inputs": {"type": "object", "properties": {"text": {"type": "string"}}}}
    admin = world.apis["admin"]
    assert admin.post("workflows/", {"name": "Sentence", "slug": "said"}).status == 201
    assert admin.post("workflows/said/versions/", {"definition": document, "message": ""}).status == 201
    return ChangeDetector(world.home)


@pytest.mark.django_db
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_text_is_refused_or_returned_as_sent(world: World, changes: ChangeDetector, place: Place) -> None:
    api = world.apis["admin"]
    for kind, text in TEXTS.items():
        with changes.request():
            answer = place.write(api, text)
            if answer.status >= 400:
                assert answer.status in (400, 404, 422), (kind, answer)
                assert kind != "plain", answer
                assert not place.free or len(text) > 1000 or kind == "NUL", (kind, answer)
                continue
            returned = place.read(api)
            assert "\0" not in text, place.name
            # Half a pair of surrogates is replaced.
            sent = " ".join(clean_text(text).split()) if place.line else clean_text(text)
            assert sent in returned if isinstance(returned, list) else returned == sent, (kind, returned)


def _everywhere(world: World, text: str) -> None:
    """Write the text in all places, and as nodes write it: messages, log lines, errors, outputs."""
    api = world.apis["admin"]
    for place in PLACES:
        short = {"description": 20_000, "reason": 2000, "message of a version": 2000, "tag": 60, "name of a token": 100}
        place.write(api, text[: short.get(place.name, 200)])
    run = Run.objects.get(pk=int(world.ids["ended"]))
    run.inputs = {"month": text, text: [text]}
    run.save()
    clean = clean_text(text)
    NodeRun.objects.filter(run=run, node="a").update(
        error={"class": clean[:100], "message": clean, "node": "a", "line": 1, "traceback": clean}, reason=clean[:60]
    )
    rows = [{clean: clean, "n": 1}]
    output = {"kind": "json", "value": rows, "bytes": 8, "ports": ["out"], "row_count": 1}
    NodeRun.objects.filter(run=run, node="b").update(
        output=output, progress={"fraction": 0.5, "message": clean, "at": clock.iso(clock.now())}
    )
    run_rows.lines(run, "a", 3, clean, level="error")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", TEXTS)
def test_no_page_or_call_fails_or_renders_html(world: World, changes: ChangeDetector, kind: str) -> None:
    browser, api = world.apis["session"].client, world.apis["admin"]
    with changes.request():
        _everywhere(world, TEXTS[kind])
        for page in PAGES + OPEN:
            if page.see:
                answer = Answer(browser.get(page.path(world)))
                assert answer.status < 500, (page.name, answer)
                if "html" in answer.headers["Content-Type"]:
                    assert MARK.encode() not in answer.body, page.name
        for tab in ("why", "output", "attempts", "config", "history"):
            for node in ("a", "b"):
                answer = Answer(browser.get(f"/runs/{world.ids['ended']}/nodes/{node}/?tab={tab}"))
                assert answer.status == 200, (tab, answer)
                assert MARK.encode() not in answer.body, tab
        for call in CALLS:
            if call.method == "GET" and not call.missing:
                answer = api.get(call.path(world) + (f"?{call.query}" if call.query else ""))
                assert answer.status < 500, (call.name, answer)
                assert "html" not in answer.headers["Content-Type"], call.name
        lines = json.loads(api.get(f"runs/{world.ids['ended']}/logs/").body)["results"]
        assert lines[-1]["message"] == clean_text(TEXTS[kind])
