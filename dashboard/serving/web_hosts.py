"""Records which hosts serve this database, to detect different SECRET_KEYs.

With different keys, a user who signs in at one host is signed out at the next. Each host records a hash of its key
while it serves; `doctor` compares them. A single host records nothing.
"""

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

RECORD_SECONDS: Final = 600.0
EXPIRY: Final = timedelta(hours=1)
"""A host that has recorded nothing for this long no longer serves."""


def key_hash() -> str:
    """Return a hash that tells keys apart. It is slow to compute, so that a short key cannot be guessed."""
    return hashlib.scrypt(settings.SECRET_KEY.encode(), salt=b"interlock: key print", n=2**14, r=8, p=1, dklen=16).hex()


def record(key: str) -> None:
    """Record that this host serves, with this hash of its key."""
    now = clock.now()
    WebHost.objects.filter(seen_at__lt=now - EXPIRY).delete()
    WebHost.objects.update_or_create(name=socket.gethostname()[:200], defaults={"key_print": key, "seen_at": now})


def hosts_with_other_keys() -> list[str]:
    """Return the hosts that serve with another key than this process."""
    found = WebHost.objects.filter(seen_at__gte=clock.now() - EXPIRY).exclude(key_print=key_hash())
    return list(found.order_by("name").values_list("name", flat=True))


async def keep_recording() -> None:
    """Record this host repeatedly while the server runs."""
    if connection.vendor != "postgresql":
        return
    key = key_hash()
    while True:
        try:
            await in_database(record, key)
        except DatabaseError as error:
            log.warning("web_host_not_recorded: %s", error)
        await asyncio.sleep(RECORD_SECONDS)
