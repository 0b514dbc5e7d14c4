"""Artifacts: stored files, in a folder of this host or in an object store with copies on this host."""

from engine.artifacts.local import CHUNK_BYTES, Artifacts, StoredFile

__all__ = ["CHUNK_BYTES", "Artifacts", "StoredFile", "artifacts_of"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.config import Config


def artifacts_of(config: "Config") -> Artifacts:
    """Return the artifacts of this installation. Node processes only use `Artifacts`."""
    if config.artifact_store:
        from engine.artifacts.cached import cached_artifacts

        return cached_artifacts(config.artifacts, config.artifact_store, config.copies_mb * 1024 * 1024)
    return Artifacts(config.artifacts)
