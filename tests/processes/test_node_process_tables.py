"""Tables, SQL, files, branches and commands in a real node process."""

import gzip
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.supervisor import cgroup
from tests.processes.node_process import NodeProcess, Nodes
from tests.support.wait import wait_until

FLIGHTS = "carrier,delay\nUA,3\nUA,5\nAA,\n"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path_factory.mktemp("node"))
    yield nodes
    nodes.close()


@pytest.fixture
def node(nodes: Nodes) -> NodeProcess:
    return nodes.get()


@pytest.fixture
def files(nodes: Nodes) -> Path:
    return nodes.home / "files"


def table(node: NodeProcess, text: str = FLIGHTS) -> dict[str, Any]:
    """Return a table as an input, read from CSV text."""
    (node.home / "files" / "given.csv").write_text(text)
    return node.input(node.run("table.read", {"path": "given.csv"}))


def sql(node: NodeProcess, text: str, **more: Any) -> dict[str, Any]:
    given = {"inputs": {"flights": table(node)}, "expressions": [["sql"]], **more}
    return node.run("table.sql", {"sql": text}, **given)


def rows(node: NodeProcess, ended: dict[str, Any]) -> list[dict[str, Any]]:
    assert ended["k"] == "done", ended
    code = "def main(inputs, ctx):\n    return inputs['t'].rows()\n"
    found: list[dict[str, Any]] = node.value(node.python(code, inputs={"t": node.input(ended)}))
    return found


# -- table.read -------------------------------------------------------------------------------------------


def test_csv_becomes_a_table_with_types(node: NodeProcess, files: Path) -> None:
    (files / "a.csv").write_text("n,text,day\n1,x,2013-01-01\n2,,2013-01-02\n")
    output = node.run("table.read", {"path": "a.csv"})["output"]
    assert [column["type"] for column in output["schema"]] == ["BIGINT", "VARCHAR", "DATE"]
    assert output["row_count"] == 2
    artifact = node.home / "artifacts" / output["artifact"]
    assert artifact.stat().st_size == output["bytes"]
    assert not list((node.home / "artifacts" / "staging").iterdir())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", gzip.compress(FLIGHTS.encode(), mtime=0)),
        ("b.tsv", FLIGHTS.replace(",", "\t").encode()),
        ("c.csv", FLIGHTS.replace(",", ";").encode()),
        ("d.json", b'[{"carrier":"UA","delay":3},{"carrier":"UA","delay":5},{"carrier":"AA","delay":null}]'),
        ("e.ndjson", b'{"carrier":"UA","delay":3}\n{"carrier":"UA","delay":5}\n{"carrier":"AA","delay":null}\n'),
        (
            "f.jsonl.gz",
            gzip.compress(b'{"carrier":"UA","delay":3}\n{"carrier":"UA","delay":5}\n{"carrier":"AA"}\n', mtime=0),
        ),
    ],
)
def test_files_are_read_by_their_ending(node: NodeProcess, files: Path, name: str, content: bytes) -> None:
    (files / name).write_bytes(content)
    assert rows(node, node.run("table.read", {"path": name})) == [
        {"carrier": "UA", "delay": 3},
        {"carrier": "UA", "delay": 5},
        {"carrier": "AA", "delay": None},
    ]


def test_zstd_and_parquet_are_read_too(node: NodeProcess, files: Path) -> None:
    source = {"t": table(node)}
    for path in ("p.parquet", "z.csv.zst", "z.json.zst"):
        assert node.run("table.write", {"path": path}, inputs=source)["k"] == "done"
        assert len(rows(node, node.run("table.read", {"path": path}))) == 3


def test_a_glob_reads_many_files_in_order(node: NodeProcess, files: Path) -> None:
    (files / "many").mkdir(exist_ok=True)
    for month in (2, 1):
        (files / "many" / f"{month}.csv").write_text(f"month\n{month}\n")
    ended = node.run("table.read", {"path": "many/*.csv", "options": {"filename": False}})
    assert rows(node, ended) == [{"month": 1}, {"month": 2}]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a,b,c\n1,2,3\n4,5,6\n7,8\n", 4, "Expected Number of Columns: 3 Found: 2"),
        ("a,b\n1,2\n3,4,5\n", 3, "Expected Number of Columns: 2 Found: 3"),
        ('a,b\n1,2\n3,"4\n', 3, "unterminated quote"),
        ("a,b\n" + "1,2\n" * 30_000 + "1,x\n", 30_002, 'Could not convert string "x"'),
        ("a,b\n1,\xff\n", 2, "not utf-8"),
    ],
)
def test_the_error_of_a_csv_that_does_not_parse_names_the_line(
    node: NodeProcess, files: Path, text: str, line: int, message: str
) -> None:
    (files / "bad.csv").write_bytes(text.encode("latin-1"))
    error = node.run("table.read", {"path": "bad.csv"})["error"]
    assert error["class"] == "BadData"
    assert error["message"].startswith(f'Line {line} of "bad.csv" ')
    assert message in error["message"]


def test_other_files_that_do_not_parse_are_bad_data(node: NodeProcess, files: Path) -> None:
    (files / "bad.json").write_text('[{"a": 1}, {"a":')
    (files / "bad.parquet").write_text("PAR1 no")
    (files / "empty.csv").write_text("")
    for name in ("bad.json", "bad.parquet", "empty.csv"):
        error = node.run("table.read", {"path": name})["error"]
        assert error["class"] == "BadData"
        assert name in error["message"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("../secret.csv", "PathRefused"),
        ("link/secret.csv", "PathRefused"),
        ("link*/*.csv", "PathRefused"),
        ("secret_link.csv", "PathRefused"),
        ("nope.csv", "NoSuchFile"),
        ("nope*.csv", "NoSuchFile"),
        ("many", "BadConfig"),
        ("http://127.0.0.1/a.csv", "PathRefused"),
        ("file:///etc/a.csv", "PathRefused"),
        ("memory://a.csv", "PathRefused"),
        ("simplecache::s3://bucket/a.csv", "PathRefused"),
        ("s3://bucket/a.csv::file:///etc/a.csv", "PathRefused"),
        ("s3:///a.csv", "PathRefused"),
        ("s3://*/a.csv", "PathRefused"),
        ("a\0b.csv", "PathRefused"),
        ("noending", "BadConfig"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(node: NodeProcess, files: Path, path: str, name: str) -> None:
    (node.home / "secret.csv").write_text("a\n1\n")
    (files / "many").mkdir(exist_ok=True)
    (files / "noending").write_text("a\n1\n")
    for link, target in (("link", node.home), ("secret_link.csv", node.home / "secret.csv")):
        if not (files / link).is_symlink():
            (files / link).symlink_to(target)
    ended = node.run("table.read", {"path": path})
    assert ended["k"] == "failed"
    assert ended["error"]["class"] in (name, "NoSuchFile" if name == "BadConfig" else name)


def test_data_roots_narrow_absolute_paths(node: NodeProcess, tmp_path: Path) -> None:
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text("a\n1\n")
    inside, outside = str(tmp_path / "in" / "a.csv"), str(tmp_path / "out" / "a.csv")
    roots: dict[str, Any] = {"data_roots": [str(tmp_path / "in")]}
    assert node.run("table.read", {"path": inside}, **roots)["k"] == "done"
    assert node.run("table.read", {"path": outside})["k"] == "done"
    assert node.run("table.read", {"path": outside}, **roots)["error"]["class"] == "PathRefused"
    written = node.run("table.write", {"path": outside}, inputs={"t": table(node)}, **roots)
    assert written["error"]["class"] == "PathRefused"


def test_an_option_of_another_format_is_refused(node: NodeProcess, files: Path) -> None:
    (files / "a.json").write_text('[{"a":1}]')
    error = node.run("table.read", {"path": "a.json", "options": {"delim": ";"}})["error"]
    assert error["class"] == "BadConfig"
    assert "delim" in error["message"]


def test_options_are_used_and_cannot_inject_sql(node: NodeProcess, files: Path) -> None:
    (files / "o.csv").write_text("1|NULL\n2|'); select 1; --\n")
    options = {"delim": "|", "header": False, "nullstr": ["NULL", "x'y"], "columns": {"a": "INTEGER", "b'c": "VARCHAR"}}
    assert rows(node, node.run("table.read", {"path": "o.csv", "options": options})) == [
        {"a": 1, "b'c": None},
        {"a": 2, "b'c": "'); select 1; --"},
    ]
    evil = {"columns": {"a": "INTEGER)); COPY (SELECT 1) TO '/tmp/evil.csv'; --"}}
    assert node.run("table.read", {"path": "o.csv", "options": evil})["error"]["class"] == "BadData"
    assert not os.path.exists("/tmp/evil.csv")


SKIP = {"ignore_errors": True}


def test_lines_that_are_left_out_are_counted_and_the_first_is_named(node: NodeProcess, files: Path) -> None:
    good = [f"{n},t{n}" for n in range(3000)]
    (files / "a.csv").write_text("\n".join(["n,t", *good, "broken line", *good, "x,y,z", *good]) + "\n")
    envelope = node.envelope("table.read", {"path": "a.csv", "options": SKIP})
    node.send(envelope)
    *frames, ended = node.frames(envelope["claim"])
    output = ended["output"]
    assert output["row_count"] == 9000
    assert output["skipped"]["lines"] == 2
    first = output["skipped"]["first"]
    assert (first["line"], first["text"]) == (3002, "broken line")
    assert first["file"].endswith("a.csv")
    assert "Expected Number of Columns: 2" in first["reason"]
    logged = [(frame["level"], frame["m"]) for frame in frames if frame["k"] == "log"]
    assert [level for level, _ in logged] == ["info", "warning"]
    assert "2 lines that cannot be read. The first is line 3,002" in logged[-1][1]


def test_lines_that_an_open_quote_takes_along_are_counted(node: NodeProcess, files: Path) -> None:
    good = [f"{n},t{n}" for n in range(3000)]
    (files / "a.csv").write_text("\n".join(["n,t", *good, '1,"open', *good[:7]]) + "\n")
    output = node.run("table.read", {"path": "a.csv", "options": SKIP})["output"]
    assert (output["row_count"], output["skipped"]["lines"]) == (3000, 8)


def test_nothing_is_said_where_nothing_is_left_out(node: NodeProcess, files: Path) -> None:
    (files / "a.csv").write_text("n,t\n1,a\n")
    for options in ({}, SKIP, {**SKIP, "max_skipped": 0}, {**SKIP, "union_by_name": True}):
        output = node.run("table.read", {"path": "a.csv", "options": options})["output"]
        assert "skipped" not in output


def test_more_skipped_lines_than_the_limit_fail_the_node(node: NodeProcess, files: Path) -> None:
    (files / "a.csv").write_text("n,t\n" + "1,a\n" * 3000 + "1,a,b\n2\n")
    assert node.run("table.read", {"path": "a.csv", "options": {**SKIP, "max_skipped": 2}})["k"] == "done"
    error = node.run("table.read", {"path": "a.csv", "options": {**SKIP, "max_skipped": 1}})["error"]
    assert error["class"] == "BadData"
    assert "2 lines that cannot be read" in error["message"]
    assert "At most 1 may be skipped" in error["message"]


def test_skipped_lines_of_files_with_different_columns_are_counted(node: NodeProcess, files: Path) -> None:
    (files / "skips").mkdir(exist_ok=True)
    (files / "skips/a.csv").write_text("n,t\n" + "1,a\n" * 3000 + "1,a,b\n")
    (files / "skips/b.csv").write_text("n,u\n" + "1,a\n" * 3000 + "2\n")
    options = {**SKIP, "union_by_name": True}
    ended = node.run("table.read", {"path": "skips/*.csv", "options": options})
    assert ended["k"] == "done", ended
    output = ended["output"]
    assert (output["row_count"], output["skipped"]["lines"]) == (6000, 2)


def test_values_that_are_not_json_are_counted(node: NodeProcess, files: Path) -> None:
    (files / "a.json").write_text('{"a": 1}\n' * 4000 + '{"a": \n' + '{"a": 2}\n')
    output = node.run("table.read", {"path": "a.json", "options": SKIP})["output"]
    assert output["skipped"]["lines"] == 1
    assert output["skipped"]["first"]["line"] == 4001


# -- table.sql ---------------------------------------------------------------------------------------------


def test_sql_sees_the_inputs_by_their_ports(node: NodeProcess) -> None:
    ended = sql(node, "select carrier, sum(delay) s, count(*) n from flights group by 1 order by 1")
    assert rows(node, ended) == [{"carrier": "AA", "s": None, "n": 1}, {"carrier": "UA", "s": 8, "n": 2}]
    # sum() of whole numbers stays whole, though Parquet has no 128-bit integers.
    assert ended["output"]["schema"][1] == {"name": "s", "type": "DECIMAL(38,0)"}


def test_json_inputs_are_tables_when_they_can_be(node: NodeProcess) -> None:
    inputs = {"people": {"kind": "json", "value": [{"n": 1}, {"n": 2}]}, "one": {"kind": "json", "value": {"k": 5}}}
    ended = node.run("table.sql", {"sql": "select n, k from people, one order by n"}, inputs=inputs)
    assert rows(node, ended) == [{"n": 1, "k": 5}, {"n": 2, "k": 5}]


def test_expressions_are_bound_and_never_become_code(node: NodeProcess) -> None:
    text = "select count(*) n from flights\nwhere carrier = {{ inputs.carrier }}"
    assert rows(node, sql(node, text, run_inputs={"carrier": "UA"})) == [{"n": 2}]
    assert rows(node, sql(node, text, run_inputs={"carrier": "x' or 1=1 --"})) == [{"n": 0}]
    assert rows(
        node, sql(node, "select {{ [1, 2] }} l, {{ inputs.n }} n from flights limit 1", run_inputs={"n": 1.5})
    ) == [{"l": [1, 2], "n": 1.5}]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("select\n  nope\nfrom flights", 2),
        ("select *\nfrom flights\nwhere carrier::int > 1", 3),
        ("select *\nfrom nowhere", 2),
        ("select 1\nfrom flights where", 2),
        ("select sum(delay)\n, nope(1) from flights", 2),
    ],
)
def test_sql_that_fails_names_its_line(node: NodeProcess, text: str, line: int) -> None:
    error = sql(node, text)["error"]
    assert error["class"] == "SqlError"
    assert error["line"] == line
    assert f"LINE {line}:" in error["message"]
    assert error["traceback"] is None


@pytest.mark.parametrize(
    "text",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/*')",
        "select * from read_parquet('http://127.0.0.1:1/x')",
        "select * from sniff_csv('/etc/passwd')",
        "attach '/tmp/evil.db'",
        "install httpfs",
        "load httpfs",
        "copy flights to '/tmp/evil.csv'",
        "with x as (copy flights to '/tmp/evil.csv') select 1",
        "export database '/tmp/evil'",
        "select getenv('PATH')",
        "pragma version",
        "set threads = 1",
        "create table x as select 1",
        "insert into flights values ('x', 1)",
        "with x as (insert into flights values ('x', 1) returning *) select * from x",
        "call pragma_version()",
        "explain select 1",
        "describe flights",
        "values (1)",
        "prepare x as select 1",
        "select 1; select 2",
        "select 1;\ndrop table x",
        "select 1) to '/tmp/evil.csv' (format csv); --",
        "-- nothing",
        "",
        ";",
        "select * from os",
        "select * from duckdb",
    ],
)
def test_sql_that_does_more_than_read_its_inputs_is_refused(node: NodeProcess, text: str) -> None:
    ended = sql(node, text, env={"PATH": "/bin", "SECRET": "canary"})
    assert ended["k"] == "failed", ended
    assert ended["error"]["class"] == "SqlError"
    assert not os.path.exists("/tmp/evil.csv")
    assert not os.path.exists("/tmp/evil.db")


def test_a_semicolon_and_comments_are_allowed(node: NodeProcess) -> None:
    assert rows(node, sql(node, "-- first\n/* x */ (select 1 a); -- last")) == [{"a": 1}]
    assert rows(node, sql(node, "from flights select count(*) n -- no newline")) == [{"n": 3}]
    assert len(rows(node, sql(node, "with a as (from flights) select * from a"))) == 3


def test_a_query_is_interrupted_by_the_soft_limit(node: NodeProcess) -> None:
    table(node)  # DuckDB is loaded before the clock starts.
    text = "select count(*) from range(10000000) a, range(100000) b where a.range * b.range % 7 = 1"
    share = {"memory_bytes": 1 << 30, "threads": 2}
    envelope = node.envelope("table.sql", {"sql": text}, soft_timeout=0.5, duckdb=share)
    ended = node.signal_soft(envelope)[-1]
    assert ended["error"]["class"] == "SoftTimeout"
    assert ended["seconds"] < 15


def test_an_error_of_python_in_a_query_is_shown_though_duckdb_drops_it(node: NodeProcess) -> None:
    code = (
        "import duckdb, time\ndef main(inputs, ctx):\n    duckdb.sql('select 1').fetchall()\n    try:\n"
        "        duckdb.sql('select count(*) from range(10000000) a, range(100000) b "
        "where a.range * b.range % 7 = 1').fetchall()\n"
        "    except RuntimeError:\n        time.sleep(20)\n"
    )
    table(node)
    ended = node.signal_soft(node.envelope("python", {"code": code}, soft_timeout=0.7))[-1]
    assert ended["error"]["class"] == "SoftTimeout"


@pytest.mark.long
def test_what_does_not_fit_in_memory_goes_to_the_attempts_folder(node: NodeProcess) -> None:
    text = "select range a, hash(range) h, repeat('x', 40) || range s from range(2000000) order by h"
    ended = node.run("table.sql", {"sql": text}, duckdb={"memory_bytes": 60 << 20, "threads": 1}, timeout=60)
    assert ended["k"] == "done", ended
    assert not list((node.home / "scratch").glob("*/*"))


# -- tables in Python -----------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_python_reads_a_table_and_returns_one(node: NodeProcess) -> None:
    code = (
        "import duckdb\ndef main(inputs, ctx):\n    t = inputs['t']\n"
        "    assert t.row_count == 3 and len(t.rows(1)) == 1\n"
        "    assert t.schema[0] == {'name': 'carrier', 'type': 'VARCHAR'} and t.path.endswith('.parquet')\n"
        "    flights = t.relation()\n"
        "    return duckdb.sql('select carrier, sum(delay) s from flights group by 1 order by 1')\n"
    )
    ended = node.python(code, inputs={"t": table(node)})
    assert rows(node, ended) == [{"carrier": "AA", "s": None}, {"carrier": "UA", "s": 8}]
    assert ended["clean"]


def test_a_table_with_too_many_columns_to_report_is_refused(node: NodeProcess) -> None:
    code = (
        "import duckdb\ndef main(inputs, ctx):\n"
        "    return duckdb.sql('select ' + ', '.join(f'{n} as \"{n}{\"x\" * 3000}\"' for n in range(400)))\n"
    )
    error = node.python(code, timeout=60)["error"]
    assert error["class"] == "BadOutput"
    assert "400 columns" in error["message"]


def test_a_table_that_is_passed_on_is_the_same_artifact(node: NodeProcess) -> None:
    given = table(node)
    output = node.python("def main(inputs, ctx):\n    return inputs['t']\n", inputs={"t": given})["output"]
    assert str(node.home / "artifacts" / output["artifact"]) == given["path"]
    assert output["kind"] == "table"


def test_tables_of_one_attempt_are_not_visible_to_the_next(node: NodeProcess) -> None:
    code = "import duckdb\ndef main(inputs, ctx):\n    duckdb.execute('create table left_over as select 1 a')\n"
    look = "import duckdb\ndef main(inputs, ctx):\n    return duckdb.sql('show tables').fetchall()\n"
    assert node.python(code)["clean"]
    assert node.value(node.python(look)) == []


def test_times_with_a_zone_need_no_further_package(node: NodeProcess) -> None:
    ended = node.run("table.sql", {"sql": "select '2013-01-01 05:00:00+01'::timestamptz t"})
    code = "def main(inputs, ctx):\n    return inputs['t'].rows()[0]['t'].isoformat()\n"
    assert node.value(node.python(code, inputs={"t": node.input(ended)})) == "2013-01-01T04:00:00+00:00"


@pytest.mark.parametrize(("call", "package"), [("arrow", "pyarrow"), ("df", "pandas")])
def test_a_missing_package_is_named(node: NodeProcess, call: str, package: str) -> None:
    ended = node.python(f"def main(inputs, ctx):\n    return inputs['t'].{call}()\n", inputs={"t": table(node)})
    if ended["k"] == "failed":
        assert ended["error"]["class"] == "MissingPackage"
        assert package in ended["error"]["message"]
        assert ended["error"]["line"] == 2


@pytest.mark.parametrize(
    ("value", "message"), [("duckdb.execute('select 1')", "return a relation"), ("duckdb.sql", "function")]
)
def test_a_duckdb_object_that_is_no_table_is_bad_output(node: NodeProcess, value: str, message: str) -> None:
    error = node.python(f"import duckdb\ndef main(inputs, ctx):\n    return {value}\n")["error"]
    assert error["class"] == "BadOutput"
    assert message in error["message"].lower()


# -- table.write ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["w.csv", "w.parquet", "sub/folder/w.json", "w.csv.gz", "w.ndjson", "w.tsv"])
def test_a_table_is_written_completely_and_can_be_read_again(node: NodeProcess, files: Path, path: str) -> None:
    output = node.value(node.run("table.write", {"path": path}, inputs={"t": table(node)}))
    assert output == {"path": path, "row_count": 3, "bytes": (files / path).stat().st_size}
    assert len(rows(node, node.run("table.read", {"path": path}))) == 3
    assert not [name for name in os.listdir((files / path).parent) if "partial" in name]


def test_an_existing_file_is_replaced_kept_or_an_error(node: NodeProcess, files: Path) -> None:
    inputs = {"t": table(node)}
    (files / "there.csv").write_text("old")
    error = node.run("table.write", {"path": "there.csv", "if_exists": "fail"}, inputs=inputs)["error"]
    assert error["class"] == "TableExists"
    skipped = node.value(node.run("table.write", {"path": "there.csv", "if_exists": "skip"}, inputs=inputs))
    assert skipped["bytes"] == 3
    assert (files / "there.csv").read_text() == "old"
    assert node.run("table.write", {"path": "there.csv"}, inputs=inputs)["k"] == "done"
    assert (files / "there.csv").read_text() == FLIGHTS


def test_a_write_that_fails_leaves_what_was_there(node: NodeProcess, files: Path) -> None:
    (files / "kept.csv").write_text("old")
    inputs = {"v": {"kind": "json", "value": 5}}
    error = node.run("table.write", {"path": "kept.csv"}, inputs=inputs)["error"]
    assert error["class"] == "BadInput"
    assert (files / "kept.csv").read_text() == "old"
    assert not [name for name in os.listdir(files) if "partial" in name]


def test_the_one_table_among_the_inputs_is_written(node: NodeProcess, files: Path) -> None:
    null, listed = {"kind": "json", "value": None}, {"kind": "json", "value": [{"a": 1}]}
    for inputs, count in (({"order": null, "t": table(node), "l": listed}, 3), ({"order": null, "l": listed}, 1)):
        ended = node.run("table.write", {"path": "one.csv"}, inputs=inputs)
        assert node.value(ended)["row_count"] == count
    for inputs in ({"order": null}, {"t": table(node), "u": table(node)}, {"l": listed, "m": listed}):
        assert node.run("table.write", {"path": "one.csv"}, inputs=inputs)["error"]["class"] == "BadInput"


@pytest.mark.parametrize("if_exists", ["replace", "skip"])
def test_only_regular_files_are_replaced(node: NodeProcess, files: Path, tmp_path: Path, if_exists: str) -> None:
    (tmp_path / "outside.csv").write_text("mine")
    special = tmp_path / "special"
    special.mkdir()
    (special / "link.csv").symlink_to(tmp_path / "outside.csv")
    os.mkfifo(special / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(special / "socket.csv"))
        for path in (*(str(one) for one in special.iterdir()), "/dev/null"):
            config = {"path": path, "format": "csv", "if_exists": if_exists}
            error = node.run("table.write", config, inputs={"t": table(node)})["error"]
            assert error["class"] == "PathRefused", path
    assert (tmp_path / "outside.csv").read_text() == "mine"
    assert sorted(one.name for one in special.iterdir()) == ["link.csv", "pipe.csv", "socket.csv"]


@pytest.mark.parametrize("folder", ["run", "artifacts", "scratch", "."])
def test_nodes_may_access_only_the_files_folder_of_the_home(node: NodeProcess, files: Path, folder: str) -> None:
    path = node.home / folder / "mine.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("a\n1\n")
    roots = {"data_roots": [str(node.home)]}
    given: tuple[dict[str, Any], ...] = ({}, roots)
    for more in given:
        for asked in (str(path), str(path.with_name("m*.csv")), f"{files}/../{folder}/mine.csv"):
            error = node.run("table.read", {"path": asked}, **more)["error"]
            assert error["class"] == "PathRefused", asked
            assert "files folder" in error["message"]
        error = node.run("table.write", {"path": str(path)}, inputs={"t": table(node)}, **more)["error"]
        assert error["class"] == "PathRefused"
    assert path.read_text() == "a\n1\n"
    path.unlink()
    (files / "open.csv").write_text("a\n1\n")
    assert node.run("table.read", {"path": str(files / "open.csv")})["k"] == "done"


def test_a_linked_folder_is_not_written_to(node: NodeProcess, files: Path, tmp_path: Path) -> None:
    (files / "linked").symlink_to(tmp_path)
    error = node.run("table.write", {"path": "linked/new.csv"}, inputs={"t": table(node)})["error"]
    assert error["class"] == "PathRefused"
    assert not (tmp_path / "new.csv").exists()


# -- branch -----------------------------------------------------------------------------------------------------


def test_a_branch_passes_its_table_on_by_one_port(node: NodeProcess) -> None:
    given = table(node)
    shape = {"kind": "table", "path": given["path"], "row_count": 3, "schema": given["schema"]}
    for condition, port in (("nodes.a.output.row_count > 2", "true"), ("{{ inputs.n > 5 }}", "false"), (True, "true")):
        config = {"condition": condition}
        ended = node.run("branch", config, inputs={"a": given}, nodes={"a": shape}, run_inputs={"n": 1})
        assert ended["output"]["ports"] == [port]
        assert ended["output"]["artifact"] in given["path"]
        assert ended["output"]["row_count"] == 3


def test_the_first_case_that_holds_is_taken(node: NodeProcess) -> None:
    cases = [{"port": "low", "when": "inputs.n < 10"}, {"port": "mid", "when": "inputs.n < 100"}]
    inputs = {"v": {"kind": "json", "value": [1, 2]}}
    taken = {}
    for n in (5, 50, 500):
        ended = node.run("branch", {"cases": cases, "default": "high"}, inputs=inputs, run_inputs={"n": n})
        assert ended["output"]["value"] == [1, 2]
        taken[n] = ended["output"]["ports"]
    assert taken == {5: ["low"], 50: ["mid"], 500: ["high"]}
    ended = node.run("branch", {"cases": cases}, inputs=inputs, run_inputs={"n": 500})
    assert ended["output"]["ports"] == []


def test_a_branch_passes_several_values_on_by_port(node: NodeProcess) -> None:
    null, one, two = ({"kind": "json", "value": value} for value in (None, [1], "x"))
    for inputs, value in (
        ({}, None),
        ({"n": null}, None),
        ({"n": null, "a": one}, [1]),
        ({"a": one, "b": two, "n": null}, {"a": [1], "b": "x"}),
    ):
        assert node.run("branch", {"condition": True}, inputs=inputs)["output"]["value"] == value
    error = node.run("branch", {"condition": True}, inputs={"a": one, "t": table(node)})["error"]
    assert error["class"] == "BadInput"


def test_a_condition_that_is_not_boolean_fails(node: NodeProcess) -> None:
    assert node.run("branch", {"condition": "1 + 1"})["error"]["class"] == "ExpressionError"
    assert node.run("branch", {"condition": "inputs.nope"})["error"]["class"] == "ExpressionError"


# -- shell ------------------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_a_command_gives_its_output_and_its_code(node: NodeProcess) -> None:
    inputs = {"v": {"kind": "json", "value": {"a": [1]}}, "t": table(node)}
    config = {
        "command": "cat $INTERLOCK_INPUT_V; head -c 4 $INTERLOCK_INPUT_T; echo; echo $NAME\n"
        "echo $HOME; pwd; echo err >&2",
        "env": {"NAME": "{{ inputs.name }}; rm -rf /", "N": 5},
    }
    envelope = node.envelope(
        "shell", config, inputs=inputs, expressions=[["env", "NAME"]], run_inputs={"name": "$(id)"}
    )
    node.send(envelope)
    ended = node.frames(envelope["claim"])[-1]
    output = node.value(ended)
    scratch = node.folder
    assert output["exit_code"] == 0
    assert output["stdout"] == f'{{"a": [1]}}PAR1\n$(id); rm -rf /\n{scratch}\n{scratch}\n'
    assert output["stdout"] in node.text("out")
    assert node.text("err").endswith("err\n")


def test_the_error_of_a_command_that_fails_has_its_last_lines(node: NodeProcess) -> None:
    error = node.run("shell", {"command": "echo first >&2; seq 100 >&2; echo last >&2; exit 3"})["error"]
    assert error["class"] == "ExitCode"
    assert "exit code 3" in error["message"]
    assert error["message"].endswith("100\nlast")
    assert "first" not in error["message"]
    assert "SIGKILL" in node.run("shell", {"command": "kill -9 $$"})["error"]["message"]
    assert "not found" in node.run("shell", {"command": "no-such-program"})["error"]["message"]


def test_lines_of_a_command_are_reported_while_it_runs(node: NodeProcess) -> None:
    before = len(node.text("out"))
    envelope = node.envelope("shell", {"command": "echo early; read line < wait; echo late"})
    envelope["config"]["command"] = "mkfifo wait; echo early; read line < wait; echo late"
    node.send(envelope)
    assert node.frame()["k"] == "started"  # type: ignore[index]
    until = time.monotonic() + 10
    while "early" not in node.text("out")[before:] and time.monotonic() < until:
        node.expect_no_frames(0.01)
    assert node.text("out")[before:] == "early\n"
    (node.folder / "wait").write_text("go\n")
    assert node.value(node.frames(envelope["claim"])[-1])["stdout"] == "early\nlate\n"


def test_long_output_of_a_command_is_cut_with_a_note(node: NodeProcess) -> None:
    output = node.value(node.run("shell", {"command": "head -c 3000000 /dev/zero | tr '\\0' x"}))
    assert output["stdout"].startswith("x" * 1024 * 1024 + f"\n... {3_000_000 - (1 << 20):,} more bytes")
    assert len(output["stdout"]) < 1024 * 1024 + 100


def test_a_command_that_leaves_a_child_behind_does_not_hang(node: NodeProcess) -> None:
    ended = node.run("shell", {"command": "sleep 60 & echo done"})
    assert node.value(ended)["stdout"] == "done\n"
    assert ended["seconds"] < 15
    assert ended["clean"]


def test_a_child_that_was_killed_and_takes_its_time_to_die_is_waited_for(node: NodeProcess) -> None:
    group = cgroup.create(f"test-slow-{os.getpid()}")
    if group is None:
        pytest.skip("no control group can be made here")
    enter = "".join(f"echo 0 > {door}; " for door in group.entry_files())
    envelope = node.envelope("shell", {"command": f"mkfifo go; sh -c '{enter}exec sleep 60' & read line < go"})
    try:
        node.send(envelope)
        assert node.frame()["k"] == "started"  # type: ignore[index]
        wait_until(group.members)
        # A frozen process does not even die.
        group.freeze(True)
        threading.Timer(0.5, group.freeze, [False]).start()
        (node.folder / "go").write_text("go\n")
        ended = node.frames(envelope["claim"])[-1]
        assert (ended["k"], ended["clean"]) == ("done", True)
    finally:
        group.freeze(False)
        wait_until(group.remove)


def test_a_child_that_left_the_group_makes_the_process_unusable(nodes: Nodes) -> None:
    node = nodes.get()
    far = "setsid sh -c 'echo > there; exec sleep 60' >/dev/null 2>&1 &"
    assert node.run("shell", {"command": f"mkfifo there\n{far}\nread line < there"})["clean"] is False
    for pid in _children(node.pid):
        os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_whole_tree_of_a_command_gets_the_signal_of_the_soft_limit(nodes: Nodes) -> None:
    node = nodes.get()
    far = "setsid sh -c 'trap \"echo far told; exit 0\" TERM; echo far there; sleep 30 & wait' &"
    command = f"{far}\ntrap 'wait $!; echo near told; exit 0' TERM\necho near there\nwait"
    ended = node.signal_soft(
        node.envelope("shell", {"command": command}, soft_timeout=0.5), "near there\n", "far there\n"
    )[-1]
    assert ended["error"]["class"] == "SoftTimeout"
    assert "near told\n" in node.text("out")
    assert "far told\n" in node.text("out")


def test_a_command_that_ignores_the_soft_limit_is_waited_for(nodes: Nodes) -> None:
    node = nodes.get()
    told = "sh -c 'trap \"echo > told; exit\" TERM; echo child there; sleep 30 & wait' &"
    command = f"mkfifo told\n{told}\ntrap '' TERM\necho deaf\nread line < told\nsleep 0.1\necho through"
    ended = node.signal_soft(node.envelope("shell", {"command": command}, soft_timeout=0.2), "deaf\n", "child there\n")[
        -1
    ]
    assert ended["error"]["class"] == "SoftTimeout"
    assert "through\n" in node.text("out")


def test_json_values_too_large_for_the_envelope_reach_a_command_as_their_file(node: NodeProcess) -> None:
    large = node.python("def main(inputs, ctx):\n    return ['x' * 1000] * 100\n")
    output = node.value(node.run("shell", {"command": "wc -c < $INTERLOCK_INPUT_V"}, inputs={"v": node.input(large)}))
    assert int(output["stdout"]) == len(json.dumps(["x" * 1000] * 100, separators=(",", ":")))
