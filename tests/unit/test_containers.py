"""compose.yaml and docs/Dockerfile name existing parts, settings and folders. Nothing is built here."""

import re
import subprocess
import sys
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
    assert set(SERVICES) == {"postgres", "redis", "migrate", "web", "scheduler", "worker"}
    assert OURS["scheduler"]["deploy"]["replicas"] == 2
    assert {name for name, service in SERVICES.items() if "healthcheck" in service} == {"postgres", "redis", "web"}


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
    assert all("migrate" in OURS[name]["depends_on"] for name in ("web", "scheduler", "worker"))


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
    command = SERVICES["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


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
