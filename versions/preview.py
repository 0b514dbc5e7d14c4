"""The first rows of what a node would read, without a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

from engine import expressions
from engine.nodes import registry
from engine.problems import Problem
from engine.sql.check.checker import Busy, Crashed, checker
from engine.worker.paths import url_scheme

SECONDS: Final = 2.0
TYPE: Final = "table.read"


def preview(config: Any) -> dict[str, Any]:
    """Return {"columns", "rows"} (see engine.sql.check.head) for the config of a `table.read`, or {"wrong": sentence}.

    The latter if the config is invalid or depends on the inputs of a run, or the file does not exist.
    """
    reader = registry.get(TYPE)
    if reader is None or not isinstance(config, Mapping):
        return {"wrong": ""}
    if _problems(config) or expressions.places(reader.config, dict(config)) or url_scheme(config["path"]):
        return {"wrong": ""}
    home = settings.INTERLOCK
    question = {
        "op": "rows",
        "config": dict(config),
        "files": str(home.files),
        "data_roots": [str(root) for root in home.data_roots],
    }
    try:
        return checker.ask(question, until=time.monotonic() + SECONDS)
    except (Busy, Crashed):
        return {"wrong": ""}


def _problems(config: Mapping[str, Any]) -> list[Problem]:
    from engine import definition

    document = {"schema": "interlock/1", "nodes": [{"id": "node", "type": TYPE, "config": config}], "edges": []}
    return [problem for problem in definition.problems(document) if problem.severity == "error"]
