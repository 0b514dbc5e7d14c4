"""Warns about error classes in `retry_on` that are neither known nor raised by an earlier attempt."""

import builtins
import re
import threading
from collections.abc import Iterator
from typing import Any, Final

from cachetools import LRUCache, cached
from django.db.models import Q

from engine.models import Attempt, Run
from engine.models.conditions import runs_without_success
from engine.problems import Fix, Path, Problem, format_value, nearest, path_text
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.worker.errors import NodeError
from versions.node_policies import node_policies

RUNS_MAX: Final = 50
"""How many of the newest runs are examined, and how many of those that did not succeed."""
ATTEMPTS_MAX: Final = 2000
_PYTHON: Final = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)
_LIMITS: Final = {"SoftTimeout", "HardTimeout", "MemoryLimit", "ProcessLimit", "WorkerLost"}
_STORE: Final = {"ArtifactStoreError", "ArtifactGone", "WrongContent"}
_ENGINE: Final = (
    frozenset({"ExpressionError"}) | _LIMITS | _STORE | {kind.__name__ for kind in NodeError.__subclasses__()}
)


def problems(document: Any, workflow: str | None, user: str) -> list[Problem]:
    """Return a warning for each name in a `retry_on` that is neither a known error class nor one that an attempt had.

    `workflow`: None if there are no earlier runs; then only names that resemble a known one are reported.
    """
    unknown = [
        (path, node, name) for path, node, name, texts in _names(document) if not _is_known(name) and name not in texts
    ]
    if not unknown:
        return []
    seen = frozenset[str]() if workflow is None else _seen(workflow, user)
    found = []
    near_by_name: dict[str, str | None] = {}
    for path, node, name in unknown:
        if name in seen:
            continue
        if name not in near_by_name:
            near_by_name[name] = nearest(name, _PYTHON | _ENGINE | seen)
        near = near_by_name[name]
        if near is None and workflow is None:
            continue
        message = (
            _('No attempt has failed with {name} so far. Did you mean "{near}"?')
            if near
            else _("No attempt has failed with {name} so far. Check the name, with or without its module.")
        )
        sentence = Sentence(message, {"name": format_value(name), "near": near})
        fix = Fix.use(near, path) if near else None
        found.append(Problem("unknown_error_class", sentence, path_text(path), node, "warning", fix=fix))
    return found


def _is_known(name: str) -> bool:
    return name in _PYTHON or name in _ENGINE


def _names(document: Any) -> Iterator[tuple[Path, str | None, str, frozenset[str]]]:
    """Yield (path, node, name, words of the node's own code) for each name in a `retry_on`."""
    for place, node, node_id, policy in node_policies(document):
        names = policy.get("retry_on")
        if not isinstance(names, list):
            continue
        config = node.get("config")
        code = config.get("code") if isinstance(config, dict) else None
        words = frozenset(re.findall(r"[\w.]+", code)) if isinstance(code, str) else frozenset[str]()
        for at, name in enumerate(names):
            if isinstance(name, str) and name:
                yield ("nodes", place, "policy", "retry_on", at), node_id, name, words


def _seen(workflow: str, user: str) -> frozenset[str]:
    """Return the names of the classes, and of their bases, with and without module, of this workflow's failures."""
    visible = Q(draft=False) | Q(created_by=user)
    newest = Run.objects.filter(visible, workflow=workflow).order_by("-id")
    failed = runs_without_success().filter(visible, workflow=workflow).order_by("-id")
    runs = {pk: seq for rows in (newest, failed) for pk, seq in rows.values_list("pk", "seq")[:RUNS_MAX]}
    return _seen_in(tuple(sorted(runs.items())))


# Called several times a second while somebody types. As long as a run's seq is the same, its attempts are the same.
@cached(LRUCache(maxsize=32), lock=threading.Lock())
def _seen_in(runs: tuple[tuple[int, int], ...]) -> frozenset[str]:
    rows = Attempt.objects.filter(run_id__in=[pk for pk, _ in runs]).exclude(error=None)
    names = set()
    for row in rows.order_by("-id").values_list("error", flat=True)[:ATTEMPTS_MAX]:
        error = row or {}
        for name in (error.get("class"), *(error.get("bases") or ())):
            if isinstance(name, str):
                names |= {name, name.rpartition(".")[2]}
    return frozenset(names)
