"""Paths in the configs of nodes that read or write files: the schemas of the fields, and their checks."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.nodes.base import Config
from engine.problems import ConfigProblem
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.worker.paths import url_scheme

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


def check_write(config: Config) -> Iterator[ConfigProblem]:
    """Refuse all URLs, because writing to object storage is not available yet."""
    if scheme := url_scheme(config["path"]):
        message = _(
            "Writing to object storage ({scheme}://) is not available yet. Use a path under the files folder, or an "
            "absolute path."
        )
        yield ConfigProblem("not_available_yet", Sentence(message, {"scheme": scheme}), ("path",))
