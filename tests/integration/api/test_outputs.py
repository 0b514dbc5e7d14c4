"""Outputs of nodes: read in pages, and downloaded."""

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.conf import settings

from engine.artifacts import Artifacts
from engine.models import NodeRun
from tests.support import run_rows
from tests.support.api import Api
from tests.support.documents import chain


@pytest.fixture
def run(editor: Api) -> str:
    """A run of nodes `a` and `b`."""
    editor.post("workflows/", {"name": "One"})
    editor.post("workflows/one/versions/", {"definition": chain("a", "b"), "message": ""})
    return str(editor.post("workflows/one/runs/").json["id"])


def test_a_missing_output_is_not_found(editor: Api, run: str) -> None:
    for path in ("output/", "output/download/", "output/download/?format=csv"):
        answer = editor.get(f"runs/{run}/nodes/a/{path}")
        assert (answer.status, answer.code) == (404, "no_output"), path
    assert editor.get(f"runs/{run}/nodes/zzz/output/").status == 404


def stored_json(value: Any) -> dict[str, Any]:
    return {"kind": "json", "value": value, "bytes": 10, "ports": ["out"]}


@pytest.mark.parametrize("value", [None, 3, "text", [1, {"a": None}], {"deep": [[]]}])
def test_a_json_output_is_shown_and_downloads_as_json(editor: Api, run: str, value: Any) -> None:
    run_rows.node_run(run_rows.ended(run, "succeeded"), "a", "succeeded", output=stored_json(value))
    assert editor.get(f"runs/{run}/nodes/a/output/").json == {"kind": "json", "value": value}
    download = editor.get(f"runs/{run}/nodes/a/output/download/?format=json")
    assert download.json == value
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert download.headers["X-Content-Type-Options"] == "nosniff"
    assert editor.get(f"runs/{run}/nodes/a/output/download/?format=csv").code == "not_a_table"
    assert editor.get(f"runs/{run}/nodes/a/output/download/?format=exe").code == "bad_parameter"


@pytest.fixture
def table(run: str, home: Path) -> str:
    """The URL of a node whose output is a table of 250 rows."""
    source = home / "rows.parquet"
    duckdb.connect().execute(
        f"""
        COPY (SELECT i::INTEGER AS i, '=1+' || i AS text, i / 2.0 AS half, NULL::INTEGER AS nothing,
               TIMESTAMP '2026-11-24 08:00:00' AS at
        FROM range(250) t(i)) TO '{source}'
        """
    )
    store = Artifacts(settings.INTERLOCK.artifacts)
    output = {
        "kind": "table",
        "artifact": store.put_bytes(source.read_bytes(), ".parquet"),
        "schema": [
            {"name": name, "type": kind}
            for name, kind in [
                ("i", "INTEGER"),
                ("text", "VARCHAR"),
                ("half", "DOUBLE"),
                ("nothing", "INTEGER"),
                ("at", "TIMESTAMP"),
            ]
        ],
        "row_count": 250,
        "bytes": source.stat().st_size,
        "ports": ["out"],
    }
    run_rows.node_run(run_rows.ended(run, "succeeded"), "a", "succeeded", output=output)
    return f"runs/{run}/nodes/a/"


def test_a_table_is_read_in_pages(editor: Api, table: str) -> None:
    node = editor.get(table).json
    assert (node["output"]["kind"], node["output"]["row_count"], node["output"]["ports"]) == ("table", 250, ["out"])
    first = editor.get(f"{table}output/").json
    assert (first["kind"], first["row_count"], len(first["rows"])) == ("table", 250, 100)
    assert first["schema"][0] == {"name": "i", "type": "INTEGER"}
    assert first["rows"][3]["i"] == 3
    assert first["rows"][3]["nothing"] is None
    rest = editor.get(f"{table}output/?offset=240&limit=1000").json["rows"]
    assert [row["i"] for row in rest] == list(range(240, 250))
    assert editor.get(f"{table}output/?offset=250").json["rows"] == []
    assert editor.get(f"{table}output/?offset=-1").status == 400


def test_a_table_downloads_in_each_form(editor: Api, table: str, home: Path) -> None:
    text = editor.get(f"{table}output/download/?format=csv")
    assert text.headers["Content-Type"].startswith("text/csv")
    lines = text.body.decode().splitlines()
    assert (lines[0], len(lines)) == ("i,text,half,nothing,at", 251)
    assert ",'=1+0," in lines[1], "a spreadsheet must not take it for a formula"
    assert len(editor.get(f"{table}output/download/?format=json").json) == 250
    saved = home / "saved.parquet"
    saved.write_bytes(editor.get(f"{table}output/download/?format=parquet").body)
    assert duckdb.connect().execute(f"SELECT count(*) FROM '{saved}'").fetchall() == [(250,)]


def test_an_output_without_its_file_is_410(editor: Api, table: str, home: Path) -> None:
    shutil.rmtree(home / "artifacts")
    for path in ("output/", "output/download/?format=csv", "output/download/?format=parquet"):
        answer = editor.get(table + path)
        assert (answer.status, answer.code) == (410, "output_gone")


def test_nul_in_the_value_of_a_node_is_kept(editor: Api, run: str) -> None:
    value = {"a\0": ["\0", "\x01"]}
    NodeRun.objects.update_or_create(
        run_id=int(run),
        node="a",
        defaults={"state": "succeeded", "output": {"kind": "json", "value": value, "bytes": 30, "ports": ["out"]}},
    )
    assert editor.get(f"runs/{run}/nodes/a/output/").json["value"] == value
    download = editor.get(f"runs/{run}/nodes/a/output/download/")
    assert json.loads(download.body) == value
