"""Makes the executor of an installation."""

from engine.config import Config
from engine.executors.base import Executor


def executor_of(config: Config) -> Executor:
    """Return the executor that INTERLOCK_EXECUTOR names. Imports only what that one needs."""
    if config.executor == "celery":
        from engine.executors.celery.executor import CeleryExecutor

        return CeleryExecutor(config)
    from engine.supervisor.supervisor import Supervisor

    supervisor = Supervisor(config)
    if config.artifact_store:
        from engine.supervisor.transfer import with_artifact_store

        return with_artifact_store(supervisor)
    return supervisor
