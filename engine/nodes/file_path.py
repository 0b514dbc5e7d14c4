"""Paths in the configs of nodes that read or write files: the schemas of the fields, and their checks."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.nodes.base import Config
from engine.problems import ConfigProblem
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.worker.paths import DRIVERS, is_chained, url_scheme

PATH: Mapping[str, Any] = {
    "type": "string",
    "title": _("Path"),
    "minLength": 1,
    "maxLength": 4096,
    "x-editor": "path",
    "x-expression": True,
    "x-missing": _("Enter a path."),
}
FORMAT: Mapping[str, Any] = {
    "enum": ["auto", "csv", "json", "parquet"],
    "enumNames": [_("Auto"), "CSV", "JSON", "Parquet"],
    "title": _("Format"),
    "description": _("Auto: from the file extension"),
    "default": "auto",
}


def check_read(config: Config) -> Iterator[ConfigProblem]:
    """Refuse URLs that cannot be read."""
    path = config["path"]
    scheme = url_scheme(path)
    if scheme and (is_chained(path) or scheme not in DRIVERS):
        message = _(
            "{scheme}:// cannot be read, nor one URL through another (::). Use object storage ({schemes}), a path "
            "under the files folder, or an absolute path."
        )
        yield ConfigProblem(
            "path_scheme", Sentence(message, {"scheme": scheme, "schemes": ", ".join(DRIVERS)}), ("path",)
        )


def check_write(config: Config) -> Iterator[ConfigProblem]:
    """Refuse all URLs, because writing to object storage is not available yet."""
    if scheme := url_scheme(config["path"]):
        message = _(
            "Writing to object storage ({scheme}://) is not available yet. Use a path under the files folder, or an "
            "absolute path."
        )
        yield ConfigProblem("not_available_yet", Sentence(message, {"scheme": scheme}), ("path",))
