"""Limits on the processes of an attempt."""

from types import SimpleNamespace
from typing import Any

from engine.supervisor import resource_limits


def test_an_attempt_that_was_refused_a_process_once_counts_as_refused_from_then_on() -> None:
    # The control group reports a refusal only once.
    answers = iter([False, True, False])
    group: Any = SimpleNamespace(has_refused_tasks=lambda: next(answers))
    attempt: Any = SimpleNamespace(tasks_refused=False)
    assert [resource_limits.was_refused_tasks(group, attempt) for _ in range(3)] == [False, True, True]
    assert resource_limits.was_refused_tasks(None, attempt)
