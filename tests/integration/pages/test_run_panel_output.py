"""The Output tab of a node's panel."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from engine.artifacts import Artifacts
from engine.states import NODE_STATES
from engine.worker import duck
from tests.integration.pages.panels import panel, run_of
from tests.support import s3


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifacts:
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, artifacts=str(tmp_path / "artifacts")))
    return Artifacts(tmp_path / "artifacts")


def table(artifacts: Artifacts, sql: str) -> dict[str, Any]:
    Path(artifacts.staging).mkdir(parents=True, exist_ok=True)
    staged = artifacts.stage("test", ".parquet")
    connection = duck.connect(paths=[staged])
    connection.execute(f"COPY ({sql}) TO '{staged}' (FORMAT parquet, USE_TMP_FILE false)")
    described = connection.execute(f"DESCRIBE FROM '{staged}'").fetchall()
    count = connection.execute(f"SELECT count(*) FROM '{staged}'").fetchone()[0]
    connection.close()
    schema = [{"name": row[0], "type": row[1]} for row in described]
    name = artifacts.add_staged(staged, ".parquet")
    return {"kind": "table", "artifact": name, "schema": schema, "row_count": count, "bytes": 9, "ports": ["out"]}


def test_a_table_shows_its_columns_with_nulls_and_200_rows_per_page(nightly, browser, artifacts):
    sql = "select range n, if(range % 4 = 0, null, '<b>' || range) t from range(450)"
    run = run_of(nightly, "succeeded", output=table(artifacts, sql))
    shown = panel(browser, "viewer", run)
    assert "450 rows" in shown
    assert shown.count("<tr>") - len(["head", "head"]) == 200 + 2
    assert re.search(r"data-nulls>113 <span class=\"faint\">25 %", shown)
    assert "rows 1 to 200" in shown
    assert "&lt;b&gt;1" in shown
    for form in ("csv", "parquet", "json"):
        assert f"/output/download/?format={form}" in shown
    last = panel(browser, "viewer", run, "output", offset=400)
    assert "rows 401 to 450" in last
    assert "Next rows" not in last
    assert "offset=200" in last


def test_a_missing_table_is_unreadable(nightly, browser, artifacts):
    stored = table(artifacts, "select 17 n")
    run = run_of(nightly, "succeeded", output=stored)
    artifacts.delete(stored["artifact"])
    assert "The output cannot be read" in panel(browser, "viewer", run, "output")


def test_an_unusable_object_store_is_explained(nightly, browser, artifacts, settings, tmp_path):
    stored = table(artifacts, "select 17 n")
    run = run_of(nightly, "succeeded", output=stored)
    with s3.server() as server:
        settings.INTERLOCK = replace(settings.INTERLOCK, artifacts=str(tmp_path), artifact_store=server.url)
        server.write(stored["artifact"], b"something else")
        assert "does not match its name" in panel(browser, "viewer", run, "output")
        server.write(stored["artifact"], Path(artifacts.path(stored["artifact"])).read_bytes())
        assert "17" in panel(browser, "viewer", run, "output")
        server.kill()
        settings.INTERLOCK = replace(settings.INTERLOCK, artifacts=str(tmp_path / "other"))
        without_server = panel(browser, "viewer", run, "output")
    assert "The output cannot be read" in without_server
    assert f"INTERLOCK_ARTIFACTS is {server.url}, but its server does not answer" in without_server


def test_a_value_is_shown_as_text_and_cut_where_it_is_long(nightly, browser):
    value = {"text": "<script>alert(1)</script>\u202e", "long": "x" * 200_000}
    run = run_of(nightly, "succeeded", output={"kind": "json", "value": value, "bytes": 200_100, "ports": ["true"]})
    shown = panel(browser, "viewer", run, "output")
    assert "&lt;script&gt;" in shown
    assert "\u202e" not in shown
    assert len(shown) < 90_000
    assert "Download it for all of it" in shown
    assert "data-output-port" in shown


def test_a_file_that_a_node_wrote_can_be_downloaded_while_it_is_there(nightly, browser, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, home=tmp_path))
    written = settings.INTERLOCK.files / "results" / "a b.csv"
    written.parent.mkdir(parents=True)
    written.write_text("x\n1\n")

    def shown(path: object) -> str:
        value = {"path": path, "row_count": 1, "bytes": 4}
        stored = {"kind": "json", "value": value, "bytes": 50, "ports": ["out"]}
        return panel(browser, "viewer", run_of(nightly, "succeeded", output=stored), "output")

    assert 'href="/api/v1/files/results/a%20b.csv" download' in shown("results/a b.csv")
    for path in (
        "results/gone.csv",
        "results",
        "../secret_key",
        "/etc/passwd",
        str(written),
        "",
        7,
        None,
        ["x"],
        "a\0b",
    ):
        assert "/api/v1/files/" not in shown(path)


@pytest.mark.parametrize("state", [state for state in NODE_STATES if state != "succeeded"])
def test_where_there_is_no_output_the_panel_says_why(nightly, browser, state):
    shown = panel(browser, "viewer", run_of(nightly, state), "output")
    assert "No output" in shown
    assert re.search(r"<p>[A-Z][^<]+\.</p>", shown)


def test_lines_that_were_left_out_stand_above_the_rows_with_the_first_of_them(nightly, browser, artifacts):
    output = table(artifacts, "select 1 as a")
    first = {"file": "takings.csv", "line": 5002, "text": "<south>;12", "reason": "Found: 1"}
    run = run_of(nightly, "succeeded", output={**output, "skipped": {"lines": 12, "first": first}})
    shown = panel(browser, "viewer", run)
    assert "12 lines could not be read and were skipped" in shown
    assert "The first is line 5,002 of takings.csv: Found: 1" in shown
    assert "&lt;south&gt;;12" in shown
    run = run_of(nightly, "succeeded", output=output)
    assert "data-skipped" not in panel(browser, "viewer", run)
