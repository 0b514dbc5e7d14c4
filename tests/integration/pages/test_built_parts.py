"""The built front end: names of its files, and how they are cached and compressed."""

import gzip
import re

import pytest
from django.conf import settings

from dashboard.serving import built_files

DIST = settings.BASE_DIR / "static" / "dist"


def test_no_chunk_imports_app_js_by_its_bare_name():
    # Pages load app.js with a query; by its bare name it would be a second module.
    for part in DIST.glob("*.js"):
        assert not re.search(r"""["'`]\./app\.js["'`]""", part.read_text()), part.name


@pytest.mark.parametrize(
    ("url", "immutable"),
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
def test_files_with_a_digest_in_their_name_are_immutable(url, immutable):
    assert bool(re.search(settings.WHITENOISE_IMMUTABLE_FILE_TEST, url)) is immutable


def test_every_chunk_has_a_digest_in_its_name():
    parts = [f"/static/{part.name}" for part in DIST.glob("*.js") if part.name != "app.js"]
    assert parts
    assert [one for one in parts if not re.search(settings.WHITENOISE_IMMUTABLE_FILE_TEST, one)] == []


def fetch(client, url: str, **headers: str):
    response = client.get(url, headers=headers)
    return response, b"".join(response) if response.streaming else response.content


def test_a_script_is_compressed_for_clients_that_accept_it(client):
    plain, text = fetch(client, "/static/app.js")
    compressed, content = fetch(client, "/static/app.js", accept_encoding="br;q=1.0, gzip")
    assert (plain.status_code, "Content-Encoding" in plain.headers) == (200, False)
    assert text == (DIST / "app.js").read_bytes() == gzip.decompress(content)
    assert (compressed["Content-Encoding"], int(compressed["Content-Length"])) == ("gzip", len(content))
    assert (plain["Vary"], compressed["Vary"]) == ("Accept-Encoding", "Accept-Encoding")
    assert plain["Content-Type"] == compressed["Content-Type"]
    assert (head := client.head("/static/app.js", headers={"accept-encoding": "gzip"})).content == b""
    assert head["Content-Length"] == compressed["Content-Length"]


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "gzip; q=0.0, br"])
def test_a_script_is_not_compressed_for_other_clients(client, accepted):
    assert "Content-Encoding" not in fetch(client, "/static/app.js", accept_encoding=accepted)[0].headers


def test_ranges_and_unchanged_files_are_not_compressed(client):
    part, content = fetch(client, "/static/app.js", accept_encoding="gzip", range="bytes=0-9")
    assert (part.status_code, content, "Content-Encoding" in part.headers) == (
        206,
        (DIST / "app.js").read_bytes()[:10],
        False,
    )
    unchanged, _ = fetch(client, "/static/app.js", accept_encoding="gzip", if_none_match=part["ETag"])
    assert (unchanged.status_code, unchanged["Vary"]) == (304, "Accept-Encoding")


@pytest.mark.parametrize(("query", "immutable"), [("?v={digest}", True), ("?v=older", False), ("", False)])
def test_a_url_with_the_digest_is_immutable(client, query, immutable):
    url = "/static/app.js" + query.format(digest=built_files.digest("app.js"))
    assert ("immutable" in fetch(client, url)[0]["Cache-Control"]) is immutable


def test_fonts_are_not_compressed_again(client):
    font = next((DIST / "fonts").glob("*.woff2"))
    assert "Content-Encoding" not in fetch(client, f"/static/fonts/{font.name}", accept_encoding="gzip")[0].headers
