"""The `path` of node types that read and write files: what can be said about it before a run."""

from __future__ import annotations

from collections.abc import Iterator

from engine.nodes.base import Config
from engine.problems import Finding
from engine.worker.paths import url_scheme


def check(config: Config) -> Iterator[Finding]:
    """A URL that stands there as it is need not wait for a run to be refused."""
    if scheme := url_scheme(config["path"]):
        message = (
            f"Files of object storage ({scheme}://...) are not available yet. "
            "Name a path under the files folder, or an absolute one."
        )
        yield Finding("not_available_yet", message, ("path",))
