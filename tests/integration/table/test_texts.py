"""Texts of people, written wherever they can write one: refused with a reason, or told again as they were sent.

Then all pages and calls are asked, with the text in every place at once: none is a fault, and none takes it for HTML.
"""

from __future__ import annotations

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
from tests.integration.table.test_pages import OPEN, PAGES
from tests.integration.table.watch import Watch
from tests.integration.table.world import World
from tests.support import run_rows
from tests.support.api import Answer, Api
from tests.support.documents import chain

MARK = "<b id=odd>"
"""Stands raw on a page only if the page took a text for HTML."""
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
    """Where a text can be written, and where it is told again."""

    name: str
    write: Callable[[Api, str], Answer]
    read: Callable[[Api], Any]
    """Also what must be in a list."""
    free: bool = True
    """Takes every text that is not too long; else it is a name with rules."""
    line: bool = False
    """Is one line: any space in it becomes one space."""


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
def watch(world: World) -> Watch:
    said = {**chain("a"), "inputs": {"type": "object", "properties": {"text": {"type": "string"}}}}
    admin = world.apis["admin"]
    assert admin.post("workflows/", {"name": "Sentence", "slug": "said"}).status == 201
    assert admin.post("workflows/said/versions/", {"definition": said, "message": ""}).status == 201
    return Watch(world.home)


@pytest.mark.django_db
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_text_is_refused_with_a_reason_or_told_as_it_was_sent(world: World, watch: Watch, place: Place) -> None:
    api = world.apis["admin"]
    for kind, text in TEXTS.items():
        with watch.request():
            answer = place.write(api, text)
            if answer.status >= 400:
                assert answer.status in (400, 404, 422), (kind, answer)
                assert kind != "plain", answer
                assert not place.free or len(text) > 1000, (kind, answer)
                continue
            told = place.read(api)
            # What no database stores is shown as missing.
            sent = " ".join(clean_text(text).split()) if place.line else clean_text(text)
            assert sent in told if isinstance(told, list) else told == sent, (kind, told)


def _everywhere(world: World, text: str) -> None:
    """The text, as far as it is taken, in all places, and as nodes write it: messages, lines, errors, outputs."""
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
def test_no_page_and_no_call_stumbles_over_a_text_or_takes_it_for_html(world: World, watch: Watch, kind: str) -> None:
    browser, api = world.apis["session"].client, world.apis["admin"]
    with watch.request():
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
            if call.method == "GET" and not call.later:
                answer = api.get(call.path(world) + (f"?{call.query}" if call.query else ""))
                assert answer.status < 500, (call.name, answer)
                assert "html" not in answer.headers["Content-Type"], call.name
        lines = json.loads(api.get(f"runs/{world.ids['ended']}/logs/").body)["results"]
        assert lines[-1]["message"] == clean_text(TEXTS[kind])
