"""A further web process for a rig of several hosts, beside that of `up`."""

import contextlib
from collections.abc import Iterator

from tests.faults.hosts import Hosts
from tests.support.scaled import Web


@contextlib.contextmanager
def further_web(rig: Hosts, name: str = "web", **changed: str) -> Iterator[Web]:
    """Start a web process on its own host; `changed` is its own environment."""
    own = ("PATH", "LANG", "INTERLOCK_HOME")
    environment = {key: value for key, value in rig.product.environment.items() if key not in own}
    environment["INTERLOCK_ARTIFACTS"] = str(rig.home / "artifacts")
    web = Web(rig.folder / name, **environment | changed)
    web.token = rig.product.token
    try:
        web.start()
        yield web
    finally:
        if web.process is not None:
            web.kill()
