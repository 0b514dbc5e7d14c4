"""Artifacts are complete or do not exist, are named by their content, and do not change."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from engine.artifacts import Artifacts


def test_a_name_is_the_hash_of_the_content(artifacts: Artifacts) -> None:
    name = artifacts.put_bytes(b"content", ".json")
    digest = hashlib.sha256(b"content").hexdigest()
    assert name == f"{digest[:2]}/{digest}.json"
    assert artifacts.path(name).read_bytes() == b"content"
    assert artifacts.put_bytes(b"content", ".json") == name
    with artifacts.open(name) as file:
        assert file.read() == b"content"


def test_a_staged_file_is_moved_and_has_the_name_of_its_content(artifacts: Artifacts) -> None:
    name = artifacts.put_bytes(b"x" * 3_000_000, ".parquet", claim="c1")
    staged = artifacts.stage("c2", ".parquet")
    Path(staged).write_bytes(b"x" * 3_000_000)
    assert artifacts.add_staged(staged, ".parquet") == name
    assert not os.listdir(artifacts.staging)


def test_content_that_is_stored_again_counts_as_new(artifacts: Artifacts) -> None:
    name = artifacts.put_bytes(b"a")
    os.utime(artifacts.path(name), (1, 1))
    assert artifacts.put_bytes(b"a") == name
    assert artifacts.path(name).stat().st_mtime > 1_000_000_000
    assert [(entry.name, entry.size) for entry in artifacts.files()] == [(name, 1)]


def test_a_file_of_the_wrong_size_under_the_name_is_replaced(artifacts: Artifacts) -> None:
    name = artifacts.put_bytes(b"whole")
    path = artifacts.path(name)
    path.chmod(0o600)
    path.write_bytes(b"who")
    artifacts.put_bytes(b"whole")
    assert path.read_bytes() == b"whole"


def test_artifacts_are_not_written_to_by_accident(artifacts: Artifacts) -> None:
    assert artifacts.path(artifacts.put_bytes(b"a")).stat().st_mode & 0o222 == 0


@pytest.mark.parametrize(
    "name", ["", "../x", "ab/../../etc/passwd", "/etc/passwd", "staging/x", "ab/abc", "AB/" + "A" * 64]
)
def test_only_names_of_artifacts_are_paths(artifacts: Artifacts, name: str) -> None:
    with pytest.raises(ValueError, match="no name of an artifact"):
        artifacts.path(name)


def test_delete_returns_whether_the_artifact_existed(artifacts: Artifacts) -> None:
    name = artifacts.put_bytes(b"a")
    assert artifacts.exists(name)
    assert artifacts.delete(name)
    assert not artifacts.delete(name)
    assert not artifacts.exists(name)


def test_staged_files_are_deleted_by_claim(artifacts: Artifacts) -> None:
    for claim in ("c1", "c1", "c2"):
        Path(artifacts.stage(claim)).write_bytes(b"half")
    artifacts.discard("c1")
    (left,) = os.listdir(artifacts.staging)
    assert left.startswith("c2-")


def test_the_same_content_from_many_threads_is_one_artifact(artifacts: Artifacts) -> None:
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(artifacts.put_bytes(b"same" * 100_000))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 1
    assert len(names) == 16
    assert artifacts.path(names[0]).stat().st_size == 400_000
    assert not os.listdir(artifacts.staging)
