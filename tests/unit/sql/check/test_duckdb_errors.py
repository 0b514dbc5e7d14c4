"""Errors of DuckDB as problems of the author's text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.problems import ConfigProblem
from engine.sql.check import duckdb_errors
from engine.sql.check.binding import bind

FLIGHTS = [{"name": "carrier", "type": "VARCHAR"}, {"name": "dep_delay", "type": "DOUBLE"}]


def error(kind: str, name: str | None, sql: str, where: str | None = None, **more: Any) -> dict[str, Any]:
    """Return an error as describe.sql does, at the place of `where` in the bound `sql`."""
    text = bind(sql, {}).text
    at = [len(text[: text.index(where)].encode()), len(where.encode())] if where else None
    return {
        "kind": kind,
        "name": name,
        "message": "",
        "table": None,
        "at": at,
        "candidates": [],
        "used": ["flights"],
        **more,
    }


def only(errors: list[dict[str, Any]], sql: str, **tables: Any) -> ConfigProblem:
    (found,) = duckdb_errors.problems(errors, sql, bind(sql, {}), tables or {"flights": FLIGHTS})
    return found


def fixed(problem: ConfigProblem) -> tuple[str, str]:
    """Return the label of the fix and the corrected text."""
    assert problem.fix is not None
    (change,) = problem.fix.changes
    assert (change["op"], change["path"]) == ("replace", "")
    return str(problem.fix.label), change["value"]


def part(problem: ConfigProblem, sql: str) -> str:
    assert problem.span is not None
    return sql[slice(*problem.span)]


def test_an_unknown_column_is_a_warning_that_suggests_a_similar_one():
    sql = "select carrier, -- ä🎉\n  avg(dep_dely)\nfrom flights where x = {{ inputs.x }}"
    found = only([error("column", "dep_dely", sql, "dep_dely", candidates=["dep_delay"])], sql)
    assert (found.severity, found.code, found.line) == ("warning", "unknown_column", 2)
    assert str(found.sentence) == "flights has no column dep_dely."
    assert part(found, sql) == "dep_dely"
    assert fixed(found) == ("Use dep_delay", sql.replace("dep_dely", "dep_delay"))


def test_one_wrong_name_in_several_places_is_one_problem_with_one_fix():
    sql = "select f.dep_dely\nfrom flights f\norder by dep_dely"
    errors = [
        error("column", "dep_dely", sql, "f.dep_dely", table="f"),
        {**error("column", "dep_dely", sql, "dep_dely"), "at": [sql.rindex("dep_dely"), 8]},
    ]
    found = only(errors, sql)
    assert (str(found.sentence), found.line) == ("flights has no column dep_dely.", 1)
    assert fixed(found)[1] == sql.replace("dep_dely", "dep_delay")


def test_without_a_similar_column_all_columns_are_listed():
    sql = "select zzz from flights"
    found = only([error("column", "zzz", sql, "zzz")], sql)
    assert found.sentence.values["names"] == "carrier, dep_delay"
    assert found.fix is None


def test_a_column_of_a_subquery_is_not_looked_up_in_the_input():
    sql = "with x as (select carrier from flights) select dep_delay2 from x"
    found = only([error("column", "dep_delay2", sql, "dep_delay2", candidates=["carrier"])], sql)
    assert str(found.sentence) == "There is no column dep_delay2 here."
    assert found.fix is None


def test_names_are_quoted_if_needed():
    sql = 'select "Dep dely" from flights'
    columns = [{"name": "Dep delay", "type": "DOUBLE"}]
    found = only([error("column", "Dep dely", sql, '"Dep dely"', candidates=["Dep delay"])], sql, flights=columns)
    assert fixed(found)[1] == 'select "Dep delay" from flights'
    assert [duckdb_errors.quoted(name) for name in ("a1", "A b", "select", 'a"b')] == [
        "a1",
        '"A b"',
        '"select"',
        '"a""b"',
    ]


def test_an_unknown_table_is_an_error_that_suggests_an_input():
    sql = "select *\nfrom flihgts"
    found = only([error("table", "flihgts", sql, "flihgts")], sql)
    assert (found.severity, found.code, found.line) == ("error", "unknown_table", 2)
    assert fixed(found) == ("Use flights", "select *\nfrom flights")
    none = duckdb_errors.problems([error("table", "x", "from x", "x")], "from x", bind("from x", {}), {})[0]
    assert "no edge" in none.sentence.template
    assert none.fix is None


@pytest.mark.parametrize(
    ("kind", "code", "severity"),
    [("syntax", "sql_syntax", "error"), ("permission", "sql_file", "error"), ("other", "sql_binding", "warning")],
)
def test_errors_that_data_may_explain_are_warnings(kind, code, severity):
    sql = "select 1\nfrom from"
    found = only([error(kind, None, sql, "from from", message='syntax error at or near "from"\nmore')], sql)
    assert (found.code, found.severity, found.line) == (code, severity, 2)
    assert "more" not in str(found.sentence)


def test_errors_that_types_of_parameters_may_explain_are_not_reported():
    sql = "select carrier + {{ inputs.x }} from flights"
    assert (
        duckdb_errors.problems([error("other", None, sql, "carrier")], sql, bind(sql, {}), {"flights": FLIGHTS}) == []
    )


@given(st.text(max_size=120), st.text(max_size=8), st.integers(0, 200), st.integers(0, 50))
def test_any_text_and_place_are_accepted(sql, name, start, length):
    for kind in ("column", "table", "function", "syntax", "other"):
        details = {"kind": kind, "name": name, "message": name, "table": name, "at": [start, length],
                "candidates": [name], "used": None}  # fmt: skip
        for problem in duckdb_errors.problems([details], sql, bind(sql, {}), {"flights": FLIGHTS}):
            assert str(problem.sentence)
            assert problem.span is None or 0 <= problem.span[0] <= problem.span[1] <= len(sql)
