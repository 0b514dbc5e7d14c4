"""The parts of the front end that are built into files of their own."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

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
