"""The built front end: its parts in files of their own, and how they are given to browsers."""

from __future__ import annotations

import gzip
import re

import pytest
from django.conf import settings

from dashboard.serving import built_files

DIST = settings.BASE_DIR / "static" / "dist"


def test_no_part_starts_the_page_a_second_time():
    # Pages name app.js with a query: by its bare name it would be another module.
    for part in DIST.glob("*.js"):
        assert not re.search(r"""["'`]\./app\.js["'`]""", part.read_text()), part.name


@pytest.mark.parametrize(
    ("address", "for_good"),
    [
        ("/static/run-DYUgyzQT.js", True),
        ("/static/elk-worker.min-BEwi-0vF.js", True),
        ("/static/layout.worker-_Y-6l3KO.js", True),
        ("/static/fonts/inter-latin-wght-normal-Dx4kXJAl.woff2", True),
        ("/static/app.js", False),
        ("/static/app.css", False),
        ("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js", False),
    ],
)
def test_what_has_a_digest_in_its_name_is_kept_for_good(address, for_good):
    assert bool(re.search(settings.WHITENOISE_IMMUTABLE_FILE_TEST, address)) is for_good


def test_every_part_has_a_digest_in_its_name():
    parts = [f"/static/{part.name}" for part in DIST.glob("*.js") if part.name != "app.js"]
    assert parts
    assert [one for one in parts if not re.search(settings.WHITENOISE_IMMUTABLE_FILE_TEST, one)] == []


def given(client, address: str, **headers: str):
    response = client.get(address, headers=headers)
    return response, b"".join(response) if response.streaming else response.content


def test_a_script_comes_packed_to_who_can_unpack_it(client):
    plain, text = given(client, "/static/app.js")
    packed, content = given(client, "/static/app.js", accept_encoding="br;q=1.0, gzip")
    assert (plain.status_code, "Content-Encoding" in plain.headers) == (200, False)
    assert text == (DIST / "app.js").read_bytes() == gzip.decompress(content)
    assert (packed["Content-Encoding"], int(packed["Content-Length"])) == ("gzip", len(content))
    assert (plain["Vary"], packed["Vary"]) == ("Accept-Encoding", "Accept-Encoding")
    assert plain["Content-Type"] == packed["Content-Type"]
    assert (head := client.head("/static/app.js", headers={"accept-encoding": "gzip"})).content == b""
    assert head["Content-Length"] == packed["Content-Length"]


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "gzip; q=0.0, br"])
def test_it_does_not_to_who_cannot(client, accepted):
    assert "Content-Encoding" not in given(client, "/static/app.js", accept_encoding=accepted)[0].headers


def test_a_part_of_a_file_and_a_file_that_is_known_come_as_they_are(client):
    part, content = given(client, "/static/app.js", accept_encoding="gzip", range="bytes=0-9")
    assert (part.status_code, content, "Content-Encoding" in part.headers) == (
        206,
        (DIST / "app.js").read_bytes()[:10],
        False,
    )
    known, _ = given(client, "/static/app.js", accept_encoding="gzip", if_none_match=part["ETag"])
    assert (known.status_code, known["Vary"]) == (304, "Accept-Encoding")


@pytest.mark.parametrize(("query", "for_good"), [("?v={digest}", True), ("?v=older", False), ("", False)])
def test_what_is_asked_for_by_its_digest_is_kept_for_good(client, query, for_good):
    address = "/static/app.js" + query.format(digest=built_files.digest("app.js"))
    assert ("immutable" in given(client, address)[0]["Cache-Control"]) is for_good


def test_fonts_are_not_packed_a_second_time(client):
    font = next((DIST / "fonts").glob("*.woff2"))
    assert "Content-Encoding" not in given(client, f"/static/fonts/{font.name}", accept_encoding="gzip")[0].headers
