"""Two ready workflows on real data, put into a new installation once.

`flight-delays` reads, cleans, joins and aggregates the flights of one month; `stuck-node` has a node that hangs.
What people change or delete of them stays changed and deleted.
"""

from __future__ import annotations

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
MARK = "samples_installed"
"""Action of the audit entry that says so: it outlives the workflows."""

SAMPLES: tuple[tuple[str, str, str], ...] = (
    (
        "stuck-node",
        "Stuck node",
        "Its second node asks a service that never answers. Start it, look at what the run says, and cancel the node.",
    ),
    (
        "flight-delays",
        "Flight delays",
        "Flights that left New York City in January 2013, joined with airlines and weather: delays by carrier and by "
        "wind, written as CSV and Parquet.",
    ),
)
"""(slug, name, description); the newest stands first in lists, so the first to try comes last."""


def document(slug: str) -> dict[str, Any]:
    """The definition of a sample."""
    found: dict[str, Any] = json.loads((FOLDER / f"{slug}.json").read_text(encoding="utf-8"))
    return found


def install_once(*, by: str) -> bool:
    """Put data and workflows into place, unless that was done before; whether it was done now."""
    if AuditEntry.objects.filter(workflow="", action=MARK).exists():
        return False
    copy_data(settings.INTERLOCK.files / "samples")
    with transaction.atomic():
        if AuditEntry.objects.filter(workflow="", action=MARK).exists():
            return False  # Another first start on this database was quicker.
        for slug, name, description in SAMPLES:
            try:
                workflow = workflows.create(name, slug=slug, description=description, tags=["sample"], by=by)
            except SlugTaken:
                continue  # A workflow of the user's own has that name.
            publish.publish(workflow, document(slug), message="As it came with Interlock", by=by)
        audit.record(MARK, by=by, details={"workflows": [slug for slug, _, _ in SAMPLES]})
    return True


def copy_data(target: Path) -> None:
    """Copy the data files; each appears whole or not at all. A file that is there is left alone."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for source in sorted(DATA.iterdir()):
        place = target / source.name
        if not source.is_file() or place.exists():
            continue
        draft = target / f".{source.name}.{os.getpid()}"
        try:
            shutil.copyfile(source, draft)
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
