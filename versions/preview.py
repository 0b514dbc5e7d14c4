"""The first rows of the files that a node would read, without a run."""

import time
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

from engine import definition, expressions
from engine.nodes import registry
from engine.sql.check.checker import Busy, Crashed, checker
from engine.worker.paths import url_scheme

SECONDS: Final = 2.0


def preview(node_type: Any, config: Any) -> dict[str, Any]:
    """Return {"columns", "rows"} (see engine.sql.check.head) of the files that a node reads, or {"wrong": message}.

    The latter if the type reads no files, the config is invalid or depends on the inputs of a run, or there is no such
    file.
    """
    reader = registry.get(node_type) if isinstance(node_type, str) else None
    if reader is None or not reader.file_reader or not isinstance(config, Mapping):
        return {"wrong": ""}
    field = next((one.field for one in reader.paths if one.direction == "read"), "")
    node = {"id": "node", "type": reader.type, "config": config}
    problems = definition.problems({"schema": definition.SCHEMA, "nodes": [node], "edges": []})
    if any(problem.severity == "error" for problem in problems) or expressions.places(reader.config, dict(config)):
        return {"wrong": ""}
    if url_scheme(config[field]):
        return {"wrong": ""}
    home = settings.INTERLOCK
    question = {
        "op": "rows",
        "reader": reader.file_reader,
        "path": config[field],
        "config": dict(config),
        "files": str(home.files),
        "data_roots": [str(root) for root in home.data_roots],
        "closed": list(home.closed),
    }
    try:
        return checker.ask(question, until=time.monotonic() + SECONDS)
    except (Busy, Crashed):
        return {"wrong": ""}
