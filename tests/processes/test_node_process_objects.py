"""table.read of object storage, through a driver of the test."""

import gzip
import json
import os
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes.node_process import NodeProcess, Nodes

DRIVER = """
import io, json, os
from fsspec import AbstractFileSystem

__version__ = "2026.9.0"

class S3FileSystem(AbstractFileSystem):
    protocol = "s3"

    def __init__(self, **options):
        super().__init__(**options)
        if "LAKE_DOWN" in os.environ:
            raise ConnectionError("nobody listens")
        with open(os.environ["LAKE"]) as file:
            self.objects = json.load(file)

    def ls(self, path, detail=True, **options):
        if "LAKE_KEY" not in os.environ:
            raise PermissionError("Forbidden")
        path = self._strip_protocol(path)
        found = {}
        for name, text in self.objects.items():
            if name == path:
                found[name] = {"name": name, "size": len(text), "type": "file"}
            elif name.startswith(path + "/"):
                rest = name[len(path) + 1:]
                child = path + "/" + rest.split("/")[0]
                kind = "file" if child == name else "directory"
                found[child] = {"name": child, "size": self.sizes(name, text), "type": kind}
        if not found:
            raise FileNotFoundError(path)
        return list(found.values()) if detail else list(found)

    def sizes(self, name, text):
        return 1 << 60 if name.endswith("huge.csv") else len(text)

    def _open(self, path, mode="rb", **options):
        return io.BytesIO(self.objects[path].encode("latin-1"))
"""
OBJECTS = {
    "lake/flights.csv": "carrier,delay\nUA,3\nAA,\n",
    "lake/flights.csv.gz": gzip.compress(b"carrier,delay\nUA,3\n").decode("latin-1"),
    "lake/rows.jsonl": '{"a": 1}\n{"a": 2}\n',
    "lake/many/2.csv": "month\n2\n",
    "lake/many/1.csv": "month\n1\n",
    "lake/many/": "",
    "lake/odd/a[1].csv": "a\n1\n",
    "lake/parts/year=2024/x.csv": "a\n1\n",
    "lake/parts/year=2025/x.csv": "a\n2\n",
    "lake/above/../../../up.csv": "a\n1\n",
    "lake/above/..": "a\n1\n",
    "lake/bad.csv": "a,b\n1,2\n3,4,5\n",
    "lake/huge.csv": "a\n1\n",
}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter with the product's packages and a package `s3fs`, whose storage is a JSON file."""
    home = tmp_path_factory.mktemp("python")
    venv.create(home, with_pip=False, symlinks=True)
    python = str(home / "bin" / "python")
    paths = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    (Path(paths["purelib"]) / "s3fs.py").write_text(DRIVER)
    (Path(paths["purelib"]) / "product.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return python


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what the environment of a node needs to read the bucket `lake`."""
    lake = tmp_path_factory.mktemp("lake") / "lake.json"
    lake.write_text(json.dumps(OBJECTS))
    return {"LAKE": str(lake), "LAKE_KEY": "secret"}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, python: str) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path_factory.mktemp("node"), python)
    yield nodes
    nodes.close()


def read(nodes: Nodes, env: dict[str, str], path: str, **more: Any) -> dict[str, Any]:
    """Return the end of an attempt that reads `path`. No copy is left."""
    node = nodes.get()
    options = more.pop("options", {})
    given = {"env": {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **env}, "timeout": 60.0, **more}
    ended = node.run("table.read", {"path": path, "options": options}, **given)
    assert not list((node.home / "scratch").rglob("*.csv*"))
    return ended


def rows(nodes: Nodes, ended: dict[str, Any]) -> list[dict[str, Any]]:
    assert ended["k"] == "done", ended
    node: NodeProcess = nodes.get()
    code = "def main(inputs, ctx):\n    return inputs['t'].rows()\n"
    found: list[dict[str, Any]] = node.value(node.python(code, inputs={"t": node.input(ended)}))
    return found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://lake/flights.csv", [{"carrier": "UA", "delay": 3}, {"carrier": "AA", "delay": None}]),
        ("s3://lake/flights.csv.gz", [{"carrier": "UA", "delay": 3}]),
        ("s3://lake/rows.jsonl", [{"a": 1}, {"a": 2}]),
        ("s3://lake/many/*.csv", [{"month": 1}, {"month": 2}]),
        ("s3://lake/odd/a[1].csv", [{"a": 1}]),
        ("s3://lake/parts/**/*.csv", [{"a": 1, "year": 2024}, {"a": 2, "year": 2025}]),
    ],
)
def test_objects_are_read_like_files(
    nodes: Nodes, credentials: dict[str, str], path: str, expected: list[dict[str, Any]]
) -> None:
    assert rows(nodes, read(nodes, credentials, path)) == expected


def test_the_column_of_names_holds_urls(nodes: Nodes, credentials: dict[str, str]) -> None:
    found = rows(nodes, read(nodes, credentials, "s3://lake/many/*.csv", options={"filename": True}))
    assert [row["filename"] for row in found] == ["s3://lake/many/1.csv", "s3://lake/many/2.csv"]


def test_a_key_with_dots_stays_in_the_folder_of_copies(nodes: Nodes, credentials: dict[str, str]) -> None:
    assert rows(nodes, read(nodes, credentials, "s3://lake/above/../../../up.csv")) == [{"a": 1}]
    assert not list(nodes.home.parent.rglob("up.csv"))
    assert read(nodes, credentials, "s3://lake/above/..")["error"]["class"] == "PathRefused"


def test_a_download_without_room_on_the_disk_is_not_started(nodes: Nodes, credentials: dict[str, str]) -> None:
    error = read(nodes, credentials, "s3://lake/huge.csv")["error"]
    assert error["class"] == "PathRefused"
    assert f"{1 << 60:,} bytes" in error["message"]


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("s3://lake/nope.csv", "NoSuchFile", "There is no object"),
        ("s3://lake/nope*.csv", "NoSuchFile", "No object matches"),
        ("s3://nobucket/a.csv", "NoSuchFile", "nobucket"),
        ("s3://lake/many", "NoSuchFile", "is a folder"),
        ("s3://lake/bad.csv", "BadData", 'Line 3 of "s3://lake/bad.csv"'),
    ],
)
def test_the_error_of_an_unreadable_object_has_the_reason(
    nodes: Nodes, credentials: dict[str, str], path: str, name: str, message: str
) -> None:
    error = read(nodes, credentials, path)["error"]
    assert (error["class"], message in error["message"]) == (name, True), error


@pytest.mark.parametrize(
    ("change", "message"), [({"LAKE_DOWN": "1"}, "nobody listens"), ({"LAKE_KEY": None}, "Forbidden")]
)
def test_the_error_of_a_refusing_storage_explains_where_credentials_come_from(
    nodes: Nodes, credentials: dict[str, str], change: dict[str, str | None], message: str
) -> None:
    env = {name: value for name, value in {**credentials, **change}.items() if value is not None}
    error = read(nodes, env, "s3://lake/flights.csv")["error"]
    assert error["class"] == "PathRefused"
    assert message in error["message"]
    assert "INTERLOCK_NODE_ENV" in error["message"]


def test_data_roots_refuse_object_storage(nodes: Nodes, credentials: dict[str, str], tmp_path: Path) -> None:
    error = read(nodes, credentials, "s3://lake/flights.csv", data_roots=[str(tmp_path)])["error"]
    assert error["class"] == "PathRefused"
    assert "INTERLOCK_DATA_ROOTS" in error["message"]


@pytest.mark.parametrize(
    ("scheme", "package"), [("gs", "gcsfs"), ("gcs", "gcsfs"), ("abfss", "adlfs"), ("az", "adlfs")]
)
def test_a_missing_driver_is_named(nodes: Nodes, scheme: str, package: str) -> None:
    error = read(nodes, {}, f"{scheme}://lake/flights.csv")["error"]
    assert error["class"] == "MissingPackage"
    assert f"pip install {package}" in error["message"]
