"""The restricted connection can open the given files and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.worker import duck


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "given.csv").write_text("a\n1\n")
    (tmp_path / "secret.csv").write_text("a\n2\n")
    connection = duck.lock(duck.connect(paths=[str(tmp_path / "given.csv")], temporary=str(tmp_path / "spill")))
    yield connection
    connection.close()


def test_a_query_reads_the_given_file(connection: Any, tmp_path: Path) -> None:
    assert connection.execute(f"select * from '{tmp_path}/given.csv'").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from '{folder}/secret.csv'",
        "select * from read_csv('{folder}/*.csv')",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('/proc/self/environ')",
        "select * from read_json_auto('/etc/passwd')",
        "select * from parquet_metadata('{folder}/secret.csv')",
        "select * from glob('/etc/*')",
        "attach '{folder}/new.db'",
        "copy (select 1) to '{folder}/out.csv'",
        "export database '{folder}/export'",
        "install httpfs",
        "load httpfs",
        "load '{folder}/x.duckdb_extension'",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "set threads = 64",
        "set memory_limit = '1TB'",
        "set lock_configuration = false",
        "reset lock_configuration",
        "set python_enable_replacements = true",
        "pragma enable_logging",
        "select * from local_rows",
        "select getenv('PATH')",
    ],
)
def test_a_query_cannot_read_other_files(connection: Any, tmp_path: Path, sql: str) -> None:
    local_rows = [1, 2, 3]
    assert local_rows
    with pytest.raises(duck.package().Error):
        connection.execute(sql.format(folder=tmp_path)).fetchall()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "spill") == ["given.csv", "secret.csv"]


def test_settings_are_applied() -> None:
    connection = duck.lock(duck.connect(memory_bytes=100 * 1024 * 1024, threads=1))
    found = dict(connection.execute("select name, value from duckdb_settings()").fetchall())
    assert found["threads"] == "1"
    assert found["memory_limit"] == "100.0 MiB"
    assert found["enable_external_access"] == "false"
    assert found["TimeZone"] == "UTC"
    connection.close()


@pytest.mark.parametrize("text", ["plain", "it's", "'; drop table x; --", '"', "\\", "é\n"])
def test_literals_and_identifiers_may_contain_any_text(text: str) -> None:
    connection = duck.connect()
    found = connection.execute(f"select {duck.quote(text)} as {duck.name(text)}")
    assert found.description[0][0] == text
    assert found.fetchall() == [(text,)]
    connection.close()
