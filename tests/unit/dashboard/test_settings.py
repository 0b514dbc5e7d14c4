"""Settings of Django and Celery that depend on the environment or on the process."""

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.settings import _process_name
from engine import config
from tests.support.product import ROOT


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
def test_a_database_connection_has_the_name_of_its_process(argv: list[str], role: str) -> None:
    assert _process_name(argv) == role


def test_one_host_loads_no_modules_for_several_hosts(tmp_path: Path) -> None:
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


def test_celery_verifies_certificates_unless_the_url_says_otherwise() -> None:
    from engine.executors.celery.app import make_app

    for url, expected in (
        ("rediss://host/0", {"ssl_cert_reqs": ssl.CERT_REQUIRED}),
        ("rediss://host/0?ssl_cert_reqs=none", {"ssl_cert_reqs": ssl.CERT_NONE}),
        # Here redis-py requires a certificate by default.
        ("rediss://host/0?ssl_ca_certs=/ca.pem", {"ssl_ca_certs": "/ca.pem"}),
    ):
        with make_app(url).connection_for_write() as connection:
            assert connection.ssl == expected


def test_a_node_may_use_its_share_of_half_of_the_machine_unless_told_otherwise(tmp_path: Path) -> None:
    assert config.default_node_memory_mb(16 << 30, 4) == 2048
    assert config.default_node_memory_mb(1 << 30, 4) == 512
    given = {"INTERLOCK_HOME": str(tmp_path), "INTERLOCK_WORKERS": "4", "INTERLOCK_MAX_CONCURRENT": "2"}
    machine = config.machine_memory_bytes()
    assert config.from_environment(given).node_memory_mb == config.default_node_memory_mb(machine, 2)
    assert config.from_environment({**given, "INTERLOCK_NODE_MEMORY_MB": "100"}).node_memory_mb == 100


def test_a_container_has_the_memory_that_it_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(config, "CGROUP_MEMORY_FILES", (str(tmp_path / "none"), str(limit)))
    limit.write_text("max\n")
    machine = config.machine_memory_bytes()
    limit.write_text(f"{machine // 2}\n")
    assert config.machine_memory_bytes() == machine // 2
