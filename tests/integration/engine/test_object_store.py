"""Artifacts in an object store: complete or an error, fetched once, and copies up to the limit."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dashboard.doctor import installation
from engine.actions import retention, runs
from engine.artifacts import artifacts_of, outputs
from engine.artifacts import s3 as object_store
from engine.artifacts.cached import RECENT_SECONDS, SPARE_BYTES, CachedArtifacts
from engine.artifacts.s3 import ArtifactStoreError, ObjectStore, WrongContent
from engine.config import ConfigError, from_environment
from engine.models import NodeRun
from tests.support import s3
from tests.support.factories import chain
from tests.support.product import ROOT


@pytest.fixture(scope="module")
def served() -> Iterator[s3.Server]:
    with s3.server() as made:
        yield made


@pytest.fixture
def server(served: s3.Server) -> s3.Server:
    for name in served.objects():
        served.client().delete_object(Bucket=s3.BUCKET, Key=f"some/place/{name}")
    return served


def on(folder: Path, url: str, bytes_max: int = 1 << 30) -> CachedArtifacts:
    """Return the artifacts of a host with copies in `folder`."""
    return CachedArtifacts(folder, ObjectStore(url), bytes_max)


def read(artifacts: CachedArtifacts, name: str) -> bytes:
    with artifacts.open(name) as file:
        return file.read()


def age(artifacts: CachedArtifacts, name: str, seconds: float) -> None:
    at = time.time() - seconds
    os.utime(artifacts.path(name), (at, at))


def test_one_host_reads_what_another_has_stored(server: s3.Server, tmp_path: Path) -> None:
    one, two = on(tmp_path / "one", server.url), on(tmp_path / "two", server.url)
    name = one.put_bytes(b"[1, 2]", ".json")
    assert server.objects() == {name: 6}
    assert not two.path(name).exists()
    with two.open(name) as file:
        assert file.read() == b"[1, 2]"
    assert outputs.load_value({"artifact": name}, two) == [1, 2]
    assert [(entry.name, entry.size) for entry in two.files()] == [(name, 6)]
    assert two.exists(name)


def test_an_object_is_fetched_once(server: s3.Server, tmp_path: Path) -> None:
    name = on(tmp_path / "one", server.url).put_bytes(b"x" * 100_000)
    two = on(tmp_path / "two", server.url)
    fetched: list[str] = []
    get = two.store.get
    two.store.get = lambda name, path: (fetched.append(name), get(name, path))[1]  # type: ignore[func-returns-value, method-assign]
    threads = [threading.Thread(target=lambda: two.open(name).close()) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == [name]


def test_a_large_object_is_complete(server: s3.Server, tmp_path: Path) -> None:
    """It is larger than what the driver sends in one piece."""
    content = b"".join(bytes([number]) * 1024 * 1024 for number in range(60))
    name = on(tmp_path / "one", server.url).put_bytes(content, ".parquet")
    with on(tmp_path / "two", server.url).open(name) as found:
        assert found.read() == content


@pytest.mark.parametrize("wrong", [b"", b"who", b"WHOLE"], ids=["empty", "cut off", "changed"])
def test_an_object_with_wrong_content_is_never_used(server: s3.Server, tmp_path: Path, wrong: bytes) -> None:
    name = on(tmp_path / "one", server.url).put_bytes(b"whole")
    server.write(name, wrong)
    two = on(tmp_path / "two", server.url)
    for _ in range(2):
        with pytest.raises(WrongContent, match=f"{name} does not match its name: {len(wrong)} bytes"):
            two.open(name)
    assert two.open_copy(name) is None
    assert os.listdir(two.incoming) == []
    # Storing the same content again repairs it.
    on(tmp_path / "three", server.url).put_bytes(b"whole")
    assert read(two, name) == b"whole"


def test_a_missing_object_is_told_apart_from_a_server_that_is_away(server: s3.Server, tmp_path: Path) -> None:
    artifacts = on(tmp_path / "one", server.url)
    name = "ab/ab" + "0" * 62
    with pytest.raises(FileNotFoundError, match="There is no object"):
        artifacts.open(name)
    assert not artifacts.exists(name)
    with pytest.raises(outputs.UnreadableOutput, match="it no longer exists"):
        outputs.load_value({"artifact": name}, artifacts)


def test_a_missing_bucket_is_named(server: s3.Server, tmp_path: Path) -> None:
    artifacts = on(tmp_path / "one", "s3://none-such/x")
    for action in (lambda: artifacts.put_bytes(b"a"), lambda: artifacts.open("ab/ab" + "0" * 62)):
        with pytest.raises(ArtifactStoreError, match="INTERLOCK_ARTIFACTS is s3://none-such/x, but there is no such"):
            action()


def test_a_server_that_is_away_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with s3.server() as server:
        artifacts = on(tmp_path / "one", server.url)
        name = artifacts.put_bytes(b"a")
        server.kill()
        assert read(artifacts, name) == b"a"  # its copy
        other = on(tmp_path / "two", server.url)
        with pytest.raises(ArtifactStoreError, match=r"INTERLOCK_ARTIFACTS is .*its server does not answer"):
            other.open(name)
        with pytest.raises(outputs.UnreachableOutput, match="INTERLOCK_ARTIFACTS"):
            outputs.load_value({"artifact": name}, other)


def test_without_credentials_the_variables_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in s3.Server().environment.items():
        if not name.endswith(("_KEY_ID", "_ACCESS_KEY")):
            monkeypatch.setenv(name, value)
    with pytest.raises(ArtifactStoreError, match=r"INTERLOCK_ARTIFACTS is .*no credentials.*AWS_ACCESS_KEY_ID"):
        on(tmp_path, "s3://lake/x").put_bytes(b"a")


def test_copies_used_longest_ago_are_evicted_first(server: s3.Server, tmp_path: Path) -> None:
    artifacts = on(tmp_path, server.url, bytes_max=2500)
    names = [artifacts.put_bytes(bytes([number]) * 1000) for number in range(4)]
    assert artifacts.evict(now=True) == 0  # all are recent
    for number, name in enumerate(names):
        age(artifacts, name, RECENT_SECONDS + 1000 - number)
    artifacts.open(names[0]).close()
    assert artifacts.evict(now=True) == 2
    assert [artifacts.path(name).exists() for name in names] == [True, False, False, True]
    assert read(artifacts, names[1]) == b"\1" * 1000
    assert len(server.objects()) == 4


def test_copies_are_evicted_when_the_disk_is_nearly_full(
    server: s3.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = on(tmp_path, server.url)
    names = [artifacts.put_bytes(bytes([number]) * 1000) for number in range(4)]
    for number, name in enumerate(names):
        age(artifacts, name, RECENT_SECONDS + 1000 - number)
    assert artifacts.evict(now=True) == 0
    free = SPARE_BYTES - 1500
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=free, f_frsize=1))
    assert artifacts.evict(now=True) == 2
    assert [artifacts.path(name).exists() for name in names] == [False, False, True, True]


def test_copies_are_evicted_for_one_that_is_needed(
    server: s3.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = on(tmp_path, server.url)
    old, fresh = (artifacts.put_bytes(data) for data in (b"old", b"fresh"))
    name = on(tmp_path / "elsewhere", server.url).put_bytes(b"needed")
    get = artifacts.store._files().get_file

    def full(*arguments: Any) -> None:
        if artifacts.path(old).exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        get(*arguments)

    monkeypatch.setattr(artifacts.store._files(), "get_file", full)
    with pytest.raises(ArtifactStoreError, match="the disk of INTERLOCK_HOME is full"):
        artifacts.open(name)
    age(artifacts, old, RECENT_SECONDS + 1)
    assert read(artifacts, name) == b"needed"
    assert artifacts.path(fresh).exists()


def test_a_copy_that_is_open_is_not_evicted(server: s3.Server, tmp_path: Path) -> None:
    artifacts = on(tmp_path, server.url, bytes_max=1)
    name = artifacts.put_bytes(b"held")
    with on(tmp_path, server.url).as_file(name) as path:
        age(artifacts, name, RECENT_SECONDS + 1)
        assert artifacts.evict(now=True) == 0
        assert path.read_bytes() == b"held"
    assert artifacts.evict(now=True) == 1


def test_an_input_that_is_returned_is_uploaded_again_only_if_it_is_old(server: s3.Server, tmp_path: Path) -> None:
    artifacts = on(tmp_path, server.url)
    name = artifacts.put_bytes(b"a")
    put: list[str] = []
    artifacts.store.put = lambda path, name: put.append(name)  # type: ignore[method-assign]
    artifacts.renew(name)
    assert put == []
    server.client().delete_object(Bucket=s3.BUCKET, Key=f"some/place/{name}")
    artifacts.renew(name)
    assert put == [name]


@pytest.mark.parametrize(
    "url",
    ["s3://", "s3://B/x", "gs://lake/x", "s3://key:secret@lake/x", "s3://lake/../x", "s3://lake/a b", "file:///tmp/x",
     "simplecache::s3://lake/x", "s3://lake/*", "http://lake/x"],
)  # fmt: skip
def test_urls_other_than_s3_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match=r"INTERLOCK_ARTIFACTS.*s3://bucket/prefix") as caught:
        from_environment({"INTERLOCK_ARTIFACTS": url})
    assert "secret" not in str(caught.value)


def test_copies_have_another_folder_than_artifacts_without_an_object_store(tmp_path: Path) -> None:
    before = from_environment({"INTERLOCK_HOME": str(tmp_path)})
    after = from_environment({"INTERLOCK_HOME": str(tmp_path), "INTERLOCK_ARTIFACTS": "s3://lake/x/"})
    assert (after.artifact_store, before.artifact_store) == ("s3://lake/x", "")
    assert after.artifacts != before.artifacts


def test_without_an_object_store_nothing_for_it_is_loaded(tmp_path: Path) -> None:
    code = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
django.setup()
from django.conf import settings
from engine.artifacts import artifacts_of
from engine.executors.factory import executor_of
import dashboard.urls
artifacts_of(settings.INTERLOCK).put_bytes(b"a")
executor_of(settings.INTERLOCK)
wanted = {"fsspec", "s3fs", "botocore", "aiohttp"}
print(*wanted & {name.partition(".")[0] for name in sys.modules}, *{"engine.artifacts.cached"} & set(sys.modules))
"""
    environment = {"PATH": os.environ["PATH"], "INTERLOCK_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_a_missing_driver_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ArtifactStoreError, match=r"INTERLOCK_ARTIFACTS is s3://lake/x, which needs .*make install-s3"):
        on(tmp_path, "s3://lake/x").put_bytes(b"a")


@pytest.mark.django_db
def test_prune_deletes_objects_that_no_node_run_names(
    server: s3.Server, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INTERLOCK = replace(settings.INTERLOCK, artifacts=str(tmp_path), artifact_store=server.url)
    artifacts = artifacts_of(settings.INTERLOCK)
    kept, gone = artifacts.put_bytes(b"kept"), artifacts.put_bytes(b"gone")
    server.write("not/ours", b"")
    run = runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
    NodeRun.objects.create(run=run, node="n0", state="succeeded", artifact=kept)
    assert retention.prune().artifacts == 0  # both are recent
    monkeypatch.setattr(retention, "ARTIFACT_HOURS", -1)
    pruned = retention.prune()
    assert (pruned.artifacts, pruned.artifact_bytes) == (1, 4)
    assert server.objects() == {kept: 4, "not/ours": 0}
    assert (artifacts.path(kept).exists(), artifacts.path(gone).exists()) == (True, False)


@pytest.mark.django_db
def test_prune_reports_a_store_that_cannot_be_used(tmp_path: Path, server: s3.Server, settings: Any) -> None:
    settings.INTERLOCK = replace(settings.INTERLOCK, artifacts=str(tmp_path), artifact_store="s3://none-such/x")
    with pytest.raises(
        CommandError, match="not all artifacts: INTERLOCK_ARTIFACTS is s3://none-such/x, but there is no"
    ):
        call_command("prune")


def test_missing_permissions_are_named(tmp_path: Path) -> None:
    with s3.server(open_to_all=False) as server:
        artifacts = on(tmp_path, server.url)
        message = r"INTERLOCK_ARTIFACTS is .* access to its objects is denied: .*AWS_ACCESS_KEY_ID"
        with pytest.raises(ArtifactStoreError, match=message):
            artifacts.put_bytes(b"a")
        with pytest.raises(ArtifactStoreError, match=message):
            artifacts.open("ab/ab" + "0" * 62)


def test_doctor_reports_problems_of_the_store(server: s3.Server, settings: Any) -> None:
    settings.INTERLOCK = replace(settings.INTERLOCK, artifact_store=server.url)
    assert [one.level for one in installation.object_store()] == ["ok"]
    assert server.objects() == {}
    settings.INTERLOCK = replace(settings.INTERLOCK, artifact_store="s3://none-such/x")
    (found,) = installation.object_store()
    assert (found.level, "there is no such bucket" in found.message) == ("problem", True)


def test_a_server_that_accepts_connections_and_does_not_answer_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3.server() as server:
        on(tmp_path / "before", server.url).put_bytes(b"before")
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGSTOP)
        monkeypatch.setattr(object_store, "READ_SECONDS", 1)
        monkeypatch.setattr(object_store, "PUT_SECONDS", 2)
        artifacts = on(tmp_path / "now", server.url)
        with pytest.raises(ArtifactStoreError, match="its server does not answer"):
            artifacts.put_bytes(b"a")
        with pytest.raises(ArtifactStoreError, match="its server does not answer"):
            artifacts.open("ab/ab" + "0" * 62)
