"""The list of settings, which `doctor` knows misspelled ones by, and what the README says of them."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.settings import _process_name
from engine.config import SETTINGS
from tests.support.product import ROOT


def test_every_setting_is_in_the_readme_and_in_the_list_of_settings() -> None:
    text = (ROOT / "README.md").read_text()
    section = text.split("## Settings")[1].split("\n## ")[0]
    told = set(re.findall(r"`([A-Z][A-Z_]+)(?:=\w+)?`", section))
    assert told == set(SETTINGS)


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (["manage.py", "scheduler"], "scheduler"),
        (["/opt/interlock/.venv/bin/interlock", "web", "--port", "1"], "web"),
        (["dashboard/up/child.py", "web", "--parent", "7"], "web"),
        (["/opt/.venv/bin/uvicorn", "dashboard.asgi:application"], "web"),
        (["/opt/lib/uvicorn/__main__.py", "dashboard.asgi:application"], "web"),
        (["/opt/.venv/bin/celery", "-A", "engine"], "celery"),
        (["manage.py"], "manage"),
        (["-c"], "-c"),
    ],
)
def test_connections_are_named_by_what_a_process_is(argv: list[str], role: str) -> None:
    assert _process_name(argv) == role


def test_what_is_only_for_several_hosts_is_not_loaded_on_one(tmp_path: Path) -> None:
    code = """
import dashboard.asgi, dashboard.up.web, engine.scheduler.loop, engine.hints, sys
from channels.layers import get_channel_layer
get_channel_layer()
engine.hints.wake()
print(*{name.partition(".")[0] for name in sys.modules} & {"redis", "channels_redis", "celery", "kombu"})
"""
    environment = {"PATH": os.environ["PATH"], "INTERLOCK_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_celery_takes_no_certificate_that_nobody_has_signed() -> None:
    from engine.celery import make

    for url, asked in (
        ("rediss://host/0", {"ssl_cert_reqs": ssl.CERT_REQUIRED}),
        ("rediss://host/0?ssl_cert_reqs=none", {"ssl_cert_reqs": ssl.CERT_NONE}),
        # Of these redis-py asks for one by itself.
        ("rediss://host/0?ssl_ca_certs=/ca.pem", {"ssl_ca_certs": "/ca.pem"}),
    ):
        with make(url).connection_for_write() as connection:
            assert connection.ssl == asked
