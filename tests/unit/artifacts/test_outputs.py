"""Outputs as the API returns them: rows, values and files."""

import csv
import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.artifacts import Artifacts, outputs
from engine.worker import duck


def table(artifacts: Artifacts, sql: str) -> dict[str, Any]:
    """Return the stored form of a query's result."""
    staged = artifacts.stage("test", ".parquet")
    connection = duck.connect(paths=[staged])
    connection.execute("CREATE VIEW x AS SELECT 1")
    Path(artifacts.staging).mkdir(parents=True, exist_ok=True)
    connection.execute(f"COPY ({sql}) TO '{staged}' (FORMAT parquet, USE_TMP_FILE false)")
    described = connection.execute(f"DESCRIBE FROM '{staged}'").fetchall()
    count = connection.execute(f"SELECT count(*) FROM '{staged}'").fetchone()[0]
    connection.close()
    size = Path(staged).stat().st_size
    schema = [{"name": row[0], "type": row[1]} for row in described]
    name = artifacts.add_staged(staged, ".parquet")
    return {"kind": "table", "artifact": name, "schema": schema, "row_count": count, "bytes": size, "ports": ["out"]}


def exported(stored: dict[str, Any], artifacts: Artifacts, format: str) -> bytes:
    return b"".join(outputs.export(stored, artifacts, format))


def test_rows_come_with_offset_and_limit_in_order(artifacts: Artifacts) -> None:
    stored = table(artifacts, "select range n from range(1000)")
    found = outputs.table_rows(stored, artifacts, 990, 100)
    assert found["row_count"] == 1000
    assert found["schema"] == [{"name": "n", "type": "BIGINT"}]
    assert [row["n"] for row in found["rows"]] == list(range(990, 1000))
    assert outputs.table_rows(stored, artifacts, 5000, 10)["rows"] == []


def test_a_column_may_have_the_name_of_the_rows_alias(artifacts: Artifacts) -> None:
    stored = table(artifacts, "select null::int r, 2 R_, 3 t, 4 struct, 5 s")
    assert outputs.table_rows(stored, artifacts, 0, 9)["rows"] == [{"r": None, "R_": 2, "t": 3, "struct": 4, "s": 5}]


def test_numbers_that_a_double_would_round_are_text(artifacts: Artifacts) -> None:
    stored = table(
        artifacts,
        "select 12345678901234567890.123456789012345678::decimal(38,18) a, 0.1::decimal(18,3) b, 0.1::double c, "
        "1e300::double d, [0.1234567890123456789::decimal(38,19)] e",
    )
    (row,) = outputs.table_rows(stored, artifacts, 0, 1)["rows"]
    assert row == {
        "a": "12345678901234567890.123456789012345678",
        "b": 0.1,
        "c": 0.1,
        "d": 1e300,
        "e": ["0.1234567890123456789"],
    }


def test_a_download_as_json_has_the_numbers_of_the_rows(artifacts: Artifacts) -> None:
    stored = table(
        artifacts,
        "select x::double a, x::float b, [x::double] c, {'NaN': x::double} d, 'NaN, Infinity' e, 7 f, "
        "(n / 3)::decimal(38,18) g, (12345678901234567 + n)::decimal(18,1) h "
        "from (values ('nan', 1), ('inf', 2), ('-inf', 3), ('1.5', 4), (null, 5), ('0.30000000000000004', 6)) t(x, n)",
    )
    rows = outputs.table_rows(stored, artifacts, 0, 10)["rows"]
    assert json.loads(exported(stored, artifacts, "json"), parse_constant=pytest.fail) == rows
    assert [row["a"] for row in rows] == ["NaN", "Infinity", "-Infinity", 1.5, None, 0.30000000000000004]
    assert rows[1]["c"] == ["Infinity"]
    assert rows[1]["d"] == {"NaN": "Infinity"}
    assert rows[1]["e"] == "NaN, Infinity"
    assert json.loads(exported(table(artifacts, "select 1 a where false"), artifacts, "json")) == []


def test_an_integer_too_long_for_python_is_text(artifacts: Artifacts) -> None:
    for digits in ("9" * 5000, "-" + "9" * 5000):
        stored = table(artifacts, f"select '{digits}'::json a")
        assert outputs.table_rows(stored, artifacts, 0, 1)["rows"] == [{"a": digits}]
        assert json.loads(exported(stored, artifacts, "json")) == [{"a": digits}]


def test_columns_whose_numbers_may_be_text_are_marked(artifacts: Artifacts) -> None:
    stored = table(
        artifacts,
        "select 1::float a, 1::double b, 1::decimal(38,2) c, 1::decimal(16,2) d, [1::double] e, {'x': 1::double} f, "
        "1::decimal(15,2) g, 1 h, 1::bigint i, 'x' j, null::date k",
    )
    schema = outputs.table_rows(stored, artifacts, 0, 1)["schema"]
    assert [column["name"] for column in schema if column.get("number_text")] == ["a", "b", "c", "d", "e", "f"]
    assert "number_text" not in stored["schema"][0]


def test_every_cell_is_json(artifacts: Artifacts) -> None:
    stored = table(
        artifacts,
        "select 'nan'::double a, '-inf'::float b, 1.50::decimal(10,2) c, "
        "'2013-01-01 05:00:00+01'::timestamptz d, "
        "timestamp '2013-01-01 05:00:00.5' e, date '2013-01-01' f, time '01:02:03' g, [1, null] h, "
        "{'x': {'y': 'é'}} i, "
        "map {'k': 1} j, '\\xFF'::blob k, 9007199254740993 l, true m, null::int n, uuid() o, interval 1 day p, "
        '1::ubigint "we""ird \'; --"',
    )
    (row,) = outputs.table_rows(stored, artifacts, 0, 10)["rows"]
    json.dumps(row, allow_nan=False)
    assert row["a"] == "NaN"
    assert row["b"] == "-Infinity"
    assert row["c"] == 1.5
    assert row["d"] == "2013-01-01T04:00:00Z"
    assert row["e"] == "2013-01-01T05:00:00.5"
    assert row["f"] == "2013-01-01"
    assert row["h"] == [1, None]
    assert row["i"] == {"x": {"y": "é"}}
    assert row["l"] == 9007199254740993
    assert row["n"] is None
    assert row["we\"ird '; --"] == 1


def test_csv_neutralises_formulas_and_leaves_numbers_alone(artifacts: Artifacts) -> None:
    stored = table(
        artifacts,
        "select * from (values ('=1+1', -5, -1.5, '-5'), ('+x', 6, 'nan'::double, 'plain'), "
        "('@sum', null, 0.0, chr(9) || 'x'), ('a,\"b', 1, 1.0, '')) t(\"=formula\", whole, fraction, text)",
    )
    lines = list(csv.reader(io.StringIO(exported(stored, artifacts, "csv").decode())))
    assert lines[0] == ["'=formula", "whole", "fraction", "text"]
    assert lines[1] == ["'=1+1", "-5", "-1.5", "'-5"]
    assert lines[2][0] == "'+x"
    assert lines[3] == ["'@sum", "", "0.0", "'\tx"]
    assert lines[4] == ['a,"b', "1", "1.0", ""]


def test_json_and_parquet_hold_the_whole_table(artifacts: Artifacts) -> None:
    stored = table(artifacts, "select range n, case when range = 1 then 'nan'::double else 1.5 end x from range(3)")
    assert json.loads(exported(stored, artifacts, "json"), parse_constant=pytest.fail) == [
        {"n": 0, "x": 1.5},
        {"n": 1, "x": "NaN"},
        {"n": 2, "x": 1.5},
    ]
    assert exported(stored, artifacts, "parquet") == artifacts.path(stored["artifact"]).read_bytes()
    assert not list(Path(artifacts.staging).iterdir())


def test_a_large_export_is_returned_in_pieces(artifacts: Artifacts) -> None:
    stored = table(artifacts, "select range n, repeat('x', 100) s from range(20000)")
    pieces = list(outputs.export(stored, artifacts, "csv"))
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= outputs.CHUNK_BYTES
    assert b"".join(pieces).count(b"\n") == 20_001


def test_values_are_read_inline_or_from_their_artifact(artifacts: Artifacts) -> None:
    small = {"kind": "json", "value": {"a": "é"}, "bytes": 10, "ports": ["out"]}
    name = artifacts.put_bytes(b"[1,2]", ".json")
    large = {"kind": "json", "artifact": name, "bytes": 5, "ports": ["out"]}
    assert outputs.load_value(small, artifacts) == {"a": "é"}
    assert outputs.load_value(large, artifacts) == [1, 2]
    assert json.loads(exported(small, artifacts, "json")) == {"a": "é"}
    assert exported(large, artifacts, "json") == b"[1,2]"


def test_an_export_that_is_impossible_fails_before_a_byte_is_sent(artifacts: Artifacts) -> None:
    value = {"kind": "json", "value": 1, "bytes": 1, "ports": ["out"]}
    with pytest.raises(outputs.ExportError, match="json only"):
        outputs.export(value, artifacts, "csv")
    with pytest.raises(outputs.ExportError, match="xlsx"):
        outputs.export(value, artifacts, "xlsx")


def test_a_missing_or_broken_artifact_is_unreadable(artifacts: Artifacts) -> None:
    stored = table(artifacts, "select 1 a")
    path = artifacts.path(stored["artifact"])
    path.chmod(0o600)
    path.write_bytes(b"no parquet")
    with pytest.raises(outputs.UnreadableOutput, match="cannot be read"):
        outputs.table_rows(stored, artifacts, 0, 10)
    path.unlink()
    for ask in (lambda: outputs.table_rows(stored, artifacts, 0, 1), lambda: outputs.export(stored, artifacts, "csv")):
        with pytest.raises(outputs.UnreadableOutput, match="it no longer exists"):
            ask()


def test_rows_can_be_read_from_many_threads(artifacts: Artifacts) -> None:
    stored = table(artifacts, "select range n from range(1000)")
    sums: list[int] = []

    def read() -> None:
        for offset in range(0, 1000, 100):
            rows = outputs.table_rows(stored, artifacts, offset, 100)["rows"]
            sums.extend(row["n"] for row in rows)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sums) == 4 * sum(range(1000))


def test_nulls_of_each_column_are_counted(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    flat = "select if(range % 4 = 0, null, range) a, null::varchar b, 'x' c from range(1000)"
    stored = table(artifacts, flat)
    assert outputs.null_counts(stored, artifacts) == ([250, 1000, 0], 1000)
    nested = table(artifacts, f"select *, if(a is null, null, [a, null]) l, {{'k': b}} s from ({flat})")
    # Lists and structs have no statistics: the rows are counted.
    assert outputs.null_counts(nested, artifacts) == ([250, 1000, 0, 250, 0], 1000)
    monkeypatch.setattr(outputs, "NULLS_ROWS_MAX", 100)
    again = table(artifacts, f"select [a] l from ({flat})")
    counts, rows = outputs.null_counts(again, artifacts)
    assert (counts, rows) == ([0], 100)
    empty = table(artifacts, f"select * from ({flat}) where false")
    assert outputs.null_counts(empty, artifacts) == ([0, 0, 0], 0)


def test_numbers_of_nulls_are_cached_by_content(artifacts: Artifacts) -> None:
    stored = table(artifacts, "select null::int n from range(7)")
    assert outputs.null_counts(stored, artifacts) == ([7], 7)
    artifacts.delete(stored["artifact"])
    assert outputs.null_counts(stored, artifacts) == ([7], 7)
