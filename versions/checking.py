"""Validate a definition without running it: the validator's problems, and its SQL against the known columns."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings

from engine import definition
from engine.definition.validation.check import UNCHECKED
from engine.definition.validation.problem_list import PROBLEMS_MAX
from engine.problems import Fix, Problem, format_value, path_text
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.sql.check import inference
from versions import earlier_columns, error_classes
from versions.node_policies import node_policies

Column = dict[str, str]
"""{name, type}, with DuckDB's type name."""

TYPING_SECONDS: Final = 1.0
"""Time limit for checking SQL while somebody types. Unchecked statements are checked by the next call."""
COMPLETE_SECONDS: Final = 10.0
"""Time limit for checks that are made once: before publishing, by a program."""
BLOCKING_SECONDS: Final = 3.0
"""Time limit where a person waits for the next step, which reports errors in unchecked SQL too: running a draft,
publishing."""
_CONFIG: Final = re.compile(r"nodes\[(\d+)\]\.(?:config|type)")


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check."""

    problems: list[Problem]
    columns: dict[str, list[Column]] = field(default_factory=dict)
    """Columns of each node's output, as far as they are known."""
    columns_tag: str = ""
    """Changes when the columns change."""
    complete: bool = True
    """False if time ran out before all SQL was checked. The results are cached, so that the next check continues."""

    @property
    def valid(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)


def check(
    document: Any,
    *,
    pools: Mapping[str, int] | None = None,
    workflow: str | None = None,
    user: str = "",
    installed: bool = False,
    seconds: float = COMPLETE_SECONDS,
) -> Checked:
    """Return all problems of `document`, which may be any value, in document order where possible.

    `workflow`: slug of the workflow whose earlier runs provide columns, draft runs only of `user`; None: no earlier
    runs. `installed`: the pools that it requires must exist. `seconds`: time limit for DuckDB.
    """
    until = time.monotonic() + seconds
    problems = definition.problems(document, pools=pools, installed=installed)
    if any(problem.code in UNCHECKED for problem in problems):
        return Checked(problems)
    places = (_CONFIG.match(one.path) for one in problems if one.severity == "error")
    invalid = {int(place[1]) for place in places if place}
    config = settings.INTERLOCK
    found = inference.infer(
        document,
        wrong=invalid,
        files=inference.ReadableFiles(str(config.files), tuple(str(root) for root in config.data_roots), config.closed),
        earlier=lambda names: earlier_columns.columns(workflow, user, names, document) if workflow is not None else {},
        until=until,
    )
    more = [*found.problems, *error_classes.problems(document, workflow, user), *_unused_queues(document)]
    return Checked(
        [*problems, *more[: max(0, PROBLEMS_MAX - len(problems))]], found.columns, found.columns_tag, found.complete
    )


def _unused_queues(document: Any) -> list[Problem]:
    """Return a warning for each node with a queue, if this installation has none."""
    if settings.INTERLOCK.executor != "local":
        return []
    found = []
    for place, _node, name, policy in node_policies(document):
        queue = policy.get("queue")
        if not isinstance(queue, str) or queue == "default":
            continue
        path = ("nodes", place, "policy", "queue")
        message = _(
            "Queue {queue} has no effect: this installation runs all nodes on its own host. Remove the queue, or set "
            "INTERLOCK_EXECUTOR=celery and start a worker for it."
        )
        sentence = Sentence(message, {"queue": format_value(queue)})
        fix = Fix.remove("queue", path)
        found.append(Problem("queue_unused", sentence, path_text(path), name, "warning", fix=fix))
    return found
