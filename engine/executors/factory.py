"""Which executor an installation has."""

from __future__ import annotations

from engine.config import Config
from engine.executors.base import Executor


def executor_of(config: Config) -> Executor:
    """The executor that INTERLOCK_EXECUTOR names; neither loads what only the other one needs."""
    if config.executor == "celery":
        from engine.executors.celery import CeleryExecutor

        return CeleryExecutor(config)
    from engine.executors.local import LocalExecutor

    if config.artifact_store:
        from engine.supervisor.transfer import with_artifact_store

        return with_artifact_store(LocalExecutor(config))
    return LocalExecutor(config)
