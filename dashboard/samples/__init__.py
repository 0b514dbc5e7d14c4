"""Two sample workflows on real data, installed once in a new installation.

`flight-delays` reads, cleans, joins and aggregates the flights of one month; `stuck-node` has a node that hangs. Later
starts keep what people change, and do not restore what they delete.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from versions.actions import audit, publish, workflows
from versions.errors import SlugTaken
from versions.models import AuditEntry

FOLDER = Path(__file__).resolve().parent
DATA = FOLDER / "data"
ACTION = "samples_installed"
"""Action of the audit entry that records the installation. The entry outlives the workflows."""

SAMPLES: tuple[tuple[str, str, str], ...] = (
    (
        "stuck-node",
        "Stuck node",
        "Its second node calls a service that never responds. Run it, read why it is stuck, then cancel the node.",
    ),
    (
        "flight-delays",
        "Flight delays",
        "Flights from New York City in January 2013, joined with airlines and weather: delays by carrier and by wind, "
        "written as CSV and Parquet.",
    ),
)
"""(slug, name, description). The newest workflow is listed first, so the first to try comes last."""


def document(slug: str) -> dict[str, Any]:
    """Return the definition of a sample."""
    found: dict[str, Any] = json.loads((FOLDER / f"{slug}.json").read_text(encoding="utf-8"))
    return found


def install_once(*, by: str) -> bool:
    """Install data and workflows unless that was done before. Return whether it was done now."""
    if AuditEntry.objects.filter(workflow="", action=ACTION).exists():
        return False
    copy_data(settings.INTERLOCK.files / "samples")
    with transaction.atomic():
        if AuditEntry.objects.filter(workflow="", action=ACTION).exists():
            return False  # Another process installed them meanwhile.
        for slug, name, description in SAMPLES:
            try:
                workflow = workflows.create(name, slug=slug, description=description, tags=["sample"], by=by)
            except SlugTaken:
                continue  # The user has a workflow with this slug.
            publish.publish(workflow, document(slug), message="Sample included with Interlock", by=by)
        audit.record(ACTION, by=by, details={"workflows": [slug for slug, _, _ in SAMPLES]})
    return True


def copy_data(target: Path) -> None:
    """Copy the data files atomically. Existing files are left alone."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for source in sorted(DATA.iterdir()):
        place = target / source.name
        if not source.is_file() or place.exists():
            continue
        temporary = target / f".{source.name}.{os.getpid()}"
        try:
            shutil.copyfile(source, temporary)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
