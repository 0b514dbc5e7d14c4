"""The `path` of node types that read and write files: what can be said about it before a run."""

from __future__ import annotations

from collections.abc import Iterator

from engine.nodes.base import Config
from engine.problems import Finding
from engine.worker.paths import DRIVERS, is_chained, url_scheme


def check_read(config: Config) -> Iterator[Finding]:
    """A URL that stands there as it is need not wait for a run to be refused."""
    path = config["path"]
    scheme = url_scheme(path)
    if scheme and (is_chained(path) or scheme not in DRIVERS):
        message = (
            f"Files of {scheme}:// cannot be read, nor one URL through another (::). "
            f"Use object storage ({', '.join(DRIVERS)}), name a path under the files folder, or an absolute one."
        )
        yield Finding("path_scheme", message, ("path",))


def check_write(config: Config) -> Iterator[Finding]:
    """The same for a file that is to be written, for which no URL will do."""
    if scheme := url_scheme(config["path"]):
        message = (
            f"Writing to object storage ({scheme}://...) is not available yet. "
            "Name a path under the files folder, or an absolute one."
        )
        yield Finding("not_available_yet", message, ("path",))
