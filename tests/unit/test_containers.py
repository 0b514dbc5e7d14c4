"""compose.yaml and docs/Dockerfile name existing parts, settings and folders. Nothing is built here."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.celery import app
from engine.config import SETTINGS
from tests.support.product import ROOT

OTHERS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"}
"""Variables of the object storage driver."""
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "interlock"}
DOCKERFILE = (ROOT / "docs" / "Dockerfile").read_text().replace("\\\n", " ")


def test_every_part_is_defined() -> None:
    assert set(SERVICES) == {"postgres", "redis", "migrate", "web", "scheduler", "worker", "backup"}
    assert OURS["scheduler"]["deploy"]["replicas"] == 2
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {"migrate", "backup"}


def test_each_part_has_a_limit_on_memory_and_on_its_log() -> None:
    for name, service in SERVICES.items():
        assert service["mem_limit"], name
        assert service["logging"]["options"]["max-size"], name


def test_probes_ask_the_parts_that_they_are_for() -> None:
    probes = {name: service["healthcheck"]["test"] for name, service in OURS.items() if "healthcheck" in service}
    assert {name: probe[:4] for name, probe in probes.items()} == {
        name: ["CMD", "interlock", "alive", name] for name in ("web", "scheduler", "worker")
    }


def test_a_worker_can_run_alone_on_another_host() -> None:
    assert "depends_on" not in SERVICES["worker"]
    environment = SERVICES["worker"]["environment"]
    assert "${POSTGRES_AT:-postgres:5432}" in environment["DATABASE_URL"]
    assert "${REDIS_AT:-redis:6379}" in environment["REDIS_URL"]
    # Only this machine, unless an address is named, and never without a password.
    for name in ("postgres", "redis"):
        assert [port.startswith("${PRIVATE_ADDRESS:-127.0.0.1}:") for port in SERVICES[name]["ports"]] == [True]
    assert "requirepass" in SERVICES["redis"]["command"][-1]
    assert "${REDIS_PASSWORD:?" in SERVICES["redis"]["environment"]["REDISCLI_AUTH"]


def test_backups_are_kept_in_a_volume_of_their_own() -> None:
    backup = SERVICES["backup"]
    assert "pg_dump" in backup["command"][-1]
    assert [volume.partition(":")[0] for volume in backup["volumes"]] == ["backups"]
    assert "backups" in COMPOSE["volumes"]


UNITS = sorted((ROOT / "docs" / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_each_unit_starts_a_part_and_again_whenever_it_ends(unit: Path) -> None:
    text = unit.read_text()
    started = re.search(r"^ExecStart=/opt/interlock/\.venv/bin/(.+)$", text, re.MULTILINE)
    assert started is not None
    part = {"interlock": "up"}.get(unit.stem, unit.stem.removeprefix("interlock-"))
    commands = {"worker": "celery -A engine worker -Q default", "web": "interlock web --port 8000"}
    assert started[1] == commands.get(part, f"interlock {part}")
    assert {"Restart=always", "RestartSec=5", "StartLimitIntervalSec=0", "UMask=0077"} <= set(text.splitlines())


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_a_proxy_forwards_what_interlock_trusts_and_nothing_of_its_clients(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    assert "X-Forwarded-Host" in text
    assert "127.0.0.1:8000" in text


@pytest.mark.parametrize("name", OURS)
def test_each_command_exists_with_its_options(name: str) -> None:
    program, *words = OURS[name]["command"]
    if program == "celery":
        assert words == ["-A", "engine", "worker", "-Q", "default"]
        assert "interlock.take" in app.tasks
        return
    assert program == "interlock"
    command, *options = words
    help_text = subprocess.run(
        [sys.executable, "manage.py", command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [option for option in options if option.startswith("--") and option not in help_text] == []


@pytest.mark.parametrize("name", OURS)
def test_each_variable_is_a_setting(name: str) -> None:
    assert set(OURS[name]["environment"]) - set(SETTINGS) <= OTHERS
    assert {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "INTERLOCK_EXECUTOR", "INTERLOCK_ARTIFACTS"} <= set(
        OURS[name]["environment"]
    )


def test_all_parts_have_the_same_settings() -> None:
    same = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "INTERLOCK_ARTIFACTS", "INTERLOCK_EXECUTOR")
    for key in (*same, "volumes"):
        assert len({str(one["environment"].get(key, one.get(key))) for one in OURS.values()}) == 1, key


def test_each_part_waits_for_what_it_needs() -> None:
    for name, service in SERVICES.items():
        for needed, condition in service.get("depends_on", {}).items():
            checked = "healthcheck" in SERVICES[needed]
            assert condition["condition"] == ("service_healthy" if checked else "service_completed_successfully"), name
    assert all("migrate" in OURS[name]["depends_on"] for name in ("web", "scheduler"))


def test_volumes_are_defined_and_writable_in_the_image() -> None:
    folders = re.search(r"install -d -o interlock -g interlock -m 700\s+(.*?)\n", DOCKERFILE)
    assert folders is not None
    for service in OURS.values():
        for volume in service["volumes"]:
            name, _, place = volume.partition(":")
            assert name in COMPOSE["volumes"]
            assert place in folders[1].split()
    home = re.search(r"INTERLOCK_HOME=(\S+)", DOCKERFILE)
    assert home is not None
    assert f"{home[1]}/files" in folders[1].split()


def test_redis_drops_no_messages() -> None:
    assert "maxmemory-policy noeviction" in SERVICES["redis"]["command"][-1]


def test_the_image_copies_existing_files_and_runs_without_root() -> None:
    sources = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if re.match(r"COPY (?!--from)", line)]
    names = [name for line in sources for name in line]
    assert {"engine", "versions", "dashboard", "templates", "manage.py", "static/dist"} <= set(names)
    assert [name for name in names if not (ROOT / name).exists()] == []
    users = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["interlock"]


def test_the_image_installs_the_locked_packages_and_the_driver() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9.-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-s3.lock")
    assert {pin.partition("==")[0] for pin in pins("requirements-s3.lock")} >= {"s3fs", "botocore"}
    assert pins("requirements-s3.lock") <= pins("requirements-dev.lock")
