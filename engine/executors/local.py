"""The executor of an installation on one host: a supervisor in the scheduler's own process."""

from __future__ import annotations

from engine.executors.base import Executor
from engine.supervisor.supervisor import Supervisor


class LocalExecutor(Supervisor):
    """Attempts run in node processes of this host. See `engine.executors.base.Executor`."""


def _conforms(executor: LocalExecutor) -> Executor:
    """Lets the type checker compare it with the seam."""
    return executor
