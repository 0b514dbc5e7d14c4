"""Which hosts serve this database, and whether all have one SECRET_KEY: who signs in at one is else signed out at the
next. Each says so while it serves, with a print of its key; `doctor` compares. One host alone says nothing."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection

from dashboard.live.database import in_database
from dashboard.models import WebHost
from engine import clock

log = logging.getLogger("interlock.web")

NOTE_SECONDS: Final = 600.0
GONE: Final = timedelta(hours=1)
"""A host that has said nothing for so long serves no more."""


def key_print() -> str:
    """Tells two keys apart and no key: it is slow to make, so that a short one cannot be found by trying."""
    return hashlib.scrypt(settings.SECRET_KEY.encode(), salt=b"interlock: key print", n=2**14, r=8, p=1, dklen=16).hex()


def note(print_: str) -> None:
    """This host serves. Writes."""
    now = clock.now()
    WebHost.objects.filter(seen_at__lt=now - GONE).delete()
    WebHost.objects.update_or_create(name=socket.gethostname()[:200], defaults={"key_print": print_, "seen_at": now})


def with_other_keys() -> list[str]:
    """Names of hosts that serve with another key than this process has."""
    found = WebHost.objects.filter(seen_at__gte=clock.now() - GONE).exclude(key_print=key_print())
    return list(found.order_by("name").values_list("name", flat=True))


async def keep_noting() -> None:
    """For as long as the server runs."""
    if connection.vendor != "postgresql":
        return
    print_ = key_print()
    while True:
        try:
            await in_database(note, print_)
        except DatabaseError as error:
            log.warning("web_host_unnoted: %s", error)
        await asyncio.sleep(NOTE_SECONDS)
