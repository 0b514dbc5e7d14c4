from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from engine.supervisor import resource_sampling


def test_a_refused_process_stays_the_cause_of_what_the_code_makes_of_it():
    # The group tells it once: to the look that was first.
    told = iter([False, True, False])
    process: Any = SimpleNamespace(group=SimpleNamespace(tasks_refused=lambda: next(told)))
    attempt: Any = SimpleNamespace(refused=False)
    assert [resource_sampling.tasks_refused(process, attempt) for _ in range(3)] == [False, True, True]
    process.group = None
    assert resource_sampling.tasks_refused(process, attempt)
