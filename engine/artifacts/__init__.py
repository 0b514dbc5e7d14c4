"""Artifacts: stored outputs, in a folder of this host or in an object store with copies here."""

from engine.artifacts.local import CHUNK_BYTES, Artifacts, Entry

__all__ = ["CHUNK_BYTES", "Artifacts", "Entry", "artifacts_of"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.config import Config


def artifacts_of(config: "Config") -> Artifacts:
    """The artifacts of this installation. Node processes use `Artifacts` alone."""
    if config.artifact_store:
        from engine.artifacts.cached import stored_artifacts

        return stored_artifacts(config.artifacts, config.artifact_store, config.copies_mb * 1024 * 1024)
    return Artifacts(config.artifacts)
